//! Two configurations -> what differs, by name and never by value, and whether it can be changed while bugrelay runs. Pure.

use super::{AdminConfig, BugzillaConfig, Config, Fingerprint, QueueConfig, RelayConfig};
use crate::relay::Client;

/// The settings that need no restart, beside the connectors.
const AT_ONCE: [&str; 4] = ["[bugzilla] password", "[bugzilla] ca_file", "[admin] token", "[relay] tokens of clients"];

/// What a new configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Connectors that were not served and are to be.
    pub added: Vec<String>,
    /// Connectors that are not to be served any more: taken out, or disabled.
    pub removed: Vec<String>,
    /// Connectors that are to be served otherwise.
    pub changed: Vec<String>,
    /// Settings that are in force at once, as `[bugzilla] password`.
    pub settings: Vec<&'static str>,
    /// Settings that only a restart can change.
    pub needs_restart: Vec<&'static str>,
}

impl Difference {
    /// Nothing differs.
    pub fn is_none(&self) -> bool {
        *self == Difference::default()
    }
}

impl Config {
    /// What `next` changes of this one.
    pub fn difference(&self, next: &Config) -> Difference {
        let (before, after) = (self.served(), next.served());
        let found =
            |among: &[(&str, Fingerprint)], name: &str| among.iter().find(|(n, _)| *n == name).map(|(_, print)| *print);
        let pick = |among: &[(&str, Fingerprint)], wanted: &dyn Fn(&str, Fingerprint) -> bool| {
            among.iter().filter(|(name, print)| wanted(name, *print)).map(|(name, _)| (*name).to_owned()).collect()
        };
        let mut difference = Difference {
            added: pick(&after, &|name, _| found(&before, name).is_none()),
            removed: pick(&before, &|name, _| found(&after, name).is_none()),
            changed: pick(&after, &|name, print| found(&before, name).is_some_and(|before| before != print)),
            ..Difference::default()
        };
        let bugzilla = match (&self.bugzilla, &next.bugzilla) {
            (Some(before), Some(after)) => before.compare(after),
            (before, after) => vec![("[bugzilla]", before.is_none() && after.is_none())],
        };
        let relay = match (&self.relay, &next.relay) {
            (Some(before), Some(after)) => before.compare(after),
            (before, after) => vec![("[relay]", before.is_none() && after.is_none())],
        };
        let all = bugzilla.into_iter().chain(relay).chain(self.compare(next));
        let differing = all.filter(|(_, is_same)| !is_same).map(|(name, _)| name);
        (difference.settings, difference.needs_restart) = differing.partition(|name| AT_ONCE.contains(name));
        difference
    }

    /// The connectors that get messages, with their fingerprints.
    fn served(&self) -> Vec<(&str, Fingerprint)> {
        let enabled = self.connectors.iter().filter(|(_, connector)| connector.enabled);
        enabled.map(|(name, connector)| (name.as_str(), connector.fingerprint)).collect()
    }

    /// What is not Bugzilla's: each setting, and whether it is the same.
    fn compare(&self, next: &Config) -> Vec<(&'static str, bool)> {
        // Without `..`: whoever adds a setting decides here what a reload makes of it.
        let Config { path: _, bugzilla: _, queue, fields, messages, grace, admin, relay: _, connectors: _, shown: _ } =
            self;
        let QueueConfig { store, max_megabytes, sent_retention, parked_retention } = queue;
        let AdminConfig { listen, token } = admin;
        vec![
            ("[queue] store", *store == next.queue.store),
            ("[queue] max_megabytes", *max_megabytes == next.queue.max_megabytes),
            ("[queue] sent_retention_hours", *sent_retention == next.queue.sent_retention),
            ("[queue] parked_retention_days", *parked_retention == next.queue.parked_retention),
            ("[fields]", *fields == next.fields),
            ("[messages]", *messages == next.messages),
            ("[shutdown] grace_seconds", *grace == next.grace),
            ("[admin] listen", *listen == next.admin.listen),
            ("[admin] token", token.is_like(&next.admin.token)),
        ]
    }
}

impl RelayConfig {
    fn compare(&self, next: &RelayConfig) -> Vec<(&'static str, bool)> {
        let RelayConfig { zeromq, clients, patterns, reserved: _, max_message_bytes } = self;
        let known = |config: &RelayConfig| -> Vec<_> {
            let client = |client: &Client| (client.name.clone(), client.topics.clone(), client.messages_per_second);
            config.clients.iter().map(client).collect()
        };
        let mut tokens = clients.iter().zip(&next.clients);
        vec![
            ("[relay] zeromq", *zeromq == next.zeromq),
            ("[relay] clients", known(self) == known(next)),
            ("[relay] topics", *patterns == next.patterns),
            ("[relay] max_message_bytes", *max_message_bytes == next.max_message_bytes),
            ("[relay] tokens of clients", tokens.all(|(before, after)| before.token.is_like(&after.token))),
        ]
    }
}

impl BugzillaConfig {
    fn compare(&self, next: &BugzillaConfig) -> Vec<(&'static str, bool)> {
        let BugzillaConfig {
            database,
            password,
            // Follows from the database.
            dialect: _,
            capture,
            tls,
            tls_fingerprint,
            base_url,
            zone,
            require_login,
            start,
            sweep_interval,
            late_commit_window,
            schema,
            allow_unlimited_wal,
            // No setting.
            rows_max: _,
        } = self;
        vec![
            ("[bugzilla] database", *database == next.database),
            ("[bugzilla] password", password.is_like(&next.password)),
            ("[bugzilla] capture", *capture == next.capture),
            ("[bugzilla] tls", *tls == next.tls),
            // The same file with another content.
            ("[bugzilla] ca_file", *tls_fingerprint == next.tls_fingerprint || *tls != next.tls),
            ("[bugzilla] base_url", *base_url == next.base_url),
            ("[bugzilla] time_zone", *zone == next.zone),
            ("[bugzilla] require_login", *require_login == next.require_login),
            ("[bugzilla] start", *start == next.start),
            ("[bugzilla] sweep_interval_seconds", *sweep_interval == next.sweep_interval),
            ("[bugzilla] late_commit_window_seconds", *late_commit_window == next.late_commit_window),
            ("[bugzilla] schema", *schema == next.schema),
            ("[bugzilla] allow_unlimited_wal", *allow_unlimited_wal == next.allow_unlimited_wal),
        ]
    }
}
