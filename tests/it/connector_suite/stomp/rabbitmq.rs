//! RabbitMQ: what arrives with which headers, what it refuses and how that is told.

use super::*;

#[tokio::test]
async fn the_stomp_connector_conforms_on_rabbitmq() {
    conforms(&Rabbit::at(RabbitMq::shared()).await).await;
}

#[tokio::test]
async fn properties_and_static_headers_arrive_whatever_they_hold() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let headers = "headers = { \"odd:name\" = \"a:b\\\\c\\nd\", esbSourceSystem = \"other\" }";
    let mut message = envelope(1);
    message.change_set = "a:b\\c\nd\re".to_owned();
    assert!(all_sent(&deliver(&mut *bus.connector_with(headers), &[message.clone()]).await));
    assert_eq!(bus.arrived().await, bodies(1..=1));

    let taken = bus.taken.lock().unwrap();
    let properties = &taken[0].properties;
    let id = message.id.to_string();
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), id);
    assert_eq!(*properties.delivery_mode(), Some(2), "it is persistent");
    let table = properties.headers().as_ref().unwrap();
    let header = |name: &str| {
        let value = table.inner().get(name).unwrap_or_else(|| panic!("no header {name} in {table:?}"));
        value.as_long_string().map(|text| text.to_string()).unwrap_or_else(|| format!("{value:?}"))
    };
    let expected = [
        ("message_id", &*id),
        ("routing_key", "bug.modify"),
        ("bug_id", "2"),
        ("change_set", "a:b\\c\nd\re"),
        ("sequence", "1"),
        ("is_private", "true"),
        ("content_type", "application/json"),
        ("esbMessageType", "bugzillaNotification"),
        ("esbSourceSystem", "other"),
        ("odd:name", "a:b\\c\nd"),
    ];
    for (name, value) in expected {
        assert_eq!(header(name), value, "{name}");
    }
    assert_eq!(*properties.timestamp(), Some(1_700_000_000_000));
}

#[tokio::test]
async fn a_restart_in_the_middle_loses_nothing() {
    let mut broker = RabbitMq::start(None);
    let name = {
        let bus = Rabbit::at(&broker).await;
        assert!(all_sent(&send(&mut *bus.connector(), 1..=300).await));
        bus.name
    };
    let port = broker.port();
    let keys = format!(
        "url = \"stomp://127.0.0.1:{port}\"\n{}destination_template = \"/topic/{name}.{{target}}\"",
        account(RabbitMq::account())
    );
    let mut connector = kind(&keys).build(TIMEOUT);
    assert!(all_sent(&send(&mut *connector, 301..=400).await));
    broker.shut_down();
    let error = first_error(send(&mut *connector, 401..=500).await);
    assert_eq!(error.class, Class::Transient, "{error}");
    broker.start_again();
    assert!(all_sent(&send(&mut *connector, 401..=500).await));
    let arrived: Vec<String> = broker.take(&name).await.into_iter().map(|message| message.body).collect();
    assert_eq!(arrived, bodies(1..=500));
}

#[tokio::test]
async fn a_message_over_our_own_limit_is_not_shown_to_the_broker_and_the_rest_flows() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector_with("max_message_bytes = 65536");
    assert!(connector.fits(&envelope(1)) && !connector.fits(&large(2, 65_536)), "it is known beforehand");
    let outcomes = deliver(&mut *connector, &[envelope(1), large(2, 65_536), envelope(3)]).await;
    assert!(outcomes[1].as_ref().unwrap_err().too_large);
    assert_eq!(outcomes[1].as_ref().unwrap_err().class, Class::Poison);
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert_eq!(bus.arrived().await, [bodies(1..=1), bodies(3..=3)].concat());
    assert_eq!(bus.proxy.connections(), 1);
}

#[tokio::test]
async fn a_message_that_the_broker_finds_too_large_is_poison_in_the_end_and_the_rest_flows() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector();
    let batch = [envelope(1), large(2, 300_000), envelope(3), envelope(4)];
    assert_only_the_second_is_poison(&mut *connector, &batch).await;
    let mut arrived = bus.arrived().await;
    arrived.dedup();
    assert_eq!(arrived, [bodies(1..=1), bodies(3..=4)].concat());
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_to_that_person_and_no_secret_is() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let port = bus.broker.port();
    let [login, passcode] = RabbitMq::account();
    let url = format!("url = \"stomp://127.0.0.1:{port}\"\n");
    let wrong = format!("{url}login = \"{login}\"\npasscode = \"needle-of-another\"");
    let vhost = format!("{url}{}vhost = \"nowhere\"", account([login, passcode]));
    let destination = |to: &str| format!("{url}{}destination_template = \"{to}\"", account([login, passcode]));
    let table = [
        (wrong, "see `login`"),
        (vhost, "`vhost`"),
        (destination("/exchange/forbidden/key"), "destination_template"),
        (destination("/exchange/nobody-made-it/key"), "destination_template"),
        (destination("/nonsense/x"), "destination_template"),
    ];
    for (keys, remedy) in table {
        let mut connector = kind(&keys).build(TIMEOUT);
        let mut outcomes = send(&mut *connector, 1..=3).await;
        if outcomes[0].as_ref().is_err_and(|error| error.class == Class::Transient) {
            outcomes = send(&mut *connector, 1..=3).await;
        }
        let error = outcomes.swap_remove(0).unwrap_err();
        assert_eq!(error.class, Class::Misconfigured, "{error}");
        assert!(error.message.contains(remedy) && error.message.contains(&port.to_string()), "{error}");
        assert!(!error.message.contains("needle"), "{error}");
    }
}

#[tokio::test]
async fn check_says_who_answers_and_sends_nothing() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let found = kind(&bus.keys("")).check().await.unwrap();
    assert!(found.contains("RabbitMQ/3") && found.contains("STOMP 1.2"), "{found}");
    assert!(bus.arrived().await.is_empty());
    bus.break_down().await;
    assert_eq!(kind(&bus.keys("")).check().await.unwrap_err().class, Class::Transient);
}
