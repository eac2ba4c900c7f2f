//! The port with a small router behind it: crowds, and clients that do not send or read.

use std::net::SocketAddr;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// More than the buffers of two sockets hold.
const LARGE: usize = 64 << 20;

/// Before any of a crowd is given up for its own sake, on a slow machine too.
const SOON: Duration = HEAD.saturating_sub(Duration::from_secs(1));

async fn served() -> (SocketAddr, Shutdown) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::default());
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/large", get(async || vec![b' '; LARGE]))
        .route("/post", post(async |text: String| text));
    tokio::spawn(serve(listener, router, shutdown.clone()));
    (address, shutdown)
}

async fn saying(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Until it is closed, or a reset says so.
async fn all(mut stream: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

async fn a_probe_is_answered_beside(crowd: &str) {
    let (address, _shutdown) = served().await;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS_MAX + 20 {
        clients.push(saying(address, crowd).await);
    }
    let probe =
        async { all(saying(address, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await).await };
    let answer = tokio::time::timeout(SOON, probe).await.expect("the crowd keeps the probe out");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    // Those that came first had to go.
    tokio::time::timeout(SOON, all(clients.remove(0))).await.expect("somebody else was closed");
}

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_no_probe_out() {
    a_probe_is_answered_beside("").await;
}

#[tokio::test]
async fn a_crowd_that_does_not_finish_its_heads_keeps_no_probe_out() {
    a_probe_is_answered_beside("GET /livez HTTP/1.1\r\nHost: x").await;
}

#[tokio::test]
async fn a_crowd_that_does_not_send_its_bodies_keeps_no_probe_out() {
    a_probe_is_answered_beside("POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot").await;
}

#[tokio::test]
async fn a_crowd_that_asks_nothing_more_keeps_no_probe_out() {
    a_probe_is_answered_beside("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_its_answer_is_given_up() {
    let (address, _shutdown) = served().await;
    let client = saying(address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // The clock goes on by itself when nobody does anything.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(all(client).await.len() < LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let (address, _shutdown) = served().await;
    let client = saying(address, "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot").await;
    let answer = all(client).await;
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}
