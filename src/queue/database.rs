//! The store in the database: tables in a schema of our own on Bugzilla's server, rows by the name of Bugzilla's database, so that several
//! Bugzillas of one server share them. Knows nothing of what connectors do, and locks nothing of Bugzilla's.
//!
//! One session writes, and what waits together is committed together; two others read. Several processes may have the store open: one of
//! them leads (`lead`), the others stand by.

mod dispose;
mod fault;
mod floor;
mod lead;
mod put;
mod read;
mod relayed;
mod schema;
mod settle;
mod statement;
mod trace;
mod tx;
mod upkeep;
mod work;
mod writer;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use self::fault::Fault;
use self::floor::Floors;
use self::read::Reader;
use self::statement::{Names, list};
use self::upkeep::Step;
use self::work::Work;
use self::writer::Writer;
use super::kept::{self, now_ms, relayed_before};
use super::{
    BacklogStats, Batch, Checkpoint, Disposal, Entry, Filter, Page, Parked, Queue, QueueError, Receipt, Settlement,
    Sought, Standing, Stats, Subscriber, SweepMark, Trace, Waiting,
};
use crate::bugzilla::LocalTime;
use crate::changeset::Subject;
use crate::database::{Dialect, Server};
use crate::message::{Envelope, Fact, Message, Relayed};

/// Facts asked for at once.
const ASKED: usize = 2_000;

/// Steps of tidying in a row that forget little, at the most: the next time it is gone on there.
const IDLE_STEPS: u32 = 4;

/// Where the store is, and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Ours, on the server.
    pub schema: String,
    /// The name of Bugzilla's database: whose rows are ours.
    pub database: String,
    /// Beyond this nothing more is put, in 2^20 bytes: bodies as they are, and 400 bytes for each message besides.
    pub max_megabytes: u64,
    /// How long what is known of a message stays after it was put and sent; its text does not.
    pub sent_retention: Duration,
    /// How long parked messages stay, with their text.
    pub parked_retention: Duration,
    /// How long before the checkpoint and the sweep's mark facts are known to be told.
    pub told_retention: Duration,
}

/// The open store. Closed when dropped.
pub struct DatabaseQueue {
    settings: Settings,
    store: String,
    writer: Writer,
    deliveries: Reader,
    gauges: Reader,
    floors: Arc<Floors>,
    tidied: Mutex<Tidied>,
}

/// Behind which keys and messages tidying goes on.
#[derive(Clone, Copy)]
struct Tidied {
    facts: i64,
    messages: i64,
}

impl Tidied {
    const BEGINNING: Tidied = Tidied { facts: i64::MIN, messages: 0 };
}

/// What was found of the store without touching it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What an administrator may run to make the tables, or to bring them up to this version; empty: they are as they should be.
    pub missing: Vec<String>,
    /// What the account may not do, as GRANT says it.
    pub denied: Vec<String>,
}

impl DatabaseQueue {
    /// Connects to nothing yet, tries to lead from now on, and makes the tables when it does. Must be called in the runtime.
    pub fn open(server: Arc<dyn Server>, settings: Settings) -> Self {
        let (store, names) = (called(&settings), names(&*server, &settings));
        let reader = || Reader::new(Arc::clone(&server), names.clone());
        let (deliveries, gauges) = (reader(), reader());
        let floors = Arc::<Floors>::default();
        let writer = Writer::start(store.clone(), server, names, Arc::clone(&floors));
        let tidied = Mutex::new(Tidied::BEGINNING);
        DatabaseQueue { settings, store, writer, deliveries, gauges, floors, tidied }
    }

    /// Looks at the tables and the rights, and changes nothing.
    ///
    /// # Errors
    /// [`QueueError::Unusable`]: of a newer version; [`QueueError::Failed`]: the server cannot be asked.
    pub async fn look(server: &dyn Server, settings: &Settings) -> Result<Found, QueueError> {
        let names = names(server, settings);
        let look = async {
            let mut session = lead::session(server, &names, lead::SILENCE).await?;
            let version = match schema::version(session.as_mut(), &names).await {
                Err(fault) if fault.is_denied() => {
                    return Ok(Found {
                        missing: vec![],
                        denied: vec![format!("SELECT ON {}.store_version", names.schema)],
                    });
                }
                version => version?,
            };
            let missing = schema::missing(&names, version);
            let denied = if missing.is_empty() { schema::denied(session.as_mut(), &names).await? } else { vec![] };
            Ok(Found { missing, denied })
        };
        look.await.map_err(|fault: Fault| fault.of(&called(settings)))
    }

