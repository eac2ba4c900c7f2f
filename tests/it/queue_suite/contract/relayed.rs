//! What is true of what scripts drop at the relay.

use bugrelay::message::{Body, Endpoint, MessageId, Origin, Relayed};
use bugrelay::queue::{Filter, Queue as _, QueueError, Receipt, Sought, Subscriber};

use super::super::sample::{at, comments, put, sequences, subscribe, subscriber, waiting};
use super::super::{Keep, Shelf};

fn dropped(key: &str, topic: &str, bytes: usize) -> Relayed {
    Relayed {
        id: MessageId::of_request("git", topic, key),
        endpoint: Endpoint::Http,
        topic: topic.to_owned(),
        received_at_ms: 1_700_000_000_000,
        body: Body::relayed(format!("{{ \"é\": \n\"{}\" }}", "x".repeat(bytes)).into_bytes()),
        is_repeatable: true,
    }
}

pub(in crate::queue_suite) async fn what_a_script_drops_comes_out_as_it_came_behind_what_was_put_before(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    let bugs = Filter { targets: vec!["bug".to_owned(), "comment".to_owned()], ..Filter::default() };
    let narrow =
        Filter { actions: vec!["modify".to_owned()], products: vec!["Firefox".to_owned()], ..Filter::default() };
    let (bugs, narrow) =
        (Subscriber { filter: bugs, ..subscriber("bugs") }, Subscriber { filter: narrow, ..subscriber("narrow") });
    queue.subscribe(vec![subscriber("kafka"), bugs, narrow]).await.unwrap();
    put(&queue, [1]).await;
    let topic = "org.example.".to_owned() + &"t".repeat(188);
    let by_zeromq = Relayed { endpoint: Endpoint::Zeromq, is_repeatable: false, ..dropped("2", &topic, 5) };
    let receipts = queue.put_relayed(vec![dropped("1", "org.example.push", 300_000), by_zeromq.clone()]).await.unwrap();
    put(&queue, [2]).await;
    let batch = queue.next("kafka", 10).await.unwrap();
    let found: Vec<_> = batch.entries.into_iter().map(|entry| entry.envelope).collect();
    assert_eq!(sequences(&found), [1, 2, 3, 4]);
    assert_eq!(receipts, [Receipt::Stored(found[1].clone()), Receipt::Stored(found[2].clone())]);
    assert_eq!(found[1].body, dropped("1", "org.example.push", 300_000).body, "every byte of it");
    assert_eq!((found[1].origin, found[2].origin), (Origin::Relay(Endpoint::Http), Origin::Relay(Endpoint::Zeromq)));
    assert_eq!((found[1].routing_key.as_str(), found[2].routing_key.as_str()), ("org.example.push", topic.as_str()));
    assert_eq!(waiting(&queue, "bugs").await, [1, 4], "it did not ask for them");
    assert_eq!(waiting(&queue, "narrow").await, [2, 3], "actions and products are Bugzilla's");
    assert_eq!(queue.checkpoint().await.unwrap(), Some(at("p")), "it is where it was");
    let traces = queue.traces(Sought::Message(by_zeromq.id), 0, 10).await.unwrap().entries;
    assert_eq!((traces[0].routing_key.as_str(), traces[0].origin), (topic.as_str(), Origin::Relay(Endpoint::Zeromq)));
    assert_eq!(queue.backlog("kafka", 1, 1).await.unwrap().entries[0].origin, Origin::Relay(Endpoint::Http));
}

pub(in crate::queue_suite) async fn what_a_script_sends_again_under_its_key_is_stored_once(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    let (one, other) = (dropped("1", "org.example.push", 5), dropped("1", "org.example.push", 6));
    let receipts = queue.put_relayed(vec![one.clone(), one.clone(), other.clone()]).await.unwrap();
    assert!(matches!(receipts[0], Receipt::Stored(_)));
    assert_eq!(receipts[1..], [Receipt::Known(1), Receipt::Conflict]);
    queue.purge().await.unwrap();
    drop(queue);
    let queue = shelf.open(Keep::default()).await;
    assert_eq!(queue.put_relayed(vec![other, one.clone()]).await.unwrap(), [Receipt::Conflict, Receipt::Known(1)]);
    let forgetful = Relayed { is_repeatable: false, ..one };
    assert!(matches!(queue.put_relayed(vec![forgetful]).await.unwrap()[..], [Receipt::Stored(_)]));
    assert_eq!(waiting(&queue, "kafka").await, [1, 2]);
}

pub(in crate::queue_suite) async fn scripts_leave_the_last_quarter_of_the_room_to_bugzilla(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { max_megabytes: 2, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    let mut key = 0;
    let full = loop {
        key += 1;
        match queue.put_relayed(vec![dropped(&key.to_string(), "org.example.push", 200_000)]).await {
            Ok(_) => assert!(key < 20, "it takes them without end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(&full, QueueError::Full { reason, .. } if reason.contains("Bugzilla")), "{full}");
    assert_eq!(queue.put(comments([1]), at("p")).await.unwrap().len(), 1);
}

pub(in crate::queue_suite) async fn what_scripts_drop_is_nothing_to_judge_or_redact(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1]).await;
    queue.put_relayed(vec![dropped("1", "org.example.push", 5)]).await.unwrap();
    let judged: Vec<i64> =
        queue.public_bodies(0, 10).await.unwrap().into_iter().map(|(sequence, _)| sequence).collect();
    assert_eq!(judged, [1]);
    // Not even by mistake.
    queue.redact(vec![1, 2]).await.unwrap();
    let entries = queue.next("kafka", 10).await.unwrap().entries;
    assert!(entries[0].envelope.body.is_private());
    assert_eq!(entries[1].envelope.body, dropped("1", "org.example.push", 5).body);
}
