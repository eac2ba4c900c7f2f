//! `type = "stomp"`: what is refused with which words, and that no passcode is told.

use super::{assert_refused, parse, with};

const BUS: &str = "type = \"stomp\"\nurl = \"stomp://h\"\nlogin = \"relay\"";

/// The whole configuration with these keys of a STOMP connector.
fn bus(lines: &str) -> String {
    with("connectors.bus", &format!("{BUS}\n{lines}"))
}

#[test]
fn every_mistake_in_a_stomp_connector_is_told_with_line_key_and_remedy() {
    let mistakes: [(&str, &[&str]); 9] = [
        ("destination_template = \"/topic/{bug}\"", &["{target} and {action}"]),
        ("destination_template = \"\"", &["no destination"]),
        ("heartbeat_seconds = \"1\"", &["wrong kind"]),
        ("send_content_length = 1", &["true or false"]),
        ("headers = \"a: b\"", &["a section with keys of its own"]),
        ("passcode_file = \"/nowhere\"", &["cannot be read"]),
        ("passcode_env = \"NOT_SET\"", &["is not set"]),
        ("passcode = 7", &["a string in quotes"]),
        ("hartbeat_seconds = 1", &["not known here", "did you mean `heartbeat_seconds`?"]),
    ];
    for (line, words) in mistakes {
        assert_refused("connectors.bus", &[(&format!("{BUS}\n{line}"), words)]);
    }
    for (url, words) in [
        ("h:61613", "neither stomp://"),
        ("http://h", "neither stomp://"),
        ("stomp://relay:hunter2@h", "`login` and `passcode`"),
        ("stomp://h/vhost", "`vhost`"),
        ("stomp://h, ", "not a URL"),
        ("stomp:///", "no host"),
    ] {
        assert_refused("connectors.bus", &[(&format!("type = \"stomp\"\nurl = \"{url}\""), &[words])]);
    }
}

#[test]
fn keys_that_do_not_go_together_are_told_with_what_to_take_out() {
    let table = [
        (bus("tls = { ca_file = \"x\" }"), "write stomp+ssl://"),
        (bus("heartbeat_seconds = 99999"), "0 to 28800"),
        (bus("max_message_bytes = 1"), "65536 to"),
        (bus("headers = { destination = \"/topic/x\" }"), "\"destination\""),
        (bus("passcode = \"hunter2\\n\""), "line end"),
        (bus("passcode = \"hunter2\"").replace("login = \"relay\"", ""), "without `login`"),
        (bus("tls = { cert_file = \"x\" }").replace("stomp://", "stomp+ssl://"), "`key_file`"),
    ];
    for (text, words) in table {
        let error = parse(&text, &[]).unwrap_err();
        assert!(error.contains("[connectors.bus]") && error.contains(words), "{words}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_passcode_comes_from_a_file_or_a_variable_and_is_in_no_debug_output() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let from_file = bus(&format!("passcode_file = \"{}\"", file.path().display()));
    let configurations = [
        parse(&bus("passcode = \"hunter2\""), &[]),
        parse(&from_file, &[]),
        parse(&bus("passcode_env = \"P\""), &[("P", "hunter2")]),
        // Digits alone are a passcode too.
        parse(&bus(""), &[("BUGRELAY_CONNECTORS__BUS__PASSCODE", "4711")]),
    ];
    for config in configurations {
        let shown = format!("{:?}", config.unwrap());
        assert!(shown.contains("passcode: Some("), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("4711"), "{shown}");
    }
    let twice = parse(&bus("passcode = \"hunter2\"\npasscode_env = \"P\""), &[("P", "hunter2")]).unwrap_err();
    assert!(twice.contains("in several ways") && !twice.contains("hunter2"), "{twice}");
}
