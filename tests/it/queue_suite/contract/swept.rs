//! What is true of what was told, of telling it again, and of the sweep's mark.

use std::time::Duration;

use bugrelay::bugzilla::{CommentId, LocalTime};
use bugrelay::message::{Fact, Message};
use bugrelay::queue::{Checkpoint, Filter, Queue as _, Subscriber, SweepMark};

use super::super::sample::{at, comment, comments, done, put, saved_at, sequences, subscribe, subscriber, waiting};
use super::super::{Keep, Shelf};

fn fact(id: i64) -> (Fact, LocalTime) {
    (Fact::Comment(CommentId(id)), saved_at())
}

pub(in crate::queue_suite) async fn what_was_not_told_is_known_in_the_order_asked(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    put(&queue, [1, 3]).await;
    let asked = vec![fact(4), fact(3), fact(2), fact(1)];
    assert_eq!(queue.untold(asked).await.unwrap(), [fact(4), fact(2)]);
}

pub(in crate::queue_suite) async fn an_id_that_comes_with_another_second_was_given_out_again(shelf: &impl Shelf) {
    let queue = shelf.open(Keep::default()).await;
    put(&queue, [1, 2]).await;
    let mut again = comments([1, 2]);
    again[0].saved_at = saved_at().a_second_later();
    let facts = |messages: &[Message]| messages.iter().map(|message| (message.facts[0], message.saved_at)).collect();
    assert_eq!(queue.untold(facts(&again)).await.unwrap(), [(again[0].facts[0], again[0].saved_at)]);
    assert_eq!(sequences(&queue.put(again.clone(), at("q")).await.unwrap()), [3]);
    assert!(queue.put(again, at("q")).await.unwrap().is_empty(), "and it is told once");
    assert_eq!(queue.untold(vec![fact(1), fact(2)]).await.unwrap(), [fact(1)], "what bore it before is forgotten");
}

pub(in crate::queue_suite) async fn what_a_start_in_the_past_told_is_forgotten_as_it_goes(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { told: Duration::ZERO, ..Keep::default() }).await;
    queue.put(vec![], at("now")).await.unwrap();
    let day = 86_400;
    let mark = SweepMark { start: 1_600_000_000, until: 1_700_000_000, first: Some(4_000_000_000) };
    queue.set_swept(mark).await.unwrap();
    // More than is looked at in one step.
    let count = 12_000;
    queue.put(comments(1..=count), at("now")).await.unwrap();
    let told = || (1..=count).map(fact).collect::<Vec<_>>();
    queue.purge().await.unwrap();
    assert_eq!(queue.untold(told()).await.unwrap(), [], "a restart looks there again");
    queue.set_swept(SweepMark { until: 1_700_000_000 + day, ..mark }).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(queue.untold(told()).await.unwrap(), told(), "the past is not kept while it is told");
}

pub(in crate::queue_suite) async fn what_is_put_again_goes_to_those_named_who_want_it_and_changes_nothing_else(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    let picky = Filter { products: vec!["Thunderbird".to_owned()], ..Filter::default() };
    let picky = Subscriber { connector: "amqp".to_owned(), filter: picky };
    queue.subscribe(vec![subscriber("kafka"), subscriber("stomp"), picky]).await.unwrap();
    put(&queue, [1]).await;
    let connectors = ["stomp", "amqp", "nobody"].map(str::to_owned).to_vec();
    let again = queue.put_again(comments([1, 2]), connectors).await.unwrap().unwrap();
    assert_eq!(sequences(&again), [2, 3]);
    assert_eq!((again[0].id, again[1].id), (comments([1])[0].id, comments([2])[0].id));
    assert_eq!((waiting(&queue, "kafka").await, waiting(&queue, "stomp").await), (vec![1], vec![1, 2, 3]));
    assert_eq!(queue.checkpoint().await.unwrap(), Some(at("p")));
    assert_eq!(put(&queue, [2]).await, [4], "telling it to some is not telling it");
    assert!(queue.put_again(comments([5]), vec!["amqp".to_owned()]).await.unwrap().unwrap().is_empty());
}

pub(in crate::queue_suite) async fn what_is_put_again_leaves_room_to_what_is_new(shelf: &impl Shelf) {
    let queue = shelf.open(Keep { max_megabytes: 8, ..Keep::default() }).await;
    subscribe(&queue, &["kafka"]).await;
    let again = async |id| queue.put_again(vec![comment(id, 1 << 20)], vec!["kafka".to_owned()]).await.unwrap();
    let mut count = 0;
    while again(count).await.is_some() {
        count += 1;
        assert!(count < 7, "it took all the room");
    }
    assert!(count >= 4, "it takes its part");
    assert_eq!(queue.put(vec![comment(100, 1 << 20)], at("p")).await.unwrap().len(), 1);
    queue.settle("kafka", done(1..=count)).await.unwrap();
    assert!(again(50).await.is_some(), "deliveries make room");
}

pub(in crate::queue_suite) async fn the_sweeps_mark_survives_and_keeps_what_was_told_behind_it(shelf: &impl Shelf) {
    let keep = Keep { told: Duration::ZERO, sent: Duration::ZERO, ..Keep::default() };
    let queue = shelf.open(keep).await;
    subscribe(&queue, &["kafka"]).await;
    assert_eq!(queue.swept().await.unwrap(), None);
    // Long before all that is told here.
    let mark = SweepMark { start: 100, until: 1_700_000_000, first: Some(1_700_000_100) };
    queue.set_swept(mark).await.unwrap();
    drop(queue);
    let queue = shelf.open(keep).await;
    assert_eq!(queue.swept().await.unwrap(), Some(mark));
    put(&queue, [1]).await;
    queue.settle("kafka", done([1])).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    queue.put(vec![], at("later")).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(queue.untold(vec![fact(1)]).await.unwrap(), [], "the sweep will look there again");
    queue.set_swept(SweepMark { until: 4_000_000_000, ..mark }).await.unwrap();
    // And so will the next run, from the save that the checkpoint stands behind.
    let old = Checkpoint { committed_at: 1_700_000_000, ..at("old") };
    queue.put(vec![], old).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(queue.untold(vec![fact(1)]).await.unwrap(), []);
    queue.put(vec![], at("new")).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(queue.untold(vec![fact(1)]).await.unwrap(), [fact(1)]);
}

pub(in crate::queue_suite) async fn the_sweeps_mark_goes_forward_alone_and_stands_while_a_gap_is_to_be_told(
    shelf: &impl Shelf,
) {
    let queue = shelf.open(Keep::default()).await;
    subscribe(&queue, &["kafka"]).await;
    queue.put(vec![], at("p")).await.unwrap();
    let mark = SweepMark { start: 100, until: 1_000, first: None };
    queue.set_swept(mark).await.unwrap();
    queue.swept_on(1_200).await.unwrap();
    queue.swept_on(1_100).await.unwrap();
    assert_eq!(queue.swept().await.unwrap(), Some(SweepMark { until: 1_200, ..mark }));
    let gap = SweepMark { first: Some(1_500), ..mark };
    queue.set_swept(gap).await.unwrap();
    queue.swept_on(1_600).await.unwrap();
    assert_eq!(queue.swept().await.unwrap(), Some(gap), "a sweep under way does not wipe out the repair");
}
