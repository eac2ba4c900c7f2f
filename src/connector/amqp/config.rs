//! `type = "amqp"`: the keys of its own, checked as far as that goes without a broker.

use secrecy::SecretString;
use serde::Deserialize;

use crate::connector::broker::{Address, Schemes};
use crate::connector::tls::TlsConfig;

const SCHEMES: Schemes =
    Schemes { plain: ("amqp", 5672), encrypted: ("amqps", 5671), account: ["username", "password"] };

/// Most bytes of a routing key or an exchange's name in AMQP.
const SHORT_STRING: usize = 255;
/// What the topic of a message may take of a routing key.
const LONGEST_TOPIC: usize = 200;

/// Where to send, as whom, and in which form.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub struct AmqpConfig {
    /// The brokers that stand in for each other; the first that lets us in is used.
    pub(super) addresses: Vec<Address>,
    /// With its password. Absent: the broker knows us by our certificate.
    pub(super) account: Option<(String, SecretString)>,
    pub(super) vhost: String,
    pub(super) exchange: String,
    /// Before the routing key of Bugzilla's messages.
    pub(super) routing_prefix: String,
    pub(super) format: Format,
    /// Whether a message that no queue is bound for is refused, and not dropped.
    pub(super) mandatory: bool,
    /// How often each side says that it is there, in seconds; 0: never.
    pub(super) heartbeat_seconds: u16,
    /// A message of more bytes is not sent.
    pub(super) max_message_bytes: usize,
    /// How the broker is known to us, and we to it.
    pub(super) tls: TlsConfig,
}

/// What stands beside the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The message's properties.
    #[default]
    Plain,
    /// And what consumers of Fedora Messaging need.
    FedoraMessaging,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: Url,
    username: Option<String>,
    password: Option<SecretString>,
    #[serde(default = "slash")]
    vhost: String,
    #[serde(default = "amq_topic")]
    exchange: String,
    #[serde(default = "bugzilla")]
    routing_prefix: String,
    #[serde(default)]
    format: Format,
    #[serde(default = "yes")]
    mandatory: bool,
    #[serde(default = "ten")]
    heartbeat_seconds: u16,
    #[serde(default = "sixteen_mebibytes")]
    max_message_bytes: u64,
    #[serde(default)]
    tls: TlsConfig,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Url(Vec<Address>);

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        SCHEMES.parse(&text).map(Url)
    }
}

fn slash() -> String {
    "/".to_owned()
}

fn amq_topic() -> String {
    "amq.topic".to_owned()
}

fn bugzilla() -> String {
    "bugzilla.".to_owned()
}

fn yes() -> bool {
    true
}

fn ten() -> u16 {
    10
}

/// What RabbitMQ 4 takes by default; RabbitMQ 3 takes more.
fn sixteen_mebibytes() -> u64 {
    16 << 20
}

impl TryFrom<Table> for AmqpConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Url(addresses) = table.url;
        let encrypted = addresses.iter().any(|address| address.encrypted);
        table.tls.check(encrypted, "amqp", "amqps")?;
        let account = match (table.username, table.password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) if table.tls.cert_file.is_some() => None,
            (None, None) => {
                return Err("there is neither `username` and `password` nor a certificate in `tls`; the broker must \
                            know who we are: write one of them"
                    .to_owned());
            }
            _ => return Err("one of `username` and `password` is missing; they are needed together".to_owned()),
        };
        for (key, text, most) in [
            ("vhost", &table.vhost, SHORT_STRING),
            ("exchange", &table.exchange, SHORT_STRING),
            ("routing_prefix", &table.routing_prefix, SHORT_STRING - LONGEST_TOPIC),
        ] {
            if text.len() > most || text.chars().any(char::is_control) {
                return Err(format!("`{key}`: it is longer than {most} bytes, or has control characters; shorten it"));
            }
        }
        if !(65_536..=512 << 20).contains(&table.max_message_bytes) {
            return Err("`max_message_bytes`: it is out of range; write 65536 to 536870912".to_owned());
        }
        Ok(AmqpConfig {
            addresses,
            account,
            vhost: table.vhost,
            exchange: table.exchange,
            routing_prefix: table.routing_prefix,
            format: table.format,
            mandatory: table.mandatory,
            heartbeat_seconds: table.heartbeat_seconds,
            max_message_bytes: usize::try_from(table.max_message_bytes).unwrap_or(usize::MAX),
            tls: table.tls,
        })
    }
}

impl AmqpConfig {
    /// What `PREFIXbug.#` and its like are bound for.
    pub(in crate::connector) fn reserved_topics(&self) -> Vec<String> {
        ["bug.", "comment.", "attachment."].map(|target| format!("{}{target}", self.routing_prefix)).to_vec()
    }

    /// The files whose content decides about its connections.
    pub(in crate::connector) fn files(&self) -> Vec<std::path::PathBuf> {
        self.tls.files()
    }

    /// A password that leaves this machine without TLS.
    pub(in crate::connector) fn warning(&self) -> Option<String> {
        let address = self.addresses.iter().find(|address| !address.encrypted && !address.is_here())?;
        Some(format!(
            "the password and the messages go to {address} unencrypted, and others on the way can read them; write \
             amqps:// and the broker's port for TLS in `url`"
        ))
    }

    pub(super) fn exchange_for_people(&self) -> String {
        if self.exchange.is_empty() {
            "its default exchange".to_owned()
        } else {
            format!("the exchange {}", self.exchange)
        }
    }
}
