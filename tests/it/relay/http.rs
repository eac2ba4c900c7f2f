//! What comes by HTTP: answered when it is stored, or why it is not.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use super::{received, running, wait_for};
use crate::services::{Bugrelay, free_port};

const HEAD: &str = "Host: localhost\r\nAuthorization: Bearer git's";

/// The status, and the text.
fn drop_at(bugrelay: &Bugrelay, topic: &str, head: &str, body: &str) -> (u16, String) {
    let answer = bugrelay.send_with("POST", &format!("/relay/{topic}"), head, body);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}\n{}", bugrelay.log()));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
}

#[test]
fn a_message_is_dropped_with_nothing_but_curl_and_is_stored_when_that_is_answered() {
    let (mut bugrelay, _) = running("");
    let url = format!("http://127.0.0.1:{}/relay/org.example.git.push", bugrelay.port());
    let body = "{\n  \"ref\" : \"refs/heads/é\"\n}";
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "-H", "Authorization: Bearer git's", "--data-binary", body, &url]);
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["sequence"], 1);
    bugrelay.kill9();
    bugrelay.start();
    bugrelay.wait_until_ready();
    assert_eq!(bugrelay.wait_for(1)[0], body.replace('\n', " "), "in a file a message is a line");
}

#[test]
fn what_is_not_taken_is_answered_with_the_reason() {
    let (bugrelay, _) = running("max_message_bytes = 2000");
    let topic = "org.example.git.push";
    let deep = "[".repeat(100) + &"]".repeat(100);
    let large = format!("\"{}\"", "x".repeat(2_000));
    for (topic, head, body, status, words) in [
        (topic, "Host: localhost", "{}", 401, "Authorization: Bearer TOKEN"),
        (topic, "Host: localhost\r\nAuthorization: Bearer git", "{}", 401, "has no token, or a wrong one"),
        ("org.example.ci", HEAD, "{}", 403, "client git cannot"),
        ("org.example.git.bug.modify", HEAD, "{}", 403, "Bugzilla's own"),
        ("org.example.git.a%20b", HEAD, "{}", 422, "it is no topic"),
        (topic, HEAD, &large, 413, "larger than 2000 bytes"),
        (topic, HEAD, "{", 422, "no JSON, from byte 1"),
        (topic, HEAD, "", 422, "no JSON"),
        (topic, HEAD, "{\"a\":1,\"\\u0061\":2}", 422, "a key twice"),
        (topic, HEAD, "NaN", 422, "NaN"),
        (topic, HEAD, "[\"\\ud83d\"]", 422, "surrogate pair"),
        (topic, HEAD, &deep, 422, "deeper than 64"),
        (topic, HEAD, "{\"event\":{\"routing_key\":\"bug.modify\"}}", 403, "Bugzilla's"),
        (topic, &format!("{HEAD}\r\nIdempotency-Key: {}", "x".repeat(300)), "{}", 422, "Idempotency-Key"),
    ] {
        let (answered, text) = drop_at(&bugrelay, topic, head, body);
        assert_eq!(answered, status, "{topic} {body:.20}: {text}");
        assert!(text.contains(words) && text.ends_with('\n'), "{topic} {body:.20}: {text}");
    }
    let (status, _) = drop_at(&bugrelay, topic, HEAD, "true");
    assert_eq!(status, 201);
    assert_eq!(bugrelay.wait_for(1), ["true"]);
    assert_eq!(received(&bugrelay, "http", "stored"), 1.0);
    assert_eq!(received(&bugrelay, "http", "poses"), 2.0);
}

