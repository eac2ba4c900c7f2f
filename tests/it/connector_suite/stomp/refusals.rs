//! Refusals in words that nobody knows. Real brokers cannot be made to use them, so one of a few lines does.

use tokio::net::TcpListener;

use super::*;

/// Takes messages, but refuses those whose body holds `bad`, ends the connection then, and does not say which it was.
async fn broker(bad: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, bad));
        }
    });
    port
}

async fn serve(client: TcpStream, bad: &str) {
    let (reader, mut writer) = client.into_split();
    let mut frames = FramedRead::new(reader, Codec::new(Limits::default()));
    while let Some(Ok(frame)) = frames.next().await {
        let refused = frame.command == "SEND" && String::from_utf8_lossy(&frame.body).contains(bad);
        let answer = match frame.header("receipt") {
            _ if refused => Frame::new("ERROR").with("message", "the moon is full"),
            Some(receipt) => Frame::new("RECEIPT").with("receipt-id", receipt),
            None => Frame::new("CONNECTED").with("version", "1.1"),
        };
        let mut bytes = BytesMut::new();
        answer.encode(frames.decoder().version, &mut bytes);
        if writer.write_all(&bytes).await.is_err() || refused {
            return;
        }
    }
}

async fn connector(bad: &'static str) -> Box<dyn Connector> {
    kind(&format!("url = \"stomp://127.0.0.1:{}\"", broker(bad).await)).build(TIMEOUT)
}

#[tokio::test]
async fn a_message_refused_again_and_alone_is_poison_when_the_broker_takes_others() {
    let mut connector = connector("\"number\":2}").await;
    let batch: Vec<Envelope> = (1..=4).map(envelope).collect();
    assert_only_the_second_is_poison(&mut *connector, &batch).await;
    // Also when it is the first one of all.
    let mut connector = self::connector("\"number\":2}").await;
    for outcome in send(&mut *connector, 2..=4).await {
        assert_eq!(outcome.unwrap_err().class, Class::Transient);
    }
    let classes: Vec<_> =
        send(&mut *connector, 2..=4).await.into_iter().map(|outcome| outcome.map_err(|e| e.class)).collect();
    assert_eq!(classes, [Err(Class::Poison), Ok(()), Ok(())]);
}

#[tokio::test]
async fn a_broker_that_refuses_everything_has_nothing_parked() {
    let mut connector = connector("number").await;
    for _ in 0..6 {
        for outcome in send(&mut *connector, 1..=5).await {
            assert_eq!(outcome.unwrap_err().class, Class::Transient);
        }
        let alone = send(&mut *connector, 1..=1).await.swap_remove(0).unwrap_err();
        assert_eq!(alone.class, Class::Transient);
        assert!(alone.message.contains("the moon is full"), "{alone}");
    }
}
