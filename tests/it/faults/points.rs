//! Crash points: the process is killed at the Nth call of the system that a thread of it makes, over a scripted load with three connectors: a
//! file, Kafka, and RabbitMQ by STOMP. The calls of a whole life are counted first, and the points are spread evenly over all of it: the
//! start, what is caught up with, what is saved meanwhile, the stop.
//!
//! At each point the file is held to the promise; what consumers of the brokers read, when all points are through. A repeated message was in
//! flight, and was counted. `make test` takes a few points; `make test-matrix` over two hundred for each store.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use crate::buses::rig::{BATCH, Buses, Own};
use crate::crash::load::save;
use crate::crash::oracle::{Committed, end_of};
use crate::crash::strace;
use crate::services::{Bugrelay, Database, MariaDb, Postgres, PostgresDatabase, RabbitMq, poll};

/// How long one life may take, and its recovery.
const PATIENCE: Duration = Duration::from_secs(60);

/// Saves while it is away, and again while it runs.
const SAVES: u64 = 6;

/// Points of `make test`, and of the matrix: some are never reached, as threads take turns.
const FEW: usize = 10;
const MANY: usize = 240;
const AT_LEAST: usize = 200;

/// Writes and syncs of the store's file and of the connector's, what goes to the database and the brokers, and what comes.
const OF_A_FILE: &str = "pwrite64,fdatasync,fsync,ftruncate,unlink,write,writev,sendto,sendmsg,recvfrom";
/// Of a store in the database there is only what goes to the server and comes from it.
const OF_A_DATABASE: &str = "sendto,recvfrom,write,writev,sendmsg,fdatasync";

const CONNECTORS: [&str; 3] = ["out", "kafka", "stomp"];

