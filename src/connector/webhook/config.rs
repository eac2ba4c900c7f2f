//! `type = "webhook"`: the keys of its own, checked as far as that goes without asking anybody.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use super::reach::Reach;
use super::sign::Key;
use crate::connector::tls::TlsConfig;

/// Where to post, signed with what.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Table")]
pub struct WebhookConfig {
    /// Its path and query may be as good as a password: never shown.
    url: Url,
    /// The secret, and the former one during a rotation.
    pub(super) keys: Vec<Key>,
    /// Sent with each message. Never shown.
    pub(super) headers: HeaderMap,
    /// Where it may lead.
    pub(super) reach: Reach,
    /// How the receiver is known to us, and we to it.
    pub(super) tls: TlsConfig,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: SecretString,
    secret: SecretString,
    previous_secret: Option<SecretString>,
    authorization: Option<SecretString>,
    #[serde(default)]
    headers: BTreeMap<String, SecretString>,
    #[serde(default)]
    allow_addresses: Vec<String>,
    #[serde(default)]
    tls: TlsConfig,
}

/// Headers that are ours or the protocol's; and all that begin with `webhook-` or `bugrelay-`.
const OURS: [&str; 11] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl TryFrom<Table> for WebhookConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let url = parse_url(table.url.expose_secret())?;
        let reach = Reach::parse(&table.allow_addresses)?;
        if let Some(address) = literal(&url) {
            reach.judge(&address.to_string(), address).map_err(|refused| format!("`url`: {refused}"))?;
        }
        table.tls.check(url.scheme() == "https", "http", "https")?;
        let keys = [("secret", Some(&table.secret)), ("previous_secret", table.previous_secret.as_ref())];
        let keys = keys.into_iter().filter_map(|(key, text)| Some(parse_key(key, text?)));
        let keys = keys.collect::<Result<_, _>>()?;
        let mut headers = HeaderMap::new();
        for (name, value) in &table.headers {
            let (name, value) = parse_header(name, value)?;
            headers.insert(name, value);
        }
        if let Some(value) = &table.authorization {
            let value = parse_value(value).map_err(|error| format!("`authorization`: it {error}"))?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(WebhookConfig { url, keys, headers, reach, tls: table.tls })
    }
}

impl WebhookConfig {
    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Scheme, host and port, for people.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Without the brackets of IPv6.
    pub(super) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(in crate::connector) fn files(&self) -> Vec<PathBuf> {
        self.tls.files()
    }

    /// Messages that leave this machine without TLS.
    pub(in crate::connector) fn warning(&self) -> Option<String> {
        let is_here = self.host() == "localhost" || literal(&self.url).is_some_and(|address| address.is_loopback());
        (!self.is_encrypted() && !is_here).then(|| {
            let place = self.place();
            format!("messages go to {place} unencrypted, and others on the way can read them; write https:// in `url`")
        })
    }
}

/// What is wrong is told without the text.
fn parse_url(text: &str) -> Result<Url, String> {
    const REMEDY: &str = "write \"https://HOST/PATH\"";
    let url = Url::parse(text.trim()).map_err(|error| format!("`url`: it is not a URL ({error}); {REMEDY}"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(format!("`url`: it begins with neither https:// nor http://; {REMEDY}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("`url`: it has an account in it, which belongs into `authorization`; {REMEDY}"));
    }
    if url.fragment().is_some() {
        return Err(format!("`url`: it has a `#` in it, and what follows one is never sent; {REMEDY}"));
    }
    Ok(url)
}

/// The address, where no name is written.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(IpAddr::from(address).to_canonical()),
        Host::Domain(_) => None,
    }
}

fn parse_key(key: &str, text: &SecretString) -> Result<Key, String> {
    Key::parse(text.expose_secret()).ok_or_else(|| {
        format!(
            "`{key}`: it is not base64 of 24 to 64 bytes, with whsec_ before it or not; \
             echo whsec_$(openssl rand -base64 32) makes one"
        )
    })
}

fn parse_header(name: &str, value: &SecretString) -> Result<(HeaderName, HeaderValue), String> {
    let refuse = |what: &str| format!("`headers`: {name:?} {what}");
    let parsed = HeaderName::try_from(name).map_err(|_| refuse("is no name of a header; correct it"))?;
    if parsed == AUTHORIZATION {
        return Err(refuse("has a key of its own; write `authorization`"));
    }
    let text = parsed.as_str();
    if OURS.contains(&text) || text.starts_with("webhook-") || text.starts_with("bugrelay-") {
        return Err(refuse("is set by bugrelay itself; take it out"));
    }
    let value = parse_value(value).map_err(|error| refuse(&error))?;
    Ok((parsed, value))
}

fn parse_value(value: &SecretString) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_str(value.expose_secret());
    let mut value = value.map_err(|_| "has a value that no header can carry; write visible ASCII".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What may be shown.
impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, headers) = (self.keys.len(), self.headers.keys().collect::<Vec<_>>());
        let mut shown = f.debug_struct("WebhookConfig");
        shown.field("place", &self.place()).field("keys", &keys).field("headers", &headers);
        shown.field("reach", &self.reach).field("tls", &self.tls).finish_non_exhaustive()
    }
}
