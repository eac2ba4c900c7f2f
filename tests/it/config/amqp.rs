//! `type = "amqp"`: what is refused with which words, and that no password is told.

use super::{assert_refused, parse, with};

const BUS: &str = "type = \"amqp\"\nurl = \"amqp://h\"\nusername = \"relay\"\npassword = \"hunter2\"";

#[test]
fn every_mistake_in_an_amqp_connector_is_told_with_its_remedy() {
    let refuse = |line: &str, words: &[&str]| {
        assert_refused("connectors.bus", &[(&format!("{BUS}\n{line}"), words)]);
    };
    refuse("format = \"fedora\"", &["\"fedora\" is not known", "fedora-messaging"]);
    refuse("max_message_bytes = 1", &["65536 to"]);
    refuse("mandatory = 1", &["true or false"]);
    refuse("routing_prefx = \"x\"", &["did you mean `routing_prefix`?"]);
    let long = format!("routing_prefix = \"{}\"", "x".repeat(56));
    refuse(&long, &["longer than 55 bytes"]);
    for (keys, words) in [
        ("url = \"h:5672\"", "neither amqp://"),
        ("url = \"amqp://relay:hunter2@h\"", "`username` and `password`"),
        ("url = \"amqp://h/%2f\"", "`vhost`"),
        ("url = \"amqp://h\"", "neither `username` and `password` nor a certificate"),
        ("url = \"amqp://h\"\nusername = \"relay\"", "needed together"),
        ("url = \"amqp://h\"\ntls = { ca_file = \"x\" }", "write amqps://"),
        ("url = \"amqps://h\"\ntls = { cert_file = \"x\" }", "`key_file`"),
    ] {
        let error = parse(&with("connectors.bus", &format!("type = \"amqp\"\n{keys}")), &[]).unwrap_err();
        assert!(error.contains("[connectors.bus]") && error.contains(words), "{words}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_password_comes_from_a_file_or_a_variable_and_is_in_no_debug_output() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let ways = [
        "password = \"hunter2\"".to_owned(),
        format!("password_file = \"{}\"", file.path().display()),
        "password_env = \"P\"".to_owned(),
    ];
    for way in ways {
        let keys = format!("type = \"amqp\"\nurl = \"amqp://h\"\nusername = \"relay\"\n{way}");
        let shown = format!("{:?}", parse(&with("connectors.bus", &keys), &[("P", "hunter2")]).unwrap());
        assert!(shown.contains("relay") && !shown.contains("hunter2"), "{shown}");
    }
}
