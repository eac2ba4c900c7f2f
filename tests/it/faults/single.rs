//! The faults that need something of the system: a sync that fails, a clock that jumps, an end that comes too soon, a broker without memory, a
//! listener that does not listen.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use crate::buses::rig::{BATCH, Buses, Own};
use crate::crash::load::Load;
use crate::crash::oracle::{Committed, end_of};
use crate::crash::strace;
use crate::services::{Bugrelay, MariaDb, RabbitMq, poll};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn killed_a_second_after_sigterm_it_repeats_at_most_what_was_in_flight() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    // Nobody ever reads from it: it holds the exit for as long as the grace period allows.
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let rest = format!("batch = {BATCH}\n[connectors.pipe]\ntype = \"file\"\npath = \"{}\"\n", pipe.display());
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    for _ in 0..3 {
        load.wait_for(20);
        bugrelay.signal("TERM");
        assert!(bugrelay.wait_until_ended(Duration::from_secs(1)).is_none(), "its grace period is 20 s");
        bugrelay.kill9();
        bugrelay.start();
        bugrelay.wait_until_ready();
    }
    load.finish();
    let repeated = Committed::read(server, &bugzilla.name).wait_for(&bugrelay);
    assert!(repeated <= 3 * BATCH, "{repeated} lines were repeated");
}

#[test]
fn a_sync_that_fails_loses_nothing() {
    if let Some(why) = strace::is_missing() {
        return eprintln!("SKIPPED a_sync_that_fails_loses_nothing: {why}");
    }
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &format!("batch = {BATCH}"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    assert!(bugrelay.terminate().success());
    let mut repeated_before = 0;
    for count in [2, 4, 7, 12] {
        let strace = strace::failing("fdatasync", "EIO", count);
        bugrelay.start_under(&strace.iter().map(String::as_str).collect::<Vec<_>>(), &["run", "--log", "info"]);
        load.wait_for(30);
        load.pause();
        // It goes on by itself, or ends and says why: then somebody starts it again.
        // It starts slowly under strace, and later syncs are met only if there are so many.
        let patience = if count == 2 { PATIENCE } else { Duration::from_secs(3) };
        let failed = poll(patience, || bugrelay.has_ended() || bugrelay.log().contains("nput/output error"));
        assert!(failed || count > 2, "nobody noticed:\n{}", end_of(&bugrelay.log()));
        if !bugrelay.has_ended() {
            bugrelay.signal("TERM");
            bugrelay.wait_until_ended(PATIENCE).expect("it ends");
        }
        bugrelay.start();
        bugrelay.wait_until_ready();
        let repeated = Committed::read(server, &bugzilla.name).wait_for(&bugrelay);
        assert!(repeated - repeated_before <= BATCH, "{repeated} lines were repeated");
        repeated_before = repeated;
        assert!(bugrelay.terminate().success(), "{}", end_of(&bugrelay.log()));
        load.resume();
    }
}

/// Where Debian has it.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

#[test]
fn a_clock_that_jumps_by_a_day_loses_and_delays_nothing() {
    if !std::path::Path::new(FAKETIME).exists() {
        return eprintln!("SKIPPED a_clock_that_jumps_by_a_day: faketime is not installed (scripts/install)");
    }
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let folder = tempfile::tempdir().unwrap();
    let (clock, missing) = (folder.path().join("clock"), folder.path().join("missing"));
    let rest = format!(
        "[connectors.broken]\ntype = \"file\"\npath = \"{}\"\nbackoff_seconds = [1]\n",
        missing.join("out.jsonl").display()
    );
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    let jump = |by: &str| {
        // At once: half a file would be no time.
        std::fs::write(folder.path().join("next"), by).unwrap();
        std::fs::rename(folder.path().join("next"), &clock).unwrap();
    };
    jump("+0");
    let settings = [
        format!("LD_PRELOAD={FAKETIME}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let wrapper: Vec<&str> = std::iter::once("env").chain(settings.iter().map(String::as_str)).collect();
    bugrelay.start_under(&wrapper, &["run", "--log", "info"]);
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    let attempts = || bugrelay.metric("bugrelay_backlog_attempts{connector=\"broken\"}").unwrap_or(0.0);
    for by in ["+86400", "-86400", "+0"] {
        load.wait_for(20);
        jump(by);
        let before = attempts();
        let goes_on = poll(PATIENCE, || attempts() >= before + 2.0);
        assert!(goes_on, "after a jump by {by} s nothing is tried any more:\n{}", end_of(&bugrelay.log()));
    }
    load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for(&bugrelay), 0);
    std::fs::create_dir(&missing).unwrap();
    let lines = || {
        let text = std::fs::read_to_string(missing.join("out.jsonl")).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    };
    assert_eq!(committed.wait_for_in(&bugrelay, lines), 0);
}

#[test]
fn a_broker_that_has_no_memory_left_is_waited_for_and_costs_the_others_nothing() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let buses = Buses::new(Own { rabbit: Some(RabbitMq::start(None)), kafka: None }, RabbitMq::port);
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &buses.configuration("stomp", ""));
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    load.wait_for(20);
    let broker = buses.own.rabbit.as_ref().unwrap();
    broker.is_short_of_memory(true);
    load.wait_for(60);
    load.pause();
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for(&bugrelay), 0);
    assert_eq!(committed.wait_for_in(&bugrelay, || buses.read_by_kafka()), 0);
    let of_stomp =
        |metric: &str| bugrelay.metric(&format!("bugrelay_{metric}{{connector=\"stomp\"}}")).unwrap_or(f64::NAN);
    assert!(poll(PATIENCE, || of_stomp("backlog_messages") > 20.0), "{}", end_of(&bugrelay.log()));
    load.resume();
    broker.is_short_of_memory(false);
    load.wait_for(20);
    load.finish();
    let repeated = Committed::read(server, &bugzilla.name).wait_for_in(&bugrelay, || buses.read_by_stomp());
    let is_counted = poll(PATIENCE, || of_stomp("possible_duplicates_total") >= repeated as f64);
    assert!(is_counted, "{repeated} came again, {} were counted", of_stomp("possible_duplicates_total"));
    assert!(poll(PATIENCE, || of_stomp("backlog_messages") < 0.5));
}

#[test]
fn a_listener_that_reads_nothing_delays_nobody() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let mut listeners: Vec<TcpStream> =
        (0..4).map(|_| TcpStream::connect(("127.0.0.1", bugrelay.port())).unwrap()).collect();
    for listener in &mut listeners {
        write!(listener, "GET /api/tail HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    // More than the sockets between us hold.
    bugzilla.exec(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext)
           SELECT 1 + seq % 4, 2, '2026-02-01 00:00:00' + INTERVAL seq SECOND, CONCAT('seq=', seq, ';', REPEAT('tea ', 5000))
           FROM seq_1_to_600",
    );
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for(&bugrelay), 0);
    assert!(bugrelay.get("/metrics").contains("bugrelay_build_info"));
    assert!(bugrelay.resident_kib() < 200 << 10, "{} KiB", bugrelay.resident_kib());
}