    /// Whether the server is a node of a Galera cluster, as far as it can be asked: the lock by which one instance leads is no cluster's.
    pub async fn is_on_galera(server: &dyn Server, settings: &Settings) -> bool {
        let names = names(server, settings);
        let ask = async {
            let mut session = lead::session(server, &names, lead::SILENCE).await?;
            let ask = names.fill(include_str!("../../sql/mysql/store/cluster.sql"), &[]);
            Ok::<_, Fault>(session.run(&[ask]).await?)
        };
        let is_mysql = server.dialect() == Dialect::Mysql;
        is_mysql && ask.await.is_ok_and(|answers| answers.iter().flatten().any(|row| row.text(1) == "ON"))
    }

    /// The server behind the stored position, also beside a process that uses the store; changes nothing. None if there is no position, or
    /// if that cannot be read: `look` would say why.
    pub async fn server_behind(server: &Arc<dyn Server>, settings: &Settings) -> Option<String> {
        let reader = Reader::new(Arc::clone(server), names(&**server, settings));
        Some(reader.checkpoint().await.ok()??.server?.to_string())
    }

    fn max_bytes(&self) -> u64 {
        self.settings.max_megabytes.saturating_mul(1 << 20)
    }

    /// Takes steps, each behind the one before, until all is looked at, or there is little to forget; gives where to go on.
    async fn tidy<W: Work<Done = Step>>(
        &self,
        mut after: i64,
        beginning: i64,
        step: impl Fn(i64) -> W,
    ) -> Result<i64, QueueError> {
        let mut idle = 0;
        while idle < IDLE_STEPS {
            let done = self.writer.run(step(after)).await?;
            idle = if done.is_idle() { idle + 1 } else { 0 };
            match done.next {
                Some(next) => after = next,
                None => return Ok(beginning),
            }
        }
        Ok(after)
    }

    fn told<T>(&self, read: Result<T, Fault>) -> Result<T, QueueError> {
        read.map_err(|fault| fault.of(&self.store))
    }
}

/// For people.
fn called(settings: &Settings) -> String {
    format!("database:{}", settings.schema)
}

fn names(server: &dyn Server, settings: &Settings) -> Names {
    Names { dialect: server.dialect(), schema: settings.schema.clone(), database: settings.database.clone() }
}

#[async_trait]
impl Queue for DatabaseQueue {
    async fn lead(&self) -> Result<(), QueueError> {
        self.writer.lead().await
    }

    fn stands_by(&self) -> bool {
        self.writer.stands_by()
    }

    async fn doubt(&self) -> Result<(), QueueError> {
        let mut from = Some((0, 0));
        while let Some(after) = from {
            from = self.writer.run(settle::Doubt { after }).await?;
        }
        Ok(())
    }

    async fn stood_by(&self) {
        self.writer.stood_by().await;
    }

    async fn leader(&self) -> Option<String> {
        // Nobody but a person misses it: what cannot be read is not told.
        self.gauges.leader().await.ok()?
    }

    async fn deposed(&self) -> QueueError {
        self.writer.deposed().await
    }

