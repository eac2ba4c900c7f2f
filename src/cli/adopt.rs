//! `bugrelay adopt`: says that a server that was refused is the right one; to a running bugrelay, or to the store of one that does not run.

use std::time::Duration;

use clap::Args;

use super::client::{Client, Instance};
use super::consent::Consent;
use super::{Exit, output, run_with};
use crate::admin::{AdoptionOrder, AdoptionView, ServerView};
use crate::app;
use crate::capture::identity::{Refusal, Server, Verdict};
use crate::config::{Config, ConfigError};
use crate::failure::Class;
use crate::pipeline;
use crate::queue::QueueError;

/// How long a store in the database is waited for.
const OPENED_WITHIN: Duration = Duration::from_secs(15);

#[derive(Args)]
pub(super) struct Adopt {
    #[command(flatten)]
    consent: Consent,
    /// No bugrelay runs: ask the database itself, and write into the store.
    #[arg(long, conflicts_with = "url")]
    offline: bool,
    /// As the API tells it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    instance: Instance,
}

impl Adopt {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.run(&config).await.unwrap_or_else(|exit| exit))
    }

    async fn run(&self, config: &Config) -> Result<Exit, Exit> {
        if self.offline { self.in_store(config).await } else { self.by_instance(config).await }
    }

    /// Asks and tells the instance that runs.
    async fn by_instance(&self, config: &Config) -> Result<Exit, Exit> {
        let client = Client::new(&self.instance, config)?;
        let view: AdoptionView = client.read(client.get(&["api", "identity"], &[]).await?).await?;
        let Some(server) = self.agreed(&view)? else { return Ok(Exit::Success) };
        let adopted: AdoptionView =
            client.read(client.post_json(&["api", "adopt"], &AdoptionOrder { server: server.clone() }).await?).await?;
        Ok(self.done(&adopted, &server))
    }

    /// Does what the instance would do.
    async fn in_store(&self, config: &Config) -> Result<Exit, Exit> {
        let queue = app::store(config).map_err(|error| failed(&error))?;
        // One in the database may have to be waited for, if an instance is just ending.
        let leads = tokio::time::timeout(OPENED_WITHIN, queue.lead()).await;
        let Ok(leads) = leads else {
            output::error("the store does not open: is the database down, or does an instance use it?");
            return Err(Exit::Unavailable);
        };
        leads.map_err(|error| failed(&error))?;
        let checkpoint = queue.checkpoint().await.map_err(|error| failed(&error))?;
        let known = checkpoint.and_then(|stored| Server::parse(stored.server.as_deref()?));
        let bugzilla = config.bugzilla().map_err(|error| unconfigured(&error))?;
        let found = app::guard(bugzilla).look().await.map_err(|error| {
            output::error(&error.message);
            if error.class == Class::Transient { Exit::Unavailable } else { Exit::Configuration }
        })?;
        let refusal = match known.map(|known| (found.judge(&known), known)) {
            Some((Verdict::Copy(why), known)) => Some(Refusal::new(Some(known), found.server, &why)),
            _ => None,
        };
        let view = AdoptionView::of(refusal.as_ref());
        let (Some(server), Some(refusal)) = (self.agreed(&view)?, refusal) else { return Ok(Exit::Success) };
        pipeline::adopt(&*queue, &refusal.found).await.map_err(|error| failed(&error))?;
        Ok(self.done(&AdoptionView { refused: false, ..view }, &server))
    }

    /// The server, if one is refused and it is meant.
    fn agreed(&self, view: &AdoptionView) -> Result<Option<ServerView>, Exit> {
        let (Some(reason), Some(server)) = (&view.reason, &view.found) else {
            if self.json {
                output::json(view);
            } else {
                output::line("there is nothing to adopt: no server is refused");
            }
            return Ok(None);
        };
        output::error(reason);
        self.consent.to(&format!(
            "Adopt database {} at {} ({})? What was saved there since the last change that was told is told from Bugzilla's history, then the \
             capture goes on at the server's present end, and what waits for the connectors is sent.",
            server.database, server.host, server.id
        ))?;
        Ok(Some(server.clone()))
    }

    fn done(&self, view: &AdoptionView, server: &ServerView) -> Exit {
        if self.json {
            output::json(view);
        } else {
            output::line(&format!("database {} at {} ({}) is adopted", server.database, server.host, server.id));
        }
        Exit::Success
    }
}

fn unconfigured(error: &ConfigError) -> Exit {
    output::error(&error.to_string());
    Exit::Configuration
}

fn failed(error: &QueueError) -> Exit {
    output::error(&error.to_string());
    Exit::Store
}
