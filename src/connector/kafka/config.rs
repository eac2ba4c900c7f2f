//! `type = "kafka"`: its keys, checked, and what librdkafka is told of them. Connects to nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::record::Topics;

/// A topic that was just made is not known to every broker yet; so long it may be missing, or a third of the deadline.
const PROPAGATION: Duration = Duration::from_secs(3);
/// librdkafka's default of message.max.bytes.
const RECORD_MAX: usize = 1_000_000;
/// Copies of bodies that librdkafka holds, KiB, at the most; what is beyond waits.
const BUFFER_KIB: &str = "16384";

/// Properties that delivery depends on: what they must be, if they are given at all.
const KEPT: [(&str, &[&str]); 7] = [
    ("enable.idempotence", &["true"]),
    ("acks", &["all", "-1"]),
    ("request.required.acks", &["all", "-1"]),
    ("delivery.report.only.error", &["false"]),
    ("queuing.strategy", &["fifo"]),
    // A topic made by the way may have one replica.
    ("allow.auto.create.topics", &["false"]),
    // All messages of a bug must meet in one partition.
    ("partitioner", &["murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a"]),
];

/// Properties that a key of ours sets, and that key.
const OURS: [(&str, &str); 19] = [
    ("bootstrap.servers", "bootstrap_servers"),
    ("metadata.broker.list", "bootstrap_servers"),
    ("client.id", "client_id"),
    ("security.protocol", "security_protocol"),
    ("sasl.mechanism", "sasl_mechanism"),
    ("sasl.mechanisms", "sasl_mechanism"),
    ("sasl.username", "sasl_username"),
    ("sasl.password", "sasl_password"),
    ("ssl.ca.location", "ssl_ca_location"),
    ("ssl.certificate.location", "ssl_certificate_location"),
    ("ssl.key.location", "ssl_key_location"),
    ("ssl.key.password", "ssl_key_password"),
    ("compression.type", "compression"),
    ("compression.codec", "compression"),
    ("transactional.id", "transactional_id"),
    ("message.timeout.ms", "timeout_seconds"),
    ("delivery.timeout.ms", "timeout_seconds"),
    ("transaction.timeout.ms", "timeout_seconds"),
    ("topic.metadata.propagation.max.ms", "timeout_seconds"),
];

/// Where and how to send, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Keys")]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Which topic gets which message.
    pub topics: Topics,
    /// Batches are transactions of this name. Absent: none.
    pub transactional_id: Option<String>,
    /// librdkafka's properties that keys of ours set.
    properties: BTreeMap<String, String>,
    /// Secrets, and the options, which may be secrets too.
    hidden: BTreeMap<String, SecretString>,
}

/// The keys as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    bootstrap_servers: String,
    topic: Option<String>,
    topic_template: Option<String>,
    #[serde(default = "plaintext")]
    security_protocol: String,
    sasl_mechanism: Option<String>,
    sasl_username: Option<String>,
    sasl_password: Option<SecretString>,
    ssl_ca_location: Option<String>,
    ssl_certificate_location: Option<String>,
    ssl_key_location: Option<String>,
    ssl_key_password: Option<SecretString>,
    #[serde(default = "none")]
    compression: String,
    #[serde(default = "bugrelay")]
    client_id: String,
    transactional_id: Option<String>,
    #[serde(default)]
    options: toml::Table,
}

fn plaintext() -> String {
    "plaintext".to_owned()
}

fn none() -> String {
    "none".to_owned()
}

fn bugrelay() -> String {
    "bugrelay".to_owned()
}

impl TryFrom<Keys> for KafkaConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        if keys.bootstrap_servers.trim().is_empty() {
            return Err("`bootstrap_servers`: it is empty; write \"host:port\", several separated by commas".to_owned());
        }
        let topics = Topics::parse(keys.topic.as_deref(), keys.topic_template.as_deref())?;
        let mut hidden = options(keys.options)?;
        let given = [
            ("bootstrap.servers", Some(keys.bootstrap_servers.clone())),
            ("client.id", Some(keys.client_id)),
            ("security.protocol", Some(keys.security_protocol.clone())),
            ("compression.type", Some(keys.compression)),
            ("sasl.mechanism", keys.sasl_mechanism),
            ("sasl.username", keys.sasl_username),
            ("ssl.ca.location", keys.ssl_ca_location),
            ("ssl.certificate.location", keys.ssl_certificate_location),
            ("ssl.key.location", keys.ssl_key_location),
        ];
        let properties: BTreeMap<String, String> =
            given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        let secrets = [("sasl.password", keys.sasl_password), ("ssl.key.password", keys.ssl_key_password)];
        hidden.extend(secrets.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        for (protocol, prefix) in [("sasl_", "sasl."), ("ssl", "ssl.")] {
            let is_used = keys.security_protocol.to_lowercase().contains(protocol);
            if !is_used && properties.keys().chain(hidden.keys()).any(|key| key.starts_with(prefix)) {
                return Err(format!(
                    "`security_protocol`: there are keys for {}, and it is without; write \"ssl\", \"sasl_ssl\" or \
                     \"sasl_plaintext\"",
                    prefix.trim_end_matches('.').to_uppercase()
                ));
            }
        }
        let (bootstrap_servers, transactional_id) = (keys.bootstrap_servers, keys.transactional_id);
        let config = KafkaConfig { bootstrap_servers, topics, transactional_id, properties, hidden };
        config.producer(Duration::from_secs(10)).create_native_config().map_err(|error| refused(&error))?;
        Ok(config)
    }
}

