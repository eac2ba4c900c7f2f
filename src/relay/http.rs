//! `POST /relay/TOPIC`: a script drops one message, and is answered when it is stored. A program needs no more than curl.
//!
//! Each client has a token, and with it its own topics and its own pace. A request that bears an `Idempotency-Key` may be sent again until it
//! is answered: the message is stored once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;

use super::json::{DEPTH_MAX, Mistake, scan};
use super::limit::Rate;
use super::tally::{Refusal, Tally};
use super::{Inbox, Topics, id_of_chance, now_ms};
use crate::message::{Body as Text, Endpoint, MessageId, Relayed};
use crate::queue::{QueueError, Receipt};
use crate::secret::{Secret, same};

/// How long a body may take.
const BODY: Duration = Duration::from_secs(15);

/// Bytes of the bodies that are held at a time, at the most, and what each counts for at the least.
const BODIES: usize = 32 << 20;
const BODY_MIN: usize = 64 << 10;

/// What a key may be long.
const KEY_MAX: usize = 255;

/// Who may drop messages.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its name in the configuration.
    pub name: String,
    /// By which it is known.
    pub token: Secret,
    /// Where it may drop.
    pub topics: Topics,
    /// How many in a second.
    pub messages_per_second: u32,
}

/// The endpoint.
pub struct HttpRelay {
    clients: Vec<(Client, Rate)>,
    max_message_bytes: usize,
    inbox: Inbox,
    tally: Tally,
    /// In bytes.
    room: Semaphore,
}

/// What went wrong, and what a client is to make of it.
struct Answer(StatusCode, Refusal, String);

impl HttpRelay {
    /// For these clients.
    pub fn new(clients: Vec<Client>, max_message_bytes: usize, inbox: Inbox) -> Self {
        let tally = Tally::new(Endpoint::Http, inbox.metrics.clone());
        let clients = clients.into_iter().map(|client| {
            let rate = Rate::new(client.messages_per_second, client.messages_per_second);
            (client, rate)
        });
        let room = Semaphore::new(BODIES.max(max_message_bytes));
        HttpRelay { clients: clients.collect(), max_message_bytes, inbox, tally, room }
    }

    /// What is served of it.
    pub fn router(self) -> Router {
        Router::new().route("/relay/{topic}", post(drop_message)).with_state(Arc::new(self))
    }

    /// Whose token it is. All are compared, so that the time tells nothing.
    fn client(&self, headers: &HeaderMap) -> Option<&(Client, Rate)> {
        let given = headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")?;
        let is_theirs =
            |client: &Client| client.token.get().is_some_and(|token| same(token.expose_secret().as_bytes(), given));
        self.clients.iter().fold(None, |found, client| if is_theirs(&client.0) { Some(client) } else { found })
    }

    async fn take(&self, topic: &str, headers: &HeaderMap, body: Body) -> Result<Response, Answer> {
        let (client, rate) = self.client(headers).ok_or_else(|| {
            Answer(
                StatusCode::UNAUTHORIZED,
                Refusal::Unknown,
                "say who you are: Authorization: Bearer TOKEN".to_owned(),
            )
        })?;
        client.topics.check(topic, &self.inbox.reserved).map_err(|refusal| {
            let status =
                if refusal == Refusal::NoTopic { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::FORBIDDEN };
            Answer(status, refusal, format!("client {} cannot drop messages there", client.name))
        })?;
        let key = key(headers)?;
        if !self.inbox.is_open.load(Ordering::Acquire) {
            let text = "this instance is only starting, or stands by; try again".to_owned();
            return Err(Answer(StatusCode::SERVICE_UNAVAILABLE, Refusal::Failed, text));
        }
        if !rate.takes_one() {
            let text = format!("client {} may send {} a second; try again", client.name, client.messages_per_second);
            return Err(Answer(StatusCode::TOO_MANY_REQUESTS, Refusal::TooMany, text));
        }
        let length = self.length(headers)?;
        // One that does not say how long it is may become as long as any.
        let most = u32::try_from(length.unwrap_or(self.max_message_bytes).max(BODY_MIN)).unwrap_or(u32::MAX);
        let _room = self.room.try_acquire_many(most).map_err(|_| {
            let text = "too much is being sent at this moment; try again".to_owned();
            Answer(StatusCode::TOO_MANY_REQUESTS, Refusal::Full, text)
        })?;
        let bytes = self.body(length.is_some(), body).await?;
        check(&bytes)?;
        let relayed = Relayed {
            id: key.map_or_else(id_of_chance, |key| MessageId::of_request(&client.name, topic, key)),
            endpoint: Endpoint::Http,
            topic: topic.to_owned(),
            received_at_ms: now_ms(),
            body: Text::relayed(&bytes[..]),
            is_repeatable: key.is_some(),
        };
        let id = relayed.id;
        let receipts = self.inbox.put(vec![relayed]).await.map_err(|error| not_stored(&error))?;
        match receipts.first() {
            Some(Receipt::Stored(envelope)) => {
                self.tally.stored(1);
                Ok(stored(StatusCode::CREATED, id, envelope.sequence))
            }
            Some(Receipt::Known(sequence)) => {
                self.tally.repeated();
                Ok(stored(StatusCode::OK, id, *sequence))
            }
            Some(Receipt::Conflict) => {
                let text = "take another key for another message".to_owned();
                Err(Answer(StatusCode::UNPROCESSABLE_ENTITY, Refusal::Conflict, text))
            }
            None => Err(Answer(StatusCode::INTERNAL_SERVER_ERROR, Refusal::Failed, "please report this".to_owned())),
        }
    }

