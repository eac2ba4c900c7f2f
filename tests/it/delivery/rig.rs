//! Delivery with everything around it under a test's control.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scripted::Script;
use async_trait::async_trait;
use bugrelay::backoff::Schedule;
use bugrelay::bugzilla::{ActivityId, BugId, LocalTime};
use bugrelay::changeset::{Kind, Position, Subject};
use bugrelay::delivery::{Delivery, Gate, GateError, Handle, Oversize, Policy};
use bugrelay::message::{Body, Envelope, Fact, Message, MessageId, Relayed};
use bugrelay::metrics::Metrics;
use bugrelay::queue::{
    BacklogStats, Batch, Checkpoint, Disposal, Entry, Filter, Page, Parked, Queue, QueueError, Receipt, Settlement,
    Sought, Stats, Subscriber, SweepMark, Trace, Waiting,
};
use bugrelay::shutdown::Shutdown;
use bugrelay::visibility::Reason;
use futures_util::FutureExt as _;

use super::queue::MemoryQueue;

/// The store that these tests run over.
fn store() -> Arc<dyn Queue> {
    Arc::new(MemoryQueue::default())
}

/// A queue that can be told to fail, and that remembers what it was asked to write.
pub(crate) struct Store {
    inner: Arc<dyn Queue>,
    broken: Mutex<HashSet<&'static str>>,
    writes: Mutex<Vec<&'static str>>,
    parked: Mutex<HashSet<i64>>,
    begins: Mutex<Option<Slow>>,
    reads_ahead: Mutex<Duration>,
    /// All reads go one after another, as through one connection.
    connection: tokio::sync::Mutex<()>,
}

/// What a slow `begin` does: it takes so long, and meanwhile this happens.
type Slow = (Duration, Box<dyn FnOnce() + Send>);

impl Store {
    /// The next `begin` takes so long, and meanwhile this happens.
    pub(crate) fn begins_slowly(&self, time: Duration, meanwhile: impl FnOnce() + Send + 'static) {
        *self.begins.lock().unwrap() = Some((time, Box::new(meanwhile)));
    }

    /// Each read of what is behind a batch takes so long.
    pub(crate) fn reads_ahead_slowly(&self, time: Duration) {
        *self.reads_ahead.lock().unwrap() = time;
    }

    /// From now on these calls fail.
    pub(crate) fn breaks(&self, calls: &[&'static str]) {
        *self.broken.lock().unwrap() = calls.iter().copied().collect();
    }

    pub(crate) fn writes(&self) -> Vec<&'static str> {
        self.writes.lock().unwrap().clone()
    }

    /// The sequences that were set aside, for whichever connector.
    pub(crate) fn parked(&self) -> HashSet<i64> {
        self.parked.lock().unwrap().clone()
    }

    fn meet(&self, call: &'static str) -> Result<(), QueueError> {
        self.writes.lock().unwrap().push(call);
        if !self.broken.lock().unwrap().contains(call) {
            return Ok(());
        }
        Err(QueueError::Full { store: "test".into(), reason: "as the test says".into() })
    }
}

#[async_trait]
impl Queue for Store {
    async fn subscribe(&self, subscribers: Vec<Subscriber>) -> Result<(), QueueError> {
        self.inner.subscribe(subscribers).await
    }
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueueError> {
        self.inner.checkpoint().await
    }
    async fn put(&self, messages: Vec<Message>, checkpoint: Checkpoint) -> Result<Vec<Envelope>, QueueError> {
        self.inner.put(messages, checkpoint).await
    }
    async fn untold(&self, facts: Vec<(Fact, LocalTime)>) -> Result<Vec<(Fact, LocalTime)>, QueueError> {
        self.inner.untold(facts).await
    }
    async fn put_again(
        &self,
        messages: Vec<Message>,
        connectors: Vec<String>,
    ) -> Result<Option<Vec<Envelope>>, QueueError> {
        self.inner.put_again(messages, connectors).await
    }
    async fn put_relayed(&self, messages: Vec<Relayed>) -> Result<Vec<Receipt>, QueueError> {
        self.inner.put_relayed(messages).await
    }
    async fn swept(&self) -> Result<Option<SweepMark>, QueueError> {
        self.inner.swept().await
    }
    async fn set_swept(&self, mark: SweepMark) -> Result<(), QueueError> {
        self.inner.set_swept(mark).await
    }

