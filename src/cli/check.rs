//! `bugrelay check`: the configuration, then the database, the store and the connectors; each finding with what mends it.
//! It looks and does not touch: beside a running bugrelay it is harmless.

use std::borrow::Cow;
use std::net::IpAddr;

use clap::Args;

use super::{Exit, output, run_with};
use crate::app;
use crate::capture::history::{ClockFault, History};
use crate::capture::{Finding, Severity};
use crate::config::{BugzillaConfig, Config, ConfigError, ConnectorConfig, RelayConfig, StoreConfig};
use crate::database::Database;
use crate::failure::Class;
use crate::queue::QueueError;
use crate::queue::database::{DatabaseQueue, Found};
use crate::queue::sqlite::SqliteQueue;
use crate::snapshot;

#[derive(Args)]
pub(super) struct Check {
    /// Stop after the configuration: connect to nothing.
    #[arg(long)]
    offline: bool,
    /// Findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.check(config).await)
    }

    async fn check(&self, config: Config) -> Exit {
        let message = format!("{} is in order", config.path.display());
        let mut findings =
            vec![Finding { id: "configuration".into(), severity: Severity::Good, message, remedy: None }];
        findings
            .extend(config.connectors.iter().filter_map(|(name, connector)| nothing_comes(name, connector, &config)));
        findings.extend(config.relay.as_ref().and_then(open_to_all));
        findings.extend(nobody_listens(&config));
        findings.extend(config.connectors.iter().filter_map(|(name, connector)| in_the_clear(name, connector)));
        let mut exit = Exit::Success;
        if !self.offline {
            if let Some(config_of_bugzilla) = &config.bugzilla {
                findings.extend(source(config_of_bugzilla, &config).await);
            }
            let store = store(&config).await;
            let store_is_usable = store.severity <= Severity::Warning;
            for (name, connector) in config.connectors.iter().filter(|(_, connector)| connector.enabled) {
                findings.push(connector_finding(name, connector).await);
            }
            exit = worst(&findings);
            if exit == Exit::Success && !store_is_usable {
                exit = Exit::Store;
            }
            findings.push(store);
            findings.extend(cluster(&config).await);
        }
        output::findings(&findings, self.json);
        exit
    }
}

/// What is to be read.
async fn source(bugzilla: &BugzillaConfig, config: &Config) -> Vec<Finding> {
    let mut findings = app::source(bugzilla, None, 0).check().await;
    let known = app::known_server(bugzilla, &config.queue).await;
    findings.extend(app::guard(bugzilla).check(known.as_ref()).await);
    findings.extend(layout(&*app::database(bugzilla)).await);
    findings.extend(time_zone(&app::history(bugzilla)).await);
    findings
}

/// A setting that is wrong is one of configuration; a server that is away may be there later.
pub(super) fn worst(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Unavailable) => Exit::Unavailable,
        Some(Severity::Error) => Exit::Configuration,
        _ => Exit::Success,
    }
}

/// Whether it is a Bugzilla that messages can be made of.
async fn layout(database: &dyn Database) -> Vec<Finding> {
    let finding = |id, severity, message: String, remedy: Option<&str>| Finding {
        id: Cow::Borrowed(id),
        severity,
        message,
        remedy: remedy.map(str::to_owned),
    };
    let survey = match snapshot::survey(database).await {
        Ok(survey) => survey,
        Err(error) => {
            let severity = if error.class == Class::Transient { Severity::Unavailable } else { Severity::Error };
            return vec![finding("bugzilla", severity, error.message, None)];
        }
    };
    let mut findings: Vec<Finding> = survey
        .lacks
        .iter()
        .map(|(class, lack)| {
            let remedy = match class {
                Class::Misconfigured => "grant what the file grants.sql of your database lists",
                _ => "let checksetup.pl of Bugzilla run to its end; Bugzilla 4.4 and later can be read",
            };
            finding("bugzilla", Severity::Error, format!("bugrelay cannot make messages without {lack}"), Some(remedy))
        })
        .collect();
    if findings.is_empty() {
        let message = format!("this Bugzilla can be read: {}", survey.flavour.describe());
        findings.push(finding("bugzilla", Severity::Good, message, None));
    }
    if !survey.absent_fields.is_empty() {
        let message = format!("left out, for they have no column or table: {}", survey.absent_fields.join(", "));
        let remedy = "let checksetup.pl of Bugzilla make it, or delete the field there";
        findings.push(finding("custom_fields", Severity::Warning, message, Some(remedy)));
    }
    if let Some(first) = survey.without_transactions.first() {
        let message = format!(
            "without transactions: {}; a save comes in pieces, each judged by itself, and one that fails midway is told",
            survey.without_transactions.join(", ")
        );
        let remedy = format!("ALTER TABLE {first} ENGINE = InnoDB, and so on, while Bugzilla is stopped");
        findings.push(finding("engines", Severity::Warning, message, Some(&remedy)));
    }
    findings
}

