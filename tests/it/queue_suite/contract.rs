//! The sentences that are true of every store.

mod bounded;
mod held;
mod parked;
mod relayed;
mod swept;

pub(super) use bounded::*;
pub(super) use held::*;
pub(super) use parked::*;
pub(super) use relayed::*;
pub(super) use swept::*;

use std::time::Duration;

use bugrelay::bugzilla::CommentId;
use bugrelay::message::Fact;
use bugrelay::queue::{Checkpoint, Filter, Queue as _, QueueError, Settlement, Subscriber};

use super::sample::{
    at, comment, comments, done, failed, perhaps, put, secret, sequences, subscribe, subscriber, unwell, waiting,
};
use super::{Keep, Shelf};

pub(super) async fn a_fresh_store_has_no_checkpoint_and_no_subscriber(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(queue.checkpoint().await.unwrap(), None);
    assert!(queue.next("kafka", 10).await.unwrap().entries.is_empty());
    assert!(queue.stats().await.unwrap().backlogs.is_empty());
}

pub(super) async fn messages_come_out_whole_and_in_the_order_they_were_put(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let mut stored = queue.put(comments([3, 1]), at("p1")).await.unwrap();
    stored.extend(queue.put(comments([2]), at("p2")).await.unwrap());
    assert_eq!(sequences(&stored), [1, 2, 3]);
    let batch = queue.next("kafka", 10).await.unwrap();
    let found: Vec<_> = batch.entries.into_iter().map(|entry| entry.envelope).collect();
    assert_eq!(found, stored);
    assert_eq!(found[0].routing_key, "comment.create");
    assert_eq!(found[0].body, comment(3, 300).body);
}

pub(super) async fn next_gives_at_most_what_it_is_asked_for(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=10).await;
    let batch = queue.next("kafka", 3).await.unwrap();
    assert_eq!(batch.entries.len(), 3);
    queue.settle("kafka", done(1..=3)).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [4, 5, 6, 7, 8, 9, 10]);
}

pub(super) async fn sequences_rise_even_after_everything_was_forgotten(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { sent: Duration::ZERO, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=3).await;
    queue.settle("kafka", done(1..=3)).await.unwrap();
    queue.purge().await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(put(&queue, [4]).await, [4]);
}

pub(super) async fn a_new_subscriber_starts_with_the_next_message(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1]).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, [2]).await;
    assert_eq!(waiting(&queue, "kafka").await, [1, 2]);
    assert_eq!(waiting(&queue, "stomp").await, [2]);
}

pub(super) async fn a_connector_that_is_gone_gets_nothing_new_and_keeps_its_backlog(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, [1]).await;
    queue.settle("kafka", done([1])).await.unwrap();
    queue.settle("stomp", failed([1])).await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [2]).await;
    queue.purge().await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, [3]).await;
    let batch = queue.next("stomp", 10).await.unwrap();
    assert_eq!(waiting(&queue, "stomp").await, [1, 3]);
    assert_eq!(batch.standing, unwell(1));
    assert_eq!(waiting(&queue, "kafka").await, [2, 3]);
}

pub(super) async fn a_connector_gets_what_its_filter_wants(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    let filter = Filter { products: vec!["Thunderbird".to_owned()], ..Filter::default() };
    let picky = Subscriber { connector: "stomp".to_owned(), filter };
    queue.subscribe(vec![subscriber("kafka"), picky]).await.unwrap();
    let mut messages = comments(1..=3);
    messages[1].product = Some("Thunderbird".to_owned());
    messages[2].product = None;
    queue.put(messages, at("p")).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [1, 2, 3]);
    assert_eq!(waiting(&queue, "stomp").await, [2]);
}

pub(super) async fn a_message_that_nobody_wants_has_a_sequence_and_is_not_told_later(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(put(&queue, [1]).await, [1]);
    subscribe(&queue, &["kafka"]).await;
    assert_eq!(put(&queue, [1, 2]).await, [2]);
    assert_eq!(waiting(&queue, "kafka").await, [2]);
}

