//! What became private while it waited, and what happens while nobody can say whether it did.

use std::time::Duration;

use crate::scripted::{Behaviour, Script};
use bugrelay::connector::SendError;
use bugrelay::delivery::{Policy, recheck};
use bugrelay::queue::{Filter, Queue as _};

use super::rig::{Rig, policy, sequences};

fn drops_private() -> Filter {
    Filter { private_events: false, ..Filter::default() }
}

fn text(body: &bugrelay::message::Body) -> String {
    String::from_utf8(body.bytes.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_became_private_while_it_waited_leaves_as_its_event_and_the_store_forgets_it_first() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    script.always(Behaviour::Fail(SendError::transient("down")));
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    rig.gate.close(2);
    let earlier = rig.store.writes().len();
    script.always(Behaviour::Accept);
    rig.drained("a").await;

    let bodies: Vec<String> = script.seen().arrived.iter().map(|envelope| text(&envelope.body)).collect();
    assert!(bodies[0].contains("object 1"));
    assert_eq!(bodies[1], r#"{"event":{"number":2}}"#);
    assert_eq!(rig.store.writes()[earlier..], ["redact", "begin", "settle"]);
    assert_eq!(rig.redacted(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_read_judges_a_batch_and_every_attempt_is_judged_anew() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    let down = || Behaviour::Fail(SendError::transient("down"));
    let script = script.then(down()).then(down());
    rig.put(&[1, 1, 2, 3]).await;
    rig.connect("a", &script);
    rig.drained("a").await;
    assert_eq!(script.seen().batches.len(), 3);
    assert_eq!(rig.gate.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_takes_no_private_events_is_not_told_that_a_bug_closed() {
    let (rig, script) = (Rig::with_filters(&[("a", drops_private())]).await, Script::new());
    rig.gate.close(2);
    rig.put(&[1, 2]).await;
    let mut policy = policy();
    policy.filter = drops_private();
    rig.connect_with("a", &script, policy);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1]);
    assert_eq!((rig.deliveries("a", "ignored"), rig.deliveries("a", "sent")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nor_is_it_told_when_another_connector_noticed_first() {
    let rig = Rig::with_filters(&[("all", Filter::default()), ("public", drops_private())]).await;
    let (all, public) = (Script::new(), Script::new());
    rig.gate.close(2);
    rig.put(&[2]).await;
    rig.connect("all", &all);
    rig.drained("all").await;
    assert!(rig.store.next("public", 1).await.unwrap().entries[0].envelope.body.is_private());
    let mut policy = policy();
    policy.filter = drops_private();
    rig.connect_with("public", &public, policy);
    rig.drained("public").await;
    assert!(public.seen().batches.is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_nobody_can_judge_nothing_is_sent_and_nothing_is_lost_or_blamed_on_the_connector() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.gate.set_down(true);
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(script.seen().batches.is_empty());
    assert_eq!(rig.redacted(), 0);
    assert_eq!(rig.store.next("a", 10).await.unwrap().standing.attempts, 0);
    rig.gate.set_down(false);
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [1, 2]);
    assert!(text(&script.seen().arrived[0].body).contains("object 1"));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_is_one_that_is_down() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.gate.set_silent(true);
    rig.put(&[1]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(script.seen().batches.is_empty());
    rig.gate.set_silent(false);
    rig.drained("a").await;
    assert_eq!(script.seen().arrived.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_could_not_forget_is_not_sent() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.gate.close(1);
    rig.store.breaks(&["redact"]);
    rig.put(&[1]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(script.seen().batches.is_empty());
    rig.store.breaks(&[]);
    rig.drained("a").await;
    assert_eq!(rig.redacted(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_lies_for_a_connector_that_nobody_serves_is_judged_within_the_hour() {
    let rig = Rig::new(&["gone"]).await;
    rig.put(&[1, 2]).await;
    let (queue, gate) = (rig.store.clone(), rig.gate.clone());
    let _round = tokio::spawn(recheck(queue, gate, rig.metrics.clone(), rig.shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(600)).await;
    rig.gate.close(2);
    rig.gate.set_down(true);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.redacted(), 0, "what nobody can judge stays as it is");
    rig.gate.set_down(false);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let bodies: Vec<_> =
        rig.store.next("gone", 9).await.unwrap().entries.into_iter().map(|e| e.envelope.body).collect();
    assert!(text(&bodies[0]).contains("object 1"));
    assert_eq!(text(&bodies[1]), r#"{"event":{"number":2}}"#);
    assert_eq!(rig.redacted(), 1);
}

#[tokio::test(start_paused = true)]
async fn judging_what_lies_goes_on_where_it_failed_within_minutes() {
    let rig = Rig::new(&["gone"]).await;
    rig.put(&Vec::from_iter(1..=600)).await;
    rig.gate.close(600);
    let (queue, gate) = (rig.store.clone(), rig.gate.clone());
    let _rounds = tokio::spawn(recheck(queue, gate, rig.metrics.clone(), rig.shutdown.clone()));
    let asked = async |times| {
        while rig.gate.asked() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    asked(1).await;
    rig.gate.set_down(true);
    asked(2).await;
    rig.gate.set_down(false);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(rig.redacted(), 1, "it waited for the next hour");
    assert_eq!(rig.gate.asked(), 3, "what was judged is not judged again");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_judged_anew_was_not_handed_over_and_is_no_possible_duplicate() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    let gate = rig.gate.clone();
    rig.store.begins_slowly(Duration::from_secs(5), move || gate.set_down(true));
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(script.seen().batches.is_empty());
    let waiting = rig.store.next("a", 10).await.unwrap().entries;
    assert!(waiting.iter().all(|entry| !entry.perhaps_sent && entry.attempts == 0), "{waiting:?}");
    rig.gate.set_down(false);
    rig.drained("a").await;
    assert_eq!((script.seen().arrived.len(), rig.possible_duplicates("a")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_bug_that_closes_while_the_answer_is_on_its_way_leaves_as_its_event() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.gate.set_slow(Duration::from_secs(8));
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    tokio::time::sleep(Duration::from_secs(4)).await;
    rig.gate.close(2);
    rig.drained("a").await;
    assert_eq!(text(&script.seen().arrived[1].body), r#"{"event":{"number":2}}"#);
}

#[tokio::test(start_paused = true)]
async fn a_slow_database_does_not_hold_delivery_up_for_ever() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    rig.gate.set_slow(Duration::from_secs(9));
    rig.put(&[1; 10]).await;
    let started = tokio::time::Instant::now();
    rig.connect_with("a", &script, Policy { batch: 1, ..policy() });
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), Vec::from_iter(1..=10));
    assert!(started.elapsed() < Duration::from_secs(200), "it took {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_trusts_no_judgement_from_before() {
    for reads in [1, 2, 3] {
        let (rig, script) = (Rig::new(&["a"]).await, Script::new());
        rig.gate.stops_the_process(reads, 2);
        rig.put(&[1, 2]).await;
        rig.connect("a", &script);
        rig.drained("a").await;
        let bodies: Vec<String> = script.seen().arrived.iter().map(|envelope| text(&envelope.body)).collect();
        assert!(bodies[0].contains("object 1"));
        assert_eq!(bodies[1], r#"{"event":{"number":2}}"#, "stopped after {reads} reads");
        assert_eq!(rig.possible_duplicates("a"), 0, "what was withheld was not begun");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_what_is_judged_anew() {
    let (rig, script) = (Rig::new(&["a"]).await, Script::new());
    let gate = rig.gate.clone();
    rig.store.begins_slowly(Duration::from_secs(5), move || gate.set_silent(true));
    rig.put(&[1, 2]).await;
    rig.connect("a", &script);
    while rig.gate.asked() < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    rig.shutdown.request();
    assert!(rig.shutdown.finished(Duration::from_secs(1)).await, "it waited for the database");
    assert!(script.seen().batches.is_empty());
    let waiting = rig.store.next("a", 10).await.unwrap().entries;
    assert!(waiting.len() == 2 && waiting.iter().all(|entry| !entry.perhaps_sent), "{waiting:?}");
}

#[tokio::test(start_paused = true)]
async fn when_nothing_is_wanted_after_a_slow_store_nothing_is_handed_over() {
    let (rig, script) = (Rig::with_filters(&[("a", drops_private())]).await, Script::new());
    let gate = rig.gate.clone();
    rig.store.begins_slowly(Duration::from_secs(5), move || gate.close(1));
    rig.put(&[1]).await;
    rig.connect_with("a", &script, Policy { filter: drops_private(), ..policy() });
    rig.drained("a").await;
    assert!(script.seen().batches.is_empty(), "an empty batch was handed over");
    assert_eq!(rig.deliveries("a", "ignored"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_not_failing_any_more_when_nothing_is_left_for_it() {
    let (rig, script) = (Rig::with_filters(&[("a", drops_private())]).await, Script::new());
    script.always(Behaviour::Fail(SendError::transient("down")));
    rig.put(&[1, 2]).await;
    rig.connect_with("a", &script, Policy { filter: drops_private(), batch: 1, ..policy() });
    rig.until("a", |backlog| backlog.standing.attempts == 1).await;
    rig.gate.close(1);
    // The first is not wanted any more, the second fails still: the schedule goes on.
    rig.until("a", |backlog| backlog.messages == 1 && backlog.standing.attempts == 2).await;
    rig.gate.close(2);
    let backlog = rig.until("a", |backlog| backlog.messages == 0).await;
    assert_eq!((backlog.standing.attempts, backlog.standing.last_error), (0, None));
    assert_eq!(rig.metrics.delivery.connector_up.with_label_values(&["a"]).get(), 1);
}
