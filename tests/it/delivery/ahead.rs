//! The batch that is read while the one before it is on its way: faster, and in nothing else different.

use std::time::Duration;

use crate::scripted::{Behaviour, Script};
use bugrelay::delivery::Policy;
use bugrelay::queue::{Filter, Queue as _};
use tokio::time::Instant;

use super::rig::{Rig, policy, sequences};

const A_WHILE: Duration = Duration::from_secs(2);

fn one_by_one() -> Policy {
    Policy { batch: 1, ..policy() }
}

/// The first batch is on its way for a while, and what follows it was read.
async fn in_flight(rig: &Rig, policy: Policy) -> Script {
    let script = Script::new().then(Behaviour::Slow(A_WHILE));
    rig.put(&[1, 2, 3]).await;
    rig.connect_with("a", &script, policy);
    script.until(|seen| seen.batches.len() == 1).await;
    tokio::time::sleep(A_WHILE / 2).await;
    script
}

#[tokio::test(start_paused = true)]
async fn the_bus_does_not_wait_for_the_store() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Slow(A_WHILE));
    rig.store.reads_ahead_slowly(A_WHILE);
    rig.put(&[1; 10]).await;
    let started = Instant::now();
    rig.connect_with("a", &script, one_by_one());
    script.until(|seen| seen.arrived.len() == 10).await;
    assert!(started.elapsed() < 12 * A_WHILE, "ten attempts took {:?}", started.elapsed());
    assert_eq!(sequences(&script.seen().arrived), Vec::from_iter(1..=10));
    assert_eq!((rig.gate.asked(), rig.possible_duplicates("a")), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_recorded_however_long_the_next_batch_is_read() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.store.reads_ahead_slowly(Duration::from_secs(600));
    rig.put(&[1, 2]).await;
    let started = Instant::now();
    rig.connect_with("a", &script, one_by_one());
    while !rig.store.writes().contains(&"settle") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(1), "it waited for the read");
}

#[tokio::test(start_paused = true)]
async fn a_bug_that_closes_after_its_message_was_read_ahead_leaves_as_its_event() {
    let rig = Rig::new(&["a"]).await;
    let script = in_flight(&rig, one_by_one()).await;
    rig.gate.close(2);
    rig.drained("a").await;
    let bodies: Vec<_> = script.seen().arrived.into_iter().map(|envelope| envelope.body.bytes.to_vec()).collect();
    assert_eq!(String::from_utf8_lossy(&bodies[1]), r#"{"event":{"number":2}}"#);
    assert!(String::from_utf8_lossy(&bodies[2]).contains("object 3"));
    assert_eq!(rig.redacted(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_redacted_after_it_was_read_ahead_is_not_told_to_whom_takes_no_private_events() {
    let drops_private = || Filter { private_events: false, ..Filter::default() };
    let rig = Rig::with_filters(&[("a", drops_private())]).await;
    let script = in_flight(&rig, Policy { filter: drops_private(), ..one_by_one() }).await;
    rig.gate.close(2);
    rig.store.redact(vec![2]).await.unwrap();
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 3]);
    assert_eq!(rig.deliveries("a", "ignored"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_behind_a_batch_that_fails_is_read_again_after_it() {
    let rig = Rig::new(&["a"]).await;
    // One is taken of two, and then nothing comes until the deadline.
    let script = Script::new().then(Behaviour::HangAfter(1));
    rig.put(&[1; 6]).await;
    rig.connect_with("a", &script, Policy { batch: 2, ..policy() });
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), Vec::from_iter(1..=6));
    assert_eq!(script.seen().batches, [2, 2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_read_ahead_in_vain_keeps_no_other_from_reading() {
    let rig = Rig::new(&["a", "b"]).await;
    let (hung, well) = (Script::new().then(Behaviour::HangAfter(0)), Script::new());
    rig.store.reads_ahead_slowly(Duration::from_secs(600));
    rig.store.breaks(&["settle"]);
    rig.put(&[1, 2]).await;
    rig.connect_with("a", &hung, one_by_one());
    while !rig.store.writes().contains(&"settle") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The failure cannot be recorded, and meanwhile the other one is served.
    rig.connect("b", &well);
    let served = well.until(|seen| seen.arrived.len() == 2);
    tokio::time::timeout(Duration::from_secs(60), served).await.expect("it waits for the other's store");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_for_the_next_batch_is_not_asked_again_at_once() {
    let rig = Rig::new(&["a"]).await;
    let _script = in_flight(&rig, one_by_one()).await;
    rig.gate.set_down(true);
    while rig.gate.asked() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(rig.gate.asked(), 2, "it was asked again without a delay");
    rig.gate.set_down(false);
    rig.drained("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_back_what_was_read_ahead() {
    let rig = Rig::new(&["a"]).await;
    let script = in_flight(&rig, one_by_one()).await;
    rig.store.pause("a", true).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(sequences(&script.seen().arrived), [1]);
    rig.store.pause("a", false).await.unwrap();
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2, 3]);
    assert_eq!(rig.possible_duplicates("a"), 0, "what was held back was not begun");
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_judgement_of_the_next_batch() {
    let rig = Rig::new(&["a"]).await;
    let script = in_flight(&rig, one_by_one()).await;
    rig.gate.set_silent(true);
    tokio::time::sleep(A_WHILE).await;
    let asked = Instant::now();
    rig.shutdown.request();
    assert!(rig.shutdown.finished(Duration::from_secs(20)).await);
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(sequences(&script.seen().arrived), [1]);
    let left = rig.store.next("a", 10).await.unwrap().entries;
    assert!(left.len() == 2 && left.iter().all(|entry| !entry.perhaps_sent), "{left:?}");
}
