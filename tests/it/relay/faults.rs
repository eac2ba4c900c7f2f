//! Floods and misuse: none of it holds up, loses or imitates what Bugzilla says.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::{PATIENCE, received, section, wait_for};
use crate::services::{Bugrelay, Publisher, SqliteBugzilla, free_port, poll};

/// Both: a Bugzilla, and a relay.
fn both(bugzilla: &SqliteBugzilla, settings: &str) -> (Bugrelay, u16) {
    let port = free_port();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &section(port, settings));
    bugrelay.start();
    bugrelay.wait_until_ready();
    (bugrelay, port)
}

/// A comment of its own number, saved now.
fn save(bugzilla: &SqliteBugzilla, number: i64) {
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES ({number}, 1, 2, '2026-11-22 06:00:00', 'Number {number}.')"
    ));
}

/// Those that left.
fn comments(bugrelay: &Bugrelay) -> Vec<i64> {
    let comment = |message: &Value| message["comment"]["comment_id"].as_i64();
    bugrelay.messages().iter().filter_map(comment).collect()
}

fn wait_for_comments(bugrelay: &Bugrelay, numbers: std::ops::RangeInclusive<i64>) {
    let expected: Vec<i64> = numbers.collect();
    assert!(poll(PATIENCE, || comments(bugrelay).len() >= expected.len()), "{}", bugrelay.log());
    assert_eq!(comments(bugrelay), expected, "in order, each once");
}

#[test]
fn a_flood_of_messages_delays_none_of_bugzillas_for_long_and_loses_none() {
    let bugzilla = SqliteBugzilla::new();
    let (bugrelay, port) = both(&bugzilla, "");
    let flood = std::thread::spawn(move || {
        let mut publisher = Publisher::connect(port);
        let body = format!("{{\"topic\":\"org.example.flood\",\"msg\":\"{}\"}}", "x".repeat(200));
        for _ in 0..20_000 {
            publisher.send(&[b"org.example.flood", body.as_bytes()]);
        }
    });
    wait_for(&bugrelay, "the flood has begun", || received(&bugrelay, "zeromq", "stored") > 0.0);
    for number in 101..=120 {
        save(&bugzilla, number);
    }
    wait_for_comments(&bugrelay, 101..=120);
    flood.join().unwrap();
    wait_for(&bugrelay, "all of it is stored", || received(&bugrelay, "zeromq", "stored") == 20_000.0);
    assert_eq!(bugrelay.wait_for(20_020).len(), 20_020);
}

#[test]
fn a_message_of_100_mib_is_held_by_nobody() {
    let bugzilla = SqliteBugzilla::new();
    let (bugrelay, port) = both(&bugzilla, "");
    let before = bugrelay.resident_kib();
    let mut publisher = Publisher::connect(port);
    publisher.write(b"\x01\x05org.x\x02\x00\x00\x00\x00\x06\x40\x00\x00");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        publisher.write(&piece);
    }
    publisher.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
    save(&bugzilla, 101);
    wait_for(&bugrelay, "it is thrown away", || received(&bugrelay, "zeromq", "too_large") == 1.0);
    assert_eq!(bugrelay.wait_for(2).len(), 2);
    wait_for_comments(&bugrelay, 101..=101);
    let grown = bugrelay.resident_kib().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more than before");
    let head = "Host: localhost\r\nAuthorization: Bearer git's\r\nExpect: 100-continue";
    let answer = bugrelay.send_with("POST", "/relay/org.example.git.x", head, &"9".repeat(2 << 20));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn publishers_that_stop_amid_long_messages_take_a_bounded_memory_and_keep_no_short_one_out() {
    let bugzilla = SqliteBugzilla::new();
    let (bugrelay, port) = both(&bugzilla, "");
    let before = bugrelay.resident_kib();
    // Each claims a million bytes and sends most of them: 135 MB.
    let mut long = b"\x01\x05org.x\x02\x00\x00\x00\x00\x00\x0f\x42\x40".to_vec();
    long.resize(900_000, 0xff);
    let mut crowd: Vec<Publisher> = (0..150).map(|_| Publisher::connect(port)).collect();
    std::thread::scope(|scope| {
        for publisher in &mut crowd {
            scope.spawn(|| publisher.write(&long));
        }
    });
    let mut served = Publisher::connect(port);
    served.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
    assert_eq!(bugrelay.wait_for(1).len(), 1);
    let grown = bugrelay.resident_kib().saturating_sub(before);
    // Of the program itself some is touched for the first time.
    assert!(grown < 96 << 10, "{grown} KiB more than before");
    // Each comes to its end, and is counted: there was room for it, or not, or it came too late on a slow machine and was sent away.
    for publisher in crowd {
        let _ = publisher.into_stream().write_all(&long[..100_016]);
    }
    let ended = || ["full", "not_utf8", "slow"].map(|result| received(&bugrelay, "zeromq", result)).iter().sum::<f64>();
    wait_for(&bugrelay, "each has its end", || ended() == 150.0);
    save(&bugzilla, 101);
    wait_for_comments(&bugrelay, 101..=101);
}

