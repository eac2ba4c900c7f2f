//! What is between us and the broker: hangs, losses, certificates, several addresses, long silences.

use super::*;
use crate::services::Certificates;
use bugrelay::connector::Outcomes;

/// One attempt, as delivery makes it: the outcomes when the deadline came.
async fn until_deadline(
    connector: &mut dyn Connector,
    numbers: std::ops::RangeInclusive<i64>,
    milliseconds: u64,
) -> Vec<Option<Outcome>> {
    let batch: Vec<_> = numbers.map(envelope).collect();
    let outcomes = Outcomes::new(batch.len());
    let _ = tokio::time::timeout(Duration::from_millis(milliseconds), connector.send(&batch, &outcomes)).await;
    outcomes.take()
}

fn perhaps_delivered(outcomes: &[Option<Outcome>]) -> usize {
    let perhaps = |outcome: &&Option<Outcome>| match outcome {
        None => true,
        Some(Err(error)) => error.perhaps_delivered,
        Some(Ok(_)) => false,
    };
    outcomes.iter().filter(perhaps).count()
}

#[tokio::test]
async fn of_a_hanging_broker_it_is_known_what_was_handed_over_and_it_mends_itself() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector();
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    bus.proxy.set(Mode::Hang);
    let outcomes = until_deadline(&mut *connector, 2..=500, 500).await;
    assert_eq!(perhaps_delivered(&outcomes), 200, "one window was written; the rest certainly was not");
    assert!(outcomes.iter().flatten().all(|outcome| outcome.as_ref().unwrap_err().class == Class::Transient));
    // A broker that takes the connection and does not answer.
    let error = first_error(send(&mut *connector, 2..=3).await);
    assert!(error.message.contains("did not answer within 5 s") && !error.perhaps_delivered, "{error}");
    bus.proxy.set(Mode::Pass);
    assert!(all_sent(&send(&mut *connector, 2..=500).await));
}

#[tokio::test]
async fn what_lost_its_acknowledgement_was_perhaps_delivered_and_comes_again_with_the_same_id() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector();
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    bus.proxy.set(Mode::DropAnswers);
    let (before, outcomes) = (bus.proxy.forwarded(), until_deadline(&mut *connector, 2..=11, 500).await);
    assert!(bus.proxy.forwarded() > before);
    assert_eq!(perhaps_delivered(&outcomes), 10);
    bus.proxy.set(Mode::Pass);
    assert!(all_sent(&send(&mut *connector, 2..=11).await));
    assert_eq!(bus.arrived().await, [bodies(1..=11), bodies(2..=11)].concat());
    let taken = bus.taken.lock().unwrap();
    let ids: Vec<_> = taken.iter().map(|message| message.properties.correlation_id().clone()).collect();
    assert_eq!(ids[1..11], ids[11..]);
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_what_was_in_flight_for_the_next_attempt() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector();
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    bus.proxy.set(Mode::DropAnswers);
    let batch: Vec<_> = (2..=11).map(envelope).collect();
    let outcomes = Outcomes::new(batch.len());
    let before = bus.proxy.forwarded();
    let cut = async {
        until("the messages are through", || bus.proxy.forwarded() > before).await;
        bus.proxy.cut();
    };
    tokio::join!(connector.send(&batch, &outcomes), cut);
    let outcomes = outcomes.take();
    assert!(outcomes.iter().all(|outcome| outcome.is_some()), "each is told");
    assert_eq!(perhaps_delivered(&outcomes), 10);
    bus.proxy.set(Mode::Pass);
    assert!(all_sent(&send(&mut *connector, 2..=11).await));
}

#[tokio::test]
async fn another_address_serves_when_the_first_is_down_or_hangs() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let first = Proxy::before(bus.broker.port()).await;
    let url = format!("url = \"stomp://127.0.0.1:{}, stomp://127.0.0.1:{}\"", first.port(), bus.proxy.port());
    let mut connector = bus.connector_with(&url);
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    assert_eq!((first.connections(), bus.proxy.connections()), (1, 0));
    first.set(Mode::Refuse);
    assert!(all_sent(&send(&mut *connector, 2..=2).await) || all_sent(&send(&mut *connector, 2..=2).await));
    assert_eq!(bus.proxy.connections(), 1);
    // Back to the first, which now hangs: the deadline ends the attempt, and the next one begins elsewhere.
    first.set(Mode::Hang);
    bus.proxy.cut();
    until("the cut is noticed", || bus.proxy.connections() == 1).await;
    let mut fresh = bus.connector_with(&url);
    assert_eq!(perhaps_delivered(&until_deadline(&mut *fresh, 3..=3, 300).await), 0);
    assert!(all_sent(&send(&mut *fresh, 3..=3).await));
}

