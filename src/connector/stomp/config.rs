//! `type = "stomp"`: the keys of its own, checked as far as that goes without a broker.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::connector::broker::{Address, Schemes};
use crate::connector::tls::TlsConfig;

const SCHEMES: Schemes =
    Schemes { plain: ("stomp", 61613), encrypted: ("stomp+ssl", 61614), account: ["login", "passcode"] };

/// Where to send, as whom, and what beside the body.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub struct StompConfig {
    /// The brokers that stand in for each other; the first that lets us in is used.
    pub addresses: Vec<Address>,
    /// Header `login`. Absent: the broker knows us by our certificate, or lets anybody in.
    pub login: Option<String>,
    /// Header `passcode`.
    pub passcode: Option<SecretString>,
    /// Header `host`.
    pub vhost: String,
    /// With `{target}` and `{action}` in it.
    pub destination_template: String,
    /// Sent with each message.
    pub headers: BTreeMap<String, String>,
    /// How often each side says that it is there, in seconds; 0: never.
    pub heartbeat_seconds: u64,
    /// Whether a message says how long it is.
    pub send_content_length: bool,
    /// A frame of more bytes is not sent.
    pub max_message_bytes: usize,
    /// How the broker is known to us, and we to it.
    pub tls: TlsConfig,
}

impl StompConfig {
    /// A passcode that leaves this machine without TLS.
    pub(in crate::connector) fn warning(&self) -> Option<String> {
        self.passcode.as_ref()?;
        let address = self.addresses.iter().find(|address| !address.encrypted && !address.is_here())?;
        Some(format!(
            "the passcode and the messages go to {address} unencrypted, and others on the way can read them; write \
             stomp+ssl:// and the broker's port for TLS in `url`"
        ))
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: Url,
    login: Option<String>,
    passcode: Option<SecretString>,
    #[serde(default = "slash")]
    vhost: String,
    #[serde(default)]
    destination_template: Template,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default = "ten")]
    heartbeat_seconds: u64,
    #[serde(default = "yes")]
    send_content_length: bool,
    #[serde(default = "four_mebibytes")]
    max_message_bytes: u64,
    #[serde(default)]
    tls: TlsConfig,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Url(Vec<Address>);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Template(String);

/// The protocol would have the broker's name; RabbitMQ takes it for one of its virtual hosts, and others do not look.
fn slash() -> String {
    "/".to_owned()
}

fn ten() -> u64 {
    10
}

fn yes() -> bool {
    true
}

/// What RabbitMQ takes by default.
fn four_mebibytes() -> u64 {
    4 << 20
}

impl Default for Template {
    fn default() -> Self {
        Template("/topic/VirtualTopic.eng.bugzilla.{target}.{action}".to_owned())
    }
}

/// Headers that we set ourselves, or that would change what a message does.
const OURS: [&str; 18] = [
    "destination",
    "receipt",
    "transaction",
    "content-length",
    "content-type",
    "persistent",
    "correlation-id",
    "timestamp",
    "message_id",
    "routing_key",
    "bug_id",
    "change_set",
    "sequence",
    "is_private",
    "origin",
    "content_type",
    "login",
    "passcode",
];

impl TryFrom<Table> for StompConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Url(addresses) = table.url;
        let encrypted = addresses.iter().any(|address| address.encrypted);
        table.tls.check(encrypted, "stomp", "stomp+ssl")?;
        if table.passcode.is_some() && table.login.is_none() {
            return Err("`passcode` is given without `login`; write both, or none".to_owned());
        }
        let passcode = table.passcode.as_ref().map(ExposeSecret::expose_secret);
        for (key, text) in
            [("login", table.login.as_deref()), ("passcode", passcode), ("vhost", Some(table.vhost.as_str()))]
        {
            if text.is_some_and(|text| text.contains(['\n', '\r', '\0'])) {
                return Err(format!("`{key}` has a line end or a NUL in it, which STOMP cannot carry there"));
            }
        }
        if let Some(name) = table.headers.keys().find(|name| name.is_empty() || OURS.contains(&name.as_str())) {
            return Err(format!("`headers` may not have {name:?}, which bugrelay sets itself; take it out"));
        }
        // Three times a day at least; beyond that the port of a firewall on the way was closed long ago.
        if table.heartbeat_seconds > 28_800 {
            return Err("`heartbeat_seconds` is out of range; write 0 to 28800".to_owned());
        }
        // A message can be a few kilobytes long without anybody having written much.
        if !(65_536..=1 << 30).contains(&table.max_message_bytes) {
            return Err("`max_message_bytes` is out of range; write 65536 to 1073741824".to_owned());
        }
        let mut headers = BTreeMap::from(
            [("esbMessageType", "bugzillaNotification"), ("esbSourceSystem", "bugzilla")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        headers.extend(table.headers);
        // An empty one is a way to be rid of a default.
        headers.retain(|_, value| !value.is_empty());
        Ok(StompConfig {
            addresses,
            login: table.login,
            passcode: table.passcode,
            vhost: table.vhost,
            destination_template: table.destination_template.0,
            headers,
            heartbeat_seconds: table.heartbeat_seconds,
            send_content_length: table.send_content_length,
            max_message_bytes: usize::try_from(table.max_message_bytes).unwrap_or(usize::MAX),
            tls: table.tls,
        })
    }
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        SCHEMES.parse(&text).map(Url)
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.replace("{target}", "").replace("{action}", "");
        if text.is_empty() || rest.contains(['{', '}', '\n', '\r', '\0']) {
            return Err("it is no destination; write one, in which {target} and {action} may stand".to_owned());
        }
        Ok(Template(text))
    }
}