/// Whether Bugzilla's times are in the configured zone.
async fn time_zone(history: &History) -> Option<Finding> {
    // A server or table that cannot be read is a finding of its own.
    let clock = history.clock().await.ok()?;
    let finding =
        |severity, message, remedy| Some(Finding { id: Cow::Borrowed("time_zone"), severity, message, remedy });
    let (severity, fault) = match clock.check(history.zone()) {
        Ok(()) => {
            let message = format!("Bugzilla's times can be read in the zone {}", history.zone().name());
            return finding(Severity::Good, message, None);
        }
        Err(fault @ ClockFault::Apart(_)) => return finding(Severity::Warning, fault.to_string(), None),
        // Not so on a server whose sessions for Bugzilla have a zone of their own, while nobody saves.
        Err(fault @ ClockFault::Elsewhere { .. }) => (Severity::Warning, fault),
        Err(fault @ ClockFault::Ahead { .. }) => (Severity::Error, fault),
    };
    let remedy = clock.suggested().filter(|zone| *zone != history.zone().name()).map_or_else(
        || "[bugzilla] time_zone = \"...\", the zone in which Bugzilla writes its times".to_owned(),
        |zone| format!("[bugzilla] time_zone = \"{zone}\""),
    );
    let message = format!("{fault}; messages tell wrong times, and nothing is swept");
    finding(severity, message, Some(remedy))
}

async fn store(config: &Config) -> Finding {
    let path = match &config.queue.store {
        StoreConfig::Sqlite(path) => path,
        StoreConfig::Database => match &config.bugzilla {
            Some(bugzilla) => return store_in_database(bugzilla, config).await,
            // Refused with the configuration.
            None => {
                return Finding {
                    id: "store".into(),
                    severity: Severity::Error,
                    message: "no server keeps it".into(),
                    remedy: None,
                };
            }
        },
    };
    let (severity, message) = match SqliteQueue::look(path) {
        Ok(true) => (Severity::Good, format!("the store {} can be used", path.display())),
        Ok(false) => (Severity::Good, format!("the store {} is not there yet, and can be made", path.display())),
        // As it should be.
        Err(QueueError::InUse { store }) => {
            (Severity::Good, format!("the store {store} is in use by a running bugrelay"))
        }
        Err(error) => (Severity::Error, error.to_string()),
    };
    Finding { id: "store".into(), severity, message, remedy: None }
}

async fn store_in_database(bugzilla: &BugzillaConfig, config: &Config) -> Finding {
    let finding = |severity, message: String, remedy| Finding { id: "store".into(), severity, message, remedy };
    let settings = app::in_database(bugzilla, &config.queue);
    let schema = &settings.schema;
    let Found { missing, denied } = match DatabaseQueue::look(&*app::server(bugzilla), &settings).await {
        Ok(found) => found,
        Err(error @ QueueError::Unusable { .. }) => return finding(Severity::Error, error.to_string(), None),
        Err(error) => return finding(Severity::Unavailable, error.to_string(), None),
    };
    if !denied.is_empty() {
        let message = format!("the account may not use the store in {schema}: it lacks {}", denied.join(", "));
        let remedy = "grant what the file store/grants.sql of your database lists".to_owned();
        return finding(Severity::Error, message, Some(remedy));
    }
    if missing.is_empty() {
        return finding(Severity::Good, format!("the store in {schema} can be used"), None);
    }
    let message = format!(
        "the tables of the store in {schema} are not there as this version needs them; it makes them when it starts, if the account may"
    );
    finding(Severity::Warning, message, Some(missing.join(";\n") + ";"))
}

