//! The environment over the file.

use std::time::Duration;

use bugrelay::config::{CommentIdOf, StoreConfig};
use secrecy::ExposeSecret as _;

use super::{parse, with};

#[test]
fn every_section_can_be_overridden() {
    let config = parse(
        &with("connectors.my-log", "type = \"file\"\npath = \"-\""),
        &[
            ("BUGRELAY_BUGZILLA__DATABASE", "mysql://other@127.0.0.2:3307/bugs2"),
            ("BUGRELAY_BUGZILLA__REQUIRE_LOGIN", "true"),
            ("BUGRELAY_BUGZILLA__LATE_COMMIT_WINDOW_SECONDS", "60"),
            ("BUGRELAY_QUEUE__STORE", "sqlite:/var/lib/other.db"),
            ("BUGRELAY_QUEUE__MAX_MEGABYTES", "64"),
            ("BUGRELAY_FIELDS__DENY", "[\"cf_a\", \"cf_b\"]"),
            ("BUGRELAY_MESSAGES__COMMENT_ID", "comment"),
            ("BUGRELAY_SHUTDOWN__GRACE_SECONDS", "5"),
            ("BUGRELAY_ADMIN__LISTEN", "0.0.0.0:80"),
            ("BUGRELAY_CONNECTORS__MY_LOG__BATCH", "7"),
            ("BUGRELAY_CONNECTORS__NEW__TYPE", "file"),
            ("BUGRELAY_CONNECTORS__NEW__PATH", "'/tmp/new'"),
            ("BUGRELAY_CONFIG", "is not a key"),
            ("PATH", "is not ours"),
        ],
    )
    .unwrap();
    assert_eq!(config.bugzilla().unwrap().database.as_str(), "mysql://other@127.0.0.2:3307/bugs2");
    assert!(config.bugzilla().unwrap().require_login);
    assert_eq!(config.bugzilla().unwrap().late_commit_window, Duration::from_secs(60));
    assert_eq!(config.queue.store, StoreConfig::Sqlite("/var/lib/other.db".into()));
    assert_eq!(config.queue.max_megabytes, 64);
    assert_eq!(config.fields.deny, ["cf_a", "cf_b"]);
    assert_eq!(config.messages.comment_id, CommentIdOf::Comment);
    assert_eq!(config.grace, Duration::from_secs(5));
    assert_eq!(config.admin.listen.port(), 80);
    let names: Vec<&str> = config.connectors.keys().map(String::as_str).collect();
    assert_eq!(names, ["my-log", "new"], "a name with - is written with _");
    assert_eq!(config.connectors["my-log"].batch, 7);
}

#[test]
fn the_environment_alone_is_enough() {
    let environment = [
        ("BUGRELAY_BUGZILLA__DATABASE", "mysql://bugrelay@127.0.0.1/bugs"),
        ("BUGRELAY_BUGZILLA__BASE_URL", "https://bugs.example.org/"),
    ];
    assert!(parse("", &environment).is_ok());
}

#[test]
fn a_string_that_looks_like_something_else_is_a_string_where_one_is_meant() {
    for value in ["12345", "007", "+5", "true", "[\"x\"]"] {
        let environment = [
            ("BUGRELAY_BUGZILLA__PASSWORD", value),
            ("BUGRELAY_ADMIN__TOKEN", value),
            ("BUGRELAY_CONNECTORS__LOG__PATH", value),
        ];
        let config = parse(&with("connectors.log", "type = \"file\""), &environment).unwrap();
        assert_eq!(config.bugzilla().unwrap().password.get().unwrap().expose_secret(), value);
        assert_eq!(config.admin.token.get().unwrap().expose_secret(), value);
        assert!(format!("{:?}", config.connectors["log"].kind).contains(&format!("{value:?}")), "{value}");
    }
}

#[test]
fn a_mistake_in_the_environment_is_told_with_the_variable() {
    let said =
        |name: &str, value: &str| parse(&with("connectors.log", "type = \"file\"\npath = \"-\""), &[(name, value)]);
    for (name, value, words) in [
        (
            "BUGRELAY_QUEUE__MAX_MEGABYTES",
            "much",
            "[queue] max_megabytes: the value is of the wrong kind (string); write a whole number",
        ),
        ("BUGRELAY_BUGZILLA__CAPTURE", "poll", "[bugzilla] capture: \"poll\" is not known"),
        ("BUGRELAY_CONNECTORS__LOG__BATCH", "0", "[connectors.log] batch: 0 is out of range"),
        ("BUGRELAY_QUEUE__MAX_MEGABYTE", "16", "[queue] max_megabyte: not known here; did you mean `max_megabytes`?"),
        ("BUGRELAY_BUGZILA__CAPTURE", "auto", "not known here; did you mean `bugzilla`?"),
        ("BUGRELAY_BUGZILLA__DATABASE__NAME", "x", "plain value in the file"),
    ] {
        let error = said(name, value).unwrap_err();
        assert!(error.contains(words), "{name}: {error}");
        let section_only = name == "BUGRELAY_BUGZILA__CAPTURE";
        assert!(section_only || error.contains(&format!("environment variable {name}: ")), "{error}");
    }
}
