//! Connectors that are down, slow, hanging, refusing, misconfigured or broken, and what the others notice: nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::scripted::{Behaviour, Fate, Script};
use bugrelay::backoff::Schedule;
use bugrelay::connector::SendError;
use bugrelay::delivery::Policy;
use bugrelay::failure::Class;
use bugrelay::queue::Queue as _;
use tokio::time::Instant;

use super::rig::{Rig, policy, sequences};

fn down() -> Behaviour {
    Behaviour::Fail(SendError::transient("connection refused by broker.example.org:9092"))
}

#[tokio::test(start_paused = true)]
async fn a_hung_connector_costs_one_deadline_and_delays_no_other() {
    let (rig, hung, well) = (Rig::new(&["hung", "well"]).await, Script::new(), Script::new());
    hung.always(Behaviour::HangAfter(0));
    rig.connect("hung", &hung);
    rig.connect("well", &well);
    let started = Instant::now();
    rig.put(&Vec::from_iter(1..=100)).await;
    well.until(|seen| seen.arrived.len() == 100).await;
    assert!(started.elapsed() < Duration::from_millis(100), "the well one waited");
    let backlog = rig.until("hung", |backlog| backlog.standing.attempts == 1).await;
    assert!(started.elapsed() < Duration::from_secs(11), "one deadline for the batch, not one for each message");
    assert_eq!(backlog.messages, 100);
    assert!(backlog.standing.last_error.unwrap().contains("no answer within 10 s"));
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["hung"]).get(), 0);
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["well"]).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_was_down_gets_its_backlog_in_order_and_the_others_get_everything_once() {
    let (rig, bad, well) = (Rig::new(&["bad", "well"]).await, Script::new(), Script::new());
    bad.always(down());
    rig.connect("bad", &bad);
    rig.connect("well", &well);
    for _ in 0..10 {
        rig.put(&[1, 2, 3]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(sequences(&well.seen().arrived), Vec::from_iter(1..=30));
    assert!(bad.seen().arrived.is_empty());
    assert_eq!(rig.until("bad", |backlog| backlog.messages == 30).await.parked, 0);
    bad.always(Behaviour::Accept);
    rig.drained("bad").await;
    assert_eq!(sequences(&bad.seen().arrived), Vec::from_iter(1..=30));
    assert_eq!(well.seen().arrived.len(), 30, "a success is never repeated because another failed");
    assert_eq!(rig.possible_duplicates("bad"), 0, "what was refused is no duplicate");
}

#[tokio::test(start_paused = true)]
async fn retries_follow_the_schedule_and_it_begins_anew_after_a_success() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(down());
    rig.put(&[1]).await;
    rig.connect("a", &script);
    let mut last = Instant::now();
    script.until(|seen| seen.batches.len() == 1).await;
    for (attempts, delay) in [(1, 5.0), (2, 25.0), (3, 125.0), (4, 625.0), (5, 900.0), (6, 900.0)] {
        script.until(|seen| seen.batches.len() == attempts + 1).await;
        let waited = last.elapsed().as_secs_f64();
        assert!((delay * 0.79..=delay + 0.1).contains(&waited), "{waited} s after {attempts} failures");
        last = Instant::now();
    }
    script.always(Behaviour::Accept);
    rig.drained("a").await;
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["a"]).get(), 1);
    script.always(down());
    rig.put(&[1]).await;
    assert_eq!(rig.until("a", |backlog| backlog.standing.attempts > 0).await.standing.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_connector_is_asked_rarely_and_says_what_to_mend() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Fail(SendError::misconfigured("no topic bugzilla; create it")));
    rig.put(&[1]).await;
    rig.connect("a", &script);
    let standing = rig.until("a", |backlog| backlog.standing.attempts == 1).await.standing;
    assert_eq!(standing.class, Some(Class::Misconfigured));
    assert_eq!(standing.last_error.as_deref(), Some("no topic bugzilla; create it"));
    tokio::time::sleep(Duration::from_secs(800)).await;
    assert_eq!(script.seen().batches.len(), 1);
    script.until(|seen| seen.batches.len() == 2).await;
    assert_eq!(rig.deliveries("a", "misconfigured"), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_now_ends_the_wait() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Fail(SendError::misconfigured("no topic bugzilla; create it")));
    rig.put(&[1]).await;
    let handle = rig.connect("a", &script);
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    script.always(Behaviour::Accept);
    let asked = Instant::now();
    handle.retry_now();
    rig.drained("a").await;
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_bus_refuses_is_parked_and_the_rest_flows() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Poison(Arc::new(|envelope| envelope.sequence == 2)));
    rig.put(&[1, 1, 1]).await;
    rig.connect("a", &script);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 3]);
    let backlog = rig.until("a", |backlog| backlog.parked == 1).await;
    assert_eq!(backlog.standing.attempts, 0, "the connector is well");
    assert_eq!((rig.deliveries("a", "poison"), rig.deliveries("a", "sent")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_before_the_deadline_stands() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new().then(Behaviour::HangAfter(3)));
    rig.put(&[1, 1, 1, 1, 1]).await;
    rig.connect("a", &script);
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    let waiting = rig.store.next("a", 10).await.unwrap().entries;
    assert_eq!(
        waiting.iter().map(|e| (e.envelope.sequence, e.perhaps_sent)).collect::<Vec<_>>(),
        [(4, true), (5, true)]
    );
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2, 3, 4, 5]);
    assert_eq!(rig.possible_duplicates("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bugs_last_word_is_heard_last_though_an_earlier_one_failed() {
    let fates = vec![Fate::Refused, Fate::Accepted, Fate::Accepted];
    let (rig, script) = (Rig::new(&["a"]).await, Script::new().then(Behaviour::Each(fates)));
    rig.put(&[1, 1, 2]).await;
    rig.connect("a", &script);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [2, 3, 1, 2]);
    assert_eq!(rig.possible_duplicates("a"), 1);
    assert_eq!(rig.deliveries("a", "sent"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_connector_is_a_failure_like_others() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new().then(Behaviour::PanicAfter(1)));
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    let standing = rig.until("a", |backlog| backlog.standing.attempts == 1).await.standing;
    assert!(standing.last_error.unwrap().contains("panicked"));
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_refuses_each_of_several_messages_is_not_called_well() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Poison(Arc::new(|_| true)));
    rig.put(&[1, 2, 3]).await;
    rig.connect("a", &script);
    let backlog = rig.until("a", |backlog| backlog.parked == 3).await;
    assert_eq!(backlog.standing.attempts, 1);
    let error = backlog.standing.last_error.unwrap();
    assert!(error.contains("each of 3 messages") && error.contains("refused for good"), "{error}");
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["a"]).get(), 0);
    assert_eq!(rig.deliveries("a", "poison"), 3);
    script.always(Behaviour::Accept);
    rig.put(&[1]).await;
    rig.until("a", |backlog| backlog.standing.attempts == 0).await;
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["a"]).get(), 1);
    assert_eq!(sequences(&script.seen().arrived), [4]);
}

/// A failure of one process, and the wait for the next attempt in the process after it.
async fn wait_after_a_restart(failure: SendError) -> Duration {
    let policy = || Policy { schedule: Schedule::new(vec![Duration::from_secs(900)]).unwrap(), ..policy() };
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Fail(failure));
    rig.put(&[1]).await;
    rig.connect_with("a", &script, policy());
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    rig.shutdown.request();
    assert!(rig.shutdown.finished(Duration::from_secs(20)).await);

    let (again, script) = (Rig::over(rig.store), Script::new());
    let started = Instant::now();
    again.connect_with("a", &script, policy());
    again.put(&[2]).await;
    script.until(|seen| !seen.batches.is_empty()).await;
    assert_eq!(script.seen().arrived.len(), 2, "new messages lined up behind");
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_shorten_the_wait_of_a_failing_connector() {
    let waited = wait_after_a_restart(SendError::transient("connection refused")).await;
    // The rest is taken from the wall clock, which a paused test does not move.
    assert!(waited > Duration::from_secs(700), "only {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_connector_is_tried_at_once_after_a_restart() {
    let waited = wait_after_a_restart(SendError::misconfigured("no topic bugzilla; create it")).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}
