//! Everything fails in turn, by a seed: while somebody saves all the time, the broker is up, down, silent, deaf or refuses us, the database is
//! restarted, killed or frozen, and bugrelay is killed or frozen. The oracle is that of the other suites: nothing lost, nothing else, in order, and
//! what is repeated was in flight.
//!
//! A short schedule of a fixed seed runs with `make test`, a long one of a random seed with `make test-matrix`. `BUGRELAY_SEED=N` plays the same
//! again, as far as servers and threads allow.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::buses::rig::{BATCH, Buses, Own, give_token};
use crate::crash::database::DURABLE;
use crate::crash::load::Load;
use crate::crash::oracle::Committed;
use crate::services::{Bugrelay, MariaDb, Mode, Mysqld, RabbitMq, poll};

/// Events of `make test`, and of the matrix.
const SHORT: usize = 12;
const LONG: usize = 100;

/// Of the short ones.
const SEED: u64 = 5;

/// Tells what is played when the test fails.
struct Schedule {
    seed: u64,
    random: fastrand::Rng,
    played: String,
}

impl Schedule {
    fn begin() -> (Self, usize) {
        let is_matrix = std::env::var_os("BUGRELAY_MATRIX").is_some();
        let default = || if is_matrix { fastrand::u64(..) } else { SEED };
        let seed = std::env::var("BUGRELAY_SEED").ok().map_or_else(default, |seed| seed.parse().unwrap());
        println!("BUGRELAY_SEED={seed}");
        let schedule = Schedule { seed, random: fastrand::Rng::with_seed(seed), played: String::new() };
        (schedule, if is_matrix { LONG } else { SHORT })
    }

    /// Lets time pass: that is what is played.
    fn pass(&mut self, milliseconds: std::ops::Range<u64>) {
        let end = Instant::now() + Duration::from_millis(self.random.u64(milliseconds));
        poll(Duration::from_secs(5), || Instant::now() >= end);
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("BUGRELAY_SEED={}; played:{}", self.seed, self.played);
        }
    }
}

/// Everything that can fail.
struct World {
    server: Mysqld,
    buses: Buses,
    /// The account of ours at RabbitMQ, and whether it may send.
    login: String,
    may_send: bool,
    bugrelay: Bugrelay,
    /// Events after which what was in flight may have to come again.
    doubts: usize,
    kills: usize,
    /// What killed ones had counted, by connector.
    counted: [f64; 3],
}

const CONNECTORS: [&str; 3] = ["out", "kafka", "stomp"];

impl World {
    /// It runs, and its load. The name is that of Bugzilla's database.
    fn new(in_database: bool) -> (Self, Load, String) {
        let server = MariaDb::start(&DURABLE);
        let (url, our_url, name) = {
            let bugzilla = server.database();
            (bugzilla.url(), bugzilla.bugrelay_url(), bugzilla.name.clone())
        };
        server.store_url("bugrelay", "bugrelay");
        let buses = Buses::new(Own::default(), RabbitMq::port);
        let bugrelay = Bugrelay::configured(&our_url, "", &buses.configuration("stomp", ""));
        let (login, [shared, passcode]) = (format!("schedule{}", server.port()), RabbitMq::account());
        RabbitMq::shared().account_of(&login, passcode);
        bugrelay.replace(&format!("login = \"{shared}\""), &format!("login = \"{login}\""));
        give_token(&bugrelay);
        if in_database {
            bugrelay.keep_in_database();
        }
        let mut world =
            World { server, buses, login, may_send: true, bugrelay, doubts: 0, kills: 0, counted: [0.0; 3] };
        world.bugrelay.start();
        world.bugrelay.wait_until_ready();
        (world, Load::start(url), name)
    }

    fn of(&self, connector: &str, metric: &str) -> f64 {
        self.bugrelay.metric(&format!("bugrelay_{metric}{{connector=\"{connector}\"}}")).unwrap_or(0.0)
    }