    /// What the body says it is long.
    fn length(&self, headers: &HeaderMap) -> Result<Option<usize>, Answer> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > self.max_message_bytes) { Err(self.too_large()) } else { Ok(length) }
    }

    async fn body(&self, says_its_length: bool, body: Body) -> Result<Bytes, Answer> {
        match tokio::time::timeout(BODY, to_bytes(body, self.max_message_bytes)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            // One that says its length and is no longer than that breaks off.
            Ok(Err(_)) if !says_its_length => Err(self.too_large()),
            _ => {
                let text = format!("send it within {} s", BODY.as_secs());
                Err(Answer(StatusCode::REQUEST_TIMEOUT, Refusal::Slow, text))
            }
        }
    }

    fn too_large(&self) -> Answer {
        Answer(StatusCode::PAYLOAD_TOO_LARGE, Refusal::TooLarge(self.max_message_bytes), "send less".to_owned())
    }
}

async fn drop_message(
    State(relay): State<Arc<HttpRelay>>,
    Path(topic): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    relay.take(&topic, &headers, body).await.unwrap_or_else(|Answer(status, refusal, text)| {
        relay.tally.refused(&"a client of HTTP", &refusal);
        let mut answer = (status, format!("{refusal}; {text}\n")).into_response();
        match status {
            StatusCode::UNAUTHORIZED => {
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            _ => {}
        }
        answer
    })
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Answer> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_MAX);
    key.map(Some).ok_or_else(|| {
        let what = format!("its Idempotency-Key is none: 1 to {KEY_MAX} visible characters of ASCII");
        Answer(StatusCode::UNPROCESSABLE_ENTITY, Refusal::NotJson(what), "write another".to_owned())
    })
}

/// Whether it is JSON that every consumer reads in the same way, and nothing of Bugzilla's.
fn check(bytes: &[u8]) -> Result<(), Answer> {
    let refuse = |refusal, text: &str| Err(Answer(StatusCode::UNPROCESSABLE_ENTITY, refusal, text.to_owned()));
    let Ok(text) = std::str::from_utf8(bytes) else { return refuse(Refusal::NotUtf8, "send JSON in UTF-8") };
    let no_json = |what: String| Refusal::NotJson(what);
    match scan(text) {
        Err(Mistake::TooDeep) => refuse(Refusal::TooDeep, &format!("at most {DEPTH_MAX} are taken")),
        Err(Mistake::NoJson(at)) => refuse(no_json(format!("it is no JSON, from byte {at} on")), "send one JSON value"),
        Ok(sketch) if sketch.repeats_a_key => refuse(
            no_json("an object in it has a key twice".to_owned()),
            "readers differ in which they take; send it once",
        ),
        Ok(sketch) if sketch.is_not_finite => {
            refuse(no_json("NaN and Infinity are no JSON".to_owned()), "send null, or a string")
        }
        Ok(sketch) if sketch.has_half_a_pair => refuse(
            no_json("a string in it has half of a surrogate pair, as \\ud800".to_owned()),
            "send whole characters",
        ),
        Ok(sketch) if sketch.is_bugzillas => Err(Answer(
            StatusCode::FORBIDDEN,
            Refusal::Poses,
            "an `event` with a `routing_key`, or a `msg_id` of version 5, is Bugzilla's".to_owned(),
        )),
        Ok(_) => Ok(()),
    }
}

fn not_stored(error: &QueueError) -> Answer {
    match error {
        QueueError::Full { .. } => {
            Answer(StatusCode::TOO_MANY_REQUESTS, Refusal::Full, "it is not stored; try again later".to_owned())
        }
        error => Answer(StatusCode::SERVICE_UNAVAILABLE, Refusal::Failed, format!("it is not stored: {error}")),
    }
}

fn stored(status: StatusCode, id: MessageId, sequence: i64) -> Response {
    let text = format!("{{\"message_id\":\"{id}\",\"sequence\":{sequence}}}\n");
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
