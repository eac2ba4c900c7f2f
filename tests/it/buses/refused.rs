//! What a broker refuses: one message, or us.

use super::rig::{Own, Rig};
use crate::crash::load::Load;
use crate::services::{Certificates, RabbitMq};

#[test]
fn a_message_too_large_for_one_bus_is_parked_there_and_the_rest_flows() {
    let rig = Rig::running();
    let load = Load::start(rig.bugzilla.url());
    load.wait_for(20);
    // RabbitMQ here takes 200,000 bytes.
    rig.bugzilla.exec(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, UTC_TIMESTAMP(), CONCAT('huge ', REPEAT('tea ', 75000)))",
    );
    load.wait_for(40);
    load.finish();
    let is_huge = |body: &String| body.contains("huge tea");
    rig.wait_for("the message is parked", || rig.of_stomp("parked_messages") > 0.5);
    let committed = rig.committed();
    let without = |lines: Vec<String>| lines.into_iter().filter(|body| !is_huge(body)).collect::<Vec<_>>();
    assert_eq!(committed.wait_for_in(&rig.bugrelay, || without(rig.bugrelay.lines())), 0);
    assert_eq!(committed.wait_for_in(&rig.bugrelay, || without(rig.read_by_kafka())), 0);
    committed.wait_for_in(&rig.bugrelay, || rig.read_by_stomp());
    assert_eq!(rig.bugrelay.lines().iter().filter(|body| is_huge(body)).count(), 1, "the file takes it");
    assert_eq!(rig.read_by_kafka().iter().filter(|body| is_huge(body)).count(), 1, "Kafka takes it");
    assert!(rig.stomp_outcomes("poison") > 0.5);
    rig.wait_for("stomp is well", || rig.of_stomp("connector_up") > 0.5 && rig.of_stomp("backlog_messages") < 0.5);
}

#[test]
fn an_expired_certificate_is_loud_and_costs_the_others_nothing_and_a_new_one_lets_everything_through() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let keys = format!("tls = {{ ca_file = \"{}\" }}", certificates.path("ca.pem").display());
    let rabbit = Some(RabbitMq::start(Some((&certificates, "expired"))));
    let mut rig = Rig::with(Own { rabbit, kafka: None }, "stomp+ssl", RabbitMq::tls_port, &keys);
    let load = Load::start(rig.bugzilla.url());
    load.wait_for(40);
    rig.wait_for("we are refused, not only delayed", || rig.stomp_outcomes("misconfigured") > 0.5);
    let shown = rig.bugrelay.verb(&["connector", "list"]).out;
    assert!(shown.contains("expired"), "an operator must see why: {shown}");
    load.pause();
    rig.the_others_have_everything_once();

    for name in ["pem", "key"] {
        std::fs::copy(certificates.path(&format!("server.{name}")), certificates.path(&format!("expired.{name}")))
            .unwrap();
    }
    load.resume();
    rig.buses.own.rabbit.as_mut().unwrap().shut_down();
    load.wait_for(20);
    rig.buses.own.rabbit.as_mut().unwrap().start_again();
    assert_eq!(rig.bugrelay.verb(&["backlog", "retry", "stomp"]).code, 0);
    load.wait_for(20);
    load.pause();
    rig.stomp_drains();
    load.resume();

    // And once more, while messages are on their way.
    load.wait_for(20);
    rig.buses.own.rabbit.as_mut().unwrap().shut_down();
    load.wait_for(20);
    rig.buses.own.rabbit.as_mut().unwrap().start_again();
    load.wait_for(20);
    load.finish();
    rig.stomp_drains();
    rig.the_others_have_everything_once();
}
