//! What is true of messages that were set aside, and of what an operator does with them and with those that wait.

use std::ops::RangeInclusive;

use bugrelay::bugzilla::BugId;
use bugrelay::queue::{
    DISPOSED_MAX, Disposal, Held, Parked, Queue, READ_BYTES_MAX, Settlement, Sought, Standing, Waiting,
};

use super::super::sample::{
    at, comment, comments, done, failed, perhaps, put, secret, sequences, subscribe, unwell, waiting,
};
use super::super::{Keep, Shelf};

const ALL: RangeInclusive<i64> = 0..=i64::MAX;

/// Of kafka's, until there is nothing left; gives how many in each step.
async fn dispose(queue: &impl Queue, disposal: Disposal, sequences: RangeInclusive<i64>) -> Vec<u64> {
    let mut steps = vec![];
    loop {
        match queue.dispose("kafka", disposal.clone(), vec![sequences.clone()]).await.unwrap() {
            0 => return steps,
            step => steps.push(step),
        }
    }
}

fn skip() -> Disposal {
    Disposal::Skip("by hand".to_owned())
}

fn parks(sequences: impl IntoIterator<Item = i64>) -> Settlement {
    let parked = sequences.into_iter().map(|sequence| (sequence, "too large".to_owned())).collect();
    Settlement { parked, ..Settlement::default() }
}

/// What is parked for kafka: sequences and reasons.
async fn parked(queue: &impl Queue) -> Vec<(i64, String)> {
    let page = queue.parked("kafka", 0, 1_000).await.unwrap();
    page.entries.into_iter().map(|parked| (parked.sequence, parked.reason)).collect()
}

pub(in crate::queue_suite) async fn parked_messages_are_looked_at_in_pages_with_their_bodies_or_without(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=4).await;
    queue.settle("kafka", failed([3])).await.unwrap();
    queue.settle("kafka", parks([1, 3, 4])).await.unwrap();
    let first = queue.parked("kafka", 0, 2).await.unwrap();
    assert_eq!(first.next, Some(3));
    let entry = first.entries[1].entry.as_ref().unwrap();
    assert_eq!((entry.sequence, entry.attempts, entry.perhaps_sent), (3, 2, false), "this attempt failed too");
    assert_eq!((entry.id, entry.bytes), (comment(3, 300).id, comment(3, 300).body.bytes.len()));
    assert!(first.entries[1].reason == "too large" && first.entries[1].parked_at_ms > 1_700_000_000_000);
    assert_eq!(queue.parked("kafka", 3, 2).await.unwrap().next, None);
    let bodies = queue.parked_bodies("kafka", 0, 2).await.unwrap();
    assert_eq!(bodies.next, Some(3));
    let told: Vec<Parked<Waiting>> = bodies.entries.iter().map(Parked::from).collect();
    assert_eq!(told, first.entries, "the same, with bodies or without");
    assert_eq!(bodies.entries[0].entry.as_ref().unwrap().envelope.body, comment(1, 300).body);
    assert!(queue.parked("stomp", 0, 2).await.unwrap().entries.is_empty());
    assert!(queue.parked("nobody", 0, 2).await.unwrap().entries.is_empty());
}

pub(in crate::queue_suite) async fn what_is_parked_is_put_back_at_its_old_place_under_its_sequence_and_id(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    let stored = queue.put(comments(1..=4), at("p")).await.unwrap();
    queue.settle("stomp", done(1..=4)).await.unwrap();
    queue.settle("kafka", parks([2, 3])).await.unwrap();
    assert_eq!(queue.dispose("kafka", Disposal::Retry, vec![9..=9, 2..=2, 2..=2]).await.unwrap(), 1);
    assert_eq!(queue.dispose("kafka", Disposal::Retry, vec![2..=2]).await.unwrap(), 0, "a second time it is nothing");
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    let batch = queue.next("kafka", 10).await.unwrap();
    assert_eq!(batch.entries.iter().map(|entry| entry.attempts).collect::<Vec<_>>(), [0, 1, 0]);
    let found: Vec<_> = batch.entries.into_iter().map(|entry| entry.envelope).collect();
    assert_eq!(found, [&stored[0..2], &stored[3..]].concat());
    assert_eq!(parked(&queue).await, [(3, "too large".to_owned())]);
    assert_eq!(queue.stats().await.unwrap().backlogs[0].parked, 1);
    assert_eq!(waiting(&queue, "stomp").await, [0; 0], "it is nothing to another");
    assert_eq!(queue.dispose("kafka", Disposal::DropParked, vec![ALL]).await.unwrap(), 1);
    assert_eq!(parked(&queue).await, []);
}

