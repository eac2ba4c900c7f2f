//! Refusals that real brokers cannot be made to utter, and receipts that take long: so a broker of a few lines does it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::net::TcpListener;

use super::*;

/// What a consumer wrote, and what no text of ours may repeat.
const NEEDLE: &str = "needle-of-a-comment";

/// What the broker says to a frame instead of taking it.
type Refuse = Arc<dyn Fn(&Frame) -> Option<Frame> + Send + Sync>;

/// An ERROR that ends the connection.
fn error(words: &str) -> Frame {
    Frame::new("ERROR").with("message", words)
}

/// In words that nobody knows, and which do not say which message is meant: those whose body holds `bad`.
fn moody(bad: &'static str) -> impl Fn(&Frame) -> Option<Frame> + Send + Sync + 'static {
    move |frame| String::from_utf8_lossy(&frame.body).contains(bad).then(|| error("the moon is full"))
}

/// A broker that takes what it does not refuse, and sends its receipts so late; a connector to it.
async fn connector(
    latency: Duration,
    refuse: impl Fn(&Frame) -> Option<Frame> + Send + Sync + 'static,
) -> Box<dyn Connector> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let refuse: Refuse = Arc::new(refuse);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, latency, Arc::clone(&refuse)));
        }
    });
    kind(&format!("url = \"stomp://127.0.0.1:{port}\"")).build(TIMEOUT)
}

async fn serve(client: TcpStream, latency: Duration, refuse: Refuse) {
    let (reader, mut writer) = client.into_split();
    let mut frames = FramedRead::new(reader, Codec::new(Limits::default()));
    while let Some(Ok(first)) = frames.next().await {
        // What comes in the meantime is acknowledged together with it.
        tokio::time::sleep(latency).await;
        let mut bytes = BytesMut::new();
        let mut next = Some(first);
        let mut refused = false;
        while let Some(frame) = next.take().filter(|_| !refused) {
            let answer = match (refuse(&frame), frame.header("receipt")) {
                (Some(error), _) => {
                    refused = true;
                    error
                }
                (None, Some(receipt)) => Frame::new("RECEIPT").with("receipt-id", receipt),
                (None, None) => Frame::new("CONNECTED").with("version", "1.1"),
            };
            answer.encode(frames.decoder().version, &mut bytes);
            next = frames.next().now_or_never().flatten().and_then(Result::ok);
        }
        if writer.write_all(&bytes).await.is_err() || refused {
            return;
        }
    }
}

/// One attempt within the deadline; what has no outcome then is `None`.
async fn attempt(connector: &mut dyn Connector, numbers: std::ops::RangeInclusive<i64>) -> Vec<Option<Outcome>> {
    let batch: Vec<Envelope> = numbers.map(envelope).collect();
    let outcomes = bugrelay::connector::Outcomes::new(batch.len());
    let _ = tokio::time::timeout(TIMEOUT, connector.send(&batch, &outcomes)).await;
    outcomes.take()
}

fn all_in_time(outcomes: &[Option<Outcome>]) -> bool {
    outcomes.iter().all(|outcome| matches!(outcome, Some(Ok(_))))
}

#[tokio::test]
async fn a_message_refused_again_and_alone_is_poison_when_the_broker_takes_others() {
    let mut connector = self::connector(Duration::ZERO, moody("\"number\":2}")).await;
    let batch: Vec<Envelope> = (1..=4).map(envelope).collect();
    assert_only_the_second_is_poison(&mut *connector, &batch).await;
    // Also when it is the first one of all.
    let mut connector = self::connector(Duration::ZERO, moody("\"number\":2}")).await;
    for outcome in send(&mut *connector, 2..=4).await {
        assert_eq!(outcome.unwrap_err().class, Class::Transient);
    }
    let classes: Vec<_> =
        send(&mut *connector, 2..=4).await.into_iter().map(|outcome| outcome.err().map(|e| e.class)).collect();
    assert_eq!(classes, [Some(Class::Poison), None, None]);
}

