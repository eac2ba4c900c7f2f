//! bugzilla2fedmsg's own consumer and relay, as they read the Push extension's messages.

use std::collections::BTreeSet;

use super::*;
use crate::connector_suite::messages_of_the_cases;
use crate::services::Client;

/// Its schema demands a QA contact, and refuses a message without one for ever: here everything has one.
fn with_qa_contact(mut envelope: Envelope) -> Envelope {
    let text = String::from_utf8(envelope.body.bytes.to_vec()).unwrap();
    let somebody = r#""qa_contact":{"id":6,"login":"zofie@example.org","real_name":"Zofie"}"#;
    envelope.body.bytes = text.replace("\"qa_contact\":null", somebody).into_bytes().into();
    envelope
}

#[tokio::test(flavor = "multi_thread")]
async fn bugzilla2fedmsg_publishes_every_public_message_and_lets_private_ones_go() {
    let broker = RabbitMq::shared();
    let queue = fresh_name();
    // As by default, but for what makes it this test's own.
    let template = format!("/topic/{queue}.VirtualTopic.eng.bugzilla.{{target}}.{{action}}");
    broker.bind(&queue, &format!("{queue}.#")).await;
    let batch: Vec<Envelope> = messages_of_the_cases().into_iter().map(with_qa_contact).collect();
    let public = batch.iter().filter(|envelope| !envelope.body.is_private()).count();
    assert!(public > 50 && public < batch.len(), "both kinds are there: {public} of {}", batch.len());
    let keys = format!(
        "url = \"stomp://127.0.0.1:{}\"\n{}destination_template = \"{template}\"",
        broker.port(),
        account(RabbitMq::account())
    );
    assert!(all_sent(&deliver(&mut *kind(&keys).build(TIMEOUT), &batch).await));

    let [login, passcode] = RabbitMq::account();
    let (address, destination) = (format!("127.0.0.1:{}", broker.port()), format!("/amq/queue/{queue}"));
    let heard = tokio::task::spawn_blocking(move || {
        let arguments = [&address, login, passcode, &destination, "FOLDER", "120"];
        let relay = Client::listening("b2f.py", &arguments);
        let answered = |heard: &[serde_json::Value]| heard.iter().filter(|line| line["published"].is_null()).count();
        relay.wait_to_hear("each is answered for", |heard| answered(heard) >= batch.len())
    });
    let heard = heard.await.unwrap();
    assert!(heard.iter().all(|line| line["nacked"].is_null()), "{heard:?}");
    let published: Vec<_> = heard.iter().filter(|line| line["published"].is_string()).collect();
    assert_eq!(published.len(), public);
    let topics: BTreeSet<&str> = published.iter().filter_map(|line| line["published"].as_str()).collect();
    assert_eq!(topics, BTreeSet::from(["bugzilla.bug.new", "bugzilla.bug.update"]));
}
