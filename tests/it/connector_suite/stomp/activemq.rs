//! ActiveMQ: virtual topics, certificates, and what its Java consumers see.

use super::*;

#[tokio::test]
async fn the_stomp_connector_conforms_on_activemq() {
    conforms(&Active::at(ActiveMq::shared()).await).await;
}

#[tokio::test]
async fn a_virtual_topic_has_the_message_with_its_properties() {
    let broker = ActiveMq::shared();
    let mut consumer = Consumer::subscribe(broker.port(), "VirtualTopic.eng.bugzilla.bug.modify").await;
    let keys = format!("url = \"stomp://127.0.0.1:{}\"\n{}", broker.port(), account(ActiveMq::account()));
    let mut message = envelope(1);
    message.change_set = "a:b\\c\nd".to_owned();
    assert!(all_sent(&deliver(&mut *kind(&keys).build(TIMEOUT), &[message.clone()]).await));
    consumer.catch_up().await;
    let [frame] = &consumer.messages[..] else { panic!("{} messages", consumer.messages.len()) };
    let expected = [
        ("correlation-id", message.id.to_string()),
        ("message_id", message.id.to_string()),
        ("change_set", "a:b\\c\nd".to_owned()),
        ("esbMessageType", "bugzillaNotification".to_owned()),
        ("persistent", "true".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(frame.header(name), Some(&*value), "{name}");
    }
}

/// ActiveMQ gives a length to consumers of a BytesMessage, and none to those of a TextMessage.
#[tokio::test]
async fn without_a_content_length_consumers_get_text() {
    let bus = Active::at(ActiveMq::shared()).await;
    assert!(all_sent(&send(&mut *bus.connector(), 1..=1).await));
    assert!(all_sent(&send(&mut *bus.connector_with("send_content_length = false"), 2..=2).await));
    assert_eq!(bus.arrived().await, bodies(1..=2));
    let consumer = bus.consumer.lock().await;
    let lengths: Vec<bool> = consumer.messages.iter().map(|frame| frame.header("content-length").is_some()).collect();
    assert_eq!(lengths, [true, false]);
}

#[tokio::test]
async fn a_client_certificate_is_a_login() {
    let broker = ActiveMq::shared();
    let bus = Active::at(broker).await;
    let file = |name: &str| broker.certificates().path(name).display().to_string();
    let (port, name) = (broker.tls_port(), &bus.name);
    let tls = |ours: &str| {
        format!(
            "url = \"stomp+ssl://localhost:{port}\"\ndestination_template = \"/topic/VirtualTopic.{name}\"\n\
             tls = {{ ca_file = \"{}\"{ours} }}",
            file("ca.pem")
        )
    };
    let certified = tls(&format!(", cert_file = \"{}\", key_file = \"{}\"", file("client.pem"), file("client.key")));
    assert!(all_sent(&send(&mut *kind(&certified).build(TIMEOUT), 1..=3).await));
    assert_eq!(bus.arrived().await, bodies(1..=3));

    let elsewhere = tls("").replace(&file("ca.pem"), "/nowhere/ca.pem");
    // The authorities that everybody trusts did not sign this broker.
    let unsigned = format!("url = \"stomp+ssl://localhost:{port}\"");
    for (keys, told) in
        [(tls(""), "by `tls.cert_file`"), (elsewhere, "`ca_file`"), (unsigned, "signed by nobody we trust")]
    {
        let error = first_error(send(&mut *kind(&keys).build(TIMEOUT), 4..=4).await);
        assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
        assert!(error.message.contains(told), "{error}");
    }
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_by_activemq_too() {
    let port = ActiveMq::shared().port();
    let [login, passcode] = ActiveMq::account();
    let url = format!("url = \"stomp://127.0.0.1:{port}\"\n");
    let table = [
        (format!("{url}login = \"{login}\"\npasscode = \"needle-of-another\""), "see `login`"),
        (
            format!("{url}{}destination_template = \"/topic/Forbidden.x\"", account([login, passcode])),
            "destination_template",
        ),
    ];
    for (keys, remedy) in table {
        let mut connector = kind(&keys).build(TIMEOUT);
        let outcomes = send(&mut *connector, 1..=3).await;
        let error = first_error(outcomes);
        assert_eq!(error.class, Class::Misconfigured, "{error}");
        assert!(error.message.contains(remedy) && !error.message.contains("needle"), "{error}");
    }
}

#[tokio::test]
async fn a_message_that_activemq_finds_too_large_is_parked_and_the_rest_flows() {
    let bus = Active::at(ActiveMq::shared()).await;
    let mut connector = bus.connector();
    assert_only_the_second_is_poison(&mut *connector, &[envelope(1), large(2, 300_000), envelope(3)]).await;
    let mut arrived = bus.arrived().await;
    arrived.dedup();
    assert_eq!(arrived, [bodies(1..=1), bodies(3..=3)].concat());
}
