//! Real consumers: what pika sees of a message, and what Fedora Messaging takes without a word of complaint.

use serde_json::{Value, json};

use super::*;
use crate::connector_suite::messages_of_the_cases;
use crate::services::{Client, client};

#[tokio::test]
async fn pika_gets_body_properties_and_headers() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    assert!(all_sent(&send(&mut *bus.connector(), 1..=1).await));
    let (url, queue) = (bus.broker.url(), bus.name.clone());
    let taken = tokio::task::spawn_blocking(move || client("pika_take.py").args([url, queue]).output().unwrap());
    let taken = taken.await.unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let seen: Value = serde_json::from_slice(&taken.stdout).unwrap();
    let id = envelope(1).id.to_string();
    let expected = json!({
        "routing_key": format!("{}.bug.modify", bus.name), "message_id": id, "delivery_mode": 2,
        "content_type": "application/json", "content_encoding": "utf-8", "timestamp": 1_700_000_000,
        "headers": {
            "message_id": id, "routing_key": "bug.modify", "bug_id": "2", "change_set": "1.1.1", "sequence": "1",
            "is_private": "true", "content_type": "application/json",
        },
        "body": {"event": {"number": 1}},
    });
    assert_eq!(seen, expected);
}

/// Everything that the cases of Bugzilla's life tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_fedora_messaging_takes_every_message_without_a_complaint_and_a_retry_keeps_its_id() {
    let broker = RabbitMq::shared();
    let (name, url) = (fresh_name(), broker.url());
    let keys = format!("{name}.#");
    let consumer = tokio::task::spawn_blocking(move || Client::listening("fm_consume.py", &[&url, &keys, "120"]));
    let consumer = consumer.await.unwrap();
    let batch = messages_of_the_cases();
    let keys = format!(
        "url = \"amqp://127.0.0.1:{}\"\n{}routing_prefix = \"{name}.prod.bugzilla.\"\nformat = \"fedora-messaging\"",
        broker.amqp_port(),
        account()
    );
    let mut connector = kind(&keys).build(TIMEOUT);
    assert!(all_sent(&deliver(&mut *connector, &batch).await));
    assert!(all_sent(&deliver(&mut *connector, &batch[..1]).await));

    let heard = tokio::task::block_in_place(|| consumer.wait_to_hear("all came", |all| all.len() > batch.len()));
    let complaints: Vec<String> = consumer.said().into_iter().filter(|line| line.starts_with("LOG")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    for (sent, heard) in batch.iter().zip(&heard) {
        assert_eq!(heard["body"], serde_json::from_slice::<Value>(&sent.body.bytes).unwrap());
        assert_eq!(heard["id"], sent.id.to_string());
        assert_eq!(heard["topic"], format!("{name}.prod.bugzilla.{}", sent.routing_key));
        assert_eq!((&heard["class"], &heard["severity"]), (&json!("Message"), &json!(20)));
        let headers = &heard["headers"];
        assert_eq!(headers["fedora_messaging_schema"], "base.message");
        assert_eq!(headers["fedora_messaging_severity"], 20);
        assert_eq!(headers["sent-at"], "2023-11-14T22:13:20+00:00");
        assert_eq!((&heard["content_encoding"], &heard["delivery_mode"]), (&json!("utf-8"), &json!(2)));
    }
    assert_eq!(heard.last().unwrap()["id"], heard[0]["id"], "what comes again has its id");
}

#[tokio::test]
async fn what_is_no_object_is_parked_where_fedora_messaging_would_drop_it() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut batch: Vec<Envelope> = (1..=3).map(envelope).collect();
    batch[1].body = Body { bytes: (*b"[1]").into(), event_bytes: None };
    let mut connector = bus.connector_with("format = \"fedora-messaging\"", TIMEOUT);
    let classes: Vec<_> = deliver(&mut *connector, &batch)
        .await
        .into_iter()
        .map(|outcome| outcome.err().map(|error| error.class))
        .collect();
    assert_eq!(classes, [None, Some(Class::Poison), None]);
}