#[test]
fn who_sends_again_under_the_same_key_has_it_stored_once_through_a_kill() {
    let (mut bugrelay, _) = running("");
    let head = format!("{HEAD}\r\nIdempotency-Key: push-1");
    let (first, answer) = drop_at(&bugrelay, "org.example.git.push", &head, "1");
    bugrelay.kill9();
    bugrelay.start();
    bugrelay.wait_until_ready();
    let (again, same) = drop_at(&bugrelay, "org.example.git.push", &head, "1");
    assert_eq!((first, again, &answer), (201, 200, &same));
    let (conflict, text) = drop_at(&bugrelay, "org.example.git.push", &head, "2");
    assert_eq!(conflict, 422);
    assert!(text.contains("another body"), "{text}");
    assert_eq!(drop_at(&bugrelay, "org.example.git.pull", &head, "2").0, 201, "the key is the topic's own");
    assert_eq!(bugrelay.wait_for(2), ["1", "2"]);
}

#[test]
fn who_sends_too_much_is_told_to_wait() {
    let (bugrelay, _) = running("");
    bugrelay.replace("token = \"git's\"", "token = \"git's\"\nmessages_per_second = 5");
    let (mut bugrelay, _) = (bugrelay, ());
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    let answers: Vec<String> =
        (0..40).map(|n| bugrelay.send_with("POST", "/relay/org.example.git.push", HEAD, &n.to_string())).collect();
    let waits: Vec<&String> = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 429")).collect();
    assert!(!waits.is_empty() && waits.len() < 40, "{}", waits.len());
    assert!(waits.iter().all(|answer| answer.contains("retry-after: ") && answer.contains("may send 5 a second")));
    assert_eq!(bugrelay.wait_for(40 - waits.len()).len(), 40 - waits.len());
}

#[test]
fn a_token_that_was_changed_is_taken_at_once() {
    let (bugrelay, _) = running("");
    bugrelay.replace("token = \"git's\"", "token = \"another\"");
    bugrelay.signal("HUP");
    let head = "Host: localhost\r\nAuthorization: Bearer another";
    super::wait_for(&bugrelay, "it is known by the new one", || {
        drop_at(&bugrelay, "org.example.git.x", head, "1").0 == 201
    });
    assert_eq!(drop_at(&bugrelay, "org.example.git.x", HEAD, "1").0, 401);
}

#[test]
fn bodies_that_are_sent_slowly_are_held_within_a_limit() {
    let (bugrelay, _) = running("");
    let head = format!("{HEAD}\r\nContent-Length: 1048576\r\n\r\n");
    let send_one_slowly = || {
        let mut stream = TcpStream::connect(("127.0.0.1", bugrelay.port())).unwrap();
        write!(stream, "POST /relay/org.example.git.x HTTP/1.1\r\n{head}").unwrap();
        stream
    };
    let drop_one = || drop_at(&bugrelay, "org.example.git.push", HEAD, "true");
    // Each is given up after a while: more come until there is no room for any other.
    let mut slow: Vec<TcpStream> = vec![];
    wait_for(&bugrelay, "there is no room", || {
        slow.extend((0..11).map(|_| send_one_slowly()));
        matches!(drop_one(), (429, text) if text.contains("at this moment"))
    });
    assert!(slow.len() > 32, "there was room for no more than {}", slow.len());
    drop(slow);
    wait_for(&bugrelay, "there is room again", || drop_one().0 == 201);
}

#[test]
fn a_topic_that_a_connector_gives_to_bugzillas_messages_is_no_scripts_as_soon_as_there_is_that_connector() {
    let (bugrelay, _) = running("");
    let drop_one = || drop_at(&bugrelay, "org.example.git.bugzilla.x", HEAD, "true");
    assert_eq!(drop_one().0, 201);
    let bus = format!(
        "[connectors.bus]\ntype = \"fedmsg\"\nlisten = \"tcp://127.0.0.1:{}\"\ntopic_prefix = \"org.example\"\nenvironment = \"git\"\n[relay]",
        free_port()
    );
    bugrelay.replace("[relay]", &bus);
    wait_for(&bugrelay, "it is refused", || matches!(drop_one(), (403, text) if text.contains("Bugzilla's own")));
}