    /// What was counted until now, but for what was counted in the moment before a kill.
    fn counted(&self) -> [f64; 3] {
        std::array::from_fn(|at| self.counted[at] + self.of(CONNECTORS[at], "possible_duplicates_total"))
    }

    fn send(&mut self, may: bool) {
        RabbitMq::shared().may_write_to(&self.login, if may { ".*" } else { "^$" });
        self.may_send = may;
    }

    /// One event; gives what it is called.
    fn play(&mut self, schedule: &mut Schedule) -> &'static str {
        self.doubts += 1;
        match schedule.random.u32(0..10) {
            kind @ 0..=3 => {
                let modes = [Mode::Pass, Mode::Hang, Mode::DropAnswers, Mode::Refuse];
                self.buses.proxy.set(modes[kind as usize]);
                ["the broker is up", "it is silent", "it is deaf", "it is down"][kind as usize]
            }
            4 => {
                self.send(!self.may_send);
                "our right to send is turned over"
            }
            5 => {
                self.server.shut_down();
                schedule.pass(0..800);
                self.server.start_again();
                "the database is restarted"
            }
            6 => {
                self.server.kill9();
                self.server.start_again();
                "the database is killed"
            }
            7 => {
                self.server.stop();
                schedule.pass(200..2_500);
                self.server.cont();
                "the database is frozen"
            }
            8 => {
                self.bugrelay.signal("STOP");
                schedule.pass(200..2_500);
                self.bugrelay.signal("CONT");
                "bugrelay is frozen"
            }
            _ => {
                self.counted = self.counted();
                self.bugrelay.kill9();
                self.bugrelay.start();
                self.kills += 1;
                "bugrelay is killed"
            }
        }
    }

    /// Everything is well again.
    fn mend(&mut self) {
        self.buses.proxy.set(Mode::Pass);
        if !self.may_send {
            self.send(true);
        }
        self.bugrelay.wait_until_ready();
    }

    /// What RabbitMQ has; a connector that waits for somebody who mends it is told that somebody did.
    fn read_by_stomp(&self) -> Vec<String> {
        if self.of("stomp", "connector_up") < 0.5 {
            // In vain when it is just well again.
            self.bugrelay.verb(&["backlog", "retry", "stomp"]);
        }
        self.buses.read_by_stomp()
    }

    fn judge(&self, committed: &Committed) {
        let file = committed.wait_for(&self.bugrelay);
        let kafka = committed.wait_for_in(&self.bugrelay, || self.buses.read_by_kafka());
        let stomp = committed.wait_for_in(&self.bugrelay, || self.read_by_stomp());
        let (counted, repeated) = (self.counted(), [file, kafka, stomp]);
        println!("{} messages, {} events; repeated {repeated:?}, counted {counted:?}", committed.len(), self.doubts);
        for (at, connector) in CONNECTORS.iter().enumerate() {
            let most = counted[at] + (self.kills * BATCH) as f64;
            assert!(repeated[at] as f64 <= most, "{connector}: {} repeated, {} counted", repeated[at], counted[at]);
        }
        assert!(
            file.max(kafka) <= self.doubts * BATCH,
            "more than a batch at a time: {file} to the file, {kafka} to Kafka"
        );
    }
}

fn everything_fails(in_database: bool) {
    let (mut schedule, events) = Schedule::begin();
    let (mut world, load, name) = World::new(in_database);
    load.wait_for(20);
    for _ in 0..events {
        schedule.pass(50..700);
        let event = world.play(&mut schedule);
        write!(schedule.played, " {event};").unwrap();
    }
    world.mend();
    load.wait_for(20);
    load.finish();
    world.judge(&Committed::read(&world.server, &name));
    assert!(world.bugrelay.terminate().success());
    println!("played:{}", schedule.played);
}

#[test]
fn with_everything_failing_in_turn_a_store_in_a_file_loses_nothing_and_repeats_only_what_was_in_flight() {
    everything_fails(false);
}

#[test]
fn with_everything_failing_in_turn_a_store_in_the_database_loses_nothing_and_repeats_only_what_was_in_flight() {
    everything_fails(true);
}
