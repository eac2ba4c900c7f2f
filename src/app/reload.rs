//! The configuration read anew while everything runs: its connectors are started, stopped and made anew one by one, its secrets
//! take the place of the old ones. What a connector is, and what may differ, is decided elsewhere.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::IntGauge;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::admin::Configuration;
use crate::backoff::Reconnect;
use crate::config::{Config, ConfigError, ConnectorConfig, Difference};
use crate::delivery::{Delivery, Gate, Handle, Policy, Served};
use crate::metrics::Metrics;
use crate::queue::{Queue, QueueError, Subscriber};
use crate::shutdown::Shutdown;

/// How often it is looked whether the configuration, or a file that it names, says something else. What has changed must be there
/// at two looks: a file that is just being written may be read, and lack its last connectors.
const LOOK: Duration = Duration::from_secs(2);

/// After the store failed.
const AGAIN: Duration = Duration::from_secs(30);

/// Reads the configuration; blocks.
type Load = dyn Fn() -> Result<Config, ConfigError> + Send + Sync;

/// How a change of the configuration is noticed.
pub struct Follow {
    /// Reads it; blocks.
    pub load: Arc<Load>,
    /// Says that it has changed.
    pub hangup: Signal,
}

/// What runs, and can be told otherwise.
pub struct Reload {
    config: Config,
    delivery: Delivery,
    served: Served,
    is_successful: IntGauge,
    /// Tells people what is in force.
    told: watch::Sender<Configuration>,
    /// The connectors run: not while the store is waited for.
    is_serving: bool,
}

/// What a look found. A mistake is told from another by its text.
type Found = Result<Config, String>;

impl Reload {
    /// Nothing is started yet.
    pub(super) fn new(config: Config, delivery: Delivery, served: Served, told: watch::Sender<Configuration>) -> Self {
        let is_successful = delivery.metrics.config_reload_successful.clone();
        let reload = Reload { config, delivery, served, is_successful, told, is_serving: false };
        reload.name(&reload.config);
        reload
    }

    /// Waits for something, which may be hours in which another instance leads: what the configuration says meanwhile is taken, and so is the
    /// password that the store itself may be waiting for.
    pub(super) async fn meanwhile<T>(&mut self, follow: &mut Option<Follow>, awaited: impl Future<Output = T>) -> T {
        match follow {
            None => awaited.await,
            Some(follow) => tokio::select! {
                come = awaited => come,
                never = self.follow(follow) => match never {},
            },
        }
    }

    /// Starts the connectors. A store that cannot be asked now is waited for.
    pub(super) async fn start(&mut self, follow: &mut Option<Follow>) -> Result<(), QueueError> {
        let mut reconnect = Reconnect::default();
        loop {
            let nothing = Config { connectors: [].into(), ..self.config.clone() };
            match self.serve(&self.config, &nothing.difference(&self.config)).await {
                Err(error @ (QueueError::Failed { .. } | QueueError::Full { .. })) => {
                    tracing::error!(%error, "the start waits for the store");
                    self.meanwhile(follow, tokio::time::sleep(reconnect.next_delay())).await;
                }
                started => {
                    self.is_serving = started.is_ok();
                    return started;
                }
            }
        }
    }

    /// How it is followed, if it can be: of a pipe there is nothing to read again.
    pub(super) fn followed(&self, follow: Option<Follow>) -> Option<Follow> {
        let follow = follow?;
        if std::fs::metadata(&self.config.path).is_ok_and(|file| file.is_file()) {
            return Some(follow);
        }
        let config = self.config.path.display();
        tracing::warn!(%config, "the configuration is no file that can be read twice: changes need a restart");
        None
    }

    /// What others need of it as well.
    pub(super) fn parts(&self) -> (Arc<dyn Queue>, Arc<dyn Gate>, Metrics, Shutdown) {
        let Delivery { queue, gate, metrics, shutdown, .. } = &self.delivery;
        (Arc::clone(queue), Arc::clone(gate), metrics.clone(), shutdown.clone())
    }

    /// Until shutdown is requested.
    pub(super) async fn run(mut self, mut follow: Follow) {
        let shutdown = self.delivery.shutdown.clone();
        tokio::select! {
            () = shutdown.requested() => {}
            never = self.follow(&mut follow) => match never {},
        }
    }

