//! The embedded store: one SQLite file beside bugrelay. Knows nothing of what connectors do.
//!
//! One thread writes, and what waits together is synced together; readers never wait for a sync. Not for network disks, and for one
//! process at a time: a second one is refused.

mod custody;
mod dispose;
mod fault;
mod file;
mod mark;
mod put;
mod read;
mod relayed;
mod reserve;
mod settle;
mod spent;
mod trace;
mod upkeep;
mod writer;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::Mutex;

use self::custody::Custody;
use self::fault::Fault;
use self::put::Room;
use self::reserve::Reserve;
use self::writer::{Effort, Writer};
use super::kept::{now_ms, relayed_before};
use super::{
    BacklogStats, Batch, Checkpoint, Disposal, Entry, Filter, Page, Parked, Queue, QueueError, Receipt, Settlement,
    Sought, Standing, Stats, Subscriber, SweepMark, Trace, Waiting,
};
use crate::bugzilla::LocalTime;
use crate::changeset::Subject;
use crate::message::{Envelope, Fact, Message, Relayed};

/// Free pages that purging keeps for what comes next (8 MB), and pages that it gives back to the disk: in one transaction
/// (2 MB), and in all (128 MB). After a large backlog the file shrinks from purge to purge.
const SPARE_PAGES: i64 = 1_024;
const RELEASE_STEP: i64 = 256;
const RELEASE_STEPS: u32 = 64;

/// Where the store is, and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file; its directory must exist. Files with its name and `-wal`, `-shm`, `-lock`, `-reserve` behind it belong to it; what was damaged is kept with `.damaged-TIME` behind it.
    pub path: PathBuf,
    /// Beyond this nothing more is put, in 2^20 bytes.
    pub max_megabytes: u64,
    /// How long what is known of a message stays after it was put and sent; its text does not.
    pub sent_retention: Duration,
    /// How long parked messages stay, with their text.
    pub parked_retention: Duration,
    /// How long before the checkpoint and the sweep's mark facts are known to be told.
    pub told_retention: Duration,
}

/// The open store. Closed when dropped.
#[derive(Debug)]
pub struct SqliteQueue {
    settings: Settings,
    // Dropped in this order: the lock is let go of when nothing is open any more.
    writer: Writer,
    deliveries: Reader,
    gauges: Reader,
    reserve: Arc<Reserve>,
    identity: file::Identity,
    custody: Arc<Custody>,
}

type Reader = Arc<Mutex<Connection>>;

impl SqliteQueue {
    /// Opens the store for this process alone, and makes it if it is not there. Blocks for some milliseconds, whatever waits in it.
    ///
    /// # Errors
    /// [`QueueError::InUse`] by another process; [`QueueError::Damaged`]: it was set aside, now or before;
    /// [`QueueError::Unusable`]: none of ours, of a newer version, or not to be written.
    pub fn open(settings: Settings) -> Result<Self, QueueError> {
        let store = name(&settings.path);
        let custody = Custody::take(&settings.path, &store).map_err(|fault| fault.of(&store))?;
        let custody = Arc::new(custody);
        SqliteQueue::open_as(settings, Arc::clone(&custody)).map_err(|fault| custody.refusal(fault))
    }

    /// Somebody has said from when on to tell: where a damaged store was set aside, the next [`SqliteQueue::open`] may make a new one.
    /// `false`: a store is there, and there is nothing to begin.
    ///
    /// # Errors
    /// [`QueueError::InUse`] by another process; [`QueueError::Unusable`]: its place cannot be written.
    pub fn begin_anew(path: &Path) -> Result<bool, QueueError> {
        let store = name(path);
        let custody = Custody::take(path, &store).map_err(|fault| fault.of(&store))?;
        custody.begin_anew().map_err(|fault| fault.of(&store))
    }

    /// What [`SqliteQueue::open`] would say, without a change on disk; `false` if it would make the store.
    ///
    /// # Errors
    /// As `open`'s; damage behind the file's first page is not looked for.
    pub fn look(path: &Path) -> Result<bool, QueueError> {
        file::look(path).map_err(|fault| fault.of(&name(path)))
    }

