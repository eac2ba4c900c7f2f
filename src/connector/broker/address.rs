//! Where a broker is, as `url` says it.

use std::fmt;
use std::net::IpAddr;

/// One broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or a number of IPv4 or IPv6 without brackets.
    pub host: String,
    /// Of TCP.
    pub port: u16,
    /// With TLS.
    pub encrypted: bool,
}

/// What an URL of a kind of broker may begin with, and the port that is meant where none is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::connector) struct Schemes {
    /// Without TLS.
    pub(in crate::connector) plain: (&'static str, u16),
    /// With it.
    pub(in crate::connector) encrypted: (&'static str, u16),
    /// The keys that an account belongs into.
    pub(in crate::connector) account: [&'static str; 2],
}

impl Schemes {
    /// Several, with commas between.
    ///
    /// # Errors
    /// What is wrong, without the text: somebody may have written a password into it.
    pub(in crate::connector) fn parse(self, text: &str) -> Result<Vec<Address>, String> {
        text.split(',').map(|part| self.parse_one(part.trim())).collect()
    }

    fn parse_one(self, text: &str) -> Result<Address, String> {
        let Schemes { plain: (plain, plain_port), encrypted: (tls, tls_port), account: [login, password] } = self;
        let refuse = |what: &str| {
            let remedy = format!("\"{plain}://HOST:{plain_port}\" or \"{tls}://HOST:{tls_port}\"");
            format!("{what}; write {remedy}, several with commas between")
        };
        let url = url::Url::parse(text).map_err(|error| refuse(&format!("it is not a URL ({error})")))?;
        let encrypted = match url.scheme() {
            scheme if scheme == plain => false,
            scheme if scheme == tls => true,
            _ => return Err(refuse(&format!("it begins with neither {plain}:// nor {tls}://"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(&format!("it has an account in it, which belongs into `{login}` and `{password}`")));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has something behind the port, which is not read (`vhost` is a key of its own)"));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(refuse("it names no host"));
        }
        let port = url.port().unwrap_or(if encrypted { tls_port } else { plain_port });
        Ok(Address { host, port, encrypted })
    }
}

impl Address {
    /// On this machine: nobody is on the way.
    pub(in crate::connector) fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
