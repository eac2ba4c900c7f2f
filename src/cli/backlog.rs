//! `bugrelay backlog`: what waits for the connectors of a running bugrelay; trying again now, setting aside, giving up.

use clap::{Args, Subcommand};

use super::client::{Client, Instance};
use super::connector::change;
use super::consent::Consent;
use super::disposal::Chosen;
use super::{Exit, output, run_with};
use crate::admin::{BacklogPage, ConnectorView, EntryView};
use crate::config::{Config, ConfigError};

#[derive(Args)]
pub(super) struct Backlog {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    instance: Instance,
}

#[derive(Subcommand)]
enum What {
    /// One line for each connector that the store knows, also those that are gone from the configuration.
    ///
    /// Its state, messages and bytes that wait, the age of the oldest, attempts, the next attempt, class and text of the last error.
    List {
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
    /// The messages that wait for one connector, oldest first.
    ///
    /// Sequence, id, what, bug, time of the save, attempts, size, and whether it was perhaps sent.
    Show(Show),
    /// Try again now, without waiting for the next attempt's time.
    ///
    /// It needs `[admin] token_file`, as all that changes a state.
    Retry {
        /// The connector's name.
        name: String,
        /// As the API tells it.
        #[arg(long)]
        json: bool,
    },
    /// Set messages aside: they are parked, and the others go on.
    Skip {
        #[command(flatten)]
        chosen: Chosen,
        /// Why; it is shown with what is parked.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Give messages up: they are not sent to this connector.
    ///
    /// Nothing of them is kept for it. Also for one that is gone from the configuration.
    Drop {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        consent: Consent,
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

impl Backlog {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.run(&config).await.unwrap_or_else(|exit| exit))
    }

    async fn run(&self, config: &Config) -> Result<Exit, Exit> {
        let client = Client::new(&self.instance, config)?;
        match &self.what {
            What::List { json } => list(&client, *json).await,
            What::Show(show) => show.run(&client).await,
            What::Retry { name, json } => {
                let unchanged = "is well: there is nothing to try again";
                change(&client, name, "retry", *json, ["is tried again now", unchanged]).await
            }
            What::Skip { chosen, reason } => {
                chosen.run(&client, "backlog", "skip", reason.as_deref(), "are parked").await
            }
            What::Drop { chosen, consent } => {
                consent.to(&format!("Give up {}?", chosen.of("waits")))?;
                chosen.run(&client, "backlog", "drop", None, "are given up").await
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
        [
            view.name.clone(),
            view.state.as_str().to_owned(),
            view.messages.to_string(),
            view.bytes.to_string(),
            view.oldest_age_seconds.map_or("-".to_owned(), age),
            view.attempts.to_string(),
            view.next_attempt.clone().unwrap_or_else(|| "-".to_owned()),
            view.class.clone().unwrap_or_else(|| "-".to_owned()),
            view.last_error.clone().unwrap_or_default(),
        ]
    };
    let head = ["CONNECTOR", "STATE", "MESSAGES", "BYTES", "OLDEST", "ATTEMPTS", "NEXT ATTEMPT", "CLASS", "LAST ERROR"];
    output::table(head, views.iter().map(row));
    Ok(Exit::Success)
}

impl Show {
    async fn run(&self, client: &Client) -> Result<Exit, Exit> {
        let mut query = vec![("after", self.after.to_string()), ("limit", self.limit.to_string())];
        if self.bodies {
            query.push(("bodies", "true".to_owned()));
        }
        let page: BacklogPage = client.read(client.get(&["api", "backlog", &self.name], &query).await?).await?;
        if self.json {
            output::json(&page);
            return Ok(Exit::Success);
        }
        let row = |entry: &EntryView| {
            [
                entry.sequence.to_string(),
                entry.message_id.clone(),
                format!("{}.{}", entry.target, entry.action),
                entry.bug.map_or_else(|| "-".to_owned(), |bug| bug.to_string()),
                entry.committed_at.clone(),
                entry.attempts.to_string(),
                entry.bytes.to_string(),
                if entry.perhaps_sent { "perhaps" } else { "no" }.to_owned(),
                entry.body.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]
        };
        let head = ["SEQUENCE", "MESSAGE", "WHAT", "BUG", "COMMITTED AT", "ATTEMPTS", "BYTES", "SENT", ""];
        output::table(head, page.entries.iter().map(row));
        if let Some(next) = page.next {
            output::error(&format!("there may be more: --after {next}"));
        }
        Ok(Exit::Success)
    }
}

/// `3 d 4 h`, `4 h 5 min`, `5 min 6 s`, `6 s`.
fn age(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_are_told_in_their_two_largest_units() {
        assert_eq!([6, 306, 14_706, 273_906].map(age), ["6 s", "5 min 6 s", "4 h 5 min", "3 d 4 h"]);
    }
}