pub(in crate::queue_suite) async fn what_is_put_back_while_a_batch_is_under_way_is_not_of_that_batch(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=4).await;
    queue.settle("kafka", parks([2, 3])).await.unwrap();
    assert!(queue.begin("kafka", vec![1, 4]).await.unwrap());
    assert_eq!(dispose(&queue, Disposal::Retry, 2..=2).await, [1]);
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [1, 4]);
    queue.settle("kafka", done([1, 4])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [0; 0]);
    assert!(queue.begin("kafka", vec![2]).await.unwrap());
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [2], "of its own batch it is");
    assert_eq!(dispose(&queue, Disposal::Retry, 3..=3).await, [1]);
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert!(queue.begin("kafka", vec![2, 3]).await.unwrap());
    queue.settle("kafka", failed([2, 3])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [2]);
}

pub(in crate::queue_suite) async fn what_was_perhaps_sent_before_it_was_parked_stays_so(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=3).await;
    queue.settle("kafka", Settlement { perhaps_sent: vec![1], ..failed([1]) }).await.unwrap();
    queue.settle("kafka", parks([1])).await.unwrap();
    queue.begin("kafka", vec![2]).await.unwrap();
    assert_eq!(dispose(&queue, skip(), 2..=3).await, [2]);
    let page = queue.parked("kafka", 0, 10).await.unwrap();
    let perhaps_sent: Vec<_> = page.entries.into_iter().map(|parked| parked.entry.unwrap().perhaps_sent).collect();
    assert_eq!(perhaps_sent, [true, true, false], "the second was on its way");
    assert_eq!(dispose(&queue, Disposal::Retry, ALL).await, [3]);
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [1, 2]);
}

pub(in crate::queue_suite) async fn what_is_skipped_is_parked_and_what_is_dropped_is_gone(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=6).await;
    queue.settle("kafka", failed(1..=6)).await.unwrap();
    assert_eq!(queue.dispose("kafka", skip(), vec![6..=9, 1..=2]).await.unwrap(), 3);
    assert_eq!(queue.dispose("kafka", Disposal::Drop, vec![3..=4]).await.unwrap(), 2);
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(waiting(&queue, "kafka").await, [5]);
    let by_hand = |sequence| (sequence, "by hand".to_owned());
    assert_eq!(parked(&queue).await, [1, 2, 6].map(by_hand));
    let attempts = queue.parked("kafka", 0, 1).await.unwrap().entries.remove(0).entry.unwrap().attempts;
    assert_eq!(attempts, 1, "to be skipped is no attempt");
    let kafka = queue.stats().await.unwrap().backlogs.remove(0);
    assert_eq!((kafka.messages, kafka.parked, kafka.standing), (1, 3, unwell(1)), "it is as unwell as before");
    assert_eq!(waiting(&queue, "stomp").await, [1, 2, 3, 4, 5, 6], "it is nothing to another");
}

pub(in crate::queue_suite) async fn what_was_read_before_it_was_dropped_is_not_begun(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let read = put(&queue, 1..=4).await;
    assert_eq!(dispose(&queue, Disposal::Drop, 3..=3).await, [1]);
    assert!(!queue.begin("kafka", read).await.unwrap());
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [0; 0]);
    assert!(queue.begin("kafka", vec![1, 2, 4]).await.unwrap());
    assert_eq!(dispose(&queue, Disposal::Drop, 1..=2).await, [2]);
    let settlement = Settlement { done: vec![1], parked: vec![(2, "too large".to_owned())], ..failed([4]) };
    queue.settle("kafka", settlement).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [4], "what became of what was dropped is nothing any more");
    assert_eq!(parked(&queue).await, []);
}

pub(in crate::queue_suite) async fn what_is_skipped_on_its_way_and_arrives_is_not_parked(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { sent: std::time::Duration::ZERO, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    let read = put(&queue, 1..=3).await;
    queue.begin("kafka", read).await.unwrap();
    assert_eq!(dispose(&queue, skip(), 1..=2).await, [2]);
    queue.settle("kafka", Settlement { done: vec![1, 3], ..failed([2]) }).await.unwrap();
    assert_eq!(parked(&queue).await, [(2, "by hand".to_owned())]);
    assert_eq!(waiting(&queue, "kafka").await, [0; 0]);
}

pub(in crate::queue_suite) async fn a_connector_of_which_all_was_dropped_is_well(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=2).await;
    queue.settle("kafka", failed([1, 2])).await.unwrap();
    assert_eq!(dispose(&queue, Disposal::Drop, ALL).await, [2]);
    let kafka = queue.stats().await.unwrap().backlogs.remove(0);
    assert_eq!((kafka.messages, &kafka.standing), (0, &Standing::default()), "nothing is left that it could fail with");
    put(&queue, [3]).await;
    assert_eq!(queue.stats().await.unwrap().main_queue_messages, 1);
}