impl KafkaConfig {
    /// How to reach the brokers; for whatever client.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        // What is worth telling comes as errors too; the lines go to our log at level debug.
        client.set_log_level(RDKafkaLogLevel::Info);
        for (key, value) in &self.properties {
            client.set(key, value);
        }
        for (key, value) in &self.hidden {
            client.set(key, value.expose_secret());
        }
        client
    }

    /// What librdkafka takes; a topic may take less, which shows when it is sent.
    pub(super) fn largest_record(&self) -> usize {
        let option = self.hidden.get("message.max.bytes").or_else(|| self.hidden.get("message.max.size"));
        option.and_then(|bytes| bytes.expose_secret().parse().ok()).unwrap_or(RECORD_MAX)
    }

    /// Whether the login travels where others can read it.
    pub(in crate::connector) fn warning(&self) -> Option<String> {
        let is_clear = self.properties.get("security.protocol")?.eq_ignore_ascii_case("sasl_plaintext");
        let server = self.bootstrap_servers.split(',').map(str::trim).find(|server| !is_loopback(server))?;
        is_clear.then(|| {
            format!(
                "`security_protocol` is \"sasl_plaintext\": others on the way to {server} can read the login and the \
                 messages; write \"sasl_ssl\", if the brokers have a port for it"
            )
        })
    }

    /// The producer's: nothing outlives an attempt of this length, and nothing is acknowledged before all replicas have it.
    pub(super) fn producer(&self, timeout: Duration) -> ClientConfig {
        let mut client = self.client();
        let milliseconds = |time: Duration| time.as_millis().to_string();
        // A batch is handed over whole, within a millisecond or two: who waits longer waits for nothing, and who does not wait at all
        // sends its beginning in many small requests. Nagle's algorithm would hold its end back until the broker acknowledges what came
        // before.
        let ours: [(&[&str], &str); 4] = [
            (&["partitioner"], "murmur2_random"),
            (&["queue.buffering.max.kbytes"], BUFFER_KIB),
            (&["linger.ms", "queue.buffering.max.ms"], "1"),
            (&["socket.nagle.disable"], "true"),
        ];
        for (names, value) in ours {
            if !names.iter().any(|name| self.hidden.contains_key(*name)) {
                client.set(names[0], value);
            }
        }
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("allow.auto.create.topics", "false")
            .set("message.timeout.ms", milliseconds(timeout))
            .set("topic.metadata.propagation.max.ms", milliseconds(propagation(timeout)));
        if let Some(id) = &self.transactional_id {
            client.set("transactional.id", id);
            // Not before the attempt is over; a broker allows 15 minutes at the most by default.
            client.set("transaction.timeout.ms", milliseconds(timeout.max(Duration::from_secs(60))));
        }
        client
    }
}

/// Whether a bootstrap server, `host:port`, is this machine.
fn is_loopback(server: &str) -> bool {
    let server = server.trim().rsplit_once("://").map_or(server.trim(), |(_, rest)| rest);
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// How long a topic may be missing before it counts as missing.
pub(super) fn propagation(timeout: Duration) -> Duration {
    PROPAGATION.min(timeout / 3)
}

/// `[connectors.NAME.options]` as librdkafka's properties.
fn options(table: toml::Table) -> Result<BTreeMap<String, SecretString>, String> {
    let mut properties = BTreeMap::new();
    for (key, value) in table {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => {
                return Err(format!(
                    "`options.{key}`: it is no string, number or boolean; put names with dots in quotes"
                ));
            }
        };
        if let Some((_, ours)) = OURS.iter().find(|(property, _)| *property == key) {
            return Err(format!("`options.{key}`: it has a key of its own; write `{ours}`"));
        }
        if let Some((_, allowed)) =
            KEPT.iter().find(|(property, allowed)| *property == key && !allowed.contains(&text.as_str()))
        {
            return Err(format!(
                "`options.{key}`: it must stay as it is, or messages could be lost or change their order; take it out, or write {}",
                allowed.join(" or ")
            ));
        }
        properties.insert(key, SecretString::from(text));
    }
    Ok(properties)
}

/// Without the value: that may be a secret.
fn refused(error: &KafkaError) -> String {
    let KafkaError::ClientConfig(_, _, property, _) = error else {
        return "`options`: librdkafka does not take these settings together".to_owned();
    };
    let ours = OURS.iter().find(|(known, _)| known == property);
    let key = ours.map_or_else(|| format!("options.{property}"), |(_, key)| (*key).to_owned());
    format!("`{key}`: it is not known to librdkafka, or it does not take this value; see its list of properties")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_batch_is_gathered_can_be_said_by_either_name() {
        let lingers = |options: &str| {
            let keys = format!("bootstrap_servers = \"k:9092\"\n[options]\n{options}");
            let client = toml::from_str::<KafkaConfig>(&keys).unwrap().producer(Duration::from_secs(10));
            ["linger.ms", "queue.buffering.max.ms"].map(|name| client.get(name).map(str::to_owned))
        };
        assert_eq!(lingers(""), [Some("1".to_owned()), None]);
        assert_eq!(lingers("\"linger.ms\" = 20"), [Some("20".to_owned()), None]);
        assert_eq!(lingers("\"queue.buffering.max.ms\" = 20"), [None, Some("20".to_owned())]);
    }
}