#[tokio::test]
async fn heart_beats_keep_an_idle_connection_alive() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector_with("heartbeat_seconds = 1");
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    let before = bus.proxy.forwarded();
    // The broker would close a silent connection after two of them, and the beats are half a second apart.
    until("six seconds of beats", || bus.proxy.forwarded() >= before + 12).await;
    assert!(all_sent(&send(&mut *connector, 2..=2).await));
    assert_eq!(bus.proxy.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_noticed_before_anything_is_sent_on_it() {
    let bus = Rabbit::at(RabbitMq::shared()).await;
    let mut connector = bus.connector_with("heartbeat_seconds = 1");
    assert!(all_sent(&send(&mut *connector, 1..=1).await));
    // Answers are lost, beats of the broker too; ours get through until we give the connection up.
    bus.proxy.set(Mode::DropAnswers);
    let started = tokio::time::Instant::now();
    let beats = std::cell::Cell::new((bus.proxy.forwarded(), started));
    until("the beats end", || {
        let (seen, since) = beats.get();
        if bus.proxy.forwarded() > seen {
            beats.set((bus.proxy.forwarded(), tokio::time::Instant::now()));
        }
        since.elapsed() > Duration::from_millis(1500)
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(8));
    bus.proxy.set(Mode::Pass);
    assert!(all_sent(&send(&mut *connector, 2..=2).await), "it dials anew, and loses nothing");
    assert_eq!(bus.proxy.connections(), 2);
}

#[tokio::test]
async fn certificates_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let broker = RabbitMq::start(Some((&certificates, "expired")));
    let tls = |host: &str, tls: &str| {
        format!("url = \"stomp+ssl://{host}:{}\"\n{}{tls}", broker.tls_port(), account(RabbitMq::account()))
    };
    let ca = format!("tls = {{ ca_file = \"{}\" }}", certificates.path("ca.pem").display());
    let table = [
        (tls("127.0.0.1", &ca), "the broker's certificate has expired; renew it"),
        (tls("127.0.0.1", "tls = { ca_file = \"/nowhere/ca.pem\" }"), "`ca_file`"),
    ];
    for (keys, told) in table {
        let error = first_error(send(&mut *kind(&keys).build(TIMEOUT), 1..=1).await);
        assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
        assert!(error.message.contains(told), "{error}");
    }
}

/// A pipe into which nobody writes stands for a mount that hangs: who opens it waits, in the same way.
#[tokio::test]
async fn a_file_that_cannot_be_read_for_a_mount_that_hangs_holds_up_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("ca.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let keys = format!(
        "url = \"stomp+ssl://127.0.0.1:{}\"\ntls = {{ ca_file = \"{}\" }}",
        RabbitMq::shared().port(),
        pipe.display()
    );
    let mut connector = kind(&keys).build(TIMEOUT);
    // Whatever becomes of the test, who waits is let go: opened for both directions a pipe keeps nobody waiting.
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let opened = pipe.clone();
    let release = std::thread::spawn(move || {
        let _ = waits.recv_timeout(Duration::from_secs(20));
        std::fs::OpenOptions::new().read(true).write(true).open(opened).map(drop)
    });
    for _ in 0..2 {
        let error = first_error(send(&mut *connector, 1..=1).await);
        assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false), "{error}");
        assert!(error.message.contains("ca.pem") && error.message.contains("hangs"), "{error}");
    }
    drop(done);
    release.join().unwrap().unwrap();
    std::fs::remove_file(&pipe).unwrap();
    std::fs::write(&pipe, "no certificate").unwrap();
    // The mount is well again, and the file is read anew.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while first_error(send(&mut *connector, 1..=1).await).class != Class::Misconfigured {
        assert!(tokio::time::Instant::now() < deadline, "it does not mend itself");
    }
}