pub(super) async fn what_was_told_is_not_told_again(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1, 2]).await;
    // The same comments, found another way, under other ids.
    let mut swept = comments(1..=3);
    for (n, message) in (1_000..).zip(&mut swept) {
        message.id = comment(n, 300).id;
    }
    swept[1].facts.push(Fact::Comment(CommentId(9)));
    let stored = queue.put(swept, at("p")).await.unwrap();
    assert_eq!(sequences(&stored), [3, 4], "the first is told, of the second one fact is new, the third is new");
    assert_eq!(stored[0].id, comment(1_001, 300).id);
}

pub(super) async fn a_message_without_facts_is_known_by_its_id_alone(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let mut messages = comments([1, 2, 1]);
    messages.iter_mut().for_each(|message| message.facts.clear());
    let stored = queue.put(messages.clone(), at("p")).await.unwrap();
    assert_eq!(sequences(&stored), [1, 2]);
    assert!(queue.put(messages, at("p")).await.unwrap().is_empty());
}

pub(super) async fn facts_are_forgotten_after_their_retention(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { told: Duration::ZERO, sent: Duration::ZERO, ..Keep::default() }).await;
    put(&queue, [1]).await;
    assert!(is_told_anew(&queue).await);
}

pub(super) async fn facts_of_a_transaction_that_is_stored_in_part_stay_until_the_rest_is(shelf: &impl Shelf) {
    let keep = Keep { told: Duration::ZERO, sent: Duration::ZERO, ..Keep::default() };
    let queue = shelf.open(keep).await;
    // The first part comes with the end of the transaction before, the others behind the same position.
    queue.put(comments([1]), at("before")).await.unwrap();
    queue.put(comments([2]), at("before")).await.unwrap();
    drop(queue);
    let queue = shelf.open(keep).await;
    for _ in 0..3 {
        queue.purge().await.unwrap();
    }
    let again = queue.put(comments([1, 2, 3]), at("behind")).await.unwrap();
    assert_eq!(sequences(&again), [3], "after a crash the whole transaction is read again");
    assert!(is_told_anew(&queue).await, "and it is forgotten as any other");
}

/// Whether comment 1 is forgotten once the checkpoint has gone on, in a later millisecond.
async fn is_told_anew(queue: &impl bugrelay::queue::Queue) -> bool {
    for n in 0..100 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        queue.put(vec![], at(&format!("later {n}"))).await.unwrap();
        queue.purge().await.unwrap();
        if !queue.put(comments([1]), at("again")).await.unwrap().is_empty() {
            return true;
        }
    }
    false
}

pub(super) async fn what_can_never_fit_says_what_to_raise_and_to_what(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { max_megabytes: 1, ..Keep::default() }).await;
    let error = queue.put(vec![comment(1, 3 << 20)], at("p")).await.unwrap_err().to_string();
    assert!(error.contains("raise `max_megabytes` in [queue] to 5 or more"), "{error}");
}

pub(super) async fn the_checkpoint_is_stored_with_the_messages_before_it(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    queue.put(comments([1]), at("p1")).await.unwrap();
    queue.put(vec![], at("p2")).await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(queue.checkpoint().await.unwrap(), Some(at("p2")));
    assert_eq!(waiting(&queue, "kafka").await, [1]);
    let elsewhere = Checkpoint { server: Some("8/2".into()), ..at("p2") };
    queue.put(vec![], elsewhere.clone()).await.unwrap();
    assert_eq!(queue.checkpoint().await.unwrap(), Some(elsewhere));
}