/// Whether one instance alone can lead there.
async fn cluster(config: &Config) -> Option<Finding> {
    let bugzilla = config.bugzilla.as_ref()?;
    let (server, settings) = (app::server(bugzilla), app::in_database(bugzilla, &config.queue));
    let is_cluster =
        config.queue.store == StoreConfig::Database && DatabaseQueue::is_on_galera(&*server, &settings).await;
    is_cluster.then(|| Finding {
        id: "store_cluster".into(),
        severity: Severity::Warning,
        message: "the server is a node of a Galera cluster (wsrep_on): it keeps the lock by which one instance leads (GET_LOCK) to itself, so that \
                  instances on other nodes lead at the same time and undo each other's transactions; MariaDB 10.6.13 and 10.11.3 refuse it"
            .to_owned(),
        remedy: Some(
            "[queue] store = \"sqlite:PATH\", and one instance; or, where the lock is to be had, the same node in [bugzilla] database of all instances, and no \
             balancer before it"
                .to_owned(),
        ),
    })
}

/// A connector wants what nobody tells: a target has no other way to be wrong.
fn nothing_comes(name: &str, connector: &ConnectorConfig, config: &Config) -> Option<Finding> {
    let comes = |target: &String| if target == "relay" { config.relay.is_some() } else { config.bugzilla.is_some() };
    let targets = &connector.filter.targets;
    let (lacks, told) = if config.bugzilla.is_some() {
        ("relayed messages alone, and without [relay] none come", "[\"bug\", \"comment\", \"attachment\"]")
    } else {
        ("Bugzilla's messages alone, and without [bugzilla] none come", "[\"relay\"]")
    };
    (connector.enabled && !targets.iter().any(comes)).then(|| Finding {
        id: format!("connector_{name}_targets").into(),
        severity: Severity::Warning,
        message: format!("connector {name} wants {lacks}"),
        remedy: Some(format!("[connectors.{name}] targets = {told}")),
    })
}

/// What scripts drop is stored and goes to nobody.
fn nobody_listens(config: &Config) -> Option<Finding> {
    let mut enabled = config.connectors.values().filter(|connector| connector.enabled);
    let is_wanted = enabled.any(|connector| connector.filter.wants_relayed());
    (config.relay.is_some() && !is_wanted).then(|| Finding {
        id: "relay_targets".into(),
        severity: Severity::Warning,
        message: "no enabled connector wants what comes by [relay]: it goes to nobody".to_owned(),
        remedy: Some("targets = [..., \"relay\"] in a [connectors.NAME]".to_owned()),
    })
}

/// ZeroMQ, as fedmsg speaks it, knows no senders.
fn open_to_all(relay: &RelayConfig) -> Option<Finding> {
    let address = &relay.zeromq.as_ref()?.address;
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!is_here).then(|| Finding {
        id: "relay_zeromq".into(),
        severity: Severity::Warning,
        message: format!(
            "whoever reaches {address} may drop messages: ZeroMQ, as fedmsg speaks it, asks nobody who he is"
        ),
        remedy: Some("[relay] zeromq = \"tcp://127.0.0.1:2003\", or let a firewall say who reaches it".to_owned()),
    })
}

fn in_the_clear(name: &str, connector: &ConnectorConfig) -> Option<Finding> {
    let message = connector.kind.warning().filter(|_| connector.enabled)?;
    Some(Finding { id: format!("connector_{name}_clear").into(), severity: Severity::Warning, message, remedy: None })
}

async fn connector_finding(name: &str, connector: &ConnectorConfig) -> Finding {
    let (severity, message) = match connector.kind.check().await {
        Ok(found) => (Severity::Good, found),
        Err(error) if error.class == Class::Transient => (Severity::Unavailable, error.message),
        Err(error) => (Severity::Error, error.message),
    };
    Finding { id: format!("connector_{name}").into(), severity, message, remedy: None }
}
