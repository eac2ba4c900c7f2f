//! The whole way, as shipped: from a real MariaDB's binlog through the durable queue to a file, beside a bare reader that does
//! none of the work. `make bench`, or `cargo bench --bench end_to_end -- --saves 20000 --runs 1`.
//!
//! A save is 1 UPDATE of bugs, 2 INSERTs into bugs_activity, 1 INSERT into longdescs; it gives two messages. Printed, never asserted:
//! speed and memory depend on the machine. Compare figures of one run only, on a quiet machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends; its figures are printed"
)]

mod arguments;
mod bare_reader;
mod catch_up;
mod latency;
mod load;
mod process;
#[path = "../../tests/services/mod.rs"]
mod services;
mod session;
mod waiting;

use crate::arguments::number;
use crate::catch_up::Usage;
use crate::latency::Latency;
use crate::load::Load;
use crate::services::{Bugrelay, MariaDb, Mysqld};

/// What the store's content is in: the file, and its log if that is left behind.
const STORE: [&str; 2] = ["store.db", "store.db-wal"];

/// What is measured, from the command line.
struct Plan {
    saves: usize,
    runs: usize,
    waiting: usize,
    rate: u32,
    seconds: u32,
}

impl Plan {
    fn from_arguments() -> Self {
        Plan {
            saves: number("--saves", 100_000),
            runs: number("--runs", 5),
            waiting: number("--waiting", 1_000_000),
            rate: number("--rate", 100) as u32,
            seconds: number("--seconds", 20) as u32,
        }
    }
}

fn main() {
    if let Some(arguments) = bare_reader::asked_for() {
        return bare_reader::run(&arguments);
    }
    let plan = Plan::from_arguments();
    // Durability of the server as a Bugzilla site on one disk may have it; ours is as shipped.
    let server =
        MariaDb::start(&["--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"]);
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    start(&mut bugrelay);
    bugrelay.terminate();
    let store = STORE.map(|name| std::fs::read(bugrelay.path(name)).ok());
    let from = server.exec("SHOW MASTER STATUS");

    println!("{} saves, {} runs", plan.saves, plan.runs);
    load.backlog(plan.saves);
    let mut rows = Vec::new();
    for run in 1..=plan.runs {
        let bare = bare_reader::measure(&bugzilla.bugrelay_url(), &from, &bugzilla.name, plan.saves);
        for gone in STORE.iter().chain(&["store.db-shm", "out.jsonl"]) {
            // Not there after each orderly end.
            let _ = std::fs::remove_file(bugrelay.path(gone));
        }
        for (name, bytes) in STORE.iter().zip(&store).filter_map(|(name, bytes)| Some((name, bytes.as_ref()?))) {
            std::fs::write(bugrelay.path(name), bytes).expect("the store is put back");
        }
        let ours = catch_up::measure(&mut bugrelay, server.pid(), plan.saves * 2);
        print!("{}", ours.details);
        let rate = |usage: &Usage| plan.saves as f64 / usage.wall.as_secs_f64();
        println!(
            "catch-up {run}: {:6.0} saves/s, {:.1} CPU s (server {:.1}), {:.0} MB peak, first message {:.2} s; bare reader {:6.0} saves/s, {:.1} CPU s: {:.2} of it",
            rate(&ours),
            ours.cpu,
            ours.server_cpu,
            ours.peak_mb,
            ours.first.as_secs_f64(),
            rate(&bare),
            bare.cpu,
            rate(&ours) / rate(&bare)
        );
        rows.push((rate(&ours), rate(&bare), ours));
    }
    if !rows.is_empty() {
        medians(&rows);
    }
    latency(&mut bugrelay, &load, &plan);
    if plan.waiting > 0 {
        waiting(&server, plan.waiting);
    }
}

/// The middle of each figure over all runs.
fn medians(rows: &[(f64, f64, Usage)]) {
    let median = |of: &dyn Fn(&(f64, f64, Usage)) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median: {:.0} saves/s ({:.2} of the bare reader's {:.0}), {:.1} CPU s, {:.0} MB peak, first message {:.2} s",
        median(&|row| row.0),
        median(&|row| row.0 / row.1),
        median(&|row| row.1),
        median(&|row| row.2.cpu),
        median(&|row| row.2.peak_mb),
        median(&|row| row.2.first.as_secs_f64())
    );
}

/// Starts it with an ordinary log.
fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
}

/// Commit to the line in the file, at a steady rate.
fn latency(bugrelay: &mut Bugrelay, load: &Load<'_>, plan: &Plan) {
    start(bugrelay);
    let latency = Latency::measure(bugrelay, load, plan.rate, plan.seconds);
    println!("latency at {} saves/s, {latency}", plan.rate);
    bugrelay.terminate();
}

/// Memory with messages waiting for a connector that cannot send.
fn waiting(server: &Mysqld, messages: usize) {
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let broken = "[connectors.broken]\ntype = \"file\"\npath = \"/nowhere/at/all\"";
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", broken);
    bugrelay.replace("[connectors.out]", "[connectors.out]\nenabled = false");
    waiting::measure(&mut bugrelay, &load, messages, &["broken"]);
}