    async fn subscribe(&self, subscribers: Vec<Subscriber>) -> Result<(), QueueError> {
        self.writer.run(put::Subscribe(subscribers)).await
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueueError> {
        self.told(self.deliveries.checkpoint().await)
    }

    async fn put(&self, messages: Vec<Message>, checkpoint: Checkpoint) -> Result<Vec<Envelope>, QueueError> {
        self.writer.run(put::Put { messages, checkpoint, max_bytes: self.max_bytes() }).await
    }

    async fn untold(&self, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, QueueError> {
        let mut untold = Vec::new();
        for facts in facts.chunks(ASKED) {
            let keys = list(facts.iter().map(|(fact, _)| kept::fact_key(*fact)));
            let told = self.told(self.deliveries.told(&keys).await)?;
            let is_told = |&(fact, saved_at): &(Fact, LocalTime)| {
                told.get(&kept::fact_key(fact)).is_some_and(|second| *second == saved_at.ordinal())
            };
            untold.extend(facts.iter().copied().filter(|fact| !is_told(fact)));
        }
        Ok(untold)
    }

    async fn put_again(
        &self,
        messages: Vec<Message>,
        connectors: Vec<String>,
    ) -> Result<Option<Vec<Envelope>>, QueueError> {
        self.writer.run(put::PutAgain { messages, connectors, max_bytes: self.max_bytes() }).await
    }

    async fn put_relayed(&self, messages: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError> {
        self.writer.run(relayed::PutRelayed { messages, max_bytes: self.max_bytes() }).await
    }

    async fn swept(&self) -> Result<Option<SweepMark>, QueueError> {
        self.told(self.deliveries.swept().await)
    }

    async fn set_swept(&self, mark: SweepMark) -> Result<(), QueueError> {
        self.writer.run(put::SetSwept(mark)).await
    }

    async fn swept_on(&self, until: i64) -> Result<(), QueueError> {
        self.writer.run(put::SweptOn(until)).await
    }

    async fn next_behind(&self, connector: &str, after: i64, limit: usize) -> Result<Batch, QueueError> {
        // Another that leads may put back what was sent long ago.
        let floors = Some(&*self.floors).filter(|_| after == 0 && self.writer.leads());
        self.told(self.deliveries.next_behind(connector, after, limit, floors).await)
    }

    async fn pause(&self, connector: &str, paused: bool) -> Result<(), QueueError> {
        self.writer.run(put::Pause { connector: connector.to_owned(), paused }).await
    }

    async fn backlog(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Waiting>, QueueError> {
        self.told(self.gauges.backlog(connector, after, limit).await)
    }

    async fn backlog_bodies(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Entry>, QueueError> {
        self.told(self.gauges.backlog_bodies(connector, after, limit).await)
    }

    async fn parked(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Parked<Waiting>>, QueueError> {
        self.told(self.gauges.parked(connector, after, limit).await)
    }

    async fn parked_bodies(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Parked<Entry>>, QueueError> {
        self.told(self.gauges.parked_bodies(connector, after, limit).await)
    }

    async fn dispose(
        &self,
        connector: &str,
        disposal: Disposal,
        sequences: Vec<RangeInclusive<i64>>,
    ) -> Result<u64, QueueError> {
        let (connector, floors) = (connector.to_owned(), Arc::clone(&self.floors));
        self.writer.run(dispose::Dispose { connector, disposal, sequences, floors }).await
    }

    async fn traces(&self, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, QueueError> {
        self.told(trace::traces(&self.gauges, sought, after, limit).await)
    }

    async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, QueueError> {
        self.told(self.gauges.public_bodies(after, limit).await)
    }

    async fn begin(&self, connector: &str, sequences: Vec<i64>) -> Result<bool, QueueError> {
        self.writer.run(settle::Begin { connector: connector.to_owned(), sequences }).await
    }

    async fn settle(&self, connector: &str, settlement: Settlement) -> Result<(), QueueError> {
        self.writer.run(settle::Settle { connector: connector.to_owned(), settlement }).await
    }

    async fn redact(&self, sequences: Vec<i64>) -> Result<(), QueueError> {
        self.writer.run(upkeep::Redact(sequences)).await
    }

    async fn stats(&self) -> Result<Stats, QueueError> {
        self.told(self.gauges.stats().await)
    }

    async fn purge(&self) -> Result<(), QueueError> {
        let ms = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let before = |age: Duration| now_ms().saturating_sub(ms(age));
        let parked = before(self.settings.parked_retention);
        while self.writer.run(upkeep::PurgeParked { before: parked }).await? {}
        while self.writer.run(relayed::Forget { before: relayed_before() }).await? {}
        let mut tidied = self.tidied.lock().await;
        let Tidied { facts, messages } = *tidied;
        let told_for = ms(self.settings.told_retention);
        let forget = |after| upkeep::PurgeFacts { after, told_for };
        tidied.facts = self.tidy(facts, Tidied::BEGINNING.facts, forget).await?;
        self.writer.run(upkeep::PurgeConnectors).await?;
        let before = before(self.settings.sent_retention);
        let forget = |after| upkeep::PurgeMessages { after, before };
        tidied.messages = self.tidy(messages, Tidied::BEGINNING.messages, forget).await?;
        Ok(())
    }
}
