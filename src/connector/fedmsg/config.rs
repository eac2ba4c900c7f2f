//! `type = "fedmsg"`: the keys of its own, checked as far as that goes without a socket.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// Where to send, under which topics, signed with what.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub struct FedmsgConfig {
    pub(super) place: Place,
    topic_prefix: String,
    environment: String,
    /// Messages that wait for one subscriber, at the most.
    pub(super) high_water_mark: usize,
    pub(super) sign: Option<SignConfig>,
}

/// Which end of the connections is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Subscribers connect to us.
    Listen(SocketAddr),
    /// We connect to a hub that subscribes.
    Connect {
        /// A name, or a number without brackets.
        host: String,
        /// Of TCP.
        port: u16,
    },
}

/// `sign = { cert_file, key_file }`: PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignConfig {
    /// Our certificate; sent with each message.
    pub(super) cert_file: PathBuf,
    /// The RSA key to it.
    pub(super) key_file: PathBuf,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    listen: Option<String>,
    connect: Option<String>,
    topic_prefix: String,
    #[serde(default = "prod")]
    environment: String,
    #[serde(default = "ten_thousand")]
    high_water_mark: u64,
    sign: Option<SignConfig>,
}

fn prod() -> String {
    "prod".to_owned()
}

fn ten_thousand() -> u64 {
    10_000
}

impl TryFrom<Table> for FedmsgConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let place = match (&table.listen, &table.connect) {
            (Some(text), None) => Place::Listen(listen(text)?),
            (None, Some(text)) => connect(text)?,
            (None, None) => return Err("neither `listen` nor `connect` is given; write one of them".to_owned()),
            (Some(_), Some(_)) => return Err("`connect`: `listen` is given too; keep one of them".to_owned()),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        for (key, text) in [("topic_prefix", &table.topic_prefix), ("environment", &table.environment)] {
            if text.is_empty()
                || text.len() > 100
                || text.starts_with('.')
                || text.ends_with('.')
                || !text.chars().all(legal)
            {
                return Err(format!(
                    "`{key}`: it is no part of a topic; write one as \"org.example\", of letters, digits, . _ and -"
                ));
            }
        }
        if !(100..=1_000_000).contains(&table.high_water_mark) {
            return Err("`high_water_mark`: it is out of range; write 100 to 1000000".to_owned());
        }
        Ok(FedmsgConfig {
            place,
            topic_prefix: table.topic_prefix,
            environment: table.environment,
            high_water_mark: usize::try_from(table.high_water_mark).unwrap_or(usize::MAX),
            sign: table.sign,
        })
    }
}

impl FedmsgConfig {
    /// The files whose content decides about what leaves.
    pub(in crate::connector) fn files(&self) -> Vec<PathBuf> {
        self.sign.iter().flat_map(|sign| [sign.cert_file.clone(), sign.key_file.clone()]).collect()
    }

    /// Who subscribes gets all that begins so, wherever a segment ends.
    pub(in crate::connector) fn reserved_topics(&self) -> String {
        self.topic_start().trim_end_matches('.').to_owned()
    }

    /// What the topics of Bugzilla's messages begin with.
    pub(super) fn topic_start(&self) -> String {
        format!("{}.{}.bugzilla.", self.topic_prefix, self.environment)
    }
}

fn parts<'a>(key: &str, text: &'a str) -> Result<(&'a str, u16), String> {
    let parts = text.trim().strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'));
    let parts = parts.and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse().ok()?)));
    parts
        .filter(|(host, port)| !host.is_empty() && *port > 0)
        .ok_or_else(|| format!("`{key}`: it is no address of ZeroMQ's; write \"tcp://HOST:PORT\""))
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = parts("listen", text)?;
    let host = if host == "*" { "0.0.0.0" } else { host };
    let address: IpAddr = host.parse().map_err(|_| {
        format!(
            "`listen`: {host:?} is no address of this machine's; write its number, as 127.0.0.1, or * for all of them"
        )
    })?;
    Ok(SocketAddr::new(address, port))
}

fn connect(text: &str) -> Result<Place, String> {
    let (host, port) = parts("connect", text)?;
    Ok(Place::Connect { host: host.to_owned(), port })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Listen(address) => write!(f, "tcp://{address}"),
            Place::Connect { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Place::Connect { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}
