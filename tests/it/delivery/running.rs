//! The well connector: waking, starting, stopping, and a store that fails beside it.

use std::time::Duration;

use crate::scripted::{Behaviour, Script};
use bugrelay::connector::SendError;
use bugrelay::queue::Queue as _;
use tokio::time::Instant;

use super::rig::{Rig, policy, sequences};

#[tokio::test(start_paused = true)]
async fn a_message_is_delivered_at_once_when_the_workers_are_told() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.connect("a", &script);
    // The worker has found nothing and sleeps.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    rig.put(&[1]).await;
    script.until(|seen| seen.arrived.len() == 1).await;
    assert!(started.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_never_came_costs_seconds_and_no_message() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    rig.put_quietly(&[1]).await;
    script.until(|seen| seen.arrived.len() == 1).await;
    assert!(started.elapsed() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn batches_are_as_large_as_configured_and_all_arrives_once_in_order() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.put(&[1; 25]).await;
    let mut policy = policy();
    policy.batch = 10;
    rig.connect_with("a", &script, policy);
    rig.drained("a").await;
    assert_eq!(script.seen().batches, [10, 10, 5]);
    assert_eq!(sequences(&script.seen().arrived), Vec::from_iter(1..=25));
    assert_eq!((rig.deliveries("a", "sent"), rig.possible_duplicates("a")), (25, 0));
}

#[tokio::test(start_paused = true)]
async fn every_series_of_a_connector_exists_before_anything_happened() {
    let rig = Rig::new(&["a"]).await;
    rig.connect("a", &Script::new());
    let text = prometheus::TextEncoder::new().encode_to_string(&rig.metrics.registry.gather()).unwrap();
    for outcome in ["sent", "ignored", "transient", "misconfigured", "poison"] {
        assert!(text.contains(&format!(r#"bugrelay_deliveries_total{{connector="a",outcome="{outcome}"}} 0"#)));
    }
    assert!(text.contains(r#"bugrelay_possible_duplicates_total{connector="a"} 0"#));
    assert!(text.contains(r#"bugrelay_redacted_total{reason="became_private"} 0"#));
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_the_batch_in_flight_and_begins_no_other() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new().then(Behaviour::Slow(Duration::from_secs(3))));
    rig.put(&[1, 2, 3]).await;
    let mut policy = policy();
    policy.batch = 2;
    script.leaves_at_the_end(3);
    rig.connect_with("a", &script, policy);
    script.until(|seen| !seen.batches.is_empty()).await;
    rig.shutdown.request();
    assert!(rig.shutdown.finished(Duration::from_secs(20)).await, "it did not end within its grace");
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
    assert!(script.seen().closed);
    assert_eq!(rig.deliveries("a", "dropped"), 3, "what did not leave at the end is counted");
    let left = rig.store.next("a", 10).await.unwrap().entries;
    assert_eq!(left.len(), 1, "what was in flight is recorded");
    assert!(!left[0].perhaps_sent);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_failing_connector_to_be_well() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Fail(SendError::misconfigured("no such topic")));
    rig.put(&[1]).await;
    rig.connect("a", &script);
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    let asked = Instant::now();
    rig.shutdown.request();
    assert!(rig.shutdown.finished(Duration::from_secs(20)).await);
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_at_a_crash_is_sent_again_and_counted() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.put(&[1, 2]).await;
    // All that a process leaves behind that died between handing over and recording.
    rig.store.begin("a", vec![1]).await.unwrap();
    rig.connect("a", &script);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
    assert_eq!(rig.possible_duplicates("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_recorded_is_recorded_before_anything_more_is_sent() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.store.breaks(&["settle"]);
    rig.put(&[1]).await;
    rig.connect("a", &script);
    script.until(|seen| seen.arrived.len() == 1).await;
    rig.put(&[1]).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(script.seen().batches.len(), 1, "sent though the outcome before was not stored");
    rig.store.breaks(&[]);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
    assert_eq!(rig.possible_duplicates("a"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_note_the_beginning_keeps_everything_from_being_sent() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.store.breaks(&["begin"]);
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(script.seen().batches.is_empty());
    rig.store.breaks(&[]);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
}