pub(super) async fn a_put_that_fails_stores_nothing(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { max_megabytes: 1, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    queue.put(comments([1]), at("p1")).await.unwrap();
    let full = queue.put(vec![comment(2, 100), comment(3, 2 << 20)], at("p2")).await;
    assert!(matches!(full, Err(QueueError::Full { .. })), "{full:?}");
    assert_eq!(queue.checkpoint().await.unwrap(), Some(at("p1")));
    assert_eq!(put(&queue, [2]).await, [2]);
    assert_eq!(waiting(&queue, "kafka").await, [1, 2]);
}

pub(super) async fn a_full_store_takes_deliveries_and_heals_by_them(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { max_megabytes: 2, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    let mut ids = 1..;
    let full = loop {
        let messages = ids.by_ref().take(100).map(|id| comment(id, 1_300)).collect();
        if let Err(error) = queue.put(messages, at("p")).await {
            break error;
        }
    };
    assert!(full.to_string().contains("max_megabytes"), "{full}");
    let all = waiting(&queue, "kafka").await;
    queue.begin("kafka", all.clone()).await.unwrap();
    queue.settle("kafka", done(all)).await.unwrap();
    queue.put(vec![comment(1_000_000, 1_300)], at("p")).await.unwrap();
}

pub(super) async fn each_outcome_of_a_batch_is_kept(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=5).await;
    queue.begin("kafka", vec![1, 2, 3, 4, 5]).await.unwrap();
    let settlement = Settlement {
        done: vec![1, 3],
        parked: vec![(2, "larger than the broker takes".to_owned())],
        failed: vec![4, 5],
        perhaps_sent: vec![5],
        withheld: vec![],
        standing: unwell(2),
    };
    queue.settle("kafka", settlement).await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    let batch = queue.next("kafka", 10).await.unwrap();
    let entries: Vec<_> =
        batch.entries.iter().map(|entry| (entry.envelope.sequence, entry.attempts, entry.perhaps_sent)).collect();
    assert_eq!(entries, [(4, 1, false), (5, 1, true)]);
    assert_eq!(batch.standing, unwell(2));
    assert_eq!(queue.stats().await.unwrap().backlogs[0].parked, 1);
}

pub(super) async fn one_connectors_outcomes_are_nothing_to_another(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=3).await;
    queue.settle("kafka", done(1..=3)).await.unwrap();
    let batch = queue.next("stomp", 10).await.unwrap();
    let bodies: Vec<_> = batch.entries.into_iter().map(|entry| entry.envelope.body).collect();
    let whole: Vec<_> = comments(1..=3).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, whole);
}

pub(super) async fn what_was_in_flight_at_the_end_was_perhaps_sent(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=4).await;
    queue.begin("kafka", vec![1, 2]).await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [1, 2]);
    // A smaller batch now: nothing is forgotten of the rest.
    queue.begin("kafka", vec![1]).await.unwrap();
    queue.settle("kafka", done([1])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [2]);
    queue.settle("kafka", done([2])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [0; 0]);
}

pub(super) async fn what_is_not_settled_yet_stays_in_flight(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=4).await;
    queue.begin("kafka", vec![1, 2, 3, 4]).await.unwrap();
    queue.settle("kafka", done([1, 3])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [2, 4]);
    queue.settle("kafka", failed([2, 4])).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [0; 0]);
}

pub(super) async fn what_was_begun_and_not_handed_over_waits_as_before(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=3).await;
    queue.settle("kafka", Settlement { perhaps_sent: vec![2], ..failed([2]) }).await.unwrap();
    queue.begin("kafka", vec![1, 2, 3]).await.unwrap();
    let withheld = Settlement { withheld: vec![1, 2, 3], standing: unwell(1), ..Settlement::default() };
    queue.settle("kafka", withheld).await.unwrap();
    drop(queue);
    let batch = shelf.open(Keep::default()).await.next("kafka", 10).await.unwrap();
    assert_eq!(perhaps(&batch), [2]);
    assert_eq!(batch.entries.iter().map(|entry| entry.attempts).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(batch.standing, unwell(1));
}

