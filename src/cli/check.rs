//! `bugrelay check`: the configuration, then the database, the store and the connectors; each finding with what mends it.
//! It looks and does not touch: beside a running bugrelay it is harmless.

use clap::Args;

use super::{Exit, output, run_with};
use crate::app;
use crate::capture::{Finding, Severity};
use crate::config::{Config, ConfigError, ConnectorConfig};
use crate::failure::Class;
use crate::queue::QueueError;
use crate::queue::sqlite::SqliteQueue;

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
        findings.extend(config.connectors.iter().filter_map(|(name, connector)| nothing_comes(name, connector)));
        findings.extend(config.connectors.iter().filter_map(|(name, connector)| in_the_clear(name, connector)));
        let mut exit = Exit::Success;
        if !self.offline {
            findings.extend(app::source(&config.bugzilla, None).check().await);
            let store = store(&config);
            let store_is_usable = store.severity == Severity::Good;
            for (name, connector) in config.connectors.iter().filter(|(_, connector)| connector.enabled) {
                findings.push(connector_finding(name, connector).await);
            }
            exit = worst(&findings);
            if exit == Exit::Success && !store_is_usable {
                exit = Exit::Store;
            }
            findings.push(store);
        }
        output::findings(&findings, self.json);
        exit
    }
}

/// A setting that is wrong is one of configuration; a server that is away may be there later.
pub(super) fn worst(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Unavailable) => Exit::Unavailable,
        Some(Severity::Error) => Exit::Configuration,
        _ => Exit::Success,
    }
}

fn store(config: &Config) -> Finding {
    let path = config.queue.path.display();
    let (severity, message) = match SqliteQueue::look(&config.queue.path) {
        Ok(true) => (Severity::Good, format!("the store {path} can be used")),
        Ok(false) => (Severity::Good, format!("the store {path} is not there yet, and can be made")),
        // As it should be.
        Err(QueueError::InUse { store }) => {
            (Severity::Good, format!("the store {store} is in use by a running bugrelay"))
        }
        Err(error) => (Severity::Error, error.to_string()),
    };
    Finding { id: "store".into(), severity, message, remedy: None }
}

/// Targets are known by name before anything can give them.
fn nothing_comes(name: &str, connector: &ConnectorConfig) -> Option<Finding> {
    let waits_for_relay_alone = connector.filter.targets.iter().all(|target| target == "relay");
    (connector.enabled && waits_for_relay_alone).then(|| Finding {
        id: format!("connector_{name}_targets").into(),
        severity: Severity::Warning,
        message: format!("connector {name} wants relayed messages alone, and without [relay] none come"),
        remedy: Some(format!("[connectors.{name}] targets = [\"bug\", \"comment\", \"attachment\"]")),
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
