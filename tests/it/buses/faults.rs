//! RabbitMQ behind a bad network, while somebody saves all the time.

use super::rig::Rig;
use crate::crash::load::Load;
use crate::services::Mode;

/// A fault of the network, its backlog, its end.
fn survives(fault: Mode) -> usize {
    let rig = Rig::running();
    let load = Load::start(rig.bugzilla.url());
    load.wait_for(30);
    rig.proxy.set(fault);
    load.wait_for(60);
    load.pause();
    rig.the_others_have_everything_once();
    rig.wait_for("the fault is a backlog of stomp's own", || rig.of_stomp("backlog_messages") > 20.0);
    assert!(rig.of_stomp("connector_up") < 0.5);
    load.resume();
    load.wait_for(20);
    rig.proxy.set(Mode::Pass);
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
        rig.proxy.cut();
    }
    load.finish();
    rig.stomp_drains();
    rig.the_others_have_everything_once();
}
