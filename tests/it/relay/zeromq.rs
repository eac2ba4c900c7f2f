//! What comes by ZeroMQ, frame by frame.

use std::net::TcpListener;

use super::{PATIENCE, configured, received, running, wait_for};
use crate::services::{Publisher, poll};

#[test]
fn what_a_publisher_sends_is_stored_and_leaves_as_it_came() {
    let (bugrelay, port) = running("");
    let mut publisher = Publisher::connect(port);
    let body = r#"{"topic" : "org.example.x", "msg":{"é":1.50,"n":NaN,"a":1,"a":2}}"#;
    publisher.send(&[b"org.example.x", body.as_bytes()]);
    publisher.send(&[b"org.example.x", b"no JSON"]);
    let wrapped = r#"{"topic": "org.example.x", "msg": "no JSON"}"#;
    assert_eq!(bugrelay.wait_for(2), [body, wrapped]);
    assert_eq!(received(&bugrelay, "zeromq", "stored"), 2.0);
    assert_eq!(bugrelay.metric("bugrelay_relay_connections"), Some(1.0));
}

#[test]
fn what_is_not_taken_is_counted_by_its_reason_and_takes_nothing_else_with_it() {
    let (bugrelay, port) = running("max_message_bytes = 2000");
    let mut publisher = Publisher::connect(port);
    let deep = format!("{{\"topic\":\"org.x\",\"msg\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let large = format!("{{\"topic\":\"org.x\",\"msg\":\"{}\"}}", "x".repeat(5_000_000));
    let refused: [(&[&[u8]], &str); 9] = [
        (&[b"alone"], "frames"),
        (&[b"org.x", b"{}", b"{}"], "frames"),
        (&[b"org.x", b"\xff"], "not_utf8"),
        (&[b"com.example", b"{}"], "topic"),
        (&[b"", b"{}"], "topic"),
        (&[b"org.example.prod.bugzilla.bug.modify", b"{}"], "poses"),
        (&[b"org.x", br#"{"topic":"org.x","event":{"routing_key":"bug.modify"},"bug":{}}"#], "poses"),
        (&[b"org.x", deep.as_bytes()], "too_deep"),
        (&[b"org.x", large.as_bytes()], "too_large"),
    ];
    for (frames, _) in refused {
        publisher.send(frames);
    }
    publisher.send(&[b"org.x", br#"{"topic":"org.x","msg":{}}"#]);
    assert_eq!(bugrelay.wait_for(1), [r#"{"topic":"org.x","msg":{}}"#]);
    for (_, result) in refused {
        let all = refused.iter().filter(|(_, other)| *other == result).count();
        wait_for(&bugrelay, result, || received(&bugrelay, "zeromq", result) as usize == all);
    }
    assert!(bugrelay.log().contains("the relay does not take a message"), "{}", bugrelay.log());
    assert!(!bugrelay.log().contains("no JSON") && !bugrelay.log().contains("com.example"), "nothing of them is said");
}

#[test]
fn who_sends_faster_than_it_may_is_held_back_and_keeps_no_other_from_being_heard() {
    use std::io::Write as _;
    // Ten seconds' worth come at once.
    let (bugrelay, port) = running("messages_per_second = 100");
    let mut quiet = Publisher::connect(port);
    for _ in 0..2 {
        let mut floods = Publisher::connect(port).into_stream();
        let message = Publisher::encode(&[b"org.flood", b"{\"topic\":\"org.flood\"}"]).repeat(1_000);
        // Until bugrelay ends.
        std::thread::spawn(move || while floods.write_all(&message).is_ok() {});
    }
    wait_for(&bugrelay, "they may send no more at once", || received(&bugrelay, "zeromq", "stored") >= 1_000.0);
    for _ in 0..40 {
        quiet.send(&[b"org.quiet", b"{\"topic\":\"org.quiet\"}"]);
    }
    let heard = || bugrelay.lines().iter().filter(|line| line.contains("org.quiet")).count();
    wait_for(&bugrelay, "all of the quiet one's have come", || heard() == 40);
    assert_eq!(received(&bugrelay, "zeromq", "too_many"), 0.0);
}

#[test]
fn what_waits_too_long_for_its_turn_is_dropped_and_counted() {
    let (bugrelay, port) = running("messages_per_second = 1");
    let mut crowd: Vec<Publisher> = (0..10).map(|_| Publisher::connect(port)).collect();
    for _ in 0..5 {
        for publisher in &mut crowd {
            publisher.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
        }
    }
    let (stored, dropped) = (|| received(&bugrelay, "zeromq", "stored"), || received(&bugrelay, "zeromq", "too_many"));
    wait_for(&bugrelay, "each has its end", || stored() + dropped() == 50.0);
    assert!((10.0..50.0).contains(&stored()), "{} were stored", stored());
}

#[test]
fn what_speaks_something_else_is_sent_away_and_counted() {
    use std::io::{Read as _, Write as _};
    let (bugrelay, port) = running("");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    // It may be reset as well as closed.
    let _ = stream.read_to_end(&mut rest);
    wait_for(&bugrelay, "it is counted", || received(&bugrelay, "zeromq", "protocol") == 1.0);
}

#[test]
fn what_was_received_is_stored_before_it_stops_and_sent_after_the_next_start() {
    let (mut bugrelay, port) = running("");
    let mut publisher = Publisher::connect(port);
    let body = |number: u32| format!(r#"{{"topic":"org.example.x","msg":{{"number":{number}}}}}"#);
    for number in 0..3_000 {
        publisher.send(&[b"org.example.x", body(number).as_bytes()]);
    }
    // It has begun to read: what it has in hand by then is its own.
    wait_for(&bugrelay, "something is stored", || received(&bugrelay, "zeromq", "stored") > 0.0);
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    let mut publisher = Publisher::connect(port);
    publisher.send(&[b"org.example.x", b"{\"topic\":\"org.example.x\",\"msg\":\"last\"}"]);
    let ends = |lines: &[String]| lines.last().is_some_and(|line| line.contains("last"));
    assert!(poll(PATIENCE, || ends(&bugrelay.lines())), "{}", bugrelay.log());
    let lines = bugrelay.lines();
    let expected: Vec<String> = (0..3_000).map(body).take(lines.len() - 1).collect();
    assert_eq!(lines[..lines.len() - 1], expected, "in order, and none is missing between them");
    assert!(lines.len() > 1);
}

#[test]
fn a_port_that_is_taken_ends_it_with_1_and_says_by_whom_it_may_be() {
    let (bugrelay, port) = configured("");
    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ended = bugrelay.verb(&["run"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("cannot be listened on") && ended.err.contains("fedmsg-relay"), "{}", ended.err);
}