/// So many files may be open here.
fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

#[test]
fn thousands_of_connections_that_say_nothing_keep_nobody_from_being_heard() {
    let bugzilla = SqliteBugzilla::new();
    let (bugrelay, port) = both(&bugzilla, "max_connections = 50");
    let mut served = Publisher::connect(port);
    let silent = |port: u16, count: usize| -> Vec<TcpStream> {
        (0..count).filter_map(|_| TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE).ok()).collect()
    };
    // Other tests have files open as well.
    let crowd = silent(port, 10_000.min(files_max() / 2));
    let mut slow = silent(bugrelay.port(), 500.min(files_max() / 4));
    for stream in &mut slow {
        // The first bytes of a request that never goes on.
        let _ = stream.write_all(b"POST /relay/org.example.git.x HTTP/1.1\r\nHost: lo");
    }
    served.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
    let mut late = Publisher::connect(port);
    late.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
    save(&bugzilla, 101);
    assert_eq!(bugrelay.wait_for(3).len(), 3);
    wait_for_comments(&bugrelay, 101..=101);
    // The slow ones are given up, and then there is room again.
    wait_for(&bugrelay, "the admin port answers", || bugrelay.get("/livez").starts_with("HTTP/1.1 200"));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let most = crowd.len() as f64 / 2.0;
    let closed = || received(&bugrelay, "zeromq", "connections") + received(&bugrelay, "zeromq", "slow");
    wait_for(&bugrelay, "the silent are closed", || closed() > most);
}

#[test]
fn bugzillas_messages_wait_for_no_flood_where_the_relays_have_a_connector_of_their_own() {
    let bugzilla = SqliteBugzilla::new();
    let port = free_port();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &section(port, ""));
    bugrelay.replace("type = \"file\"", "type = \"file\"\ntargets = [\"bug\", \"comment\"]");
    // Nothing of theirs leaves.
    let scripts = bugrelay.path("a folder");
    std::fs::create_dir(&scripts).unwrap();
    let theirs = format!(
        "[connectors.scripts]\ntype = \"file\"\ntargets = [\"relay\"]\npath = \"{}\"\n[relay]",
        scripts.display()
    );
    bugrelay.replace("[relay]", &theirs);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let mut publisher = Publisher::connect(port);
    for _ in 0..5_000 {
        publisher.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
    }
    wait_for(&bugrelay, "the flood is stored", || received(&bugrelay, "zeromq", "stored") == 5_000.0);
    save(&bugzilla, 101);
    wait_for_comments(&bugrelay, 101..=101);
    let waits = || bugrelay.metric("bugrelay_backlog_messages{connector=\"scripts\"}") == Some(5_000.0);
    wait_for(&bugrelay, "the scripts' wait", waits);
}

#[test]
fn a_relay_that_fills_its_share_of_the_store_leaves_room_to_bugzilla() {
    let bugzilla = SqliteBugzilla::new();
    let port = free_port();
    let mut bugrelay =
        Bugrelay::configured(&bugzilla.bugrelay_url(), "", &section(port, "max_message_bytes = 4000000"));
    bugrelay.replace("[queue]", "[queue]\nmax_megabytes = 16");
    // Nothing leaves, so that it fills up.
    bugrelay.replace("type = \"file\"", "type = \"file\"\nbackoff_seconds = [1]");
    let out = bugrelay.path("out.jsonl");
    std::fs::create_dir(&out).unwrap();
    bugrelay.start();
    bugrelay.wait_until_ready();
    let head = "Host: localhost\r\nAuthorization: Bearer git's";
    let body = format!("\"{}\"", "x".repeat(3_000_000));
    let drop_one = || bugrelay.send_with("POST", "/relay/org.example.git.x", head, &body);
    let answers: Vec<String> = (0..8).map(|_| drop_one()).collect();
    assert!(answers[0].starts_with("HTTP/1.1 201"), "{}", answers[0]);
    assert!(answers[7].starts_with("HTTP/1.1 429") && answers[7].contains("no room"), "{}", answers[7]);
    save(&bugzilla, 101);
    let waits = || {
        bugrelay.metric("bugrelay_messages_total{action=\"create\",target=\"comment\",visibility=\"public\"}")
            == Some(1.0)
    };
    wait_for(&bugrelay, "Bugzilla's is stored", waits);
    std::fs::remove_dir(&out).unwrap();
    let stored = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 201")).count();
    assert_eq!(bugrelay.wait_for(stored + 1).len(), stored + 1);
    assert!(poll(Duration::from_secs(20), || drop_one().starts_with("HTTP/1.1 201")), "it takes them again");
}