pub(in crate::queue_suite) async fn of_a_connector_that_is_gone_everything_can_be_given_up(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=3).await;
    queue.settle("kafka", parks([1])).await.unwrap();
    subscribe(&queue, &["stomp"]).await;
    assert_eq!(dispose(&queue, Disposal::Drop, ALL).await, [2]);
    assert_eq!(queue.stats().await.unwrap().backlogs[0].connector, "kafka", "something of it is parked still");
    assert_eq!(dispose(&queue, Disposal::DropParked, ALL).await, [1]);
    let names: Vec<_> = queue.stats().await.unwrap().backlogs.into_iter().map(|backlog| backlog.connector).collect();
    assert_eq!(names, ["stomp"], "and it is forgotten");
    assert_eq!(dispose(&queue, Disposal::Drop, ALL).await, [0; 0]);
    assert_eq!(waiting(&queue, "stomp").await, [1, 2, 3]);
}

pub(in crate::queue_suite) async fn a_large_backlog_is_dropped_in_several_short_steps(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let many = i64::try_from(DISPOSED_MAX).unwrap() + 2;
    put(&queue, 1..=many).await;
    let large = (many + 1..=many + 3).map(|id| comment(id, READ_BYTES_MAX / 2 - 1_000));
    queue.put(large.collect(), at("p")).await.unwrap();
    assert_eq!(dispose(&queue, skip(), 1..=many).await, [1_000, 2]);
    assert_eq!(dispose(&queue, Disposal::Drop, ALL).await, [2, 1], "as many bytes as may be read at once");
    assert_eq!(dispose(&queue, Disposal::DropParked, ALL).await, [1_000, 2]);
}

pub(in crate::queue_suite) async fn what_is_parked_is_redacted_and_put_back_as_its_event(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1]).await;
    queue.settle("kafka", parks([1])).await.unwrap();
    queue.redact(vec![1]).await.unwrap();
    let bytes = comment(1, 300).body.redacted().bytes.len();
    let parked = queue.parked_bodies("kafka", 0, 1).await.unwrap().entries.remove(0);
    let entry = parked.entry.as_ref().unwrap();
    assert!(!String::from_utf8(entry.envelope.body.bytes.to_vec()).unwrap().contains(&secret(1)));
    assert_eq!(queue.parked("kafka", 0, 1).await.unwrap().entries, [Parked::from(&parked)]);
    assert_eq!(dispose(&queue, Disposal::Retry, ALL).await, [1]);
    assert_eq!(queue.backlog("kafka", 0, 1).await.unwrap().entries[0].bytes, bytes);
}

pub(in crate::queue_suite) async fn what_became_of_messages_is_known_by_bug_and_by_id(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["amqp", "kafka", "stomp"]).await;
    // Of bug 1, and one of bug 2.
    let mut messages = comments(1..=3);
    messages[1].body = messages[1].body.redacted();
    let mut stored = queue.put(messages, at("p")).await.unwrap();
    stored.extend(queue.put_again(comments([1]), vec!["kafka".to_owned()]).await.unwrap().unwrap());
    queue.settle("amqp", done(1..=3)).await.unwrap();
    queue.settle("stomp", done(2..=3)).await.unwrap();
    queue.settle("stomp", parks([1])).await.unwrap();
    queue.settle("kafka", done([2])).await.unwrap();
    queue.begin("kafka", vec![1]).await.unwrap();
    let page = queue.traces(Sought::Bug(BugId(1)), 0, 10).await.unwrap();
    assert_eq!(page.next, None);
    let told: Vec<_> = page.entries.iter().map(|trace| (trace.sequence, trace.id, trace.private)).collect();
    let of = |n: usize, private| (stored[n].sequence, stored[n].id, Some(private));
    assert_eq!(told, [of(0, false), of(1, true), of(3, false)]);
    let first = &page.entries[0];
    assert_eq!((&first.routing_key, first.origin), (&stored[0].routing_key, stored[0].origin));
    assert_eq!((&first.change_set, first.committed_at_ms), (&stored[0].change_set, stored[0].committed_at_ms));
    assert!(first.put_at_ms > first.committed_at_ms);
    let held = |connector: &str, attempts, perhaps_sent, parked: Option<&str>| Held {
        connector: connector.to_owned(),
        attempts,
        perhaps_sent,
        parked: parked.map(str::to_owned),
    };
    assert_eq!(first.held, [held("kafka", 0, true, None), held("stomp", 1, false, Some("too large"))]);
    assert_eq!(first.bytes, Some(stored[0].body.bytes.len()));
    assert_eq!((page.entries[1].bytes, &page.entries[1].held), (None, &vec![]), "everybody has it, its text is gone");
    let same = queue.traces(Sought::Message(stored[0].id), 0, 1).await.unwrap();
    assert_eq!((same.entries[0].sequence, same.next), (1, Some(1)));
    let again = queue.traces(Sought::Message(stored[0].id), 1, 10).await.unwrap();
    assert_eq!(again.entries.iter().map(|trace| trace.sequence).collect::<Vec<_>>(), sequences(&stored[3..]));
    assert!(queue.traces(Sought::Bug(BugId(99)), 0, 10).await.unwrap().entries.is_empty());
}
