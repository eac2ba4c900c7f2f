//! `start`: a fresh store begins in the past.

use super::{OFTEN, ids, running, save, wait_for_a_sweep, wait_for_ids};
use crate::services::{Bugrelay, MariaDb};

fn times(bugrelay: &Bugrelay) -> Vec<String> {
    bugrelay.messages().iter().map(|message| message["event"]["time"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_since_a_start_in_the_past_is_told_oldest_first_and_then_the_rest_once() {
    let bugzilla = MariaDb::shared().database();
    bugzilla.exec(&save(1, 3, 1));
    let bugrelay = running(&bugzilla, &format!("{OFTEN}\nstart = 2026-01-09T12:00:00Z"));
    bugzilla.exec(&save(1, 4, 0));
    wait_for_a_sweep(&bugzilla, &bugrelay);
    let count = ids(&bugrelay).len();
    assert_eq!(bugrelay.wait_for(count).len(), count);
    let told = times(&bugrelay);
    assert_eq!(told[0], "2026-01-09T12:00:00", "nothing before the start, and all of its second");
    assert!(told.is_sorted(), "{told:?}");
    // Bugs 5 and 6 and their descriptions, two attachments, two flags; and the two saves.
    assert!(told.len() >= 12, "{told:?}");
}

#[test]
fn a_start_in_the_past_goes_on_after_a_kill_and_is_not_begun_again() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "start = \"2026-01-01\"", "");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay.kill9();
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.exec(&save(1, 4, 0));
    let whole = wait_for_ids(&bugrelay, 20);
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.exec(&save(1, 4, 0));
    assert_eq!(wait_for_ids(&bugrelay, whole.len() + 2).len(), whole.len() + 2);
    let mut once = ids(&bugrelay);
    once.sort();
    once.dedup();
    assert_eq!(once.len(), whole.len() + 2);
}
