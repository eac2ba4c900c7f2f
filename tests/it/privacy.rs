//! The needle: a unique string in every private place of a Bugzilla must be in no byte that leaves or stays.
//!
//! Looked at are the messages, what `tail` shows, the log at level trace (what the libraries log included), standard output,
//! the metrics, and every file of bugrelay's folder: the store with its journal too. The same search finds what is public.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::services::{Bugrelay, Database, Listener, MariaDb, MySql, Mysqld, poll};

/// Beyond ASCII, so that it looks otherwise in JSON than in the database.
const NEEDLE: &str = "nádel-9f3c";
/// Hours are numbers: a needle of another kind.
const HOURS: &str = "4711.25";
/// In public places only.
const CHAFF: &str = "öffentlich-77aa";

const PATIENCE: Duration = Duration::from_secs(30);

/// The one logs rows, the other the text of the statements too, and all of it compressed.
const SERVERS: [fn() -> &'static Mysqld; 2] = [MariaDb::shared, MySql::full];

/// As JSON writes it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        let _ = if c.is_ascii() { write!(out, "{c}") } else { write!(out, "\\u{:04x}", u32::from(c)) };
        out
    })
}

/// Where a text is found, raw or escaped, among everything that bugrelay gave away or kept.
fn places(text: &str, bugrelay: &Bugrelay, besides: &[(&str, String)]) -> Vec<String> {
    // The end of a text that other ways of escaping leave alone as well.
    let end = text.rsplit(|c: char| !c.is_ascii()).next().unwrap_or_default();
    let forms = [text.to_owned(), escaped(text), end.to_owned()];
    let holds = |bytes: &[u8]| {
        let readable = String::from_utf8_lossy(bytes);
        forms.iter().any(|form| readable.contains(form))
    };
    let files = bugrelay.files().into_iter().filter(|path| path.is_file());
    let mut found: Vec<String> =
        files.filter(|path| holds(&std::fs::read(path).unwrap_or_default())).map(|path| name(&path)).collect();
    found.extend(besides.iter().filter(|(_, text)| holds(text.as_bytes())).map(|(place, _)| (*place).to_owned()));
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a user sees of a running bugrelay besides its files.
fn besides(bugrelay: &Bugrelay) -> [(&'static str, String); 3] {
    [("metrics", bugrelay.get("/metrics")), ("readiness", bugrelay.get("/readyz")), ("check", check(bugrelay))]
}

fn check(bugrelay: &Bugrelay) -> String {
    let ended = bugrelay.verb(&["check"]);
    ended.out + &ended.err
}

/// Puts the needle into every private place, and the chaff into a public one at the end.
fn play(bugzilla: &Database) {
    let secrets = include_str!("../privacy/secrets.sql");
    bugzilla.exec(&secrets.replace("NEEDLE", NEEDLE).replace("HOURS", HOURS).replace("CHAFF", CHAFF));
    let counts = format!(
        "SET NAMES utf8mb4; SELECT SUM(thetext = '{NEEDLE}') FROM longdescs; \
         SELECT SUM(removed LIKE '{NEEDLE}%' OR added LIKE '{NEEDLE}%') FROM bugs_activity; \
         SELECT SUM(estimated_time = {HOURS}) FROM bugs"
    );
    assert_eq!(bugzilla.exec(&counts), "6\n17\n2\n");
}

/// Both forms of `tail`; their files are among those that are looked at.
fn listen(bugrelay: &Bugrelay) -> [Listener; 2] {
    [("tail", &["tail"][..]), ("json", &["tail", "--json"])].map(|(name, verb)| Listener::start(bugrelay, name, verb))
}

fn wait_for_chaff(bugrelay: &Bugrelay) {
    let came = || bugrelay.lines().last().is_some_and(|line| line.contains(&escaped(CHAFF)));
    assert!(poll(PATIENCE, came), "the end of the story did not come");
}

fn wait_for_chaff_in(listeners: &[Listener]) {
    for listener in listeners {
        let came = || [CHAFF.to_owned(), escaped(CHAFF)].iter().any(|form| listener.shown().contains(form));
        assert!(poll(PATIENCE, came), "the end of the story was not shown:\n{}", listener.shown());
    }
}

fn assert_clean(bugrelay: &mut Bugrelay) {
    let seen = besides(bugrelay);
    assert!(places(CHAFF, bugrelay, &seen).contains(&"out.jsonl".to_owned()), "the search finds what is public");
    assert!(bugrelay.log().contains("the change source is open"), "the log is looked at");
    // Once while it runs, with the journal of its store, and once when it has closed it.
    for what in [NEEDLE, HOURS] {
        assert_eq!(places(what, bugrelay, &seen), [""; 0], "{what} is told");
    }
    assert!(bugrelay.terminate().success());
    for what in [NEEDLE, HOURS] {
        assert_eq!(places(what, bugrelay, &seen), [""; 0], "{what} is left behind");
    }
}

#[test]
fn no_private_word_leaves_or_stays_while_bugrelay_watches() {
    for server in SERVERS {
        let bugzilla = server().database();
        let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
        let listeners = listen(&bugrelay);
        play(&bugzilla);
        wait_for_chaff(&bugrelay);
        wait_for_chaff_in(&listeners);
        assert_clean(&mut bugrelay);
    }
}

#[test]
fn no_private_word_leaves_or_stays_when_bugrelay_catches_up() {
    for server in SERVERS {
        let bugzilla = server().database();
        let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
        assert!(bugrelay.terminate().success());
        play(&bugzilla);
        bugrelay.start();
        bugrelay.wait_until_ready();
        wait_for_chaff(&bugrelay);
        assert_clean(&mut bugrelay);
    }
}

#[test]
fn an_unreachable_database_tells_no_private_word_in_its_errors() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    // A table that bugrelay needs is away for a while, as in an upgrade: statements fail with the rows of the save in mind.
    bugzilla.exec("RENAME TABLE keyworddefs TO keyworddefs_away");
    play(&bugzilla);
    assert!(poll(PATIENCE, || bugrelay.log().contains("changes wait")));
    bugzilla.exec("RENAME TABLE keyworddefs_away TO keyworddefs");
    wait_for_chaff(&bugrelay);
    assert_clean(&mut bugrelay);
}

/// A bugrelay whose second connector cannot write before its folder is made.
fn with_a_broken_connector(bugzilla: &Database) -> (Bugrelay, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/out.jsonl");
    let rest = format!("[connectors.down]\ntype = \"file\"\npath = \"{}\"\nbackoff_seconds = [1]\n", path.display());
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    (bugrelay, folder)
}

#[test]
fn what_turns_private_while_it_waits_leaves_as_an_event_and_the_store_forgets_it() {
    let bugzilla = MariaDb::shared().database();
    let (mut bugrelay, folder) = with_a_broken_connector(&bugzilla);
    bugzilla.exec(&format!(
        "SET NAMES utf8mb4; BEGIN; UPDATE bugs SET short_desc = '{NEEDLE}' WHERE bug_id = 1;
         INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, '2026-11-22 06:00:00', 12, 'The spout drips', '{NEEDLE}');
         INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (300, 1, 3, '2026-11-22 06:00:00', '{NEEDLE}'), (301, 4, 3, '2026-11-22 06:00:00', '{NEEDLE}'),
           (302, 4, 3, '2026-11-22 06:00:01', '{CHAFF}'); COMMIT;"
    ));
    // Public so far: it left where it could, and waits where it could not.
    assert_eq!(bugrelay.wait_for(4).iter().filter(|line| line.contains(&escaped(NEEDLE))).count(), 3);
    assert!(poll(PATIENCE, || { bugrelay.metric("bugrelay_backlog_messages{connector=\"down\"}") == Some(4.0) }));
    let store: Vec<String> =
        places(NEEDLE, &bugrelay, &[]).into_iter().filter(|name| name.starts_with("store")).collect();
    assert!(!store.is_empty(), "what waits is in the store");
    bugzilla.exec(
        "BEGIN; INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 2); COMMIT; UPDATE longdescs SET isprivate = 1 WHERE comment_id = 301;",
    );
    std::fs::create_dir(folder.path().join("later")).unwrap();
    let out = folder.path().join("later/out.jsonl");
    let lines = || std::fs::read_to_string(&out).unwrap_or_default();
    assert!(poll(PATIENCE, || lines().lines().count() == 4), "{}", bugrelay.log());
    assert!(!lines().contains(&escaped(NEEDLE)) && lines().contains(&escaped(CHAFF)));
    let keys = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap().as_object().unwrap().len();
    assert_eq!(
        lines().lines().map(keys).collect::<Vec<_>>(),
        [1, 1, 1, 2],
        "three events alone, and what stayed public"
    );
    // Only what had left while it was public still holds it; the store and its journal, in use or closed, do not.
    assert_eq!(places(NEEDLE, &bugrelay, &[]), ["out.jsonl"]);
    assert!(bugrelay.terminate().success());
    assert_eq!(places(NEEDLE, &bugrelay, &[]), ["out.jsonl"]);
}
