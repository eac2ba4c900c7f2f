//! `bugrelay triggers`: makes, looks at and removes the triggers on Bugzilla's tables, or prints the SQL that does it.

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use secrecy::SecretString;
use url::Url;

use super::check::worst;
use super::{Exit, consent, output, run_with};
use crate::app;
use crate::capture::{CaptureError, Severity};
use crate::config::{BugzillaConfig, Config, ConfigError, Way};
use crate::failure::Class;
use crate::secret::Secret;

#[derive(Args)]
pub(super) struct Triggers {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make the queue, its triggers and the account's rights on it, or bring them up to date.
    ///
    /// Waits for no lock longer than a second. See docs/how-to/triggers.md.
    Install {
        #[command(flatten)]
        administrator: Administrator,
        #[command(flatten)]
        waking: Waking,
    },
    /// Say what is missing, switched off or of another version, and what mends it.
    Check {
        /// Findings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take the triggers and their queue away, with what still waits in it.
    Remove {
        #[command(flatten)]
        administrator: Administrator,
    },
    /// Print what install runs, for an administrator to run it instead.
    Sql {
        /// What remove runs.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        waking: Waking,
    },
}

#[derive(Args)]
struct Administrator {
    /// Who may do it, as `database` in [bugzilla]; the password in BUGRELAY_ADMIN_PASSWORD, or in the URL. Default: bugrelay's own account.
    #[arg(long = "as", value_name = "URL")]
    url: Option<Url>,
    /// Do not ask first.
    #[arg(long)]
    yes: bool,
    /// Whoever lists processes sees arguments, and not this.
    #[arg(skip = std::env::var("BUGRELAY_ADMIN_PASSWORD").ok())]
    password: Option<String>,
}

#[derive(Args)]
struct Waking {
    /// PostgreSQL: do not wake bugrelay by NOTIFY; it then looks once a second.
    #[arg(long)]
    no_notify: bool,
}

impl Triggers {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| match config.bugzilla() {
            Ok(bugzilla) => self.run(bugzilla).await,
            Err(error) => {
                output::error(&error.to_string());
                Exit::Configuration
            }
        })
    }

    async fn run(&self, config: &BugzillaConfig) -> Exit {
        match &self.what {
            What::Check { json } => check(config, *json).await,
            What::Sql { remove, waking } => {
                let installer = app::installer(config, config, !waking.no_notify);
                let texts = if *remove { installer.remove() } else { installer.install() };
                output::line(texts.join("\n").trim_end());
                Exit::Success
            }
            What::Install { administrator, waking } => {
                if !administrator.agrees("Make triggers on five tables of Bugzilla?") {
                    return Exit::Usage;
                }
                let installer = app::installer(config, &administrator.of(config), !waking.no_notify);
                let installed = installer.run(&installer.install(), &output::error).await;
                match installed {
                    Ok(()) => check(config, false).await,
                    Err(error) => failed(&error),
                }
            }
            What::Remove { administrator } => {
                if !administrator.agrees("Remove the triggers, and forget what waits in their queue?") {
                    return Exit::Usage;
                }
                let installer = app::installer(config, &administrator.of(config), true);
                match installer.run(&installer.remove(), &output::error).await {
                    Ok(()) => {
                        output::line("the triggers and their queue are removed");
                        Exit::Success
                    }
                    Err(error) => failed(&error),
                }
            }
        }
    }
}

impl Administrator {
    /// Asks, if there is somebody to ask.
    fn agrees(&self, question: &str) -> bool {
        self.yes || !std::io::stdin().is_terminal() || consent::ask(question)
    }

    /// The same database, by another account.
    fn of(&self, config: &BugzillaConfig) -> BugzillaConfig {
        let mut config = config.clone();
        let Some(url) = &self.url else { return config };
        let in_url =
            url.password().map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
        config.password = Secret::new(in_url.or_else(|| self.password.clone()).map(SecretString::from));
        config.database = url.clone();
        // It fails for URLs without a host, and those connect to nothing.
        let _ = config.database.set_password(None);
        config
    }
}

async fn check(config: &BugzillaConfig, json: bool) -> Exit {
    let findings = app::triggers(config, None).check().await;
    output::findings(&findings, json);
    let is_read = config.capture == Way::Triggers;
    if !is_read && findings.iter().all(|finding| finding.severity < Severity::Error) {
        output::error(
            "[bugzilla] capture does not name \"triggers\": nobody reads what they leave, and after a while they leave no more",
        );
    }
    worst(&findings)
}

fn failed(error: &CaptureError) -> Exit {
    output::error(&error.message);
    if error.class == Class::Transient { Exit::Unavailable } else { Exit::Configuration }
}
