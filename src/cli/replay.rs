//! `bugrelay replay`: has a running bugrelay tell saves of the past again, or says how many that would be.

use clap::Args;

use super::client::{Client, Instance};
use super::{Exit, output, run_with};
use crate::admin::{ReplayOrder, ReplayView};
use crate::config::{Config, ConfigError};

#[derive(Args)]
pub(super) struct Replay {
    /// The first second: 2026-11-01T00:00:00Z, or without an offset in Bugzilla's zone.
    #[arg(long, value_name = "TIME")]
    since: String,
    /// The last second; default: now.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// This bug alone; may be given several times.
    #[arg(long = "bug", value_name = "ID")]
    bugs: Vec<i64>,
    /// To this connector alone; may be given several times.
    #[arg(long = "connector", value_name = "NAME")]
    connectors: Vec<String>,
    /// Say how many messages it would be, and tell none.
    #[arg(long)]
    dry_run: bool,
    /// As the API tells it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    instance: Instance,
}

impl Replay {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.run(&config).await.unwrap_or_else(|exit| exit))
    }

    async fn run(&self, config: &Config) -> Result<Exit, Exit> {
        let order = ReplayOrder {
            since: self.since.clone(),
            until: self.until.clone(),
            bugs: self.bugs.clone(),
            connectors: self.connectors.clone(),
            dry_run: self.dry_run,
        };
        let client = Client::new(&self.instance, config)?;
        let view: ReplayView = client.read(client.post_json(&["api", "replay"], &order).await?).await?;
        if self.json {
            output::json(&view);
            return Ok(Exit::Success);
        }
        let count: u64 = view.messages.values().sum();
        let would = if view.dry_run { "would be " } else { "" };
        let (saves, connectors) = (view.saves, view.connectors.join(", "));
        output::line(&format!("{saves} saves, {count} messages {would}told again to {connectors}:"));
        output::table(["MESSAGE", "COUNT"], view.messages.iter().map(|(key, count)| [key.clone(), count.to_string()]));
        output::line(&format!(
            "{} of them as events alone: their bugs, comments or attachments are not public",
            view.private
        ));
        Ok(Exit::Success)
    }
}
