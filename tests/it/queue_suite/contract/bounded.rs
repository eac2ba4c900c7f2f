//! However large messages are, what is read of them at once is bounded.

use bugrelay::queue::{Queue as _, READ_BYTES_MAX};

use super::super::sample::{at, comment, done, subscribe};
use super::super::{Keep, Shelf};

/// Six messages, of which two are as many as may be read at once, and one that is larger than that.
async fn large(shelf: &impl Shelf) -> impl bugrelay::queue::Queue {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let mut messages: Vec<_> = (1..=6).map(|id| comment(id, READ_BYTES_MAX / 2 - 1_000)).collect();
    messages.push(comment(7, READ_BYTES_MAX * 2));
    queue.put(messages, at("p")).await.unwrap();
    queue
}

pub(in crate::queue_suite) async fn large_messages_come_in_several_batches_and_the_largest_alone(shelf: &impl Shelf) {
    let queue = large(shelf).await;
    let mut batches = vec![];
    loop {
        let batch = queue.next("kafka", 500).await.unwrap();
        let sequences: Vec<i64> = batch.entries.iter().map(|entry| entry.envelope.sequence).collect();
        assert_eq!(batch.more, !sequences.is_empty() && sequences != [7]);
        if sequences.is_empty() {
            break;
        }
        queue.settle("kafka", done(sequences.clone())).await.unwrap();
        batches.push(sequences);
    }
    assert_eq!(batches, [vec![1, 2], vec![3, 4], vec![5, 6], vec![7]]);
}

pub(in crate::queue_suite) async fn a_backlog_is_looked_at_without_its_bodies_or_with_as_many_as_fit(
    shelf: &impl Shelf,
) {
    let queue = large(shelf).await;
    let all = queue.backlog("kafka", 0, 1_000).await.unwrap();
    assert_eq!((all.entries.len(), all.next), (7, None), "without bodies their size is no matter");
    assert_eq!(all.entries[6].bytes, comment(7, READ_BYTES_MAX * 2).body.bytes.len());
    let (mut after, mut pages) = (0, vec![]);
    loop {
        let page = queue.backlog_bodies("kafka", after, 1_000).await.unwrap();
        pages.push(page.entries.iter().map(|entry| entry.envelope.sequence).collect::<Vec<_>>());
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5, 6], vec![7]]);
}
