//! The webhook connector: one signed POST a message, as Standard Webhooks has it (<https://www.standardwebhooks.com>).
//!
//! Messages of different bugs go side by side, those of one bug one after the other. An answer of 2xx is an acknowledgement; what any
//! other one means is [`answer`]'s. Redirects are not followed, and addresses of our own network are not reached unless they are
//! listed ([`reach`]).

mod answer;
mod config;
mod reach;
mod sign;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Response, redirect};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

pub use self::config::WebhookConfig;

use self::reach::Guarded;
use super::tls::{self, Files};
use super::{Connector, Outcomes, SendError};
use crate::failure::Class;
use crate::message::Envelope;

/// Requests under way at once.
const LANES: usize = 8;
/// Longest to connect, TLS included.
const CONNECTING: Duration = Duration::from_secs(5);
/// What is read of an answer, so that the connection can be used again; a longer one costs a new connection.
const ANSWER_BYTES: usize = 64 * 1024;
/// Longest for that.
const READING: Duration = Duration::from_secs(1);
/// What is kept of the deadline, so that it is known of each message whether it was handed over.
const RESERVE: Duration = Duration::from_millis(250);

impl WebhookConfig {
    /// Connects, with TLS where `url` has it. Sends nothing.
    pub(super) async fn check(&self) -> Result<String, SendError> {
        let place = self.place();
        let connected = timeout(CONNECTING, self.connect()).await;
        connected.map_err(|_| SendError::transient(format!("{place} did not answer within 5 s; see `url`")))??;
        Ok(format!("{place} can be reached; whether it takes messages shows when one is sent"))
    }

    async fn connect(&self) -> Result<(), SendError> {
        let (place, host) = (self.place(), self.host());
        let unreachable =
            |error: std::io::Error| SendError::transient(format!("cannot connect to {place}: {error}; see `url`"));
        let addresses = self.reach.resolve(&host, self.port()).await.map_err(|error| match error {
            reach::Unreached::Refused(refused) => SendError::misconfigured(refused.to_string()),
            reach::Unreached::Unknown(error) => unreachable(error),
        })?;
        let tcp = TcpStream::connect(&*addresses).await.map_err(unreachable)?;
        if self.is_encrypted() {
            let client = Files::default().read(&self.tls).await?;
            tls::encrypt(tcp, &host, &place, client).await?;
        }
        Ok(())
    }
}

/// See the module. It connects at the first `send`.
pub struct WebhookConnector {
    config: Arc<WebhookConfig>,
    /// Deadline of one attempt, as delivery has it.
    timeout: Duration,
    files: Files,
    /// With its connections; thrown away after a failure, so that files and names are looked at anew.
    client: Option<Client>,
}

impl WebhookConnector {
    /// Touches nothing yet. `timeout`: the deadline of each `send`.
    pub fn new(config: WebhookConfig, timeout: Duration) -> Self {
        WebhookConnector { config: Arc::new(config), timeout, files: Files::default(), client: None }
    }

    async fn client(&mut self) -> Result<Client, SendError> {
        if let Some(client) = self.client.take() {
            return Ok(client);
        }
        let tls = self.files.read(&self.config.tls).await?;
        let built = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECTING)
            .pool_max_idle_per_host(LANES)
            .user_agent(concat!("bugrelay/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls)
            .dns_resolver(Guarded(self.config.reach.clone()))
            .build();
        built.map_err(|error| SendError::misconfigured(format!("the HTTP client cannot be made: {error}")))
    }
}

#[async_trait]
impl Connector for WebhookConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let by = Instant::now() + self.timeout.saturating_sub(RESERVE);
        let client = match self.client().await {
            Ok(client) => client,
            Err(error) => return outcomes.failed_from(0, &error),
        };
        let attempt = Attempt { config: &self.config, client, batch, outcomes, by, state: Mutex::default() };
        let mut lanes: [Vec<usize>; LANES] = Default::default();
        for (index, envelope) in batch.iter().enumerate() {
            lanes[lane(envelope)].push(index);
        }
        join_all(lanes.iter().map(|lane| attempt.run(lane))).await;
        if attempt.lock().failure.is_none() {
            self.client = Some(attempt.client.clone());
        }
    }
}

