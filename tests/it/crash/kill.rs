//! kill -9 of bugrelay, at random times and at chosen calls of the system.

use std::time::{Duration, Instant};

use super::load::Load;
use super::oracle::{Committed, end_of};
use super::strace;
use crate::services::{Bugrelay, MariaDb, poll};

/// Small, so that many batches are killed.
const BATCH: usize = 20;

const KILLS: usize = 30;

fn configured(database: &str) -> Bugrelay {
    Bugrelay::configured(database, "", &format!("batch = {BATCH}"))
}

#[test]
fn kill_9_at_random_times_loses_nothing_and_repeats_only_what_was_in_flight() {
    let seed = std::env::var("BUGRELAY_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BUGRELAY_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = configured(&bugzilla.bugrelay_url());
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    for _ in 0..KILLS {
        // Not waited for: this is the time that it is given.
        let moment = Instant::now() + Duration::from_millis(random.u64(20..700));
        poll(Duration::from_secs(1), || Instant::now() >= moment);
        bugrelay.kill9();
        bugrelay.start();
    }
    let saves = load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    let repeated = committed.wait_for(&bugrelay);
    println!("{saves} saves, {} messages, {KILLS} kills, {repeated} repeated", committed.len());
    assert!(repeated <= KILLS * BATCH, "{repeated} lines were repeated by {KILLS} kills");
    assert!(bugrelay.terminate().success());
    assert!(std::fs::read(bugrelay.path("out.jsonl")).unwrap().ends_with(b"\n"), "half a line is left");
}

/// Runs it until its `count`th `call`, which it does not survive. `false` if it never came so far.
fn killed_at(bugrelay: &mut Bugrelay, call: &str, count: u32) -> bool {
    let strace = strace::killing(call, count);
    bugrelay.start_under(&strace.iter().map(String::as_str).collect::<Vec<_>>(), &["run", "--log", "trace"]);
    let ended = bugrelay.wait_until_ended(Duration::from_secs(4)).is_some();
    bugrelay.kill9();
    ended
}

#[test]
fn kill_9_at_any_write_or_sync_loses_nothing_and_every_repeated_line_was_counted() {
    if let Some(why) = strace::is_missing() {
        return eprintln!("SKIPPED kill_9_at_any_write_or_sync: {why}");
    }
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = configured(&bugzilla.bugrelay_url());
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    assert!(bugrelay.terminate().success());
    let (mut killed, mut repeated_before) = (0, 0);
    let points = |call, counts: &[u32]| counts.iter().map(move |&count| (call, count)).collect::<Vec<_>>();
    let mut all = points("pwrite64", &[1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]);
    all.extend(points("fdatasync", &[1, 2, 3, 4, 5, 7, 10, 15]));
    all.extend(points("write", &[1, 30, 60, 90, 130, 180]));
    for (call, count) in all {
        killed += usize::from(killed_at(&mut bugrelay, call, count));
        load.pause();
        bugrelay.start();
        bugrelay.wait_until_ready();
        let repeated = Committed::read(server, &bugzilla.name).wait_for(&bugrelay);
        let fresh = repeated - repeated_before;
        assert!(fresh <= BATCH, "{fresh} lines were repeated after the {count}th {call}");
        let counted = || bugrelay.metric("bugrelay_possible_duplicates_total{connector=\"out\"}").unwrap_or(-1.0);
        let is_counted = poll(Duration::from_secs(5), || counted() >= fresh as f64);
        assert!(is_counted, "{fresh} lines were repeated after the {count}th {call}, {} counted", counted());
        assert!(bugrelay.terminate().success(), "{}", end_of(&bugrelay.log()));
        repeated_before = repeated;
        load.resume();
    }
    println!("{killed} kills, {} saves, {repeated_before} repeated", load.finish());
    assert!(killed >= 20, "only {killed} of the points were reached");
}

#[test]
fn a_transaction_larger_than_a_batch_that_was_killed_in_the_middle_is_told_whole_and_in_order() {
    const COMMENTS: usize = 3_000;
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = configured(&bugzilla.bugrelay_url());
    bugrelay.start();
    bugrelay.wait_until_ready();
    // Each at a second of its own: as many change sets.
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext)
           SELECT 1, 2, '2026-02-01 00:00:00' + INTERVAL seq SECOND, CONCAT('seq=', seq, ';') FROM seq_1_to_{COMMENTS}"
    ));
    let mut kills = 0;
    for lines in [1, 600, 1_400] {
        bugrelay.wait_for(lines);
        bugrelay.kill9();
        kills += 1;
        bugrelay.start();
    }
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.len(), COMMENTS);
    let repeated = committed.wait_for(&bugrelay);
    assert!(repeated <= kills * BATCH, "{repeated} lines were repeated by {kills} kills");
}
