//! `[relay]`: what is understood of it, and how each mistake is told.

use bugrelay::config::StoreConfig;

use super::{assert_refused, parse, with};

const TOPICS: &str = "topics = [\"org.example.*\"]";
const ZEROMQ: &str = "zeromq = \"tcp://127.0.0.1:2003\"";

/// With topics and an endpoint.
fn refused(line: &str, words: &[&str]) {
    let before = [TOPICS, ZEROMQ].into_iter().filter(|known| known.split(' ').next() != line.split(' ').next());
    let lines: Vec<&str> = before.chain([line]).collect();
    assert_refused("relay", &[(&lines.join("\n"), words)]);
}

#[test]
fn every_mistake_in_the_relay_is_told_with_line_key_and_remedy() {
    refused("zeromq = \"127.0.0.1:2003\"", &["no address that can be listened on", "\"tcp://127.0.0.1:2003\""]);
    refused("zeromq = \"tcp://127.0.0.1\"", &["no address that can be listened on"]);
    refused("zeromq = \"ipc:///tmp/x\"", &["no address that can be listened on"]);
    refused("http = true", &["clients that are known by a token", "[relay.clients.NAME]"]);
    refused("http = \"yes\"", &["wrong kind", "true or false"]);
    refused("topics = []", &["names no topic", "\"org.example.*\""]);
    refused("topics = [\"org.*.git\"]", &["is no topic", "at the end alone"]);
    refused("max_message_bytes = 10", &["10 is out of range", "1024 to"]);
    refused("messages_per_second = 0", &["0 is out of range", "1 to 1000000"]);
    refused("max_connections = 0", &["0 is out of range", "1 to 50000"]);
    refused("topic = \"x\"", &["not known here", "did you mean `topics`?"]);
    for (lines, words) in
        [(ZEROMQ, "[relay] topics: is missing; write"), (TOPICS, "[relay] it has no endpoint; write zeromq")]
    {
        let error = parse(&with("relay", lines), &[]).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn every_mistake_in_a_client_is_told_with_its_section() {
    let error = |client: &str| parse(&with("relay", &format!("{TOPICS}\n{client}")), &[]).unwrap_err();
    for (client, words) in [
        ("[relay.clients.git]", "[relay.clients.git] it has no token; write token_file"),
        ("[relay.clients.\"a b\"]\ntoken = \"x\"", "its name is none"),
        (
            "[relay.clients.git]\ntoken = \"hunter2\"\ntopics = [\"org.*\"]",
            "topics: they go beyond `topics` of [relay]",
        ),
        ("[relay.clients.git]\ntoken = \"hunter2\"\nmessages_per_second = 0", "messages_per_second: 0 is out of range"),
        ("[relay.clients.git]\ntoken_file = \"/not/there\"", "token_file: /not/there cannot be read"),
        ("[relay.clients.a]\ntoken = \"hunter2\"\n[relay.clients.b]\ntoken = \"hunter2\"", "another client's too"),
    ] {
        let error = error(client);
        assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_relay_alone_is_a_configuration_and_keeps_its_store_in_a_file() {
    let alone = format!("[relay]\n{TOPICS}\n{ZEROMQ}\n");
    let config = parse(&alone, &[]).unwrap();
    assert!(config.bugzilla.is_none() && config.connectors.contains_key("stdout"));
    assert_eq!(config.queue.store, StoreConfig::Sqlite("bugrelay.db".into()));
    let error = parse(&format!("{alone}[queue]\nstore = \"database\"\n"), &[]).unwrap_err();
    assert!(error.contains("a relay alone has no server to keep it"), "{error}");
    let error = parse("[queue]\n", &[]).unwrap_err();
    assert!(error.contains("[bugzilla] is missing") && error.contains("[relay] for a relay alone"), "{error}");
}

#[test]
fn a_message_may_not_be_larger_than_a_quarter_of_the_store() {
    let config = |bytes: u32| {
        let text = format!("[relay]\n{TOPICS}\n{ZEROMQ}\nmax_message_bytes = {bytes}\n[queue]\nmax_megabytes = 16\n");
        parse(&text, &[])
    };
    assert!(config(4 << 20).is_ok());
    let error = config((4 << 20) + 1).unwrap_err();
    assert!(error.contains("max_message_bytes: such a message takes more than a quarter of the store"), "{error}");
    assert!(error.contains("write 4194304 or less, or raise `max_megabytes`"), "{error}");
}

#[test]
fn what_changes_of_a_relay_needs_a_restart_but_for_its_tokens() {
    let config = |topics: &str, token: &str| {
        parse(&with("relay", &format!("topics = [\"{topics}\"]\n[relay.clients.git]\ntoken = \"{token}\"")), &[])
            .unwrap()
    };
    let difference = config("org.*", "old").difference(&config("org.*", "new"));
    assert_eq!((difference.settings, difference.needs_restart), (vec!["[relay] tokens of clients"], vec![]));
    let difference = config("org.*", "old").difference(&config("com.*", "old"));
    assert_eq!(difference.needs_restart, ["[relay] clients", "[relay] topics"]);
}
