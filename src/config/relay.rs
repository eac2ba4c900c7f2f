//! `[relay]`: where scripts drop messages, which topics they may use, and how much.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::fault::{Fault, within};
use super::overlay::Overlay;
use super::secret::Given;
use super::{QueueConfig, RelayConfig};
use crate::relay::{Client, Reserved, Topics, ZeromqConfig};
use crate::secret::Secret;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RelayTable {
    zeromq: Option<String>,
    /// As it is said; default: whether there are clients.
    http: Option<bool>,
    topics: Option<Vec<String>>,
    max_message_bytes: u64,
    max_connections: u64,
    messages_per_second: u64,
    clients: BTreeMap<String, ClientTable>,
}

impl Default for RelayTable {
    fn default() -> Self {
        RelayTable {
            zeromq: None,
            http: None,
            topics: None,
            max_message_bytes: 1 << 20,
            max_connections: 500,
            messages_per_second: 10_000,
            clients: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClientTable {
    token: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    topics: Option<Vec<String>>,
    messages_per_second: u64,
}

impl Default for ClientTable {
    fn default() -> Self {
        ClientTable { token: None, token_file: None, token_env: None, topics: None, messages_per_second: 100 }
    }
}

impl RelayTable {
    /// `reserved`: what topics begin with that connectors give to Bugzilla's messages.
    pub(super) fn check(self, overlay: &Overlay, reserved: Reserved) -> Result<RelayConfig, Fault> {
        let http = self.http.unwrap_or(!self.clients.is_empty());
        if self.zeromq.is_none() && !http {
            return Err(Fault::here("it has no endpoint; write zeromq = \"tcp://127.0.0.1:2003\", or http = true"));
        }
        let patterns = self.topics.ok_or_else(|| {
            Fault::at("topics", "is missing; write which topics scripts may use, as [\"org.example.*\"]")
        })?;
        let topics = Topics::parse(&patterns).map_err(|what| Fault::at("topics", what))?;
        // A path in a message's own words is a kilobyte; beyond 64 MiB no bus takes it.
        let max = within("max_message_bytes", self.max_message_bytes, 1_024..=(64 << 20))?;
        let max_message_bytes = usize::try_from(max).unwrap_or(usize::MAX);
        let connections = within("max_connections", self.max_connections, 1..=50_000)?;
        let rate = within("messages_per_second", self.messages_per_second, 1..=1_000_000)?;
        let zeromq = self.zeromq.map(|address| -> Result<ZeromqConfig, Fault> {
            Ok(ZeromqConfig {
                address: endpoint(&address)?,
                topics: topics.clone(),
                max_message_bytes,
                max_connections: usize::try_from(connections).unwrap_or(usize::MAX),
                messages_per_second: u32::try_from(rate).unwrap_or(u32::MAX),
            })
        });
        if http && self.clients.is_empty() {
            let what = "it needs clients that are known by a token; write [relay.clients.NAME] with a token_file";
            return Err(Fault::at("http", what));
        }
        let clients = self.clients.into_iter().map(|(name, client)| {
            let checked = client.check(&name, &topics, overlay);
            checked.map_err(|fault| fault.within(&name).within("clients"))
        });
        let clients: Vec<Client> = clients.collect::<Result<_, _>>()?;
        let has_anothers =
            |(n, client): &(usize, &Client)| clients[..*n].iter().any(|other| other.token.is_like(&client.token));
        if let Some((_, twice)) = clients.iter().enumerate().find(has_anothers) {
            let what = "its token is another client's too; give each its own";
            return Err(Fault::at("token", what).within(&twice.name).within("clients"));
        }
        let clients = if http { clients } else { vec![] };
        Ok(RelayConfig { zeromq: zeromq.transpose()?, clients, patterns, reserved, max_message_bytes })
    }
}

impl RelayConfig {
    /// Whether its largest message can be stored beside others: one that never can would be waited for.
    pub(super) fn fits(&self, queue: &QueueConfig) -> Result<(), Fault> {
        let most = (queue.max_megabytes << 20) / 4;
        if self.max_message_bytes as u64 <= most {
            return Ok(());
        }
        let what = format!(
            "such a message takes more than a quarter of the store; write {most} or less, or raise `max_megabytes` in [queue]"
        );
        Err(Fault::at("max_message_bytes", what))
    }
}

impl ClientTable {
    fn check(self, name: &str, all: &Topics, overlay: &Overlay) -> Result<Client, Fault> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
            return Err(Fault::here("its name is none; write letters, digits, - and _, at most 64"));
        }
        let given = Given { key: "token", value: self.token, file: self.token_file, env: self.token_env };
        let token = given.read(overlay)?;
        if token.is_none() {
            return Err(Fault::here("it has no token; write token_file = \"/run/secrets/...\""));
        }
        let topics = match self.topics {
            Some(patterns) => Topics::parse(&patterns).map_err(|what| Fault::at("topics", what))?,
            None => all.clone(),
        };
        if !all.include(&topics) {
            return Err(Fault::at("topics", "they go beyond `topics` of [relay]; widen those, or narrow these"));
        }
        let rate = within("messages_per_second", self.messages_per_second, 1..=100_000)?;
        Ok(Client {
            name: name.to_owned(),
            token: Secret::new(token),
            topics,
            messages_per_second: u32::try_from(rate).unwrap_or(u32::MAX),
        })
    }
}

/// `HOST:PORT` of `tcp://HOST:PORT`, as ZeroMQ writes it.
fn endpoint(text: &str) -> Result<String, Fault> {
    let address = text.strip_prefix("tcp://").and_then(|address| {
        let (host, port) = address.rsplit_once(':')?;
        let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | ':' | '[' | ']');
        (!host.is_empty() && host.chars().all(is_host)).then(|| format!("{host}:{port}"))
    });
    address.ok_or_else(|| {
        let remedy = "write \"tcp://127.0.0.1:2003\", or \"tcp://*:2003\" for every address of this machine";
        Fault::at("zeromq", format!("{text:?} is no address that can be listened on; {remedy}"))
    })
}
