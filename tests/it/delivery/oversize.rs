//! What becomes of a message that is too large for its bus, known beforehand or refused.

use std::sync::Arc;

use crate::scripted::{Behaviour, Script};
use bugrelay::delivery::{Oversize, Policy};

use super::rig::{Rig, policy, sequences};

fn event_only() -> Policy {
    Policy { oversize: Oversize::EventOnly, ..policy() }
}

/// A bus that finds the objects of bug 1 too large, and takes all else.
fn narrow() -> Script {
    let script = Script::new();
    let is_too_large = |envelope: &bugrelay::message::Envelope| {
        envelope.origin.bug() == Some(bugrelay::bugzilla::BugId(1)) && !envelope.body.is_private()
    };
    script.always(Behaviour::TooLarge(Arc::new(is_too_large)));
    script
}

fn shortened(rig: &Rig) -> u64 {
    rig.metrics.pipeline.redacted.with_label_values(&["oversize"]).get()
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_too_large_leaves_as_its_event_where_that_is_wanted() {
    let (rig, script, whole) = (Rig::new(&["a", "b"]).await, narrow(), Script::new());
    script.knows_its_limit();
    rig.connect_with("a", &script, event_only());
    rig.connect_with("b", &whole, event_only());
    rig.put(&[2, 1, 2, 1]).await;
    rig.drained("a").await;
    rig.drained("b").await;
    let seen = script.seen();
    assert_eq!((sequences(&seen.arrived), seen.batches), (vec![1, 2, 3, 4], vec![4]), "in order, at the first attempt");
    let is_event: Vec<bool> = seen.arrived.iter().map(|envelope| envelope.body.is_private()).collect();
    assert_eq!(is_event, [false, true, false, true]);
    assert!(whole.seen().arrived.iter().all(|envelope| !envelope.body.is_private()), "it is nothing to another");
    assert_eq!((shortened(&rig), rig.deliveries("a", "sent"), rig.possible_duplicates("a")), (2, 4, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_bus_finds_too_large_is_followed_by_its_event_at_once_and_keeps_its_place_in_its_bug() {
    let (rig, script) = (Rig::new(&["a"]).await, narrow());
    rig.connect_with("a", &script, event_only());
    let started = tokio::time::Instant::now();
    rig.put(&[1, 2]).await;
    rig.drained("a").await;
    assert!(started.elapsed() < std::time::Duration::from_secs(1), "it waited as after a failure");
    let arrived = script.seen().arrived;
    assert_eq!(sequences(&arrived), [2, 1]);
    assert!(arrived[1].body.is_private());
    let backlog = rig.until("a", |_| true).await;
    assert_eq!((backlog.parked, backlog.standing.attempts), (0, 0), "the connector is well");
    assert_eq!((shortened(&rig), rig.deliveries("a", "sent"), rig.deliveries("a", "poison")), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_parked_where_nothing_else_is_said() {
    let (rig, script) = (Rig::new(&["a"]).await, narrow());
    script.knows_its_limit();
    rig.connect("a", &script);
    rig.put(&[1, 2]).await;
    rig.drained("a").await;
    assert_eq!(sequences(&script.seen().arrived), [2]);
    assert_eq!((rig.until("a", |_| true).await.parked, shortened(&rig)), (1, 0));
}