    /// The server behind the stored position, also beside a process that uses the store; changes nothing on disk. None if there is no position, or
    /// if that cannot be read: `open` would say why.
    pub fn server_behind(path: &Path) -> Option<String> {
        let connection = file::open_beside(path).ok()?;
        Some(read::checkpoint(&connection).ok()??.server?.to_string())
    }

    fn open_as(settings: Settings, custody: Arc<Custody>) -> Result<Self, Fault> {
        let path = &settings.path;
        custody.admit()?;
        let reserve = Arc::new(Reserve::new(path));
        let open = || file::open_writer(path, reserve.log_bytes(), custody.knows_a_store());
        let connection = match open() {
            Err(fault) if fault.is_disk_full() && reserve.release() => open()?,
            opened => opened?,
        };
        let (deliveries, gauges) = (file::open_reader(path)?, file::open_reader(path)?);
        custody.opened()?;
        let writer = Writer::start(Arc::clone(&custody), connection, Arc::clone(&reserve))?;
        let (deliveries, gauges) = (Arc::new(Mutex::new(deliveries)), Arc::new(Mutex::new(gauges)));
        let identity = file::Identity::of(&settings.path)?;
        Ok(SqliteQueue { settings, writer, deliveries, gauges, reserve, identity, custody })
    }

    fn room(&self) -> Room {
        let max_bytes = self.settings.max_megabytes.saturating_mul(1 << 20);
        Room { max_bytes, reserve: Arc::clone(&self.reserve), file: self.identity.clone() }
    }

