//! A broker that hangs, is cut off, restarts, or takes nothing; several of them; certificates.

use super::*;

fn perhaps_delivered(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.as_ref().is_err_and(|error| error.perhaps_delivered)).count()
}

#[tokio::test]
async fn of_a_broker_that_hangs_or_is_cut_off_it_is_known_what_was_handed_over_and_it_mends_itself() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector_with("", Duration::from_secs(2));
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    bus.proxy.set(Mode::DropAnswers);
    let outcomes = send(&mut *connector, 2..=500).await;
    assert!((1..=200).contains(&perhaps_delivered(&outcomes)), "one window; the rest certainly was not");
    let error = first_error(outcomes);
    assert!(error.class == Class::Transient && error.message.contains("before the deadline"), "{error}");
    bus.proxy.set(Mode::Hang);
    // Nothing answers a new connection.
    let outcomes = send(&mut *bus.connector_with("", TIMEOUT), 2..=3).await;
    assert_eq!(perhaps_delivered(&outcomes), 0);
    bus.proxy.set(Mode::Pass);
    assert!(all_are_sent(&mut *connector, (2..=500).map(envelope).collect()).await);

    let cut = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        bus.proxy.cut();
    };
    let (outcomes, ()) = tokio::join!(send(&mut *connector, 501..=3000), cut);
    if let Some(error) = outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.class, Class::Transient, "{error}");
    }
    assert!(perhaps_delivered(&outcomes) <= 201);
    let open = (501..=3000).zip(&outcomes).filter(|(_, outcome)| outcome.is_err()).map(|(number, _)| envelope(number));
    assert!(all_are_sent(&mut *connector, open.collect()).await);
    let arrived = bus.arrived().await;
    assert!(bodies(1..=3000).iter().all(|body| arrived.contains(body)), "nothing is lost");
    let taken = bus.taken.lock().unwrap();
    let ids = taken.iter().map(|message| (message.body.clone(), message.properties.message_id().clone()));
    let mut distinct: Vec<_> = ids.collect();
    distinct.sort_by(|a, b| a.0.cmp(&b.0));
    distinct.dedup();
    assert_eq!(distinct.len(), 3000, "what comes twice has one id");
}