pub(super) async fn a_redacted_message_leaves_as_its_event(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=300).await;
    queue.redact(vec![150, 2, 999]).await.unwrap();
    queue.redact(vec![2]).await.unwrap();
    let batch = queue.next("kafka", 1_000).await.unwrap();
    for entry in &batch.entries {
        let (sequence, body) = (entry.envelope.sequence, &entry.envelope.body);
        let whole = comment(sequence, 300).body;
        let expected = if [2, 150].contains(&sequence) { whole.redacted() } else { whole };
        assert_eq!(*body, expected, "{sequence}");
        let text = String::from_utf8(body.bytes.to_vec()).unwrap();
        assert_eq!(text.contains(&secret(sequence)), !body.is_private());
    }
    assert_eq!(batch.entries.len(), 300);
}

pub(super) async fn gauges_count_what_waits(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["amqp", "kafka", "stomp"]).await;
    let stored = queue.put(comments(1..=5), at("p")).await.unwrap();
    queue.settle("amqp", done(1..=4)).await.unwrap();
    queue.settle("kafka", done([1])).await.unwrap();
    let stomp = Settlement { parked: vec![(1, "too large".to_owned())], ..failed([2, 3, 4, 5]) };
    queue.settle("stomp", stomp).await.unwrap();
    let stats = queue.stats().await.unwrap();
    assert_eq!(stats.main_queue_messages, 4, "2 to 5 of kafka, 5 of amqp among them; the backlog does not count");
    assert!(stats.store_bytes > 0);
    assert_eq!(stats.last_sequence, 5);
    let names: Vec<_> = stats.backlogs.iter().map(|backlog| backlog.connector.as_str()).collect();
    assert_eq!(names, ["amqp", "kafka", "stomp"]);
    assert_eq!(stats.backlogs[1].messages, 0, "a connector that is well has no backlog");
    let stomp = &stats.backlogs[2];
    let bytes: usize = stored[1..].iter().map(|envelope| envelope.body.bytes.len()).sum();
    assert_eq!((stomp.messages, stomp.bytes, stomp.parked), (4, bytes as u64, 1));
    assert_eq!(stomp.oldest_committed_at_ms, Some(stored[1].committed_at_ms));
    assert_eq!(stomp.standing, unwell(1));
    queue.settle("stomp", done(2..=5)).await.unwrap();
    assert_eq!(queue.stats().await.unwrap().backlogs[2].messages, 0);
}

pub(super) async fn purging_takes_nothing_that_somebody_waits_for(shelf: &impl Shelf) {
    let keep = Keep { sent: Duration::ZERO, parked: Duration::ZERO, told: Duration::ZERO, ..Keep::default() };
    let queue = shelf.open(keep).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=4).await;
    queue.settle("kafka", done(1..=4)).await.unwrap();
    let parked = Settlement { done: vec![1, 2], parked: vec![(3, "too large".to_owned())], ..Settlement::default() };
    queue.settle("stomp", parked).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(waiting(&queue, "stomp").await, [4]);
    assert_eq!(queue.stats().await.unwrap().backlogs[1].parked, 0);
}

pub(super) async fn calls_from_many_tasks_do_not_mix(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    let names = ["amqp", "fedmsg", "kafka", "stomp"];
    subscribe(&queue, &names).await;
    let fill = async {
        for n in 0..20 {
            put(&queue, n * 10..n * 10 + 10).await;
        }
    };
    let drain = |name: &'static str| {
        let queue = &queue;
        async move {
            let mut seen = vec![];
            while seen.len() < 200 {
                let sequences = sequences_of(queue, name).await;
                queue.begin(name, sequences.clone()).await.unwrap();
                queue.settle(name, done(sequences.clone())).await.unwrap();
                seen.extend(sequences);
                tokio::task::yield_now().await;
            }
            assert!(seen.is_sorted() && seen.len() == 200, "{name}");
        }
    };
    let drained = async { tokio::join!(drain(names[0]), drain(names[1]), drain(names[2]), drain(names[3])) };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(fill, drained) }).await.unwrap();
}

async fn sequences_of(queue: &impl bugrelay::queue::Queue, name: &str) -> Vec<i64> {
    let batch = queue.next(name, 7).await.unwrap();
    batch.entries.iter().map(|entry| entry.envelope.sequence).collect()
}
