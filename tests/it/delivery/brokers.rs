//! Delivery over a real broker behind a faulty network: nothing is lost, what may be there twice is counted, nobody else waits.

use std::time::Duration;

use crate::scripted::Script;
use bugrelay::backoff::Schedule;
use bugrelay::delivery::Policy;

use super::rig::{Rig, policy, sequences};
use crate::connector_suite::Bus as _;
use crate::connector_suite::stomp::Rabbit;
use crate::services::{Mode, RabbitMq};

/// As configured by default, and sooner.
fn impatient() -> Policy {
    let schedule = Schedule::new(vec![Duration::from_secs(1)]).unwrap();
    Policy { timeout: Duration::from_secs(2), schedule, ..policy() }
}

/// The numbers of the events that arrived, in order.
async fn arrived(bus: &Rabbit<'_>) -> Vec<i64> {
    let number = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["event"]["number"].as_i64().unwrap()
    };
    bus.arrived().await.iter().map(number).collect()
}

#[tokio::test]
async fn acknowledgements_that_a_broker_lost_are_counted_when_the_messages_come_again() {
    let (rig, bus) = (Rig::new(&["bus"]).await, Rabbit::at(RabbitMq::shared()).await);
    rig.delivery.spawn("bus", bus.connector(), impatient());
    rig.put(&[1]).await;
    rig.drained("bus").await;
    bus.proxy.set(Mode::DropAnswers);
    rig.put(&[1, 2, 1]).await;
    rig.until("bus", |backlog| backlog.standing.attempts == 1).await;
    bus.proxy.set(Mode::Pass);
    rig.drained("bus").await;
    assert_eq!(arrived(&bus).await, [1, 2, 3, 4, 2, 3, 4]);
    let taken = bus.taken.lock().unwrap();
    let ids: Vec<_> = taken.iter().map(|message| message.properties.correlation_id().clone()).collect();
    assert_eq!(ids[1..4], ids[4..]);
    assert_eq!((rig.deliveries("bus", "sent"), rig.possible_duplicates("bus")), (4, 3));
}

#[tokio::test]
async fn a_hung_broker_delays_no_other_and_gets_all_of_it_in_order_later() {
    let (rig, bus) = (Rig::new(&["bus", "other"]).await, Rabbit::at(RabbitMq::shared()).await);
    let script = Script::new();
    rig.connect("other", &script);
    rig.delivery.spawn("bus", bus.connector(), impatient());
    rig.put(&[1]).await;
    rig.drained("bus").await;
    bus.proxy.set(Mode::Hang);
    let bugs: Vec<i64> = (0..700).map(|number| number % 5).collect();
    rig.put(&bugs).await;
    let all = tokio::time::timeout(Duration::from_secs(1), script.until(|seen| seen.arrived.len() == 701)).await;
    assert_eq!(sequences(&all.expect("the other one waits").arrived), Vec::from_iter(1..=701));
    rig.until("bus", |backlog| backlog.standing.attempts == 1).await;
    assert_eq!(arrived(&bus).await, [1], "nothing gets through");
    // What the network held back is lost with its connection.
    bus.proxy.cut();
    bus.proxy.set(Mode::Pass);
    rig.drained("bus").await;
    assert_eq!(arrived(&bus).await, Vec::from_iter(1..=701));
    assert_eq!(rig.possible_duplicates("bus"), 200, "one window was written when it hung");
}