/// Where Bugzilla is.
enum Host {
    MariaDb(Database<'static>),
    Postgresql(PostgresDatabase<'static>),
}

impl Host {
    fn mariadb() -> Self {
        MariaDb::shared().store_url(SCHEMA, "bugrelay");
        Host::MariaDb(MariaDb::shared().database())
    }

    fn postgresql() -> Self {
        let database = Postgres::shared().database();
        database.install_triggers();
        database.grant_store("bugrelay");
        Host::Postgresql(database)
    }

    fn configured(&self, rest: &str) -> Bugrelay {
        match self {
            Host::MariaDb(database) => {
                Bugrelay::configured(&database.bugrelay_url(), &format!("schema = \"{SCHEMA}\""), rest)
            }
            Host::Postgresql(database) => Bugrelay::configured(&database.bugrelay_url(), "", rest),
        }
    }

    fn exec(&self, sql: &str) {
        match self {
            Host::MariaDb(database) => drop(database.exec(sql)),
            Host::Postgresql(database) => drop(database.exec(sql)),
        }
    }

    fn committed(&self) -> Committed {
        match self {
            Host::MariaDb(database) => Committed::read(MariaDb::shared(), &database.name),
            Host::Postgresql(database) => Committed::read_on(database),
        }
    }
}

const SCHEMA: &str = "bugrelay_store";

/// One Bugzilla, one store and the same brokers for all points.
struct Lives {
    host: Host,
    buses: Buses,
    bugrelay: Bugrelay,
    /// Saves until now, and those of them whose messages are all there and were judged.
    saved: u64,
    settled: u64,
    /// Lines of the file that were judged.
    judged: usize,
    /// Possible duplicates that were counted, by connector.
    counted: BTreeMap<&'static str, f64>,
}

impl Lives {
    fn begin(host: Host, in_database: bool) -> Self {
        let buses = Buses::new(Own::default(), RabbitMq::port);
        let bugrelay = host.configured(&buses.configuration("stomp", ""));
        if in_database {
            bugrelay.keep_in_database();
        }
        let mut lives = Lives { host, buses, bugrelay, saved: 0, settled: 0, judged: 0, counted: BTreeMap::new() };
        // It begins from now: nothing is told of what was before.
        lives.bugrelay.start_with(&["run", "--log", "info"]);
        lives.bugrelay.wait_until_ready();
        assert!(lives.bugrelay.terminate().success());
        lives
    }

    fn save(&mut self) {
        let script: String = (self.saved + 1..=self.saved + SAVES).map(save).collect();
        self.host.exec(&script);
        self.saved += SAVES;
    }

    fn of(&self, connector: &str, metric: &str) -> Option<f64> {
        self.bugrelay.metric(&format!("bugrelay_{metric}{{connector=\"{connector}\"}}"))
    }

    /// Nothing waits for anybody, and the file has all that was saved.
    fn has_told(&self, committed: &Committed) -> bool {
        let new = self.bugrelay.lines().split_off(self.judged);
        let is_empty = |metric: Option<f64>| metric == Some(0.0);
        new.len() >= committed.len()
            && committed.judge(&new).lost.is_empty()
            && is_empty(self.bugrelay.metric("bugrelay_main_queue_messages"))
            && CONNECTORS.iter().all(|connector| is_empty(self.of(connector, "backlog_messages")))
    }

    fn is_ready(&self) -> bool {
        self.bugrelay.get("/readyz").starts_with("HTTP/1.1 200")
    }

    /// A whole life under strace; `true` if it was killed in it.
    fn live(&mut self, strace: &[String]) -> bool {
        self.save();
        // Calls are counted by thread: with one that waits for the network they are the same ones each time.
        let alone = ["env", "TOKIO_WORKER_THREADS=1"];
        let wrapper: Vec<&str> = alone.into_iter().chain(strace.iter().map(String::as_str)).collect();
        self.bugrelay.start_under(&wrapper, &["run", "--log", "info"]);
        poll(PATIENCE, || self.bugrelay.has_ended() || self.is_ready());
        if !self.bugrelay.has_ended() {
            self.save();
            let committed = self.host.committed().since(self.settled);
            poll(PATIENCE, || self.bugrelay.has_ended() || self.has_told(&committed));
        }
        if !self.bugrelay.has_ended() {
            self.bugrelay.signal("TERM");
        }
        let status = self.bugrelay.wait_until_ended(PATIENCE).expect("it ends");
        assert!(status.success() || status.signal() == Some(9), "{status}:\n{}", end_of(&self.bugrelay.log()));
        !status.success()
    }

    /// What follows a life, killed or not: all of it has left then, and what is repeated was in flight and is counted.
    fn recover(&mut self, what: &str) {
        self.bugrelay.start_with(&["run", "--log", "info"]);
        let committed = self.host.committed().since(self.settled);
        let told = poll(PATIENCE, || self.has_told(&committed));
        let new = self.bugrelay.lines().split_off(self.judged);
        let repeated = committed.hold(&new, &self.bugrelay);
        assert!(told, "killed at {what}, something waits for ever:\n{}", end_of(&self.bugrelay.log()));
        let counted = |connector| self.of(connector, "possible_duplicates_total").unwrap_or(f64::NAN);
        let is_counted = poll(Duration::from_secs(5), || counted("out") >= repeated as f64);
        assert!(is_counted, "killed at {what}, {repeated} lines were repeated and {} counted", counted("out"));
        let counted = CONNECTORS.map(|connector| (connector, counted(connector)));
        for (connector, counted) in counted {
            assert!(counted <= BATCH as f64, "killed at {what}, {connector} counts {counted}: more than was in flight");
            *self.counted.entry(connector).or_default() += counted;
        }
        assert!(self.bugrelay.terminate().success(), "{}", end_of(&self.bugrelay.log()));
        (self.settled, self.judged) = (self.saved, self.judged + new.len());
    }

    /// What consumers of the brokers have read of all lives.
    fn judge_brokers(&self) {
        let committed = self.host.committed();
        let kafka = committed.wait_for_in(&self.bugrelay, || self.buses.read_by_kafka());
        let stomp = committed.wait_for_in(&self.bugrelay, || self.buses.read_by_stomp());
        println!("repeated: {kafka} on Kafka, {stomp} on RabbitMQ; counted: {:?}", self.counted);
        for (connector, repeated) in [("kafka", kafka), ("stomp", stomp)] {
            let counted = self.counted[connector];
            assert!(
                counted >= repeated as f64,
                "{repeated} messages came again by {connector}, {counted} were counted"
            );
        }
        let (mut ids, mut bodies) = (HashMap::new(), HashMap::new());
        for record in self.buses.records_of_kafka() {
            let id = record.headers.iter().find(|(name, _)| name == "message_id").expect("an id").1.clone();
            let (first_body, first_id) = (
                bodies.entry(id.clone()).or_insert(record.body.clone()),
                ids.entry(record.body.clone()).or_insert(id.clone()),
            );
            assert!(*first_body == record.body && *first_id == id, "what came again has another id");
        }
    }
}

/// So many points, evenly over each call, and as many of each call as there are of others where it was made so often.
fn spread(counted: &BTreeMap<String, u32>, wanted: usize) -> Vec<(String, u32)> {
    let mut seldom_first: Vec<(&String, usize)> = counted.iter().map(|(call, count)| (call, *count as usize)).collect();
    seldom_first.sort_by_key(|(_, count)| *count);
    let (mut points, mut left) = (Vec::new(), seldom_first.len());
    for (call, count) in seldom_first {
        let share = ((wanted - points.len()) / left).min(count);
        points.extend((0..share).map(|at| (call.clone(), u32::try_from(1 + at * count / share).unwrap())));
        left -= 1;
    }
    points
}

fn killed_everywhere(host: Host, in_database: bool, calls: &str) {
    if let Some(why) = strace::is_missing() {
        return eprintln!("SKIPPED killed_everywhere: {why}");
    }
    let is_matrix = std::env::var_os("BUGRELAY_MATRIX").is_some();
    let mut lives = Lives::begin(host, in_database);
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("calls");
    assert!(!lives.live(&strace::counting(calls, &written)), "nobody kills it while it is counted");
    lives.recover("no call");
    let counted = strace::counted(&written);
    let points = spread(&counted, if is_matrix { MANY } else { FEW });
    println!("calls of the busiest thread: {counted:?}; {} points", points.len());
    let mut killed = 0;
    for (at, (call, count)) in points.iter().enumerate() {
        if at % 40 == 0 {
            println!("{at} points, killed at {killed} of them");
        }
        killed += usize::from(lives.live(&strace::killing(call, *count)));
        lives.recover(&format!("the {count}th {call}"));
    }
    lives.judge_brokers();
    println!("killed at {killed} of {} points", points.len());
    assert!(killed >= if is_matrix { AT_LEAST } else { FEW / 2 }, "only {killed} of the points were reached");
}

#[test]
fn killed_at_calls_all_over_its_life_with_a_store_in_a_file_it_loses_nothing_and_counts_what_it_repeats() {
    killed_everywhere(Host::mariadb(), false, OF_A_FILE);
}

#[test]
fn killed_at_calls_all_over_its_life_with_a_store_in_mariadb_it_loses_nothing_and_counts_what_it_repeats() {
    killed_everywhere(Host::mariadb(), true, OF_A_DATABASE);
}

#[test]
fn killed_at_calls_all_over_its_life_with_a_store_in_postgresql_it_loses_nothing_and_counts_what_it_repeats() {
    killed_everywhere(Host::postgresql(), true, OF_A_DATABASE);
}