/// However many deadlines a busy machine needs.
async fn all_are_sent(connector: &mut dyn Connector, mut left: Vec<Envelope>) -> bool {
    for _ in 0..20 {
        let outcomes = deliver(connector, &left).await;
        left = left
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| outcome.is_err())
            .map(|(envelope, _)| envelope)
            .collect();
        if left.is_empty() {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn another_broker_serves_when_the_first_is_down() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let first = Proxy::before(bus.broker.amqp_port()).await;
    let url = format!("url = \"amqp://127.0.0.1:{}, amqp://127.0.0.1:{}\"", first.port(), bus.proxy.port());
    let mut connector = bus.connector_with(&url, TIMEOUT);
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    assert_eq!((first.connections(), bus.proxy.connections()), (1, 0));
    first.set(Mode::Refuse);
    assert!(all_sent(&send(&mut *connector, 2..=2).await) || all_sent(&send(&mut *connector, 2..=2).await));
    assert_eq!(bus.proxy.connections(), 1);
}

/// With a memory alarm RabbitMQ reads nothing of a publisher any more, and says so.
#[tokio::test]
async fn of_what_a_broker_that_blocks_publishers_was_handed_one_message_at_most_comes_twice_and_a_restart_loses_nothing()
 {
    let mut broker = RabbitMq::start(None);
    let name = {
        let bus = Rabbit::at(&broker).await;
        let mut connector = bus.connector_with("", Duration::from_secs(3));
        assert!(all_sent(&send(&mut *connector, 1..=1).await));
        broker.is_short_of_memory(true);
        for _ in 0..2 {
            let error = first_error(send(&mut *connector, 2..=300).await);
            assert_eq!(error.class, Class::Transient, "{error}");
            assert!(error.message.contains("short of memory or disk"), "{error}");
        }
        broker.is_short_of_memory(false);
        let outcomes = send(&mut *connector, 2..=300).await;
        assert!(all_sent(&outcomes) || all_sent(&send(&mut *connector, 2..=300).await), "it goes on by itself");
        let before = outcomes.iter().filter(|outcome| **outcome == Ok(Arrival::Before)).count();
        assert!(before <= 200, "{before} were there already");
        let mut arrived = bus.arrived().await;
        let all = arrived.len();
        arrived.dedup();
        assert!(
            arrived == bodies(1..=300) && all <= 301,
            "{all} came: one was being handed over, and nobody knows how far"
        );
        connector.close().await;
        bus.name
    };
    let keys = format!("url = \"amqp://127.0.0.1:{}\"\n{}routing_prefix = \"{name}.\"", broker.amqp_port(), account());
    let mut connector = kind(&keys).build(TIMEOUT);
    assert!(all_sent(&send(&mut *connector, 301..=400).await));
    broker.shut_down();
    assert_eq!(first_error(send(&mut *connector, 401..=500).await).class, Class::Transient);
    broker.start_again();
    assert!(all_sent(&send(&mut *connector, 401..=500).await));
    let taken: Vec<String> = broker.take(&name).await.into_iter().map(|message| message.body).collect();
    assert_eq!(taken, bodies(301..=500), "what was confirmed is on the broker's disk");
}

/// What the broker was handed may still come; what it is told instead comes in any case, and is not taken for sent before.
#[tokio::test]
async fn what_became_private_while_a_broker_blocked_us_is_sent_as_it_is_now() {
    let broker = RabbitMq::start(None);
    let bus = Rabbit::at(&broker).await;
    let mut connector = bus.connector_with("", Duration::from_secs(6));
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    broker.is_short_of_memory(true);
    let mut batch: Vec<_> = (2..=20).map(envelope).collect();
    let error = first_error(deliver(&mut *connector, &batch).await);
    assert!(error.message.contains("short of memory or disk"), "{error}");
    let redacted = r#"{"event":{"redacted":true}}"#.to_owned();
    batch[5].body = Body { bytes: redacted.clone().into_bytes().into(), event_bytes: None };
    assert!(!all_sent(&deliver(&mut *connector, &batch).await), "it is blocked still");
    broker.is_short_of_memory(false);
    let mut fates = deliver(&mut *connector, &batch).await;
    if !all_sent(&fates) {
        fates = deliver(&mut *connector, &batch).await;
    }
    assert!(all_sent(&fates), "{fates:?}");
    assert!(bus.arrived().await.contains(&redacted));
}

#[tokio::test]
async fn certificates_of_both_sides_are_looked_at_and_ours_can_be_the_login() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let broker = RabbitMq::start(Some((&certificates, "server")));
    broker.account_of("client", "needle");
    let name = fresh_name();
    broker.bind(&name, &format!("{name}.#")).await;
    let file = |name: &str| certificates.path(name).display().to_string();
    let ca = format!("ca_file = \"{}\"", file("ca.pem"));
    let both = format!("{ca}, cert_file = \"{}\", key_file = \"{}\"", file("client.pem"), file("client.key"));
    let with = |account: &str, tls: &str| {
        let port = broker.amqps_port();
        kind(&format!("url = \"amqps://127.0.0.1:{port}\"\nrouting_prefix = \"{name}.\"\n{account}tls = {{ {tls} }}"))
            .build(TIMEOUT)
    };
    assert!(all_sent(&send(&mut *with(&account(), &ca), 1..=1).await), "a password over TLS");
    assert!(all_sent(&send(&mut *with("", &both), 2..=600).await), "the certificate is the login");
    let taken: Vec<String> = broker.take(&name).await.into_iter().map(|message| message.body).collect();
    assert_eq!(taken, bodies(1..=600));

    let nowhere = "ca_file = \"/nowhere/ca.pem\"";
    let without_tls = format!("url = \"amqps://127.0.0.1:{}\"\n{}", broker.amqp_port(), account());
    let mut refused = [with(&account(), nowhere), kind(&without_tls).build(TIMEOUT)];
    for connector in &mut refused {
        let error = first_error(send(&mut **connector, 1..=1).await);
        assert!(!error.perhaps_delivered && error.message.len() > 20, "{error}");
    }
    let stranger = kind(&format!("url = \"amqps://127.0.0.1:{}\"\n{}", broker.amqps_port(), account()));
    let error = first_error(send(&mut *stranger.build(TIMEOUT), 1..=1).await);
    assert_eq!(error.class, Class::Misconfigured);
    assert!(error.message.contains("`tls.ca_file`"), "{error}");
}
