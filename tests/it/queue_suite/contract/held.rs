//! What is true of messages that are held back, and of looking at what waits.

use bugrelay::queue::{Queue as _, Settlement, Waiting};

use super::super::sample::{at, comments, done, failed, perhaps, put, subscribe, unwell, waiting};
use super::super::{Keep, Shelf};

pub(in crate::queue_suite) async fn a_paused_connector_gets_nothing_and_loses_nothing(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, [1]).await;
    queue.pause("kafka", true).await.unwrap();
    put(&queue, [2]).await;
    assert_eq!(waiting(&queue, "kafka").await, [0; 0]);
    assert_eq!(waiting(&queue, "stomp").await, [1, 2], "it is nothing to another");
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    assert_eq!(waiting(&queue, "kafka").await, [0; 0], "nor after a restart");
    put(&queue, [3]).await;
    queue.settle("stomp", done(1..=3)).await.unwrap();
    queue.purge().await.unwrap();
    let stats = queue.stats().await.unwrap();
    let kafka = &stats.backlogs[0];
    assert_eq!((kafka.paused, kafka.messages, kafka.standing.attempts), (true, 3, 0), "what waits is its backlog");
    assert_eq!(stats.main_queue_messages, 0);
    queue.pause("kafka", false).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [1, 2, 3]);
}

pub(in crate::queue_suite) async fn what_was_in_flight_when_it_was_paused_is_settled(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=3).await;
    queue.begin("kafka", vec![1, 2]).await.unwrap();
    queue.pause("kafka", true).await.unwrap();
    let settlement = Settlement { done: vec![1], ..failed([2]) };
    queue.settle("kafka", settlement).await.unwrap();
    let kafka = queue.stats().await.unwrap().backlogs.remove(0);
    assert_eq!((kafka.paused, kafka.messages, kafka.standing), (true, 2, unwell(1)));
}

pub(in crate::queue_suite) async fn what_is_behind_a_batch_in_flight_can_be_read_meanwhile(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, 1..=5).await;
    queue.settle("kafka", Settlement { perhaps_sent: vec![4], ..failed([4]) }).await.unwrap();
    assert!(queue.begin("kafka", vec![1, 2]).await.unwrap());
    let behind = queue.next_behind("kafka", 2, 2).await.unwrap();
    assert_eq!(behind.entries.iter().map(|entry| entry.envelope.sequence).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((perhaps(&behind), behind.more, behind.standing), (vec![4], true, unwell(1)));
    assert!(!queue.next_behind("kafka", 3, 2).await.unwrap().more);
    assert!(queue.next_behind("kafka", 5, 2).await.unwrap().entries.is_empty());
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [1, 2, 4], "reading changed nothing");
}

pub(in crate::queue_suite) async fn what_was_read_before_a_pause_is_not_begun(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka", "stomp"]).await;
    let read = put(&queue, 1..=3).await;
    queue.pause("kafka", true).await.unwrap();
    assert!(!queue.begin("kafka", read.clone()).await.unwrap());
    assert!(queue.next_behind("kafka", 1, 10).await.unwrap().entries.is_empty());
    assert!(queue.begin("stomp", read.clone()).await.unwrap(), "it is nothing to another");
    queue.pause("kafka", false).await.unwrap();
    assert_eq!(perhaps(&queue.next("kafka", 10).await.unwrap()), [0; 0]);
    assert!(queue.begin("kafka", read).await.unwrap());
}

pub(in crate::queue_suite) async fn one_that_is_paused_while_it_is_disabled_is_paused_when_it_is_enabled(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    queue.pause("kafka", true).await.unwrap();
    queue.purge().await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1]).await;
    assert_eq!(waiting(&queue, "kafka").await, [0; 0]);
}

pub(in crate::queue_suite) async fn a_backlog_can_be_looked_at_in_pages(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=5).await;
    queue.settle("kafka", failed([1])).await.unwrap();
    queue.pause("kafka", true).await.unwrap();
    let page = async |after| {
        let page = queue.backlog("kafka", after, 2).await.unwrap();
        (page.entries.iter().map(|waiting| (waiting.sequence, waiting.attempts)).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(page(0).await, (vec![(1, 1), (2, 0)], Some(2)));
    assert_eq!(page(3).await, (vec![(4, 0), (5, 0)], None), "nothing follows a page that is full by chance");
    assert_eq!(page(4).await, (vec![(5, 0)], None));
    assert_eq!(page(5).await, (vec![], None));
    assert!(queue.backlog("nobody", 0, 2).await.unwrap().entries.is_empty());
    let bodies = queue.backlog_bodies("kafka", 1, 2).await.unwrap();
    let told: Vec<Waiting> = bodies.entries.iter().map(Waiting::from).collect();
    assert_eq!(told, queue.backlog("kafka", 1, 2).await.unwrap().entries, "the same, with bodies or without");
    assert_eq!(bodies.next, Some(3));
}

pub(in crate::queue_suite) async fn what_carries_an_object_can_be_judged_for_whomever_it_is_kept(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["gone", "kafka"]).await;
    let stored = queue.put(comments(1..=4), at("p")).await.unwrap();
    let parked = Settlement { parked: vec![(1, "too large".to_owned())], ..done([2, 3, 4]) };
    queue.settle("kafka", parked).await.unwrap();
    queue.settle("gone", done([1, 4])).await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    queue.redact(vec![2]).await.unwrap();
    // What was sent may stay until then.
    queue.purge().await.unwrap();
    let subject = |n: usize| (stored[n - 1].sequence, stored[n - 1].origin.subject().unwrap());
    assert_eq!(queue.public_bodies(0, 10).await.unwrap(), [subject(1), subject(3)], "parked, and of one that is gone");
    assert_eq!(queue.public_bodies(1, 10).await.unwrap(), [subject(3)]);
    assert_eq!(queue.public_bodies(0, 1).await.unwrap(), [subject(1)]);
}
