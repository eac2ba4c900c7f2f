//! `[connectors.NAME]`: what all types have in common; what a type has of its own is in its file.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use toml::Table;

use super::fault::{Fault, suggest, within};
use super::fingerprint::Fingerprint;
use super::overlay::Overlay;
use super::secret::Given;
use crate::backoff::Schedule;
use crate::connector::Kind;
use crate::connector::file::FileConfig;
use crate::delivery::Oversize;
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
    /// What becomes of what is too large for its bus.
    pub oversize: Oversize,
    /// Its type, with what that has of its own.
    pub kind: Kind,
    /// Of all its keys, its secrets, and what is in the files that they name: another one is another connector.
    pub fingerprint: Fingerprint,
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
    batch: u64,
    oversize: String,
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
            oversize: "park".to_owned(),
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
            oversize: Oversize::Park,
            kind,
            fingerprint: Fingerprint::default(),
        }
    }

    /// From its table.
    pub(super) fn parse(name: &str, mut table: Table, overlay: &Overlay) -> Result<Self, Fault> {
        let label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.chars().all(label) || name.is_empty() || name.len() > 64 {
            return Err(Fault::here("its name is no metric label; write letters, digits, - and _, at most 64"));
        }
        let kind = match table.remove("type") {
            Some(toml::Value::String(kind)) => kind,
            Some(_) => return Err(Fault::at("type", "it is not a string; write \"file\"")),
            None => return Err(Fault::here("`type` is missing; write type = \"file\"")),
        };
        let mut common = Table::new();
        for key in COMMON_KEYS {
            common.extend(table.remove_entry(key));
        }
        let secrets = Kind::secrets(&kind);
        for key in secrets {
            resolve(key, &mut table, overlay)?;
        }
        let written = format!("{kind}\n{common}\n{table}");
        let Some(parsed) = Kind::parse(&kind, table) else {
            return Err(Fault::at("type", format!("{kind:?} is not known; write one of {}", Kind::NAMES.join(", "))));
        };
        let kind = Fault::catch_among(parsed, &COMMON_KEYS)?;
        let common: Common = Fault::catch(common.try_into())?;
        let fingerprint = Fingerprint::of(&written, kind.files().iter());
        common.check(kind, fingerprint)
    }
}

impl Common {
    fn check(self, kind: Kind, fingerprint: Fingerprint) -> Result<ConnectorConfig, Fault> {
        among("targets", &self.targets, &["bug", "comment", "attachment", "relay"])?;
        among("actions", &self.actions, &["create", "modify", "update"])?;
        if self.products.is_empty() {
            return Err(Fault::at("products", "the list is empty, so nothing would be sent; write names, or [\"*\"]"));
        }
        let oversize = match self.oversize.as_str() {
            "park" => Oversize::Park,
            "event_only" => Oversize::EventOnly,
            other => {
                let what = format!("{other:?} is not known; write \"park\" or \"event_only\"");
                return Err(Fault::at("oversize", what));
            }
        };
        let private_events = match self.private_events.as_str() {
            "send" => true,
            "drop" => false,
            other => {
                let what = format!("{other:?} is not known; write \"send\" or \"drop\"");
                return Err(Fault::at("private_events", what));
            }
        };
        // Beyond a week nobody knows any more that something waits. 0 would try again without end.
        for &delay in &self.backoff_seconds {
            within("backoff_seconds", delay, 1..=604_800)?;
        }
        let delays = self.backoff_seconds.iter().copied().map(Duration::from_secs).collect();
        let schedule = Schedule::new(delays)
            .ok_or_else(|| Fault::at("backoff_seconds", "the list is empty; write at least one delay"))?;
        let batch = usize::try_from(within("batch", self.batch, 1..=10_000)?).unwrap_or(usize::MAX);
        if let Some(most) = kind.batch_max().filter(|&most| batch > most) {
            let what = format!(
                "it is {batch}, and with its other keys this connector takes at most {most} at once; write that or less"
            );
            return Err(Fault::at("batch", what));
        }
        let timeout = within("timeout_seconds", self.timeout_seconds, 1..=3_600)?;
        let Common { targets, actions, products, .. } = self;
        Ok(ConnectorConfig {
            enabled: self.enabled,
            filter: Filter { targets, actions, products, private_events },
            timeout: Duration::from_secs(timeout),
            batch,
            schedule,
            oversize,
            kind,
            fingerprint,
        })
    }
}

/// Puts the secret that is given as `key`, in a file or in a variable, into the table as `key`.
fn resolve(key: &'static str, table: &mut Table, overlay: &Overlay) -> Result<(), Fault> {
    let mut text = |key: &str| match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::no_text(key)),
    };
    let given = Given {
        key,
        value: text(key)?,
        file: text(&format!("{key}_file"))?.map(PathBuf::from),
        env: text(&format!("{key}_env"))?,
    };
    if let Some(secret) = given.read(overlay)? {
        table.insert(key.to_owned(), toml::Value::String(secret.expose_secret().to_owned()));
    }
    Ok(())
}

fn among(key: &str, words: &[String], known: &[&str]) -> Result<(), Fault> {
    if words.is_empty() {
        return Err(Fault::at(
            key,
            format!("the list is empty, so nothing would be sent; known are {}", known.join(", ")),
        ));
    }
    let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) else { return Ok(()) };
    let hint = suggest(word, known.iter().copied()).unwrap_or_default();
    Err(Fault::at(key, format!("{word:?} is not known{hint}; known are {}", known.join(", "))))
}
