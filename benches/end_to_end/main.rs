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

mod bare_reader;
mod load;
mod process;
#[path = "../../tests/services/mod.rs"]
mod services;

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::process::Usage;
use crate::services::{Bugrelay, MariaDb};

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
        let arguments: Vec<String> = std::env::args().collect();
        let number = |name: &str, default: usize| {
            let at = arguments.iter().position(|argument| argument == name);
            at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
        };
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
    let store = std::fs::read(bugrelay.path("store.db")).expect("the store");
    let from = server.exec("SHOW MASTER STATUS");

    println!("{} saves, {} runs", plan.saves, plan.runs);
    load.backlog(plan.saves);
    let mut rows = Vec::new();
    for run in 1..=plan.runs {
        let bare = bare_reader::measure(&bugzilla.bugrelay_url(), &from, &bugzilla.name, plan.saves);
        std::fs::write(bugrelay.path("store.db"), &store).expect("the store is put back");
        for gone in ["store.db-wal", "store.db-shm", "out.jsonl"] {
            // Not there after an orderly end.
            let _ = std::fs::remove_file(bugrelay.path(gone));
        }
        let ours = catch_up(&mut bugrelay, &server, plan.saves * 2);
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

/// From the start of the process until so many lines have left.
fn catch_up(bugrelay: &mut Bugrelay, server: &MariaDb, lines: usize) -> Usage {
    let server_before = process::cpu_seconds(server.pid());
    let begun = Instant::now();
    bugrelay.start_with(&["run", "--log", "info"]);
    let out = bugrelay.path("out.jsonl");
    let mut counter = process::Lines::of(&out);
    let mut first = None;
    let mut where_went = Vec::new();
    while counter.count() < lines {
        if first.is_none() && counter.count() > 0 {
            first = Some(begun.elapsed());
        }
        assert!(begun.elapsed() < Duration::from_secs(600), "too slow:\n{}", bugrelay.log());
        process::nap();
    }
    let wall = begun.elapsed();
    let pid = bugrelay.pid();
    where_went.extend(process::threads(pid));
    let usage = Usage {
        wall,
        first: first.unwrap_or(wall),
        cpu: process::cpu_seconds(pid),
        server_cpu: process::cpu_seconds(server.pid()) - server_before,
        peak_mb: process::peak_mb(pid),
    };
    let stages = bugrelay.get("/metrics");
    let stage = |name: &str| {
        stages.lines().filter(|line| line.starts_with(name)).map(|line| format!("  {line}\n")).collect::<String>()
    };
    print!("{}", stage("bugrelay_stage_seconds_total"));
    println!(
        "  CPU by thread: {}",
        where_went.iter().map(|(name, cpu)| format!("{name} {cpu:.1} s")).collect::<Vec<_>>().join(", ")
    );
    bugrelay.terminate();
    usage
}

/// Commit to the line in the file, at a steady rate.
fn latency(bugrelay: &mut Bugrelay, load: &Load<'_>, plan: &Plan) {
    start(bugrelay);
    let mut counter = process::Lines::of(&bugrelay.path("out.jsonl"));
    let begun = counter.count();
    let cpu = process::cpu_seconds(bugrelay.pid());
    let total = (plan.rate * plan.seconds) as usize;
    let commits = std::thread::scope(|scope| {
        let writer = scope.spawn(|| load.steady(plan.rate, total));
        let mut seen = Vec::with_capacity(total);
        let deadline = Instant::now() + Duration::from_secs(u64::from(plan.seconds) + 30);
        while seen.len() < total && Instant::now() < deadline {
            counter.count();
            let now = Instant::now();
            seen.extend(counter.take_sequences().into_iter().map(|sequence| (sequence, now)));
            process::nap();
        }
        (writer.join().expect("the load ends"), seen)
    });
    let (commits, seen) = commits;
    let mut delays: Vec<f64> = seen
        .iter()
        .filter_map(|(sequence, at)| Some(at.duration_since(*commits.get(*sequence)?).as_secs_f64() * 1000.0))
        .collect();
    delays.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        delays
            .get(((delays.len() as f64 * q) as usize).min(delays.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let used = process::cpu_seconds(bugrelay.pid()) - cpu;
    println!(
        "latency at {} saves/s, {} of {total} seen, {} lines: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms from COMMIT to the line in the file; {:.1} % of a core",
        plan.rate,
        delays.len(),
        counter.count() - begun,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        100.0 * used / f64::from(plan.seconds)
    );
    bugrelay.terminate();
}

/// Memory with messages waiting for a connector that cannot send.
fn waiting(server: &MariaDb, messages: usize) {
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let mut bugrelay = Bugrelay::configured(
        &bugzilla.bugrelay_url(),
        "",
        "[connectors.broken]\ntype = \"file\"\npath = \"/nowhere/at/all\"",
    );
    bugrelay.replace("[connectors.out]", "[connectors.out]\nenabled = false");
    start(&mut bugrelay);
    load.backlog(messages / 2);
    let begun = Instant::now();
    let backlog = "bugrelay_backlog_messages{connector=\"broken\"}";
    while bugrelay.metric(backlog).unwrap_or(0.0) < messages as f64 {
        assert!(begun.elapsed() < Duration::from_secs(1800), "too slow:\n{}", bugrelay.log());
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let (now, peak) = (process::resident_mb(bugrelay.pid()), process::peak_mb(bugrelay.pid()));
    let scrape = Instant::now();
    bugrelay.get("/metrics");
    println!(
        "{messages} waiting: {now:.0} MB, {peak:.0} MB peak; the store has {:.0} MB; a scrape takes {:.0} ms",
        bugrelay.metric("bugrelay_store_bytes").unwrap_or(0.0) / 1e6,
        scrape.elapsed().as_secs_f64() * 1000.0
    );
    bugrelay.terminate();
    let begun = Instant::now();
    start(&mut bugrelay);
    println!(
        "start with them: ready after {:.2} s, {:.0} MB peak",
        begun.elapsed().as_secs_f64(),
        process::peak_mb(bugrelay.pid())
    );
}