#[tokio::test]
async fn a_broker_that_refuses_everything_has_nothing_parked() {
    let mut connector = self::connector(Duration::ZERO, moody("number")).await;
    for _ in 0..6 {
        for outcome in send(&mut *connector, 1..=5).await {
            assert_eq!(outcome.unwrap_err().class, Class::Transient);
        }
        let alone = send(&mut *connector, 1..=1).await.swap_remove(0).unwrap_err();
        assert_eq!(alone.class, Class::Transient);
        assert!(alone.message.contains("in words that are not known"), "{alone}");
    }
}

/// One by one these 500 would take 50 s.
#[tokio::test]
async fn a_broker_that_said_it_must_go_gets_many_at_once_when_it_is_back() {
    let goes = std::sync::atomic::AtomicBool::new(true);
    let refuse = move |frame: &Frame| {
        (frame.command == "SEND" && goes.swap(false, Ordering::Relaxed)).then(|| error("connection_forced"))
    };
    let mut connector = self::connector(Duration::from_millis(100), refuse).await;
    assert_eq!(first_error(send(&mut *connector, 1..=500).await).class, Class::Transient);
    assert!(all_in_time(&attempt(&mut *connector, 1..=500).await), "not within the deadline");
}

#[tokio::test]
async fn only_what_was_in_flight_at_a_refusal_goes_one_by_one() {
    let moods = std::sync::atomic::AtomicBool::new(true);
    let refuse = move |frame: &Frame| {
        (frame.command == "SEND" && moods.swap(false, Ordering::Relaxed)).then(|| error("the moon is full"))
    };
    let mut connector = self::connector(Duration::from_millis(100), refuse).await;
    assert_eq!(first_error(send(&mut *connector, 1..=5).await).class, Class::Transient);
    assert!(all_in_time(&attempt(&mut *connector, 1..=500).await), "not within the deadline");
}

/// What is refused is perhaps in the broker all the same, unless that is said.
#[tokio::test]
async fn what_is_refused_alone_was_perhaps_delivered_unless_the_broker_says_what_it_refuses() {
    let unnamed = |words: &'static str| move |frame: &Frame| (frame.command == "SEND").then(|| error(words));
    let named =
        |frame: &Frame| frame.header("receipt").map(|receipt| error("the moon is full").with("receipt-id", receipt));
    let mut table = [
        ("unknown words", self::connector(Duration::ZERO, unnamed("the moon is full")).await, true),
        ("the broker goes", self::connector(Duration::ZERO, unnamed("connection_forced")).await, true),
        ("not allowed", self::connector(Duration::ZERO, unnamed("access_refused")).await, false),
        ("named", self::connector(Duration::ZERO, named).await, false),
    ];
    for (what, connector, perhaps) in &mut table {
        // The first one makes it a suspect, the second one a culprit in doubt.
        for round in 1..=3 {
            let refused = first_error(send(&mut **connector, 1..=1).await);
            assert_eq!(refused.perhaps_delivered, *perhaps, "{what}, round {round}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_brokers_words_are_never_repeated_whatever_they_quote() {
    for words in ["the moon is full", "connection_forced", "access_refused", "password", "frame too large", "timeout"] {
        for answer_to in ["CONNECT", "SEND"] {
            let refuse = move |frame: &Frame| {
                let bad = answer_to == "CONNECT" || String::from_utf8_lossy(&frame.body).contains("\"number\":2}");
                (frame.command == answer_to && bad).then(|| {
                    let mut error = error(&format!("{words}: {NEEDLE}")).with("server", NEEDLE);
                    error.body = NEEDLE.into();
                    error
                })
            };
            let mut connector = self::connector(Duration::ZERO, refuse).await;
            for _ in 0..3 {
                for refused in send(&mut *connector, 1..=3).await.into_iter().filter_map(Result::err) {
                    assert!(!refused.message.contains("needle"), "{words}: {refused}");
                    assert!(refused.message.contains("127.0.0.1"), "an operator does not learn where: {refused}");
                }
            }
        }
    }
}
