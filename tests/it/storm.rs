//! The storm: eight people save at once, with pauses in the middle of their transactions, roll back, are cut off, and the server is
//! restarted under them. What left is held against what the tables hold then: nothing lost, nothing else, nothing twice, in order.
//!
//! Two short storms run with the other tests. The whole ones, on every way in, are `scripts/test-matrix`'s; their seed is printed, and
//! `BUGRELAY_SEED=N` blows the same again, as far as servers and threads allow.

mod oracle;
mod people;
mod save;
mod session;
mod site;

use std::time::Duration;

use self::oracle::{Expected, Verdict};
use self::people::People;
use self::site::Site;
use crate::crash::oracle::end_of;
use crate::services::{Bugrelay, poll};

/// Saves of a storm that runs with the other tests.
const SHORT: u64 = 1500;

/// Saves of a whole one, unless `BUGRELAY_STORM` says how many.
const WHOLE: u64 = 20_000;

/// How long what was saved may take to leave when the storm is over: a slow machine, and restarts with their pauses.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a way in tells saves that one user made on one bug in one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// Each by itself, in the order of the commits.
    EachSave,
    /// Their changes together, perhaps, with the last one's values; the others in the order of the commits.
    MergedInOrder,
    /// The same, and in the order of their times where those that are committed late allow it.
    MergedByTime,
}

/// How often the server goes down: as an administrator stops it, and without notice.
struct Falls {
    restarts: u32,
    crashes: u32,
}

const ONCE: Falls = Falls { restarts: 0, crashes: 1 };
const TWICE: Falls = Falls { restarts: 1, crashes: 1 };

#[test]
fn a_short_storm_is_told_whole_by_the_binlog() {
    storm(site::binlog(), SHORT, &ONCE);
}

#[test]
fn a_short_storm_is_told_whole_by_triggers_on_postgresql() {
    storm(site::postgres_triggers(), SHORT, &ONCE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_binlog_on_mariadb() {
    storm(site::binlog(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_binlog_on_mysql() {
    storm(site::mysql_binlog(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_triggers_on_mariadb() {
    storm(site::mariadb_triggers(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_triggers_on_mysql() {
    storm(site::mysql_triggers(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_history_on_mariadb() {
    storm(site::history(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_triggers_on_postgresql() {
    storm(site::postgres_triggers(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_logical_on_postgresql() {
    storm(site::logical(), whole(), &TWICE);
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn whole_storm_by_history_on_postgresql() {
    storm(site::postgres_history(), whole(), &TWICE);
}

fn whole() -> u64 {
    std::env::var("BUGRELAY_STORM").ok().map_or(WHOLE, |saves| saves.parse().unwrap())
}

#[allow(clippy::print_stdout, reason = "the seed and what became of the storm, for whoever looks at a test's output")]
fn storm(mut site: Site, saves: u64, falls: &Falls) {
    let seed = std::env::var("BUGRELAY_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BUGRELAY_SEED={seed}");
    let settings = format!("{}\nsweep_interval_seconds = 5", site.settings);
    let mut bugrelay = Bugrelay::configured(&site.bugrelay_url(), &settings, "");
    bugrelay.start_with(&["run"]);
    bugrelay.wait_until_ready();
    let people = People::start(&site, saves, seed);
    let all = falls.restarts + falls.crashes;
    for fall in 1..=all {
        people.wait_for(saves * u64::from(fall) / u64::from(all + 1));
        if fall <= falls.crashes {
            site.kill9()
        } else {
            site.shut_down()
        }
        site.start_again();
    }
    let account = people.finish();
    let expected = Expected::read(&site);
    println!("{account}; {} messages, {all} falls of the server", expected.len());
    assert!(expected.saves() as u64 >= saves / 2, "hardly anybody could save: {} of {saves}", expected.saves());
    poll(PATIENCE, || bugrelay.lines().len() >= expected.fewest() && expected.judge(&bugrelay.lines()).is_whole());
    // Whatever is told beside it would be told by now: this save comes last, and the sweep has passed the others.
    site.last_word();
    let last = || bugrelay.lines().iter().any(|line| line.contains(site::LAST_WORD));
    assert!(poll(PATIENCE, last), "the last word is not told:\n{}", end_of(&bugrelay.log()));
    let swept = swept(&bugrelay);
    assert!(bugrelay.terminate().success(), "{}", end_of(&bugrelay.log()));
    let lines: Vec<String> = bugrelay.lines().into_iter().filter(|line| !line.contains(site::LAST_WORD)).collect();
    let verdict = expected.judge(&lines);
    println!("{} lines, {swept} swept: {verdict}", lines.len());
    assert_eq!(verdict, Verdict::default(), "{}", end_of(&bugrelay.log()));
    for file in bugrelay.files() {
        oracle::is_silent(&file);
    }
}

/// What the sweep has told: on a loaded machine saves that took longer than it leaves to the way in.
fn swept(bugrelay: &Bugrelay) -> f64 {
    let page = bugrelay.get("/metrics");
    let swept = page.lines().filter(|line| line.starts_with("bugrelay_swept"));
    swept.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}
