//! The admin port: health, metrics, and who may use the API.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::NOBODY;
use crate::services::{Bugrelay, SqliteBugzilla};

const PATIENCE: Duration = Duration::from_secs(40);

/// Every series that is there right after the start, with the connector of the tests.
fn expected() -> Vec<String> {
    let plain = [
        "leader",
        "source_connected",
        "source_lag_seconds",
        "source_failovers_total",
        "change_sets_total",
        "main_queue_messages",
        "store_bytes",
    ];
    let mut series: Vec<String> = plain.iter().map(|name| format!("bugrelay_{name}")).collect();
    for reason in ["purged", "ahead", "foreign_server"] {
        series.push(format!("bugrelay_source_gaps_total{{reason=\"{reason}\"}}"));
    }
    for reason in ["login_required", "gone", "bug_private", "own_private", "was_private", "became_private", "oversize"]
    {
        series.push(format!("bugrelay_redacted_total{{reason=\"{reason}\"}}"));
    }
    for target in ["bug", "comment", "attachment"] {
        for action in ["create", "modify"] {
            for visibility in ["public", "private"] {
                let labels = format!("action=\"{action}\",target=\"{target}\",visibility=\"{visibility}\"");
                series.push(format!("bugrelay_messages_total{{{labels}}}"));
            }
        }
    }
    for outcome in ["sent", "ignored", "transient", "misconfigured", "poison"] {
        series.push(format!("bugrelay_deliveries_total{{connector=\"out\",outcome=\"{outcome}\"}}"));
    }
    let of_connector = [
        "backlog_messages",
        "backlog_bytes",
        "backlog_oldest_age_seconds",
        "backlog_attempts",
        "backlog_next_attempt_timestamp_seconds",
        "connector_paused",
        "parked_messages",
        "connector_up",
        "possible_duplicates_total",
        "send_seconds_count",
        "end_to_end_seconds_count",
    ];
    series.extend(of_connector.map(|name| format!("bugrelay_{name}{{connector=\"out\"}}")));
    series
}

#[test]
fn every_series_is_there_from_the_start() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    for series in expected() {
        let value =
            bugrelay.metric(&series).unwrap_or_else(|| panic!("{series} is not in\n{}", bugrelay.get("/metrics")));
        if series.contains("_total") {
            assert!(value == 0.0, "{series} is {value}");
        }
    }
    let build = format!("bugrelay_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(bugrelay.metric(&build), Some(1.0));
    assert_eq!(bugrelay.metric("bugrelay_leader"), Some(1.0));
    let lag = bugrelay.metric("bugrelay_source_lag_seconds").unwrap();
    assert!((0.0..60.0).contains(&lag), "{lag}");
}

#[test]
fn labels_come_from_closed_sets() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let series = || -> Vec<String> {
        let page = bugrelay.get("/metrics");
        let lines = page.lines().filter(|line| line.starts_with("bugrelay_"));
        lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    };
    let before = series();
    for action in 1..=9 {
        bugzilla.play(&format!("{action:02}_"));
    }
    bugrelay.wait_for(9);
    assert_eq!(series(), before, "no bug, user or text has become a label");
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let bugrelay = Bugrelay::configured(NOBODY, "", "");
    let Ok(mut promtool) =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    else {
        eprintln!("skipped: promtool is not installed");
        return;
    };
    let mut bugrelay = bugrelay;
    bugrelay.start();
    assert!(crate::services::poll(std::time::Duration::from_secs(30), || !bugrelay.get("/metrics").is_empty()));
    let page = bugrelay.get("/metrics");
    let body = page.split_once("\r\n\r\n").unwrap().1;
    promtool.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_page_that_points_its_name_here_reads_nothing() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let rebound = bugrelay.ask("/api/tail", "Host: evil.example");
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    let guessed = bugrelay.ask("/api/tail", "Host: evil.example\r\nAuthorization: Bearer x");
    assert!(guessed.starts_with("HTTP/1.1 403"), "{guessed}");
    assert!(bugrelay.ask("/livez", "Host: bugrelay.example.org").starts_with("HTTP/1.1 200"), "probes use any name");
    assert!(bugrelay.ask("/metrics", "Host: bugrelay.example.org").starts_with("HTTP/1.1 200"));
}

/// Ended by the other side, with or without a word; an error is the reset that this may come as.
fn wait_until_closed(mut client: &TcpStream) {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let ended = client.read_to_end(&mut Vec::new());
    assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "it is never given up");
}

#[test]
fn probes_are_answered_beside_a_crowd_that_says_nothing_or_not_all() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let saying = |text: &str| {
        let mut client = TcpStream::connect(("127.0.0.1", bugrelay.port())).unwrap();
        client.write_all(text.as_bytes()).unwrap();
        client
    };
    // Each kind more than are let in at a time.
    for crowd in ["", "GET /livez HTTP/1.1\r\nHost: local", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let clients: Vec<TcpStream> = (0..300).map(|_| saying(crowd)).collect();
        for path in ["/livez", "/readyz", "/metrics"] {
            let mut probe = saying(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            // Less than the 10 s that a silent one is given: nobody has left by himself.
            probe.set_read_timeout(Some(Duration::from_secs(9))).unwrap();
            let mut answer = String::new();
            probe.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{path} beside {crowd:?}: {error}"));
            assert!(answer.starts_with("HTTP/1.1 200"), "{path} beside {crowd:?}: {answer}");
        }
        wait_until_closed(&clients[0]);
    }
}

#[test]
fn whoever_connects_and_says_nothing_is_given_up() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let mut half = TcpStream::connect(("127.0.0.1", bugrelay.port())).unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nHost: local").unwrap();
    wait_until_closed(&half);
}
