//! `bugrelay connector`: how the connectors of a running bugrelay stand; holding one back, and letting it go on.

use clap::{Args, Subcommand};

use super::client::{Client, Instance};
use super::{Exit, output, run_with};
use crate::admin::{Changed, ConnectorView};
use crate::config::{Config, ConfigError};

#[derive(Args)]
pub(super) struct Connector {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    instance: Instance,
}

#[derive(Subcommand)]
enum What {
    /// Every connector that the store knows: how it stands, what waits for it and what is parked.
    List {
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing more to a connector until it is resumed; its messages are collected.
    ///
    /// A batch in flight is finished. It lasts through restarts.
    Pause {
        /// Its name in the configuration.
        name: String,
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
    /// Let a paused connector go on.
    ///
    /// One that waits after a failure goes on waiting; `backlog retry` ends that.
    Resume {
        /// Its name in the configuration.
        name: String,
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
}

impl Connector {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.run(&config).await.unwrap_or_else(|exit| exit))
    }

    async fn run(&self, config: &Config) -> Result<Exit, Exit> {
        let client = Client::new(&self.instance, config)?;
        match &self.what {
            What::List { json } => list(&client, *json).await,
            What::Pause { name, json } => {
                change(&client, name, "pause", *json, ["is paused", "was paused already"]).await
            }
            What::Resume { name, json } => {
                change(&client, name, "resume", *json, ["is resumed", "was resumed already"]).await
            }
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<Exit, Exit> {
    let views: Vec<ConnectorView> = client.read(client.get(&["api", "connectors"], &[]).await?).await?;
    if json {
        output::json(&views);
        return Ok(Exit::Success);
    }
    let row = |view: &ConnectorView| {
        let error = view.last_error.clone().unwrap_or_default();
        [view.name.clone(), view.state.as_str().to_owned(), view.messages.to_string(), view.parked.to_string(), error]
    };
    output::table(["CONNECTOR", "STATE", "WAITING", "PARKED", "LAST ERROR"], views.iter().map(row));
    Ok(Exit::Success)
}

/// Changes how a connector stands, and says so: `words` for when it was otherwise before, and for when it was not.
pub(super) async fn change(
    client: &Client,
    name: &str,
    action: &str,
    json: bool,
    words: [&str; 2],
) -> Result<Exit, Exit> {
    let changed: Changed = client.read(client.post(&["api", "connectors", name, action]).await?).await?;
    if json {
        output::json(&changed);
    } else {
        let Changed { connector, changed } = changed;
        output::line(&format!("{connector} {}", words[usize::from(!changed)]));
    }
    Ok(Exit::Success)
}
