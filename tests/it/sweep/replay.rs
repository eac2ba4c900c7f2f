//! `bugrelay replay`: saves of the past, told again.

use serde_json::Value;

use super::{PATIENCE, ids, save, wait_for_ids};
use crate::services::{Bugrelay, Database, MariaDb, poll};

/// With the connectors `out` and `other`, and a token.
fn running(bugzilla: &Database) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    std::fs::write(bugrelay.path("token"), "open sesame\n").unwrap();
    bugrelay.replace("[admin]", &format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display()));
    let other = format!("[connectors.other]\ntype = \"file\"\npath = \"{}\"\n", bugrelay.path("other.jsonl").display());
    bugrelay.replace("[connectors.out]", &format!("{other}[connectors.out]"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

fn replayed(bugrelay: &Bugrelay, arguments: &[&str]) -> Value {
    let ended = bugrelay.verb(&[&["replay", "--json"], arguments].concat());
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn a_replay_tells_saves_again_under_their_ids_to_whom_it_is_told() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = running(&bugzilla);
    bugzilla.exec(&(save(1, 3, 0) + &save(2, 3, 0)));
    let told = wait_for_ids(&bugrelay, 4);
    let since = ["--since", "2026-02-01T00:00:00Z"];
    let dry = replayed(&bugrelay, &[&since[..], &["--dry-run"]].concat());
    assert_eq!((&dry["saves"], &dry["messages"]["bug.modify"], &dry["private"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!(ids(&bugrelay), told, "a dry run stores nothing");
    let one = replayed(&bugrelay, &[&since[..], &["--bug", "2", "--connector", "other"]].concat());
    assert_eq!(one["messages"], serde_json::json!({ "bug.modify": 1, "comment.create": 1 }));
    assert_eq!(wait_for_ids(&bugrelay, 6)[4..], told[2..]);
    replayed(&bugrelay, &since);
    assert_eq!(wait_for_ids(&bugrelay, 10)[6..], told[..]);
    assert_eq!(bugrelay.wait_for(8).len(), 8, "and `out` got what was for all");
    // By now it is secret: what was told is not told again.
    bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) VALUES (1, 3)");
    let hidden = replayed(&bugrelay, &[&since[..], &["--bug", "1"]].concat());
    assert_eq!(hidden["private"], 2);
    assert!(bugrelay.log().contains("a replay was ordered by the admin API"));
}

#[test]
fn a_replay_waits_for_room_and_leaves_some_to_what_bugzilla_says_now() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = running(&bugzilla);
    assert!(bugrelay.terminate().success());
    bugrelay.replace("[queue]", "[queue]\nmax_megabytes = 16");
    bugrelay.start();
    bugrelay.wait_until_ready();
    // Nearly eight megabytes: once is half of the room, and twice all of it.
    let many = "WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 130)";
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) {many} SELECT 1, 3, LOCALTIMESTAMP(0), REPEAT('a', 60000) FROM n"
    ));
    let other = || std::fs::read_to_string(bugrelay.path("other.jsonl")).unwrap_or_default().lines().count();
    bugrelay.wait_for(130);
    assert!(poll(PATIENCE, || other() == 130), "{} lines", other());
    assert_eq!(bugrelay.verb(&["connector", "pause", "other"]).code, 0);
    let since = ["--since", "2026-02-01T00:00:00Z", "--connector", "other"];
    assert_eq!(replayed(&bugrelay, &since)["messages"]["comment.create"], 130);
    let mut second = bugrelay.command(&[&["replay"][..], &since].concat()).spawn().unwrap();
    assert!(poll(PATIENCE, || bugrelay.log().contains("the replay waits for deliveries to make room")));
    bugzilla.exec(&save(2, 3, 0));
    assert_eq!(bugrelay.wait_for(132).len(), 132, "Bugzilla is heard meanwhile");
    assert!(second.try_wait().unwrap().is_none());
    assert_eq!(bugrelay.verb(&["connector", "resume", "other"]).code, 0);
    assert!(second.wait().unwrap().success());
    assert!(poll(PATIENCE, || other() == 392), "{} lines", other());
}

#[test]
fn a_replay_that_cannot_be_is_refused_with_a_reason() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = running(&bugzilla);
    for (arguments, reason) in [
        (&["--since", "yesterday"][..], "since: \"yesterday\" is no time"),
        (&["--since", "2026-02-01", "--until", "2026-01-01"], "until is before since"),
        (&["--since", "2026-02-01", "--connector", "nobody"], "enabled are other, out"),
    ] {
        let ended = bugrelay.verb(&[&["replay"], arguments].concat());
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains(reason), "{}", ended.err);
    }
    assert!(bugrelay.send("POST", "/api/replay", "Host: localhost").starts_with("HTTP/1.1 401"));
}

#[test]
fn a_replay_that_breaks_off_says_from_when_to_go_on() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = running(&bugzilla);
    bugzilla.exec(&(save(1, 3, 0) + &save(2, 3, 0)));
    wait_for_ids(&bugrelay, 4);
    bugzilla.exec("RENAME TABLE longdescs TO away");
    let ended = bugrelay.verb(&["replay", "--since", "2026-02-01T01:00:00+01:00"]);
    bugzilla.exec("RENAME TABLE away TO longdescs");
    assert_eq!(ended.code, 69, "{}", ended.err);
    assert!(ended.err.contains("longdescs"), "{}", ended.err);
    let (_, order) = ended.err.trim_end().rsplit_once("is stored: go on with ").expect(&ended.err);
    assert_eq!(order, "--since 2026-02-01T00:00:00Z");
    replayed(&bugrelay, &order.split(' ').collect::<Vec<_>>());
    wait_for_ids(&bugrelay, 8);
}
