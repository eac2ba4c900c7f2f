//! `bugrelay check`: the configuration, then the database and the store; each finding with what mends it.

use clap::Args;

use super::{Exit, block_on, load, output};
use crate::app;
use crate::capture::{Finding, Severity, Source};
use crate::config::{Config, ConfigError};
use crate::queue::QueueError;

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
        match load(config) {
            Ok(config) => block_on(self.check(config)),
            Err(exit) => exit,
        }
    }

    async fn check(&self, config: Config) -> Exit {
        let message = format!("{} is in order", config.path.display());
        let mut findings = vec![Finding { id: "configuration", severity: Severity::Good, message, remedy: None }];
        let mut exit = Exit::Success;
        if !self.offline {
            findings.extend(app::source(&config.bugzilla).check().await);
            exit = worst(&findings);
            if let Err(error) = store(&config, &mut findings) {
                exit = if exit == Exit::Success { error } else { exit };
            }
        }
        self.print(&findings);
        exit
    }

    fn print(&self, findings: &[Finding]) {
        if self.json {
            // Findings are strings: they cannot fail to be written.
            output::line(&serde_json::to_string_pretty(findings).unwrap_or_default());
            return;
        }
        for finding in findings {
            let word = match finding.severity {
                Severity::Good => "good   ",
                Severity::Warning => "warning",
                Severity::Error => "ERROR  ",
                Severity::Unavailable => "NO WAY ",
            };
            output::line(&format!("{word}  {}: {}", finding.id, finding.message));
            for line in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
                output::line(&format!("         mend it with:  {line}"));
            }
        }
    }
}

/// A setting that is wrong is one of configuration; a server that is away may be there later.
fn worst(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Unavailable) => Exit::Unavailable,
        Some(Severity::Error) => Exit::Configuration,
        _ => Exit::Success,
    }
}

fn store(config: &Config, findings: &mut Vec<Finding>) -> Result<(), Exit> {
    let (severity, message, result) = match app::store(config) {
        Ok(_) => (Severity::Good, format!("the store {} can be used", config.queue.path.display()), Ok(())),
        // It is only looked at; a running bugrelay has it, as it should.
        Err(QueueError::InUse { store }) => {
            (Severity::Good, format!("the store {store} is in use by a running bugrelay"), Ok(()))
        }
        Err(error) => (Severity::Error, error.to_string(), Err(Exit::Store)),
    };
    findings.push(Finding { id: "store", severity, message, remedy: None });
    result
}
