//! `type = "fedmsg"`: what is refused with which words.

use super::{assert_refused, parse, with};

#[test]
fn every_mistake_in_a_fedmsg_connector_is_told_with_its_remedy() {
    let with_listen = |line: &str| {
        format!("type = \"fedmsg\"\ntopic_prefix = \"org.example\"\nlisten = \"tcp://127.0.0.1:4001\"\n{line}")
    };
    let refuse = |line: &str, words: &[&str]| assert_refused("connectors.bus", &[(&with_listen(line), words)]);
    refuse("connect = \"tcp://h:1\"", &["keep one of them"]);
    refuse("environment = \"a b\"", &["no part of a topic"]);
    refuse("high_water_mark = 1", &["100 to 1000000"]);
    refuse("enviroment = \"a\"", &["did you mean `environment`?"]);
    for (keys, words) in [
        ("listen = \"127.0.0.1:4001\"", "tcp://HOST:PORT"),
        ("listen = \"tcp://localhost:4001\"", "no address of this machine's"),
        ("listen = \"tcp://127.0.0.1\"", "tcp://HOST:PORT"),
        ("connect = \"ipc:///tmp/x\"", "tcp://HOST:PORT"),
        ("sign = { cert_file = \"x\" }\nconnect = \"tcp://h:1\"", "`key_file` is missing"),
        ("", "neither `listen` nor `connect`"),
    ] {
        let text = with("connectors.bus", &format!("type = \"fedmsg\"\ntopic_prefix = \"org.example\"\n{keys}"));
        let error = parse(&text, &[]).unwrap_err();
        assert!(error.contains("[connectors.bus]") && error.contains(words), "{words}: {error}");
    }
    let missing = with("connectors.bus", "type = \"fedmsg\"\nlisten = \"tcp://*:4001\"");
    assert!(parse(&missing, &[]).unwrap_err().contains("`topic_prefix` is missing"));
}
