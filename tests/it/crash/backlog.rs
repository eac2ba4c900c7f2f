//! One connector broken: the other does not notice, its backlog shows, drains in order, and costs no memory.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::load::Load;
use super::oracle::{Committed, end_of};
use crate::services::{Bugrelay, MariaDb, lines_in, poll};

/// A bugrelay whose connector `broken` cannot write, because a folder is not there.
struct Half {
    bugrelay: Bugrelay,
    folder: TempDir,
}

impl Half {
    fn running(database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/out.jsonl");
        let rest =
            format!("[connectors.broken]\ntype = \"file\"\npath = \"{}\"\nbackoff_seconds = [1]\n", path.display());
        let mut bugrelay = Bugrelay::configured(database, "", &rest);
        bugrelay.start();
        bugrelay.wait_until_ready();
        Half { bugrelay, folder }
    }

    fn of_broken(&self, metric: &str) -> f64 {
        self.bugrelay.metric(&format!("bugrelay_{metric}{{connector=\"broken\"}}")).unwrap_or(f64::NAN)
    }

    fn wait_for_backlog(&self, messages: usize) {
        let waits = poll(Duration::from_secs(90), || self.of_broken("backlog_messages") >= messages as f64);
        assert!(waits, "{} of {messages}:\n{}", self.of_broken("backlog_messages"), end_of(&self.bugrelay.log()));
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("missing")
    }

    fn mend(&self) {
        std::fs::create_dir(self.path()).unwrap();
    }

    fn lines(&self) -> Vec<String> {
        lines_in(&self.path().join("out.jsonl"))
    }
}

#[test]
fn a_broken_connector_delays_no_other_shows_its_backlog_and_drains_in_order_when_it_is_mended() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let half = Half::running(&bugzilla.bugrelay_url());
    let load = Load::start(bugzilla.url());
    load.wait_for(60);
    load.pause();
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for(&half.bugrelay), 0, "the well one has everything, once");
    half.wait_for_backlog(committed.len());
    assert!(poll(Duration::from_secs(10), || half.of_broken("backlog_attempts") >= 2.0), "it is tried again");
    assert!(half.of_broken("backlog_bytes") > 10_000.0);
    let oldest = half.of_broken("backlog_oldest_age_seconds");
    assert!(oldest > 0.5 && oldest < 60.0, "{oldest}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let next = half.of_broken("backlog_next_attempt_timestamp_seconds");
    assert!((next - now).abs() < 5.0, "the next attempt is at {next}, now is {now}");
    assert_eq!(half.of_broken("connector_up").to_bits(), 0.0_f64.to_bits());
    assert_eq!(half.bugrelay.metric("bugrelay_connector_up{connector=\"out\"}"), Some(1.0));
    load.resume();
    load.wait_for(20);
    half.mend();
    load.wait_for(20);
    load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for_in(&half.bugrelay, || half.lines()), 0);
    assert_eq!(committed.wait_for(&half.bugrelay), 0);
    assert!(poll(Duration::from_secs(10), || half.of_broken("connector_up") > 0.5));
    assert!(poll(Duration::from_secs(10), || half.of_broken("backlog_messages") < 0.5), "nothing waits any more");
}

#[test]
fn twenty_thousand_waiting_messages_take_no_more_memory_than_a_thousand() {
    const ROUND: usize = 1_000;
    const ROUNDS: usize = 20;
    /// KiB; page caches fill, the allocator keeps what it had.
    const MAY_GROW: u64 = 16 << 10;
    let bugzilla = MariaDb::shared().database();
    let half = Half::running(&bugzilla.bugrelay_url());
    let save = |round: usize| {
        let first = round * ROUND + 1;
        bugzilla.exec(&format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext)
               SELECT 1 + seq % 4, 2, '2026-02-01 00:00:00' + INTERVAL seq SECOND, CONCAT('seq=', seq, '; ', REPEAT('tea ', 200))
               FROM seq_{first}_to_{}",
            first + ROUND - 1
        ));
        half.wait_for_backlog((round + 1) * ROUND);
    };
    // The first two warm up what is kept for good.
    (0..2).for_each(&save);
    let before = half.bugrelay.resident_kib();
    (2..ROUNDS).for_each(&save);
    let after = half.bugrelay.resident_kib();
    println!("resident: {before} KiB with {} waiting, {after} KiB with {}", 2 * ROUND, ROUNDS * ROUND);
    assert!(after <= before + MAY_GROW, "{before} KiB became {after} KiB");
}