    async fn read<T, F>(&self, reader: &Reader, work: F) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.custody.sound()?;
        let connection = Arc::clone(reader).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || work(&connection)).await;
        done.unwrap_or_else(|error| Err(Fault::Other(error.to_string()))).map_err(|fault| self.custody.error(fault))
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn subscribe(&self, subscribers: Vec<Subscriber>) -> Result<(), QueueError> {
        self.writer.run(Effort::Synced, move |store| put::subscribe(store, &subscribers)).await
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueueError> {
        self.read(&self.deliveries, read::checkpoint).await
    }

    async fn put(&self, messages: Vec<Message>, checkpoint: Checkpoint) -> Result<Vec<Envelope>, QueueError> {
        let room = self.room();
        self.writer.run(Effort::Grown, move |store| put::put(store, &messages, &checkpoint, &room)).await
    }

    async fn untold(&self, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, QueueError> {
        self.read(&self.deliveries, move |store| put::untold(store, facts)).await
    }

    async fn put_again(
        &self,
        messages: Vec<Message>,
        connectors: Vec<String>,
    ) -> Result<Option<Vec<Envelope>>, QueueError> {
        let room = self.room();
        self.writer.run(Effort::Grown, move |store| put::put_again(store, &messages, &connectors, &room)).await
    }

    async fn put_relayed(&self, messages: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError> {
        let room = self.room();
        self.writer.run(Effort::Grown, move |store| relayed::put(store, &messages, &room)).await
    }

    async fn swept(&self) -> Result<Option<SweepMark>, QueueError> {
        self.read(&self.deliveries, read::swept).await
    }

    async fn set_swept(&self, mark: SweepMark) -> Result<(), QueueError> {
        self.writer.run(Effort::Synced, move |store| put::set_swept(store, mark)).await
    }

    async fn swept_on(&self, until: i64) -> Result<(), QueueError> {
        self.writer.run(Effort::Synced, move |store| put::swept_on(store, until)).await
    }

    async fn next_behind(&self, connector: &str, after: i64, limit: usize) -> Result<Batch, QueueError> {
        let connector = connector.to_owned();
        self.read(&self.deliveries, move |store| read::next_behind(store, &connector, after, limit)).await
    }

    async fn pause(&self, connector: &str, paused: bool) -> Result<(), QueueError> {
        let connector = connector.to_owned();
        self.writer.run(Effort::Synced, move |store| put::pause(store, &connector, paused)).await
    }

    async fn backlog(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Waiting>, QueueError> {
        let connector = connector.to_owned();
        self.read(&self.gauges, move |store| read::backlog(store, &connector, after, limit)).await
    }

    async fn backlog_bodies(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Entry>, QueueError> {
        let connector = connector.to_owned();
        self.read(&self.gauges, move |store| read::backlog_bodies(store, &connector, after, limit)).await
    }

    async fn parked(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Parked<Waiting>>, QueueError> {
        let connector = connector.to_owned();
        self.read(&self.gauges, move |store| read::parked(store, &connector, after, limit)).await
    }

    async fn parked_bodies(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Parked<Entry>>, QueueError> {
        let connector = connector.to_owned();
        self.read(&self.gauges, move |store| read::parked_bodies(store, &connector, after, limit)).await
    }

    async fn dispose(
        &self,
        connector: &str,
        disposal: Disposal,
        sequences: Vec<RangeInclusive<i64>>,
    ) -> Result<u64, QueueError> {
        let connector = connector.to_owned();
        let work = move |store: &Connection| dispose::dispose(store, &connector, &disposal, &sequences);
        self.writer.run(Effort::Synced, work).await
    }

    async fn traces(&self, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, QueueError> {
        self.read(&self.gauges, move |store| trace::traces(store, sought, after, limit)).await
    }

    async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, QueueError> {
        self.read(&self.gauges, move |store| upkeep::public_bodies(store, after, limit)).await
    }

    async fn begin(&self, connector: &str, sequences: Vec<i64>) -> Result<bool, QueueError> {
        let connector = connector.to_owned();
        self.writer.run(Effort::Written, move |store| settle::begin(store, &connector, &sequences)).await
    }

    async fn settle(&self, connector: &str, settlement: Settlement) -> Result<(), QueueError> {
        let connector = connector.to_owned();
        self.writer.run(Effort::Synced, move |store| settle::settle(store, &connector, &settlement)).await
    }

    async fn redact(&self, sequences: Vec<i64>) -> Result<(), QueueError> {
        self.writer.run(Effort::Scrubbed, move |store| upkeep::redact(store, &sequences)).await
    }

    async fn stats(&self) -> Result<Stats, QueueError> {
        let path = self.settings.path.clone();
        self.read(&self.gauges, move |store| read::stats(store, &path)).await
    }

    async fn purge(&self) -> Result<(), QueueError> {
        let now = now_ms();
        let ms = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let before = |age: Duration| now.saturating_sub(ms(age));
        let (told, parked) = (ms(self.settings.told_retention), before(self.settings.parked_retention));
        let file = self.identity.clone();
        let purge_old = move |store: &Connection| file.verify().and_then(|()| upkeep::purge_old(store, parked));
        self.writer.run(Effort::Synced, purge_old).await?;
        // A quarter of the log at once, so that deliveries need not wait long for it.
        let step = i64::try_from(self.reserve.log_bytes() / 4 / file::PAGE).unwrap_or(1);
        while self.writer.run(Effort::Written, move |store| spent::drop_spent(store, step)).await? {}
        let mut after = Some(i64::MIN);
        while let Some(key) = after {
            after = self.writer.run(Effort::Synced, move |store| upkeep::purge_ledger(store, key, now, told)).await?;
        }
        while self.writer.run(Effort::Written, |store| relayed::forget(store, relayed_before())).await? {}
        let put = before(self.settings.sent_retention);
        let mut after = Some(0);
        while let Some(sequence) = after {
            after = self.writer.run(Effort::Synced, move |store| upkeep::purge_messages(store, sequence, put)).await?;
        }
        let release = |store: &Connection| upkeep::release_pages(store, SPARE_PAGES, RELEASE_STEP);
        let mut steps = 0..RELEASE_STEPS;
        while steps.next().is_some() && self.writer.run(Effort::Synced, release).await? {}
        // The texts of what was sent since the last time are in the log still.
        self.writer.run(Effort::Scrubbed, |_| Ok(())).await
    }
}

/// As the configuration writes it.
fn name(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}