    async fn swept_on(&self, until: i64) -> Result<(), QueueError> {
        self.inner.swept_on(until).await
    }
    async fn next_behind(&self, connector: &str, after: i64, limit: usize) -> Result<Batch, QueueError> {
        let _connection = self.connection.lock().await;
        let time = *self.reads_ahead.lock().unwrap();
        if after > 0 && !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.inner.next_behind(connector, after, limit).await
    }
    async fn pause(&self, connector: &str, paused: bool) -> Result<(), QueueError> {
        self.inner.pause(connector, paused).await
    }
    async fn backlog(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Waiting>, QueueError> {
        self.inner.backlog(connector, after, limit).await
    }
    async fn backlog_bodies(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Entry>, QueueError> {
        self.inner.backlog_bodies(connector, after, limit).await
    }
    async fn parked(&self, connector: &str, after: i64, limit: usize) -> Result<Page<Parked<Waiting>>, QueueError> {
        self.inner.parked(connector, after, limit).await
    }
    async fn parked_bodies(
        &self,
        connector: &str,
        after: i64,
        limit: usize,
    ) -> Result<Page<Parked<Entry>>, QueueError> {
        self.inner.parked_bodies(connector, after, limit).await
    }
    async fn dispose(
        &self,
        connector: &str,
        disposal: Disposal,
        sequences: Vec<RangeInclusive<i64>>,
    ) -> Result<u64, QueueError> {
        self.inner.dispose(connector, disposal, sequences).await
    }
    async fn traces(&self, sought: Sought, after: i64, limit: usize) -> Result<Page<Trace>, QueueError> {
        self.inner.traces(sought, after, limit).await
    }
    async fn public_bodies(&self, after: i64, limit: usize) -> Result<Vec<(i64, Subject)>, QueueError> {
        self.inner.public_bodies(after, limit).await
    }
    async fn begin(&self, connector: &str, sequences: Vec<i64>) -> Result<bool, QueueError> {
        self.meet("begin")?;
        let slow = self.begins.lock().unwrap().take();
        if let Some((time, meanwhile)) = slow {
            tokio::time::sleep(time).await;
            meanwhile();
        }
        self.inner.begin(connector, sequences).await
    }
    async fn settle(&self, connector: &str, settlement: Settlement) -> Result<(), QueueError> {
        self.meet("settle")?;
        self.parked.lock().unwrap().extend(settlement.parked.iter().map(|(sequence, _)| *sequence));
        self.inner.settle(connector, settlement).await
    }
    async fn redact(&self, sequences: Vec<i64>) -> Result<(), QueueError> {
        self.meet("redact")?;
        self.inner.redact(sequences).await
    }
    async fn stats(&self) -> Result<Stats, QueueError> {
        self.inner.stats().await
    }
    async fn purge(&self) -> Result<(), QueueError> {
        self.inner.purge().await
    }
}

/// Everything is public but what a test closes.
#[derive(Default)]
pub(crate) struct TestGate {
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    private: HashSet<BugId>,
    down: bool,
    silent: bool,
    asked: usize,
    slow: Duration,
    /// How many reads the process stops after, and what closes before it goes on from the last.
    stops: (usize, i64),
}

impl TestGate {
    pub(crate) fn close(&self, bug: i64) {
        self.state.lock().unwrap().private.insert(BugId(bug));
    }
    pub(crate) fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }
    pub(crate) fn set_silent(&self, silent: bool) {
        self.state.lock().unwrap().silent = silent;
    }
    /// Each answer is so old when it comes.
    pub(crate) fn set_slow(&self, time: Duration) {
        self.state.lock().unwrap().slow = time;
    }
    /// After each of the next `reads` the whole process stands still for an hour; in the last of them the bug closes.
    pub(crate) fn stops_the_process(&self, reads: usize, bug: i64) {
        self.state.lock().unwrap().stops = (reads, bug);
    }
    /// How many reads there were.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
    fn answer(&self, subjects: &[Subject]) -> Option<Result<Vec<Option<Reason>>, GateError>> {
        let mut state = self.state.lock().unwrap();
        state.asked += 1;
        let why = |subject: &Subject| state.private.contains(&subject.bug()).then_some(Reason::BugPrivate);
        let answer = match (state.silent, state.down) {
            (true, _) => None,
            (_, true) => Some(Err(GateError { message: "the database is down".into() })),
            _ => Some(Ok(subjects.iter().map(why).collect())),
        };
        state.stand_still();
        answer
    }
}

impl GateState {
    fn stand_still(&mut self) {
        let (reads, bug) = self.stops;
        if reads == 0 {
            return;
        }
        // Polled once it sets the clock, and gives no timer the chance to notice: nor does a process that was stopped.
        let _ = tokio::time::advance(Duration::from_secs(3600)).now_or_never();
        self.stops.0 -= 1;
        if self.stops.0 == 0 {
            self.private.insert(BugId(bug));
        }
    }
}

#[async_trait]
impl Gate for TestGate {
    async fn hidden_now(&self, subjects: &[Subject]) -> Result<Vec<Option<Reason>>, GateError> {
        let answer = self.answer(subjects);
        let slow = self.state.lock().unwrap().slow;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// One instance of bugrelay, without a capture before it.
pub(crate) struct Rig {
    pub(crate) store: Arc<Store>,
    pub(crate) gate: Arc<TestGate>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
    pub(crate) delivery: Delivery,
    put: Mutex<i64>,
}

impl Rig {
    /// Over a fresh store, with these connectors as subscribers that want everything.
    pub(crate) async fn new(connectors: &[&str]) -> Rig {
        let wanting: Vec<_> = connectors.iter().map(|name| (*name, Filter::default())).collect();
        Self::with_filters(&wanting).await
    }

    pub(crate) async fn with_filters(connectors: &[(&str, Filter)]) -> Rig {
        let store = Arc::new(Store {
            inner: store(),
            broken: Mutex::default(),
            writes: Mutex::default(),
            parked: Mutex::default(),
            begins: Mutex::default(),
            reads_ahead: Mutex::default(),
            connection: tokio::sync::Mutex::default(),
        });
        let subscriber =
            |(name, filter): &(&str, Filter)| Subscriber { connector: (*name).to_owned(), filter: filter.clone() };
        store.subscribe(connectors.iter().map(subscriber).collect()).await.unwrap();
        Self::over(store)
    }

    /// The same store after a restart.
    pub(crate) fn over(store: Arc<Store>) -> Rig {
        let (gate, shutdown) = (Arc::new(TestGate::default()), Shutdown::default());
        let metrics = Metrics::new("test").unwrap();
        let delivery = Delivery::new(store.clone(), gate.clone(), metrics.clone(), shutdown.clone());
        Rig { store, gate, metrics, shutdown, delivery, put: Mutex::default() }
    }

    pub(crate) fn connect(&self, name: &str, script: &Script) -> Handle {
        self.connect_with(name, script, policy())
    }

    pub(crate) fn connect_with(&self, name: &str, script: &Script, policy: Policy) -> Handle {
        self.delivery.spawn(name, Box::new(script.connector()), policy)
    }

    /// One message about each of these bugs, in this order; the workers are told.
    pub(crate) async fn put(&self, bugs: &[i64]) {
        self.put_quietly(bugs).await;
        self.delivery.news().send_replace(());
    }

    /// The same, and nobody is told.
    pub(crate) async fn put_quietly(&self, bugs: &[i64]) {
        let number = || {
            let mut put = self.put.lock().unwrap();
            *put += 1;
            *put
        };
        let messages = bugs.iter().map(|&bug| message(bug, number())).collect();
        let checkpoint = Checkpoint { position: Position("1".into()), committed_at: 0, server: None };
        self.store.put(messages, checkpoint).await.unwrap();
    }

    /// Waits until nothing waits for the connector any more; a day of paused time at most.
    pub(crate) async fn drained(&self, connector: &str) {
        let empty = async {
            while !self.store.next(connector, 1).await.unwrap().entries.is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(86_400), empty).await.expect("the queue never drained");
    }

    /// Waits until the store says this of the connector.
    pub(crate) async fn until(&self, connector: &str, condition: impl Fn(&BacklogStats) -> bool) -> BacklogStats {
        let met = async {
            loop {
                let stats = self.store.stats().await.unwrap();
                if let Some(backlog) = stats.backlogs.into_iter().find(|b| b.connector == connector && condition(b)) {
                    return backlog;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(86_400), met).await.expect("the condition was never met")
    }

    pub(crate) fn deliveries(&self, connector: &str, outcome: &str) -> u64 {
        self.metrics.delivery.deliveries.with_label_values(&[connector, outcome]).get()
    }

    pub(crate) fn possible_duplicates(&self, connector: &str) -> u64 {
        self.metrics.delivery.possible_duplicates.with_label_values(&[connector]).get()
    }

    pub(crate) fn redacted(&self) -> u64 {
        self.metrics.pipeline.redacted.with_label_values(&["became_private"]).get()
    }
}

/// As configured by default.
pub(crate) fn policy() -> Policy {
    Policy {
        filter: Filter::default(),
        batch: 500,
        timeout: Duration::from_secs(10),
        schedule: Schedule::default(),
        oversize: Oversize::Park,
    }
}

/// The sequences of what arrived, in order.
pub(crate) fn sequences(arrived: &[Envelope]) -> Vec<i64> {
    arrived.iter().map(|envelope| envelope.sequence).collect()
}

fn message(bug: i64, number: i64) -> Message {
    let event = format!(r#"{{"event":{{"number":{number}"#);
    let body = format!(r#"{event},"changes":[]}},"bug":{{"summary":"object {number}"}}}}"#);
    Message {
        id: MessageId::of("https://bugzilla.example.org/", "bug.modify", &number.to_string()),
        subject: Subject::Bug(BugId(bug)),
        kind: Kind::Modify,
        change_set: format!("1.{number}.{bug}"),
        product: Some("Product".into()),
        committed_at_ms: 1_700_000_000_000,
        facts: vec![Fact::Activity(ActivityId(number))],
        saved_at: LocalTime::new(2023, 11, 14, 22, 13, 20).unwrap(),
        withheld: None,
        body: Body { bytes: body.into_bytes().into(), event_bytes: Some(event.len()) },
    }
}
