//! `bugrelay parked`: what is set aside for the connectors of a running bugrelay; sending it after all, giving it up, taking it along.

use clap::{Args, Subcommand};

use super::client::{Client, Instance};
use super::consent::Consent;
use super::disposal::Chosen;
use super::{Exit, output, run_with};
use crate::admin::{ConnectorView, ParkedPage, ParkedView};
use crate::config::{Config, ConfigError};

#[derive(Args)]
pub(super) struct Parked {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    instance: Instance,
}

#[derive(Subcommand)]
enum What {
    /// How many messages are parked for each connector.
    List {
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
    /// The messages that are parked for one connector, and why.
    Show(Show),
    /// Send them after all: they wait again, at their old place.
    ///
    /// They keep their sequence and id.
    Retry(Chosen),
    /// Give them up.
    Drop {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        consent: Consent,
    },
    /// All of them with the messages themselves, as they would leave now, one JSON object a line.
    Export {
        /// The connector's name.
        name: String,
    },
}

#[derive(Args)]
struct Show {
    /// The connector's name.
    name: String,
    /// Only what follows this sequence.
    #[arg(long, default_value_t = 0, value_name = "SEQUENCE")]
    after: i64,
    /// At most so many; 1000 is the most.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
    /// With the messages themselves, as they would leave now; 100 and 4 MiB at the most.
    #[arg(long)]
    bodies: bool,
    /// As the API tells it.
    #[arg(long)]
    json: bool,
}

impl Parked {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.run(&config).await.unwrap_or_else(|exit| exit))
    }

    async fn run(&self, config: &Config) -> Result<Exit, Exit> {
        let client = Client::new(&self.instance, config)?;
        match &self.what {
            What::List { json } => list(&client, *json).await,
            What::Show(show) => show.run(&client).await,
            What::Retry(chosen) => chosen.run(&client, "parked", "retry", None, "wait again").await,
            What::Drop { chosen, consent } => {
                consent.to(&format!("Give up {}?", chosen.of("is parked")))?;
                chosen.run(&client, "parked", "drop", None, "are given up").await
            }
            What::Export { name } => export(&client, name).await,
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<Exit, Exit> {
    let views: Vec<ConnectorView> = client.read(client.get(&["api", "connectors"], &[]).await?).await?;
    if json {
        output::json(&views);
        return Ok(Exit::Success);
    }
    let row = |view: &ConnectorView| [view.name.clone(), view.state.as_str().to_owned(), view.parked.to_string()];
    output::table(["CONNECTOR", "STATE", "PARKED"], views.iter().map(row));
    Ok(Exit::Success)
}

impl Show {
    async fn run(&self, client: &Client) -> Result<Exit, Exit> {
        let page = page(client, &self.name, self.after, self.limit, self.bodies).await?;
        if self.json {
            output::json(&page);
            return Ok(Exit::Success);
        }
        let row = |parked: &ParkedView| {
            let of =
                |text: fn(&crate::admin::EntryView) -> String| parked.message.as_ref().map_or("?".to_owned(), text);
            [
                parked.sequence.to_string(),
                of(|entry| entry.message_id.clone()),
                of(|entry| format!("{}.{}", entry.target, entry.action)),
                of(|entry| entry.bug.map_or_else(|| "-".to_owned(), |bug| bug.to_string())),
                of(|entry| entry.attempts.to_string()),
                of(|entry| entry.bytes.to_string()),
                parked.parked_at.clone(),
                parked.reason.clone(),
                of(|entry| entry.body.as_ref().map(ToString::to_string).unwrap_or_default()),
            ]
        };
        let head = ["SEQUENCE", "MESSAGE", "WHAT", "BUG", "ATTEMPTS", "BYTES", "PARKED AT", "REASON", ""];
        output::table(head, page.entries.iter().map(row));
        if let Some(next) = page.next {
            output::error(&format!("there are more: --after {next}"));
        }
        Ok(Exit::Success)
    }
}

async fn export(client: &Client, name: &str) -> Result<Exit, Exit> {
    let mut after = Some(0);
    while let Some(sequence) = after {
        let page = page(client, name, sequence, 100, true).await?;
        for parked in &page.entries {
            if !output::json_line(parked) {
                return Ok(Exit::Success);
            }
        }
        after = page.next;
    }
    Ok(Exit::Success)
}

async fn page(client: &Client, name: &str, after: i64, limit: usize, bodies: bool) -> Result<ParkedPage, Exit> {
    let mut query = vec![("after", after.to_string()), ("limit", limit.to_string())];
    if bodies {
        query.push(("bodies", "true".to_owned()));
    }
    client.read(client.get(&["api", "parked", name], &query).await?).await
}