    /// Looks on every hangup, and now and then. While nothing is served it can be given up at any time.
    async fn follow(&mut self, Follow { load, hangup }: &mut Follow) -> Infallible {
        let (mut before, mut handled): (Found, Found) = (Ok(self.config.clone()), Ok(self.config.clone()));
        loop {
            let is_told = tokio::select! {
                Some(()) = hangup.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let found = look(load).await;
            let is_settled = is_same(&found, &before) && !is_same(&found, &handled);
            if is_told || is_settled {
                if self.take(found.clone()).await {
                    handled.clone_from(&found);
                } else {
                    tokio::time::sleep(AGAIN).await;
                }
            }
            before = found;
        }
    }

    /// Puts in force what can be, and says in one line what that was; `false`: the store failed, and it is to be tried again.
    async fn take(&mut self, found: Found) -> bool {
        let next = match found {
            Ok(next) => next,
            Err(error) => {
                self.is_successful.set(0);
                self.told.send_modify(|told| told.refused = Some(error.clone()));
                tracing::error!(error, "the configuration cannot be used; what was in force stays so");
                return true;
            }
        };
        let difference = self.config.difference(&next);
        // First: the store may be waiting for the new password itself.
        self.rotate(&next, &difference);
        if !self.is_serving {
            self.name(&next);
        } else if let Err(error) = self.serve(&next, &difference).await {
            self.is_successful.set(0);
            tracing::error!(%error, "the new configuration waits for the store; what was in force stays so");
            return false;
        }
        let Difference { added, removed, changed, settings, needs_restart } = difference;
        self.is_successful.set(i64::from(needs_restart.is_empty()));
        self.told.send_replace(Configuration::of(next.shown.settings(), &needs_restart));
        if !needs_restart.is_empty() {
            let settings = needs_restart.join(", ");
            tracing::warn!(settings, "needs a restart: these were changed, and stay as they were until then");
        }
        let list = |names: &[String]| names.join(", ");
        // Last: whoever waits for this line finds everything done.
        tracing::info!(
            added = list(&added),
            removed = list(&removed),
            changed = list(&changed),
            settings = settings.join(", "),
            "the configuration was read anew"
        );
        self.config.connectors = next.connectors;
        true
    }

    /// Whoever connects from now on uses the new ones; no script takes a topic that is going to be Bugzilla's.
    fn rotate(&self, next: &Config, difference: &Difference) {
        let has_changed = |wanted: &[&str]| difference.settings.iter().any(|setting| wanted.contains(setting));
        if has_changed(&["[bugzilla] password", "[bugzilla] ca_file"]) {
            for (ours, theirs) in self.config.bugzilla.iter().zip(&next.bugzilla) {
                ours.password.rotate(theirs.password.get());
            }
        }
        if has_changed(&["[relay] tokens of clients"]) {
            let clients =
                |config: &Config| config.relay.iter().flat_map(|relay| relay.clients.clone()).collect::<Vec<_>>();
            for ours in clients(&self.config) {
                if let Some(theirs) = clients(next).iter().find(|theirs| theirs.name == ours.name) {
                    ours.token.rotate(theirs.token.get());
                }
            }
        }
        for (ours, theirs) in self.config.relay.iter().zip(&next.relay) {
            ours.reserved.follow(&theirs.reserved);
        }
        if has_changed(&["[admin] token"]) {
            self.config.admin.token.rotate(next.admin.token.get());
        }
    }

    /// The connectors are these; none has a worker yet.
    fn name(&self, next: &Config) {
        for name in next.connectors.keys() {
            self.served.set(name, None);
        }
        self.served.retain(|name| next.connectors.contains_key(name));
    }

    /// Says who gets messages from now on, stops what is not served any more or not as it was, and starts the rest.
    ///
    /// # Errors
    /// The store's: then nothing was changed.
    async fn serve(&self, next: &Config, difference: &Difference) -> Result<(), QueueError> {
        let enabled = next.connectors.iter().filter(|(_, connector)| connector.enabled);
        let subscribers =
            enabled.map(|(name, connector)| Subscriber { connector: name.clone(), filter: connector.filter.clone() });
        self.delivery.queue.subscribe(subscribers.collect()).await?;
        // Side by side: one whose bus hangs is waited for, and keeps no other waiting.
        join_all(difference.removed.iter().map(|name| self.stop(name))).await;
        let changed = difference.changed.iter().filter_map(|name| Some((name, next.connectors.get(name)?)));
        join_all(changed.map(async |(name, connector)| {
            self.stop(name).await;
            // Whoever changed it has probably mended it.
            self.begin(name, connector).retry_now();
        }))
        .await;
        for (name, connector) in &next.connectors {
            if difference.added.contains(name) {
                self.begin(name, connector);
            } else if !connector.enabled {
                self.served.set(name, None);
            }
        }
        self.served.retain(|name| next.connectors.contains_key(name));
        Ok(())
    }

    async fn stop(&self, name: &str) {
        if let Some(Some(handle)) = self.served.get(name) {
            handle.stop().await;
        }
        // Nobody says any more how it is; an error says that nobody ever did.
        let _ = self.delivery.metrics.delivery.connector_up.remove_label_values(&[name]);
    }

    fn begin(&self, name: &str, connector: &ConnectorConfig) -> Handle {
        let policy = Policy {
            filter: connector.filter.clone(),
            batch: connector.batch,
            timeout: connector.timeout,
            schedule: connector.schedule.clone(),
            oversize: connector.oversize,
        };
        let handle = self.delivery.spawn(name, connector.kind.build(connector.timeout), policy);
        self.served.set(name, Some(handle.clone()));
        handle
    }
}

/// Files may lie on a disk that hangs.
async fn look(load: &Arc<Load>) -> Found {
    let load = Arc::clone(load);
    let loaded = tokio::task::spawn_blocking(move || load()).await;
    loaded.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn is_same(one: &Found, other: &Found) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.difference(other).is_none(),
        (Err(one), Err(other)) => one == other,
        _ => false,
    }
}
