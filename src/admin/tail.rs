//! `/api/tail`: what is being stored, live, as server-sent events; judged once more before it leaves.
//!
//! A listener that is too slow misses messages, and is told how many; nobody waits for it.

mod unread;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use self::unread::{Next, Unread};
use super::Admin;
use crate::message::Envelope;

/// A comment line, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Who may listen at a time: each costs a judgement of every message.
pub const LISTENERS_MAX: usize = 16;

pub(super) async fn tail(State(admin): State<Admin>) -> Response {
    // Given back when the listener is gone.
    let Ok(seat) = Arc::clone(&admin.listeners).try_acquire_owned() else {
        let text = format!("{LISTENERS_MAX} listeners are there already, and no more are served; end one of them\n");
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let unread = Unread::of(admin.tail.subscribe());
    let events = stream::unfold((admin, unread, seat), |(admin, unread, seat)| async move {
        let event = next(&admin, &unread).await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(event)), (admin, unread, seat)))
    });
    // The first line goes out at once: whoever reads it misses nothing from here on.
    let hello = stream::iter([Ok(Bytes::from_static(b": listening\n\n"))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(hello, events));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

async fn next(admin: &Admin, unread: &Unread) -> Option<Vec<u8>> {
    tokio::select! {
        () = admin.shutdown.requested() => None,
        () = tokio::time::sleep(KEEP_ALIVE) => Some(b": still here\n\n".to_vec()),
        next = unread.next() => match next? {
            Next::Told(envelope) => tokio::select! {
                // A database that hangs holds no stop.
                () = admin.shutdown.requested() => None,
                event = event(admin, &envelope) => Some(event),
            },
            Next::Missed(missed) => Some(format!(": missed {missed}\n\n").into_bytes()),
        },
    }
}

async fn event(admin: &Admin, envelope: &Envelope) -> Vec<u8> {
    // Nothing to judge where only the event is left, or of what was relayed; and what cannot be judged is not shown.
    let public = match envelope.origin.subject().filter(|_| !envelope.body.is_private()) {
        Some(subject) => admin.gate.public_now(&[subject]).await.is_ok_and(|public| public == [true]),
        None => true,
    };
    let body = if public { envelope.body.clone() } else { envelope.body.redacted() };
    let mut event = format!("id: {}\nevent: {}\ndata: ", envelope.sequence, envelope.routing_key).into_bytes();
    // A relayed body may be spread over lines; in JSON a raw line break is white space only.
    event.extend(body.bytes.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    event.extend_from_slice(b"\n\n");
    event
}
