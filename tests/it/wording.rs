//! What the site may choose of the wording: who is told how, which fields leave, whose id a comment has, the time zone.

use serde_json::{Value, json};

use crate::services::{Bugrelay, SqliteBugzilla};

/// One save with a comment, people, flags and custom fields.
const SAVE: &str = "BEGIN;
    INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (50, 1, 3, '2026-10-25 02:30:00', 'Said.');
    UPDATE bugs SET assigned_to = 2, cf_hint = 'mild', cf_tasting = '2026-01-01 12:00:00', delta_ts = '2026-10-25 02:30:00' WHERE bug_id = 1;
    INSERT INTO flags (id, type_id, status, bug_id, setter_id, requestee_id, creation_date) VALUES (50, 1, '?', 1, 3, 5, '2026-10-25 02:30:00');
    INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added) VALUES (1, 3, '2026-10-25 02:30:00', 26, 'bob@example.org', 'alice@example.org'),
      (1, 3, '2026-10-25 02:30:00', 29, '', 'dave@example.org, zofie@example.org'), (1, 3, '2026-10-25 02:30:00', 52, '', 'needinfo?(dave@example.org)'),
      (1, 3, '2026-10-25 02:30:00', 71, '', 'mild'), (1, 3, '2026-10-25 02:30:00', 75, '', '2026-01-01 12:00:00');
    COMMIT;";

/// The comment and the change that leave with these settings.
fn told(bugzilla: &str, rest: &str) -> [Value; 2] {
    let database = SqliteBugzilla::new();
    let mut bugrelay = Bugrelay::configured(&database.bugrelay_url(), bugzilla, rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    database.exec(SAVE);
    bugrelay.wait_for(2);
    bugrelay.messages().try_into().unwrap()
}

fn changes(message: &Value) -> Vec<(&str, &str)> {
    let changes = message["event"]["changes"].as_array().unwrap().iter();
    changes.map(|change| (change["field"].as_str().unwrap(), change["added"].as_str().unwrap())).collect()
}

#[test]
fn users_are_told_as_the_site_wants_them() {
    let table = [
        (
            "full",
            json!({"id": 3, "login": "bob@example.org", "real_name": "Bob Hazel"}),
            "alice@example.org",
            "dave@example.org, zofie@example.org",
            "? (dave@example.org)",
        ),
        ("local_part", json!({"id": 3, "login": "bob", "real_name": "Bob Hazel"}), "alice", "dave, zofie", "? (dave)"),
        ("id", json!({"id": 3, "login": "3", "real_name": ""}), "", "", "?"),
    ];
    for (identity, user, assigned_to, cc, flag) in table {
        let [comment, bug] = told("", &format!("[messages]\nidentity = \"{identity}\"\n"));
        assert_eq!(comment["event"]["user"], user, "{identity}");
        let people: Vec<(&str, &str)> =
            changes(&bug).into_iter().filter(|(field, _)| !field.starts_with("cf_")).collect();
        assert_eq!(people, [("assigned_to", assigned_to), ("cc", cc), ("flag.needinfo", flag)], "{identity}");
        if identity != "full" {
            assert!(!format!("{comment}{bug}").contains("@example.org"), "{identity}: a whole login is told");
        }
        if identity == "id" {
            assert!(!format!("{comment}{bug}").contains("Hazel"), "a name is told");
        }
    }
}

#[test]
fn custom_fields_that_are_held_back_are_neither_in_the_object_nor_among_the_changes() {
    let table = [
        (
            "deny = [\"cf_h*\"]",
            vec!["cf_cups", "cf_follows", "cf_platforms", "cf_recipe", "cf_roast", "cf_tasting"],
            vec!["cf_tasting"],
        ),
        ("allow = [\"cf_hint\"]", vec!["cf_hint"], vec!["cf_hint"]),
        ("allow = [\"cf_*\"]\ndeny = [\"*\"]", vec![], vec![]),
    ];
    for (fields, in_object, in_changes) in table {
        let [_, bug] = told("", &format!("[fields]\n{fields}\n"));
        let custom = |names: Vec<String>| names.into_iter().filter(|name| name.starts_with("cf_")).collect::<Vec<_>>();
        assert_eq!(custom(bug["bug"].as_object().unwrap().keys().cloned().collect()), in_object, "{fields}");
        assert_eq!(
            custom(changes(&bug).into_iter().map(|(name, _)| name.to_owned()).collect()),
            in_changes,
            "{fields}"
        );
        assert_eq!(bug["bug"]["summary"], "The spout drips", "standard fields are not meant");
    }
}

#[test]
fn a_comment_has_the_id_of_its_bug_or_its_own() {
    for (of, id) in [("bug", 1), ("comment", 50)] {
        let [comment, _] = told("", &format!("[messages]\ncomment_id = \"{of}\"\n"));
        assert_eq!((&comment["comment"]["id"], &comment["comment"]["comment_id"]), (&json!(id), &json!(50)), "{of}");
    }
}

#[test]
fn a_site_that_requires_login_tells_events_only() {
    for message in told("require_login = true", "") {
        assert_eq!(message.as_object().unwrap().keys().collect::<Vec<_>>(), ["event"]);
        assert_eq!(message["event"]["changes"], Value::Null);
    }
}

#[test]
fn times_are_told_in_utc_and_the_repeated_hour_as_its_first_pass() {
    let table = [
        ("UTC", "2026-10-25T02:30:00", "3.1792895400.1", "2026-01-01T12:00:00"),
        ("Europe/Prague", "2026-10-25T00:30:00", "3.1792888200.1", "2026-01-01T11:00:00"),
        ("America/New_York", "2026-10-25T06:30:00", "3.1792909800.1", "2026-01-01T17:00:00"),
    ];
    for (zone, time, change_set, tasting) in table {
        let [comment, bug] = told(&format!("time_zone = \"{zone}\""), "");
        assert_eq!(
            (&comment["event"]["time"], &comment["event"]["change_set"]),
            (&json!(time), &json!(change_set)),
            "{zone}"
        );
        assert_eq!(comment["comment"]["creation_time"], time, "{zone}");
        assert_eq!(
            (&bug["bug"]["last_change_time"], &bug["bug"]["cf_tasting"]),
            (&json!(time), &json!(tasting)),
            "{zone}"
        );
        assert!(changes(&bug).contains(&("cf_tasting", tasting)), "{zone}");
    }
}
