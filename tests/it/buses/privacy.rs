//! A bug that turns private while its messages wait.

use super::rig::Rig;
use crate::services::{Kafka, Mode, RabbitMq};

const NEEDLE: &str = "saffron-under-the-saucer";

#[test]
fn what_turns_private_in_a_backlog_leaves_as_its_event_and_the_needle_reaches_no_broker() {
    let rig = Rig::running();
    rig.buses.proxy.set(Mode::Refuse);
    for connector in ["out", "kafka"] {
        assert_eq!(rig.bugrelay.verb(&["connector", "pause", connector]).code, 0);
    }
    rig.bugzilla.exec(&format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, UTC_TIMESTAMP(), '{NEEDLE}');
         UPDATE bugs SET delta_ts = UTC_TIMESTAMP() WHERE bug_id = 1"
    ));
    rig.wait_for("it waits for stomp", || rig.of_stomp("backlog_messages") > 0.5);
    rig.bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) SELECT 1, MIN(id) FROM groups");
    for connector in ["out", "kafka"] {
        assert_eq!(rig.bugrelay.verb(&["connector", "resume", connector]).code, 0);
    }
    rig.buses.proxy.set(Mode::Pass);
    let told = |lines: Vec<String>| lines.iter().any(|body| body.contains("\"comment.create\""));
    rig.wait_for("stomp tells the event", || told(rig.read_by_stomp()));
    rig.wait_for("Kafka tells the event", || told(rig.read_by_kafka()));
    rig.wait_for("the file tells the event", || told(rig.bugrelay.lines()));
    let bodies = [rig.read_by_stomp(), rig.read_by_kafka(), rig.bugrelay.lines()].concat();
    assert!(bodies.iter().all(|body| !body.contains("},\"")), "an object left: {bodies:?}");
    for folder in [Kafka::shared().folder(), RabbitMq::shared().folder(), rig.bugrelay.folder()] {
        let found = std::process::Command::new("grep").args(["-rla", NEEDLE]).arg(folder).output().unwrap();
        assert!(found.stdout.is_empty(), "the needle is in {}", String::from_utf8_lossy(&found.stdout));
    }
}
