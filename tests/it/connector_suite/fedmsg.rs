//! The fedmsg connector, and who subscribes to it: fedmsg's own clients, plain and validating, and one that does not keep up.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bugrelay::connector::{Connector, Kind, Outcome, Outcomes};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Endpoint, Envelope, Origin};
use bugrelay::zmtp::{Incoming, Peer, Role};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::{deliver, envelope, messages_of_the_cases, send};
use crate::services::{Client, free_port};

/// The deadline that delivery would set; here nobody watches it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn kind(keys: &str) -> Kind {
    let table = toml::from_str(&format!("topic_prefix = \"org.example\"\nenvironment = \"dev\"\n{keys}")).unwrap();
    Kind::parse("fedmsg", table).expect("a type").unwrap_or_else(|error| panic!("{error}"))
}

fn listening(port: u16, further: &str) -> Box<dyn Connector> {
    listening_for(port, further, TIMEOUT)
}

fn listening_for(port: u16, further: &str, timeout: Duration) -> Box<dyn Connector> {
    kind(&format!("listen = \"tcp://127.0.0.1:{port}\"\n{further}")).build(timeout)
}

/// A client of Python's, started where that blocks nobody.
async fn client(script: &'static str, arguments: Vec<String>) -> Client {
    let start = move || Client::listening(script, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(start).await.unwrap()
}

async fn subscriber(port: u16, ca: Option<&Path>) -> Client {
    let mut arguments = vec![format!("tcp://127.0.0.1:{port}"), "120".to_owned()];
    arguments.extend(ca.map(|path| path.display().to_string()));
    client("subscribe.py", arguments).await
}

async fn frames(side: &str, port: u16) -> Client {
    client("frames.py", vec![side.to_owned(), format!("tcp://127.0.0.1:{port}"), "120".to_owned()]).await
}

fn relayed(number: i64, topic: &str, body: &str, endpoint: Endpoint) -> Envelope {
    let body = Body { bytes: body.as_bytes().into(), event_bytes: None };
    Envelope { routing_key: topic.to_owned(), origin: Origin::Relay(endpoint), body, ..envelope(number) }
}

fn marker() -> Envelope {
    relayed(1, "org.example.marker", r#"{"topic":"org.example.marker","msg":{}}"#, Endpoint::Zeromq)
}

/// A subscriber misses what was sent before it came: so markers are sent until each of these has heard one.
async fn join(connector: &mut dyn Connector, clients: &[&Client]) {
    let joined = async {
        while clients.iter().any(|client| client.heard().is_empty()) {
            assert!(deliver(connector, &[marker()]).await[0].is_ok());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, joined).await.expect("a subscriber hears nothing");
}

/// What a client hears beside the markers, as soon as it is so much.
async fn hears(client: &Client, many: usize) -> Vec<Value> {
    let heard = || client.heard().into_iter().filter(|line| line["topic"] != "org.example.marker").collect::<Vec<_>>();
    let all = async {
        while heard().len() < many {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, all).await;
    assert!(met.is_ok(), "{} of {many} came: {:?}", heard().len(), client.said().last());
    heard()
}

fn assert_all_sent(outcomes: &[Outcome]) {
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

/// An authority and a certificate that it signed, with RSA keys, as fedmsg has them.
fn certificates(folder: &Path) {
    let run = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt");
    run(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=bugrelay -CA ca.crt -CAkey ca.key -keyout relay.key -out relay.crt \
         -addext basicConstraints=critical,CA:false",
    );
    run("rsa -in relay.key -traditional -out relay-old.key");
}

#[tokio::test]
async fn fedmsgs_own_subscriber_gets_every_message_in_fedmsgs_envelope() {
    let port = free_port();
    let mut connector = listening(port, "");
    let (subscriber, raw) = tokio::join!(subscriber(port, None), frames("connect", port));
    join(&mut *connector, &[&subscriber, &raw]).await;
    let batch = messages_of_the_cases();
    assert_all_sent(&deliver(&mut *connector, &batch).await);
    let heard = hears(&subscriber, batch.len()).await;
    for (number, (sent, heard)) in batch.iter().zip(&heard).enumerate() {
        let message = &heard["message"];
        let topic = format!("org.example.dev.bugzilla.{}", sent.routing_key);
        assert_eq!((&heard["topic"], &message["topic"]), (&topic.clone().into(), &topic.into()));
        assert_eq!(message["msg"], serde_json::from_slice::<Value>(&sent.body.bytes).unwrap());
        assert_eq!(message["msg_id"], format!("2023-{}", sent.id));
        assert_eq!((&message["i"], &message["timestamp"]), (&(number + 1).into(), &1_700_000_000.into()));
        assert_eq!((&message["username"], &message["signature"]), (&"bugrelay".into(), &Value::Null));
    }
    for line in hears(&raw, batch.len()).await {
        assert_eq!((&line["frames"], &line["same"]), (&2.into(), &true.into()), "fedmsg writes it otherwise: {line}");
    }
}

#[tokio::test]
async fn a_validating_subscriber_takes_what_is_signed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name);
    let sign = |key: &str| {
        format!("sign = {{ cert_file = \"{}\", key_file = \"{}\" }}", path("relay.crt").display(), path(key).display())
    };
    let (port, plain_port) = (free_port(), free_port());
    let (mut signed, mut plain) = (listening(port, &sign("relay.key")), listening(plain_port, ""));
    let ca = path("ca.crt");
    let (validating, doubting) = tokio::join!(subscriber(port, Some(&ca)), subscriber(plain_port, Some(&ca)));
    // The markers are not signed: both reject them, and so are heard to be there.
    join(&mut *signed, &[&validating]).await;
    join(&mut *plain, &[&doubting]).await;
    let mut batch = messages_of_the_cases();
    batch.truncate(40);
    batch.push(relayed(1, "org.example.http", r#"{"z":1e3,"a":["\u00e9 \ud83d\ude00"],"f":0.00001}"#, Endpoint::Http));
    assert_all_sent(&deliver(&mut *signed, &batch).await);
    let taken = |heard: Vec<Value>| heard.into_iter().filter(|line| line["topic"].is_string()).collect::<Vec<_>>();
    let valid = async {
        while taken(validating.heard()).len() < batch.len() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, valid).await;
    assert!(met.is_ok(), "{} of {} were valid", taken(validating.heard()).len(), batch.len());
    let last = &taken(validating.heard())[batch.len() - 1];
    assert_eq!((&last["topic"], &last["message"]["crypto"]), (&"org.example.http".into(), &"x509".into()));

    let rejected = doubting.heard().len();
    assert_all_sent(&deliver(&mut *plain, &batch).await);
    tokio::task::spawn_blocking(move || {
        doubting.wait_to_hear("all is rejected", |heard| heard.len() >= rejected + batch.len());
        assert!(doubting.heard().iter().all(|line| line["invalid"] == true));
    })
    .await
    .unwrap();

    // The older form of a key's file does as well; another's key does not.
    let mut older = listening(free_port(), &sign("relay-old.key"));
    assert_all_sent(&send(&mut *older, 1..=1).await);
    let error = send(&mut *listening(free_port(), &sign("ca.key")), 1..=1).await.swap_remove(0).unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert!(error.message.contains("does not belong to the certificate"), "{error}");
}

#[tokio::test]
async fn what_came_by_zeromq_leaves_byte_for_byte_and_what_came_by_http_in_an_envelope() {
    let port = free_port();
    let mut connector = listening(port, "");
    let raw = frames("connect", port).await;
    join(&mut *connector, &[&raw]).await;
    let body = "{\"topic\": \"org.example.a\", \"msg\": {\"f\": 2.50, \"b\": 1, \"a\": \"\u{e9}\"}, \"i\": 7, \"signature\": \"x\\n\"}";
    let batch =
        [relayed(1, "org.example.a", body, Endpoint::Zeromq), relayed(2, "org.example.b", "[1, 2.50]", Endpoint::Http)];
    assert_all_sent(&deliver(&mut *connector, &batch).await);
    let heard = hears(&raw, 2).await;
    assert_eq!((&heard[0]["topic"], &heard[0]["body"]), (&"org.example.a".into(), &body.into()));
    assert_eq!((&heard[1]["topic"], &heard[1]["same"]), (&"org.example.b".into(), &true.into()));
    let wrapped: Value = serde_json::from_str(heard[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(wrapped["msg"], serde_json::json!([1, 2.5]));
    assert_eq!(wrapped["username"], "relay", "not as Bugzilla's");
}

/// It has subscribed, and reads nothing from then on.
async fn stalled(port: u16, connector: &mut dyn Connector) -> Peer<TcpStream> {
    // It listens from the first send on.
    assert_all_sent(&deliver(connector, &[marker()]).await);
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut peer = Peer::greet(stream, Role::Subscriber, 1 << 20).await.unwrap();
    while tokio::time::timeout(Duration::from_millis(20), peer.begins()).await.is_err() {
        assert_all_sent(&deliver(connector, &[marker()]).await);
    }
    peer
}

#[tokio::test]
async fn who_does_not_keep_up_is_dropped_for_and_counted_and_costs_the_others_nothing() {
    let port = free_port();
    // Nothing waits too long here.
    let mut connector = listening_for(port, "high_water_mark = 100", PATIENCE);
    let good = frames("connect", port).await;
    join(&mut *connector, &[&good]).await;
    let mut slow = stalled(port, &mut *connector).await;
    let large = |number| {
        let body = format!(r#"{{"n":{number},"x":"{}"}}"#, "x".repeat(50_000));
        relayed(number, "org.example.large", &body, Endpoint::Zeromq)
    };
    let batch: Vec<Envelope> = (1..=600).map(large).collect();
    let (mut dropped, mut heard) = (0, 0);
    for part in batch.chunks(50) {
        let outcomes = Outcomes::new(part.len());
        connector.send(part, &outcomes).await;
        assert!(outcomes.take().iter().all(|outcome| matches!(outcome, Some(Ok(_)))));
        dropped += outcomes.copies_dropped();
        // Whose queue is never full is never dropped for, however slow this machine is.
        heard += part.len();
        assert_eq!(hears(&good, heard).await.len(), heard);
    }
    assert!((1..=600).contains(&dropped), "{dropped} were dropped");
    // Who has caught up is sent to again: what it was not sent is missing, and no more.
    let mut came = 0;
    let last = async {
        while came < 600 - dropped {
            let Incoming::Message(frames) = slow.next().await.unwrap() else { panic!("no message") };
            came += u64::from(*frames[0] == *b"org.example.large");
        }
    };
    tokio::time::timeout(PATIENCE, last).await.expect("what was not dropped comes");
    assert_all_sent(&deliver(&mut *connector, &[marker()]).await);
    tokio::time::timeout(PATIENCE, slow.next()).await.expect("it is sent to again").unwrap();
}

#[tokio::test]
async fn a_subscriber_with_heartbeats_is_sent_what_comes_behind_one() {
    let port = free_port();
    let mut connector = listening(port, "");
    let mut peer = stalled(port, &mut *connector).await;
    peer.send(b"\x04\x07\x04PING\x00\x64").await.unwrap();
    let pong = async { while peer.next().await.unwrap() != Incoming::Command {} };
    tokio::time::timeout(PATIENCE, pong).await.expect("the heartbeat is answered");
    let last = relayed(2, "org.example.last", "{}", Endpoint::Zeromq);
    assert_all_sent(&deliver(&mut *connector, &[last]).await);
    let came = async {
        loop {
            match peer.next().await.unwrap() {
                Incoming::Message(frames) if *frames[0] == *b"org.example.last" => break,
                Incoming::Message(_) | Incoming::Command => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, came).await.expect("it hears nothing more");
}

#[tokio::test]
async fn fedmsgs_own_subscriber_misses_nothing_over_a_restart() {
    let port = free_port();
    let mut connector = listening(port, "");
    let subscriber = subscriber(port, None).await;
    join(&mut *connector, &[&subscriber]).await;
    connector.close().await;
    drop(connector);
    let mut another = listening(port, "");
    assert_all_sent(&send(&mut *another, 1..=50).await);
    assert_eq!(hears(&subscriber, 50).await.len(), 50);
}

#[tokio::test]
async fn what_waits_too_long_for_a_subscriber_is_dropped_and_every_copy_is_accounted_for() {
    let port = free_port();
    let mut connector = listening(port, "");
    let mut slow = stalled(port, &mut *connector).await;
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(50_000));
    // More than the kernel takes, and than may wait.
    let batch: Vec<Envelope> = (1..=800).map(|n| relayed(n, "org.example.large", &body, Endpoint::Zeromq)).collect();
    let mut dropped = 0;
    for part in batch.chunks(50) {
        let outcomes = Outcomes::new(part.len());
        connector.send(part, &outcomes).await;
        dropped += outcomes.copies_dropped();
    }
    assert!((100..800).contains(&dropped), "16 MiB wait at the most: {dropped} were dropped");
    // Markers are dropped for as long as it is behind, one by one; more than one tells of those that waited.
    let given_up = async {
        loop {
            let outcomes = Outcomes::new(1);
            connector.send(&[marker()], &outcomes).await;
            if outcomes.copies_dropped() > 1 {
                break outcomes.copies_dropped();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    dropped += tokio::time::timeout(PATIENCE, given_up).await.expect("what waits is never given up");
    let mut came = 0;
    let rest = async {
        while let Ok(Incoming::Message(frames)) = slow.next().await {
            came += u64::from(*frames[0] == *b"org.example.large");
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.expect("its connection is ended");
    let counted = async {
        while came + dropped < 800 {
            let outcomes = Outcomes::new(1);
            connector.send(&[marker()], &outcomes).await;
            dropped += outcomes.copies_dropped();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, counted).await;
    assert!(met.is_ok(), "{came} came, {dropped} were dropped");
}

#[tokio::test]
async fn what_is_left_for_a_subscriber_when_it_closes_is_accounted_for() {
    let port = free_port();
    let mut connector = listening_for(port, "", PATIENCE);
    let mut slow = stalled(port, &mut *connector).await;
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(50_000));
    // More than the kernel takes, and no more than may wait.
    let batch: Vec<Envelope> = (1..=300).map(|n| relayed(n, "org.example.large", &body, Endpoint::Zeromq)).collect();
    let outcomes = Outcomes::new(batch.len());
    connector.send(&batch, &outcomes).await;
    let left = connector.close().await;
    assert!(left > 0, "15 MB are more than the kernel's");
    let mut came = 0;
    let rest = async {
        while let Ok(Incoming::Message(frames)) = slow.next().await {
            came += u64::from(*frames[0] == *b"org.example.large");
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.expect("its connection is ended");
    // Of what was being written some may be whole.
    let told = came + left + outcomes.copies_dropped();
    assert!((300..=310).contains(&told), "{came} came, {left} were left, {} dropped before", outcomes.copies_dropped());
}

#[tokio::test]
async fn what_a_hub_that_hangs_was_not_sent_is_not_called_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keys = format!("connect = \"tcp://127.0.0.1:{}\"", listener.local_addr().unwrap().port());
    let mut connector = kind(&keys).build(Duration::from_secs(2));
    let (stream, _) = listener.accept().await.unwrap();
    let mut hub = Peer::greet(stream, Role::Subscriber, 1 << 20).await.unwrap();
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(50_000));
    let batch: Vec<Envelope> = (1..=800).map(|n| relayed(n, "org.example.large", &body, Endpoint::Zeromq)).collect();
    let outcomes = deliver(&mut *connector, &batch).await;
    let sent = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
    let perhaps = |outcome: &Outcome| outcome.as_ref().is_err_and(|error| error.perhaps_delivered);
    assert!(sent < 800, "nobody reads 40 MB of the kernel's");
    assert!(perhaps(&outcomes[sent]) && !outcomes[sent + 1..].iter().any(perhaps), "one was being written");
    let read = async {
        for _ in 0..sent {
            assert!(matches!(hub.next().await.unwrap(), Incoming::Message(_)));
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("what was called sent is in the kernel");
}

#[tokio::test]
async fn a_hub_that_is_away_is_waited_for_and_what_is_closed_in_order_has_all_of_it() {
    let port = free_port();
    let mut connector = kind(&format!("connect = \"tcp://127.0.0.1:{port}\"")).build(Duration::from_secs(1));
    let error = send(&mut *connector, 1..=3).await.swap_remove(2).unwrap_err();
    assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
    assert!(error.message.contains(&format!("tcp://127.0.0.1:{port}")), "{error}");
    assert!(kind(&format!("connect = \"tcp://127.0.0.1:{port}\"")).check().await.is_err());

    let hub = frames("bind", port).await;
    let come = async { while send(&mut *connector, 1..=500).await.iter().any(Result::is_err) {} };
    tokio::time::timeout(PATIENCE, come).await.expect("it does not mend itself");
    connector.close().await;
    assert_eq!(hears(&hub, 500).await.len(), 500);
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_told_and_taken_when_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut connector = listening(port, "");
    let error = send(&mut *connector, 1..=1).await.swap_remove(0).unwrap_err();
    assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
    assert!(error.message.contains(&format!("tcp://127.0.0.1:{port} cannot be listened on")), "{error}");
    let checked = kind(&format!("listen = \"tcp://127.0.0.1:{port}\"")).check().await.unwrap();
    assert!(checked.contains("listened on already"), "{checked}");
    drop(taken);
    assert_all_sent(&send(&mut *connector, 1..=1).await);
}
