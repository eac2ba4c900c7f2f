//! The file as it is written: one struct per section with its defaults, and the checks that need no other part.
//! `[bugzilla]` and `[connectors.NAME]` are in files of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::bugzilla::BugzillaTable;
use super::fault::{Fault, within};
use super::overlay::Overlay;
use super::relay::RelayTable;
use super::secret::Given;
use super::{AdminConfig, Config, ConnectorConfig, MessagesConfig, QueueConfig, Shown, StoreConfig};
use crate::database::Dialect;
use crate::message::FieldFilter;
use crate::relay::Reserved;
use crate::secret::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    bugzilla: Option<BugzillaTable>,
    #[serde(default)]
    queue: QueueTable,
    #[serde(default)]
    fields: FieldsTable,
    #[serde(default)]
    messages: MessagesConfig,
    #[serde(default)]
    shutdown: ShutdownTable,
    #[serde(default)]
    admin: AdminTable,
    relay: Option<RelayTable>,
    #[serde(default)]
    connectors: BTreeMap<String, toml::Table>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct QueueTable {
    store: String,
    max_megabytes: u64,
    sent_retention_hours: u64,
    parked_retention_days: u64,
}

impl Default for QueueTable {
    fn default() -> Self {
        QueueTable {
            store: "sqlite:bugrelay.db".to_owned(),
            max_megabytes: 4096,
            sent_retention_hours: 24,
            parked_retention_days: 30,
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FieldsTable {
    allow: Vec<String>,
    deny: Vec<String>,
}

impl Default for FieldsTable {
    fn default() -> Self {
        FieldsTable { allow: vec!["*".to_owned()], deny: vec![] }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ShutdownTable {
    grace_seconds: u64,
}

impl Default for ShutdownTable {
    fn default() -> Self {
        ShutdownTable { grace_seconds: 20 }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AdminTable {
    listen: String,
    token: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
}

impl Default for AdminTable {
    fn default() -> Self {
        AdminTable { listen: "127.0.0.1:9464".to_owned(), token: None, token_file: None, token_env: None }
    }
}

impl File {
    /// `path` is where it was read.
    pub(super) fn check(self, path: &Path, overlay: &Overlay) -> Result<Config, Fault> {
        if self.bugzilla.is_none() && self.relay.is_none() {
            let what = "is missing; write at least its `database` and `base_url`, or [relay] for a relay alone";
            return Err(Fault::at("bugzilla", what));
        }
        let mut connectors = BTreeMap::new();
        for (name, table) in self.connectors {
            let connector = ConnectorConfig::parse(&name, table, overlay)
                .map_err(|fault| fault.within(&name).within("connectors"))?;
            connectors.insert(name, connector);
        }
        if connectors.is_empty() {
            connectors.insert("stdout".to_owned(), ConnectorConfig::standard_output());
        }
        let bugzilla = self.bugzilla.map(|bugzilla| bugzilla.check(overlay).map_err(|fault| fault.within("bugzilla")));
        let bugzilla = bugzilla.transpose()?;
        if bugzilla.is_none() {
            // Nothing else comes.
            connectors.values_mut().for_each(|connector| connector.filter.targets.retain(|target| target == "relay"));
        }
        let reserved = connectors.values().flat_map(|connector| connector.kind.reserved_topics()).collect();
        let relay = self.relay.map(|relay| relay.check(overlay, Reserved::new(reserved))).transpose();
        let relay = relay.map_err(|fault| fault.within("relay"))?;
        let queue = self.queue.check().map_err(|fault| fault.within("queue"))?;
        if let Some(relay) = &relay {
            relay.fits(&queue).map_err(|fault| fault.within("relay"))?;
        }
        let keeper = bugzilla.as_ref().filter(|bugzilla| bugzilla.dialect != Dialect::Sqlite);
        if queue.store == StoreConfig::Database && keeper.is_none() {
            let what = if bugzilla.is_some() { "a Bugzilla on SQLite" } else { "a relay alone" };
            let what = format!("{what} has no server to keep it; write \"sqlite:PATH\"");
            return Err(Fault::at("store", what).within("queue"));
        }
        let grace = within("grace_seconds", self.shutdown.grace_seconds, 0..=3600);
        Ok(Config {
            path: path.to_owned(),
            bugzilla,
            queue,
            fields: FieldFilter { allow: self.fields.allow, deny: self.fields.deny },
            messages: self.messages,
            grace: Duration::from_secs(grace.map_err(|fault| fault.within("shutdown"))?),
            admin: self.admin.check(overlay).map_err(|fault| fault.within("admin"))?,
            relay,
            connectors,
            shown: Shown::default(),
        })
    }
}

impl QueueTable {
    fn check(self) -> Result<QueueConfig, Fault> {
        let store = match self.store.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => StoreConfig::Sqlite(PathBuf::from(path)),
            _ if self.store == "database" => StoreConfig::Database,
            _ => {
                let what = "is not known; write \"sqlite:PATH\" or \"database\"";
                return Err(Fault::at("store", format!("{:?} {what}", self.store)));
            }
        };
        // Ten years; from 16 MiB to 16 TiB.
        let hours = within("sent_retention_hours", self.sent_retention_hours, 0..=87_600)?;
        let days = within("parked_retention_days", self.parked_retention_days, 0..=3_650)?;
        Ok(QueueConfig {
            store,
            max_megabytes: within("max_megabytes", self.max_megabytes, 16..=(1 << 24))?,
            sent_retention: Duration::from_secs(hours * 3600),
            parked_retention: Duration::from_secs(days * 24 * 3600),
        })
    }
}

impl AdminTable {
    fn check(self, overlay: &Overlay) -> Result<AdminConfig, Fault> {
        let listen = self.listen.parse().map_err(|_| {
            let what = "is not an address with a port; write \"127.0.0.1:9464\" or \"0.0.0.0:9464\"";
            Fault::at("listen", format!("{:?} {what}", self.listen))
        })?;
        let token = Given { key: "token", value: self.token, file: self.token_file, env: self.token_env };
        Ok(AdminConfig { listen, token: Secret::new(token.read(overlay)?) })
    }
}
