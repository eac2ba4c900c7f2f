//! RabbitMQ behind a bad network, or a Kafka that dies and hangs, while somebody saves all the time.

use super::rig::{Own, Rig};
use crate::crash::load::Load;
use crate::services::{Kafka, Mode, RabbitMq};

/// A fault of the network, its backlog, its end.
fn survives(fault: Mode) -> usize {
    let rig = Rig::running();
    let load = Load::start(rig.bugzilla.url());
    load.wait_for(30);
    rig.buses.proxy.set(fault);
    load.wait_for(60);
    load.pause();
    rig.the_others_have_everything_once();
    rig.wait_for("the fault is a backlog of stomp's own", || rig.of_stomp("backlog_messages") > 20.0);
    assert!(rig.of_stomp("connector_up") < 0.5);
    load.resume();
    load.wait_for(20);
    rig.buses.proxy.set(Mode::Pass);
    load.wait_for(20);
    load.finish();
    let repeated = rig.stomp_drains();
    rig.the_others_have_everything_once();
    rig.wait_for("it is well again", || rig.of_stomp("connector_up") > 0.5);
    repeated
}

#[test]
fn a_broker_that_refuses_connections_costs_the_others_nothing_and_gets_the_rest_in_order() {
    survives(Mode::Refuse);
}

#[test]
fn a_broker_that_hangs_costs_the_others_nothing_and_gets_the_rest_in_order() {
    survives(Mode::Hang);
}

#[test]
fn a_broker_whose_answers_are_lost_gets_messages_again_which_is_counted() {
    assert!(survives(Mode::DropAnswers) > 0, "messages without an answer must come again");
}

#[test]
fn a_connection_that_is_cut_again_and_again_loses_nothing() {
    let rig = Rig::running();
    let load = Load::start(rig.bugzilla.url());
    for _ in 0..15 {
        load.wait_for(10);
        rig.buses.proxy.cut();
    }
    load.finish();
    rig.stomp_drains();
    rig.the_others_have_everything_once();
}

#[test]
fn a_kafka_that_hangs_or_is_killed_costs_the_others_nothing_and_gets_the_rest_in_order() {
    let kafka = Some(Kafka::start(1));
    let mut rig = Rig::with(Own { kafka, rabbit: None }, "stomp", RabbitMq::port, "");
    let load = Load::start(rig.bugzilla.url());
    for fault in ["hang", "kill"] {
        load.wait_for(30);
        let kafka = rig.buses.own.kafka.as_mut().unwrap();
        if fault == "hang" {
            kafka.stop(0)
        } else {
            kafka.kill9(0)
        }
        load.wait_for(60);
        load.pause();
        let committed = rig.committed();
        assert_eq!(committed.wait_for(&rig.bugrelay), 0);
        assert_eq!(committed.wait_for_in(&rig.bugrelay, || rig.read_by_stomp()), 0);
        rig.wait_for("the fault is a backlog of Kafka's own", || rig.of("kafka", "backlog_messages") > 20.0);
        load.resume();
        let kafka = rig.buses.own.kafka.as_mut().unwrap();
        if fault == "hang" {
            kafka.cont(0)
        } else {
            kafka.start_again(0)
        }
        load.wait_for(20);
    }
    load.finish();
    let repeated = rig.committed().wait_for_in(&rig.bugrelay, || rig.read_by_kafka());
    let counted = rig.of("kafka", "possible_duplicates_total");
    assert!(counted >= repeated as f64, "{repeated} messages came again, {counted} were counted");
    rig.wait_for("nothing waits any more", || rig.of("kafka", "backlog_messages") < 0.5);
}
