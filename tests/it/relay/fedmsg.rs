//! The real publishers of fedmsg, unchanged.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{received, running};
use crate::services::{client, python};

/// Real clients, so many at once.
fn publish(port: u16, sleep: &str, clients: u32, each: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut publish = client("publish.py");
    publish.args([&format!("tcp://127.0.0.1:{port}"), sleep, &clients.to_string(), &each.to_string()]);
    let output = publish.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn fedmsg_logger_works_unchanged() {
    let (bugrelay, port) = running("");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fedmsg.d");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(
        config.join("relay.py"),
        format!(
            "config = dict(relay_inbound='tcp://127.0.0.1:{port}', topic_prefix='org.example', environment='dev', endpoints={{}}, \
             high_water_mark=0, io_threads=1, post_init_sleep=0.5, zmq_linger=1000, sign_messages=False)\n"
        ),
    )
    .unwrap();
    let logger = python().with_file_name("fedmsg-logger");
    let mut command = Command::new(logger);
    command.args(["--message", "Hello world"]).current_dir(folder.path()).env("PYTHONWARNINGS", "ignore");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let message: Value = serde_json::from_str(&bugrelay.wait_for(1)[0]).unwrap();
    assert_eq!(message["topic"], "org.example.dev.logger.log");
    assert_eq!(message["msg"]["log"], "Hello world");
    let uuid = message["msg_id"].as_str().unwrap().split_once('-').unwrap().1.to_owned();
    let trace = bugrelay.get(&format!("/api/messages/{uuid}"));
    assert!(trace.contains("\"action\":\"org.example.dev.logger.log\"") && trace.contains("\"bug\":null"), "{trace}");
}

#[test]
fn a_hundred_clients_that_live_for_a_moment_are_all_heard() {
    let (bugrelay, port) = running("");
    publish(port, "0.5", 100, 2);
    let lines = bugrelay.wait_for(200);
    let number = |line: &String| serde_json::from_str::<Value>(line).unwrap()["msg"]["number"].as_u64().unwrap();
    let numbers: BTreeSet<u64> = lines.iter().map(number).collect();
    assert_eq!(numbers, (0..200).collect());
    assert_eq!(received(&bugrelay, "zeromq", "stored"), 200.0);
}
