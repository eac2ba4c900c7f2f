//! What RabbitMQ refuses, and how that is told.

use super::*;

#[tokio::test]
async fn a_message_that_no_queue_is_bound_for_is_no_loss_in_silence() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let nowhere = format!("routing_prefix = \"{}\"\n", fresh_name());
    let mut connector = bus.connector_with(&nowhere, TIMEOUT);
    let outcomes = send(&mut *connector, 1..=20).await;
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
        assert!(error.message.contains("no queue bound") && !error.message.contains("number"), "{error}");
    }
    // Also behind others that arrived.
    let mut connector = bus.connector();
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    let mut batch: Vec<_> = (2..=5).map(envelope).collect();
    bus.broker.bind(&bus.name, &format!("{}.bug.modify", bus.name)).await;
    batch[1].routing_key = "x".repeat(300);
    let fates = deliver(&mut *connector, &batch).await;
    assert_eq!(fates[1].as_ref().unwrap_err().class, Class::Poison, "a key that AMQP cannot carry");
    assert!(fates[0].is_ok() && fates[2].is_ok() && fates[3].is_ok());

    let mut dropped = bus.connector_with(&format!("{nowhere}mandatory = false"), TIMEOUT);
    assert!(all_sent(&send(&mut *dropped, 1..=3).await), "it is wanted so");
}

#[tokio::test]
async fn a_relayed_message_that_no_queue_is_bound_for_is_parked_and_holds_up_none_of_bugzillas() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut batch: Vec<_> = (1..=5).map(envelope).collect();
    for index in [0, 3] {
        batch[index].origin = Origin::Relay(Endpoint::Http);
        batch[index].routing_key = format!("{}-elsewhere.topic", bus.name);
    }
    let fates = deliver(&mut *bus.connector(), &batch).await;
    for index in [0, 3] {
        let error = fates[index].as_ref().unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (Class::Poison, false), "{error}");
        assert!(error.message.contains("no queue bound") && error.message.contains("`targets`"), "{error}");
    }
    assert!([1, 2, 4].iter().all(|&index| fates[index].is_ok()), "{fates:?}");
}

#[tokio::test]
async fn account_vhost_exchange_and_the_right_to_write_are_named_when_they_are_wrong() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    bus.broker.exchange("restricted").await;
    bus.broker.account_of("limited", "needle");
    bus.broker.may_write_to("limited", "^amq[.]topic$");
    let table = [
        ("username = \"relay\"\npassword = \"needle\"", "`username`"),
        ("vhost = \"/nowhere\"", "`vhost`"),
        ("exchange = \"nowhere\"", "the exchange nowhere (404)"),
        (
            "exchange = \"restricted\"\nusername = \"limited\"\npassword = \"needle\"",
            "does not let us write to the exchange restricted",
        ),
    ];
    for (keys, words) in table {
        let outcomes = send(&mut *bus.connector_with(keys, TIMEOUT), 1..=5).await;
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{keys}: {error}");
            assert!(error.message.contains(words) && !error.message.contains("needle"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_check_says_who_answers_and_what_is_missing() {
    let broker = RabbitMq::shared();
    let with = |keys: &str| kind(&format!("url = \"amqp://127.0.0.1:{}\"\n{}{keys}", broker.amqp_port(), account()));
    let found = with("").check().await.unwrap();
    assert!(found.contains("lets us in") && found.contains("the exchange amq.topic"), "{found}");
    let missing = with("exchange = \"nowhere\"").check().await.unwrap_err();
    assert!(missing.class == Class::Misconfigured && missing.message.contains("nowhere"), "{missing}");
}

/// The broker takes 200,000 bytes, and closes the channel over more.
#[tokio::test]
async fn a_message_that_the_broker_finds_too_large_is_told_apart_and_the_rest_flows() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector();
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    let mut batch: Vec<_> = (2..=30).map(envelope).collect();
    let body = format!(r#"{{"event":{{"x":"{}"}}}}"#, "x".repeat(300_000));
    batch[9].body = Body { bytes: body.into_bytes().into(), event_bytes: None };
    let outcomes = deliver(&mut *connector, &batch).await;
    let error = outcomes[9].as_ref().unwrap_err();
    assert!(error.too_large && error.class == Class::Poison, "{error}");
    for (index, outcome) in outcomes.iter().enumerate().filter(|(index, _)| *index != 9) {
        if let Err(error) = outcome {
            assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, index < 9), "{index}: {error}");
        }
    }
    let rest: Vec<_> =
        batch.iter().zip(&outcomes).skip(10).filter(|(_, fate)| fate.is_err()).map(|(sent, _)| sent.clone()).collect();
    assert!(all_sent(&deliver(&mut *connector, &rest).await));

    let mut knowing = bus.connector_with("max_message_bytes = 65536", TIMEOUT);
    assert!(!knowing.fits(&batch[9]));
    let outcomes = deliver(&mut *knowing, &batch[8..12]).await;
    let too_large: Vec<_> = outcomes.iter().map(|fate| fate.as_ref().is_err_and(|error| error.too_large)).collect();
    assert_eq!(too_large, [false, true, false, false], "the broker is not asked");
}
