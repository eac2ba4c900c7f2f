//! `[connectors.NAME]`: what all types have in common; what a type has of its own is in its file.

use std::time::Duration;

use serde::Deserialize;
use toml::Table;

use super::explain::{explain, suggest};
use super::{ConfigError, not_yet};
use crate::backoff::Schedule;
use crate::connector::Kind;
use crate::connector::file::FileConfig;
use crate::queue::Filter;

/// One connector.
#[derive(Clone, Debug)]
pub struct ConnectorConfig {
    /// A disabled one gets nothing and keeps its backlog.
    pub enabled: bool,
    /// Which messages it wants.
    pub filter: Filter,
    /// Deadline of one attempt of a batch.
    pub timeout: Duration,
    /// Messages per attempt.
    pub batch: usize,
    /// When to try again.
    pub schedule: Schedule,
    /// Its type, with what that has of its own.
    pub kind: Kind,
}

/// The keys that all types share.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Common {
    enabled: bool,
    targets: Vec<String>,
    actions: Vec<String>,
    products: Vec<String>,
    private_events: String,
    timeout_seconds: u64,
    batch: usize,
    oversize: Option<String>,
    backoff_seconds: Vec<u64>,
}

const COMMON_KEYS: [&str; 9] = [
    "enabled",
    "targets",
    "actions",
    "products",
    "private_events",
    "timeout_seconds",
    "batch",
    "oversize",
    "backoff_seconds",
];

impl Default for Common {
    fn default() -> Self {
        let Filter { targets, actions, products, .. } = Filter::default();
        Common {
            enabled: true,
            targets,
            actions,
            products,
            private_events: "send".to_owned(),
            timeout_seconds: 10,
            batch: 500,
            oversize: None,
            backoff_seconds: vec![5, 25, 125, 625, 900],
        }
    }
}

impl ConnectorConfig {
    /// What runs when no connector is configured.
    pub(super) fn standard_output() -> Self {
        let kind = Kind::File(FileConfig { path: "-".to_owned(), rotate_megabytes: None });
        ConnectorConfig {
            enabled: true,
            filter: Filter::default(),
            timeout: Duration::from_secs(10),
            batch: 500,
            schedule: Schedule::default(),
            kind,
        }
    }

    /// From its table.
    pub(super) fn parse(name: &str, mut table: Table) -> Result<Self, ConfigError> {
        let refuse = |what: &str| ConfigError(format!("[connectors.{name}] {what}"));
        let label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.chars().all(label) || name.is_empty() || name.len() > 64 {
            return Err(refuse("has a name that is no metric label: write letters, digits, - and _, at most 64"));
        }
        let kind = match table.remove("type") {
            Some(toml::Value::String(kind)) => kind,
            Some(_) => return Err(refuse("type is not a string; write type = \"file\"")),
            None => return Err(refuse("has no type; write type = \"file\"")),
        };
        if ["kafka", "stomp", "amqp", "fedmsg", "webhook"].contains(&kind.as_str()) {
            return Err(not_yet(&format!("[connectors.{name}] type = {kind:?}"), "that bus"));
        }
        let mut common = Table::new();
        for key in COMMON_KEYS {
            common.extend(table.remove_entry(key));
        }
        let kind = match Kind::parse(&kind, table) {
            None => {
                return Err(refuse(&format!("type = {kind:?} is not known; write one of {}", Kind::NAMES.join(", "))));
            }
            Some(Err(error)) => {
                let hint = unknown_key(error.message()).and_then(|key| suggest(key, COMMON_KEYS.into_iter()));
                return Err(refuse(&format!("{}{}", explain(&error, None), hint.unwrap_or_default())));
            }
            Some(Ok(kind)) => kind,
        };
        let common: Common = common.try_into().map_err(|error| refuse(&explain(&error, None).0))?;
        common.check(name, kind)
    }
}

/// The key that serde does not know.
fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

impl Common {
    fn check(self, name: &str, kind: Kind) -> Result<ConnectorConfig, ConfigError> {
        let refuse = |what: String| ConfigError(format!("[connectors.{name}] {what}"));
        among(name, "targets", &self.targets, &["bug", "comment", "attachment", "relay"])?;
        among(name, "actions", &self.actions, &["create", "modify", "update"])?;
        if self.oversize.is_some() {
            return Err(not_yet(&format!("[connectors.{name}] oversize"), "buses with a limit on size"));
        }
        let private_events = match self.private_events.as_str() {
            "send" => true,
            "drop" => false,
            other => {
                return Err(refuse(format!("private_events = {other:?} is not known; write \"send\" or \"drop\"")));
            }
        };
        if self.batch == 0 || self.batch > 10_000 {
            return Err(refuse(format!("batch = {} is out of range; write 1 to 10000", self.batch)));
        }
        if self.timeout_seconds == 0 {
            return Err(refuse("timeout_seconds = 0 leaves no time to send; write 1 or more".to_owned()));
        }
        let delays: Vec<Duration> = self.backoff_seconds.iter().copied().map(Duration::from_secs).collect();
        if delays.iter().any(Duration::is_zero) {
            return Err(refuse(
                "backoff_seconds has a 0, which would try again without end; write 1 or more".to_owned(),
            ));
        }
        let schedule = Schedule::new(delays)
            .ok_or_else(|| refuse("backoff_seconds is empty; write at least one delay".to_owned()))?;
        let Common { targets, actions, products, .. } = self;
        Ok(ConnectorConfig {
            enabled: self.enabled,
            filter: Filter { targets, actions, products, private_events },
            timeout: Duration::from_secs(self.timeout_seconds),
            batch: self.batch,
            schedule,
            kind,
        })
    }
}

fn among(name: &str, key: &str, words: &[String], known: &[&str]) -> Result<(), ConfigError> {
    let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) else { return Ok(()) };
    let hint = suggest(word, known.iter().copied()).unwrap_or_else(|| format!("; known are {}", known.join(", ")));
    Err(ConfigError(format!("[connectors.{name}] {key}: {word:?} is not known{hint}")))
}
