//! A server that lost the end of its data gives ids out again: what gets them is another save, and is told.

use super::{OFTEN, PATIENCE, ids, log, running, save, wait_for_ids};
use crate::services::{Bugrelay, MariaDb, Mysqld, poll};

/// A server with one Bugzilla, and what it was before the last saves.
struct Restorable {
    server: Mysqld,
    name: String,
}

impl Restorable {
    /// Three saves were told, and the server remembers the first alone: as after a crash that cost it the end of its log, or from a
    /// backup. It is down.
    fn after(settings: &str) -> (Self, Bugrelay) {
        let server = MariaDb::start(&[]);
        let name = server.database().name;
        let mut site = Restorable { server, name };
        let bugrelay = running(&site.server.existing(&site.name), settings);
        site.save(1, 3);
        wait_for_ids(&bugrelay, 2);
        site.server.shut_down();
        site.server.back_up();
        site.server.start_again();
        site.save(1, 3);
        site.save(1, 3);
        wait_for_ids(&bugrelay, 6);
        site.server.kill9();
        site.server.put_back();
        (site, bugrelay)
    }

    /// In a second of its own.
    fn save(&self, bug: u32, who: u32) {
        let bugzilla = self.server.existing(&self.name);
        super::a_second_passes(&bugzilla);
        bugzilla.exec(&save(bug, who, 0));
    }
}

/// The ids are those of what was lost, and the messages are others.
fn are_told_again(bugrelay: &Bugrelay, count: usize) {
    let told = wait_for_ids(bugrelay, 6 + count);
    assert_eq!(told[6..10], told[2..6], "{}", log(bugrelay));
    assert_eq!(told.len(), 6 + count);
    let lines = bugrelay.wait_for(6 + count);
    assert!(lines[6..].iter().all(|line| line.contains("\"bug_id\":2,")), "{lines:#?}");
}

fn while_bugrelay_runs(settings: &str, gap: Option<&str>) {
    let (mut site, bugrelay) = Restorable::after(settings);
    site.server.start_again();
    if let Some(gap) = gap {
        let gap = format!("bugrelay_source_gaps_total{{reason=\"{gap}\"}}");
        assert!(poll(PATIENCE, || bugrelay.metric(&gap) == Some(1.0)), "{}", log(&bugrelay));
    }
    site.save(2, 4);
    site.save(2, 4);
    are_told_again(&bugrelay, 4);
}

#[test]
fn saves_that_get_ids_of_lost_ones_are_told_after_a_gap_was_found() {
    while_bugrelay_runs(OFTEN, Some("ahead"));
}

#[test]
fn saves_that_get_ids_of_lost_ones_are_told_by_history_alone() {
    while_bugrelay_runs(&format!("{OFTEN}\ncapture = \"history\""), None);
}

#[test]
fn saves_that_get_ids_and_places_in_the_log_of_lost_ones_are_found_by_the_sweep() {
    let (mut site, mut bugrelay) = Restorable::after(OFTEN);
    assert!(bugrelay.terminate().success());
    site.server.start_again();
    // The log is as long as it was: nobody sees that it is another one.
    site.save(2, 4);
    site.save(2, 4);
    bugrelay.start();
    are_told_again(&bugrelay, 4);
    assert_eq!(bugrelay.metric("bugrelay_source_gaps_total{reason=\"ahead\"}"), Some(0.0));
}

#[test]
fn saves_that_get_ids_of_lost_ones_are_told_from_now_on() {
    let (mut site, mut bugrelay) = Restorable::after("");
    assert!(bugrelay.terminate().success());
    site.server.start_again();
    site.server.exec("RESET MASTER");
    bugrelay.start_with(&["run", "--log", "trace", "--from-now"]);
    bugrelay.wait_until_ready();
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_source_connected") == Some(1.0)), "{}", log(&bugrelay));
    site.save(2, 4);
    site.save(2, 4);
    are_told_again(&bugrelay, 4);
    assert_eq!(ids(&bugrelay).len(), 10);
}
