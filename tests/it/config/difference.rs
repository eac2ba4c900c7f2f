//! What a new configuration changes of the one that runs.

use bugrelay::config::Difference;

use super::{parse, with};

fn difference(before: &str, after: &str) -> Difference {
    parse(before, &[]).unwrap().difference(&parse(after, &[]).unwrap())
}

#[test]
fn the_same_in_other_words_is_no_difference() {
    let text = with("connectors.out", "type = \"file\"\npath = \"a\"");
    assert!(difference(&text, &format!("# a comment\n{text}")).is_none());
}

#[test]
fn settings_are_named_by_their_key_and_what_needs_a_restart_is_told_apart() {
    let before = with("bugzilla", "password = \"a\"");
    for (lines, setting) in [
        ("database = \"mysql://other@127.0.0.1/bugs\"", "[bugzilla] database"),
        ("base_url = \"https://other.example.org/\"", "[bugzilla] base_url"),
        ("time_zone = \"Europe/Prague\"", "[bugzilla] time_zone"),
        ("capture = \"triggers\"", "[bugzilla] capture"),
        ("start = \"2026-11-01T00:00:00Z\"", "[bugzilla] start"),
    ] {
        let found = difference(&before, &with("bugzilla", &format!("password = \"a\"\n{lines}")));
        assert_eq!(found, Difference { needs_restart: vec![setting], ..Difference::default() });
    }
    let rotated = difference(&before, &with("bugzilla", "password = \"b\""));
    assert_eq!(rotated, Difference { settings: vec!["[bugzilla] password"], ..Difference::default() });
    for (section, lines, setting) in [
        ("queue", "max_megabytes = 64", "[queue] max_megabytes"),
        ("fields", "deny = [\"cf_a\"]", "[fields]"),
        ("messages", "identity = \"id\"", "[messages]"),
        ("admin", "listen = \"127.0.0.1:1\"", "[admin] listen"),
    ] {
        let found = difference(&with("shutdown", ""), &with(section, lines));
        assert_eq!(found, Difference { needs_restart: vec![setting], ..Difference::default() });
    }
}

#[test]
fn connectors_that_come_go_and_change_are_named() {
    let file = |name: &str, more: &str| format!("[connectors.{name}]\ntype = \"file\"\npath = \"{name}\"\n{more}\n");
    let text = |connectors: &[String]| format!("{}{}", with("shutdown", ""), connectors.concat());
    let before = text(&[file("a", ""), file("b", ""), file("c", ""), file("d", "enabled = false")]);
    let after =
        text(&[file("a", ""), file("b", "batch = 7"), file("c", "enabled = false"), file("d", ""), file("e", "")]);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let expected = Difference {
        added: names(&["d", "e"]),
        removed: names(&["c"]),
        changed: names(&["b"]),
        ..Difference::default()
    };
    assert_eq!(difference(&before, &after), expected);
}

#[test]
fn a_connector_is_another_one_when_a_secret_or_certificate_has_another_content() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["passcode", "ca.pem"] {
        write(name, "one");
    }
    let lines = format!(
        "type = \"stomp\"\nurl = \"stomp+ssl://127.0.0.1:1\"\nlogin = \"a\"\npasscode_file = \"{}\"\ntls = {{ ca_file = \"{}\" }}",
        path("passcode"),
        path("ca.pem")
    );
    let text = with("connectors.bus", &lines);
    let mut before = parse(&text, &[]).unwrap();
    for name in ["passcode", "ca.pem"] {
        write(name, "two");
        let after = parse(&text, &[]).unwrap();
        assert_eq!(before.difference(&after).changed, ["bus"], "{name}");
        before = after;
    }
    assert!(before.difference(&parse(&text, &[]).unwrap()).is_none());
}