/// Where a message goes: with all others whose order with it must be kept.
fn lane(envelope: &Envelope) -> usize {
    let mut hasher = DefaultHasher::new();
    envelope.lane().hash(&mut hasher);
    usize::try_from(hasher.finish() % (LANES as u64)).unwrap_or_default()
}

/// One batch on its way. Dropped by a deadline, it writes down what was not handed over.
struct Attempt<'a> {
    config: &'a WebhookConfig,
    client: Client,
    batch: &'a [Envelope],
    outcomes: &'a Outcomes,
    /// When what is not answered is given up.
    by: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Handed over, and not answered yet.
    in_flight: HashSet<usize>,
    /// The first failure that is not a message's own: nothing more is begun.
    failure: Option<SendError>,
}

impl Attempt<'_> {
    /// Sends these, one after the other, until one fails here or elsewhere.
    async fn run(&self, lane: &[usize]) {
        for &index in lane {
            {
                let mut state = self.lock();
                if state.failure.is_some() || Instant::now() >= self.by {
                    return;
                }
                state.in_flight.insert(index);
            }
            let posted = tokio::time::timeout_at(self.by, self.post(&self.batch[index])).await;
            let answered = posted.unwrap_or_else(|_| Err(self.silence()));
            self.record(index, answered.as_ref().map(|_| ()).map_err(Clone::clone));
            if let Ok(response) = answered {
                drain(response).await;
            }
        }
    }

    fn record(&self, index: usize, outcome: Result<(), SendError>) {
        let mut state = self.lock();
        state.in_flight.remove(&index);
        match outcome {
            Ok(()) => self.outcomes.sent(index),
            Err(error) => {
                if error.class != Class::Poison {
                    state.failure.get_or_insert(error.clone());
                }
                self.outcomes.failed(index, error);
            }
        }
    }

    /// One request; `Ok`: the message was taken.
    async fn post(&self, envelope: &Envelope) -> Result<Response, SendError> {
        let place = self.config.place();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let headers = headers(self.config, envelope, now)?;
        let body = Body::from(bytes::Bytes::from_owner(envelope.body.bytes.clone()));
        let request = self.client.post(self.config.url()).headers(headers).body(body);
        let response = request.send().await.map_err(|error| answer::lost(&place, &error))?;
        match answer::judge(&place, response.status(), response.headers(), SystemTime::now()) {
            None => Ok(response),
            Some(refused) => {
                drain(response).await;
                Err(refused)
            }
        }
    }

    fn silence(&self) -> SendError {
        SendError::unanswered(format!(
            "{} did not answer before the deadline; see whether it is overloaded, or raise `timeout_seconds`",
            self.config.place()
        ))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let (in_flight, failure) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.in_flight), state.failure.take())
        };
        for index in in_flight {
            self.outcomes.failed(index, self.silence());
        }
        let unsent = failure.unwrap_or_else(|| {
            SendError::transient(format!(
                "{} did not take all {} messages before the deadline; lower `batch`, or raise `timeout_seconds`",
                self.config.place(),
                self.batch.len()
            ))
        });
        self.outcomes.failed_from(0, &SendError { perhaps_delivered: false, ..unsent });
    }
}

/// Standard Webhooks' three, the message's properties, and those that are configured.
fn headers(config: &WebhookConfig, envelope: &Envelope, now: u64) -> Result<HeaderMap, SendError> {
    let mut headers = config.headers.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let id = envelope.id.to_string();
    let signature = sign::signatures(&config.keys, &id, now, &envelope.body.bytes);
    let properties =
        envelope.properties().into_iter().filter(|(name, _)| !matches!(*name, "message_id" | "content_type"));
    let properties = properties.map(|(name, value)| (format!("bugrelay-{}", name.replace('_', "-")), value));
    let ours = [("webhook-id", id), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)];
    for (name, value) in ours.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(properties) {
        let pair = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
        let Some((name, value)) = pair else {
            return Err(SendError::poison(format!("its property {name} cannot stand in a header of HTTP")));
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Reads the rest of an answer, which nobody wants to know: it may quote the message.
async fn drain(mut response: Response) {
    let rest = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > ANSWER_BYTES {
                break;
            }
        }
    };
    // The connection is dropped with what is left.
    let _ = timeout(READING, rest).await;
}
