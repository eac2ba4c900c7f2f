//! A bugrelay that sends to a file, to Kafka, and through a proxy to RabbitMQ by STOMP.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::crash::oracle::{Committed, end_of};
use crate::services::{Bugrelay, Database, Kafka, MariaDb, Proxy, RabbitMq, Record, poll};

/// Small, so that many batches meet a fault.
pub(crate) const BATCH: usize = 20;

/// How long anything may take to be noticed, or to be over.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topic of Kafka's and a queue of RabbitMQ's, the latter behind a proxy, and what consumers read there.
pub(crate) struct Buses {
    /// For the proxy, and for consumers.
    runtime: Runtime,
    pub(crate) proxy: Proxy,
    /// Of the topic, and of the queue.
    name: String,
    /// What was taken out of RabbitMQ's queue until now.
    taken: RefCell<Vec<String>>,
    pub(crate) own: Own,
}

pub(super) struct Rig {
    pub(super) bugzilla: Database<'static>,
    pub(super) bugrelay: Bugrelay,
    pub(super) buses: Buses,
}

/// Brokers for this test alone; else those that tests share.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) kafka: Option<Kafka>,
    pub(crate) rabbit: Option<RabbitMq>,
}

impl Buses {
    /// The proxy is before this port of RabbitMQ.
    pub(crate) fn new(own: Own, port: fn(&RabbitMq) -> u16) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("rig{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (kafka, rabbit) = (own.kafka(), own.rabbit());
        let proxy = runtime.block_on(async {
            kafka.topic(&name, 3, 1, &[]).await;
            rabbit.bind(&name, &format!("{name}.#")).await;
            Proxy::before(port(rabbit)).await
        });
        Buses { runtime, proxy, name, taken: RefCell::default(), own }
    }

    /// The rest of a configuration whose last section is the file's: RabbitMQ is spoken to by this scheme, with more keys of the connector.
    pub(crate) fn configuration(&self, scheme: &str, keys: &str) -> String {
        let (name, [login, passcode]) = (&self.name, RabbitMq::account());
        format!(
            "batch = {BATCH}\n\
             [connectors.kafka]\ntype = \"kafka\"\nbootstrap_servers = \"{}\"\ntopic = \"{name}\"\nbatch = {BATCH}\n\
             timeout_seconds = 3\nbackoff_seconds = [1]\n\
             [connectors.stomp]\ntype = \"stomp\"\nurl = \"{scheme}://127.0.0.1:{}\"\nlogin = \"{login}\"\npasscode = \"{passcode}\"\n\
             destination_template = \"/topic/{name}.{{target}}.{{action}}\"\nheartbeat_seconds = 1\n\
             timeout_seconds = 2\nbackoff_seconds = [1]\nbatch = {BATCH}\n{keys}\n",
            self.own.kafka().servers(),
            self.proxy.port()
        )
    }

    /// What a consumer of Kafka has read.
    pub(crate) fn read_by_kafka(&self) -> Vec<String> {
        self.records_of_kafka().into_iter().map(|record| record.body).collect()
    }

    /// The same with its headers.
    pub(crate) fn records_of_kafka(&self) -> Vec<Record> {
        self.own.kafka().read(&self.name, false)
    }

    /// What a consumer of RabbitMQ has read.
    pub(crate) fn read_by_stomp(&self) -> Vec<String> {
        let mut taken = self.taken.borrow_mut();
        taken.extend(self.runtime.block_on(self.own.rabbit().take(&self.name)).into_iter().map(|message| message.body));
        taken.clone()
    }
}

/// What operators show to change something.
pub(crate) fn give_token(bugrelay: &Bugrelay) {
    std::fs::write(bugrelay.path("token"), "open sesame").unwrap();
    bugrelay.replace("[admin]", &format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display()));
}

impl Rig {
    /// Running and ready.
    pub(super) fn running() -> Self {
        Self::with(Own::default(), "stomp", RabbitMq::port, "")
    }

    /// With brokers of its own; RabbitMQ is spoken to by this scheme on this port of it, with more keys of the connector.
    pub(super) fn with(own: Own, scheme: &str, port: fn(&RabbitMq) -> u16, keys: &str) -> Self {
        let buses = Buses::new(own, port);
        let bugzilla = MariaDb::shared().database();
        let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &buses.configuration(scheme, keys));
        give_token(&bugrelay);
        bugrelay.start();
        bugrelay.wait_until_ready();
        Rig { bugzilla, bugrelay, buses }
    }

    /// What must have left by now: nobody may be saving.
    pub(super) fn committed(&self) -> Committed {
        Committed::read(MariaDb::shared(), &self.bugzilla.name)
    }

    /// What a consumer of Kafka has read.
    pub(super) fn read_by_kafka(&self) -> Vec<String> {
        self.buses.read_by_kafka()
    }

    /// What a consumer of RabbitMQ has read.
    pub(super) fn read_by_stomp(&self) -> Vec<String> {
        self.buses.read_by_stomp()
    }

    /// File and Kafka have everything, and each message once.
    pub(super) fn the_others_have_everything_once(&self) {
        let committed = self.committed();
        assert_eq!(committed.wait_for(&self.bugrelay), 0, "the file has repeated lines");
        assert_eq!(committed.wait_for_in(&self.bugrelay, || self.read_by_kafka()), 0, "Kafka has repeated messages");
    }

    /// RabbitMQ gets everything in the end; gives how many messages came again.
    pub(super) fn stomp_drains(&self) -> usize {
        let repeated = self.committed().wait_for_in(&self.bugrelay, || self.read_by_stomp());
        let counted = || self.of_stomp("possible_duplicates_total");
        let is_counted = poll(Duration::from_secs(5), || counted() >= repeated as f64);
        assert!(is_counted, "{repeated} messages came again, {} were counted", counted());
        self.wait_for("nothing waits any more", || self.of_stomp("backlog_messages") < 0.5);
        repeated
    }

    /// A metric of connector `stomp`.
    pub(super) fn of_stomp(&self, metric: &str) -> f64 {
        self.of("stomp", metric)
    }

    /// A metric of a connector.
    pub(super) fn of(&self, connector: &str, metric: &str) -> f64 {
        self.bugrelay.metric(&format!("bugrelay_{metric}{{connector=\"{connector}\"}}")).unwrap_or(f64::NAN)
    }

    /// Deliveries of connector `stomp` with this outcome.
    pub(super) fn stomp_outcomes(&self, outcome: &str) -> f64 {
        let name = format!("bugrelay_deliveries_total{{connector=\"stomp\",outcome=\"{outcome}\"}}");
        self.bugrelay.metric(&name).unwrap_or(f64::NAN)
    }

    pub(super) fn wait_for(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(poll(PATIENCE, condition), "in vain: {what}\n{}", end_of(&self.bugrelay.log()));
    }
}

impl Own {
    fn kafka(&self) -> &Kafka {
        self.kafka.as_ref().unwrap_or_else(|| Kafka::shared())
    }

    fn rabbit(&self) -> &RabbitMq {
        self.rabbit.as_ref().unwrap_or_else(|| RabbitMq::shared())
    }
}
