//! `bugrelay emit`: drops messages at a running bugrelay, and ends when they are stored: for shell scripts and hooks.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::client::{Instance, here};
use super::{Exit, output, runtime};
use crate::backoff::Reconnect;
use crate::config::{Config, ConfigError};
use crate::message::MessageId;

/// How long one attempt may take: no longer than is waited in all, but for a moment.
const ATTEMPT: Duration = Duration::from_secs(15);
const ATTEMPT_MIN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct Emit {
    /// Where the message belongs, as org.example.git.push.
    topic: String,
    /// Standard input is one JSON value, and that is the body. Without: each line of it becomes a message {"log": LINE}, as
    /// fedmsg-logger does it.
    #[arg(long)]
    json_input: bool,
    /// Whose token is used, of [relay.clients]; default: the only one there is.
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    client: Option<String>,
    /// A file with the token; then, and with --url, no configuration is needed.
    #[arg(long, value_name = "FILE", env = "BUGRELAY_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// An Idempotency-Key: whoever runs this again with the same one drops the message once. Default: a new one for each message.
    #[arg(long)]
    key: Option<String>,
    /// How long it is tried to have a message stored, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Print what bugrelay answers.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    instance: Instance,
}

/// Where messages go, and who says so.
struct Door {
    http: reqwest::Client,
    url: Url,
    token: SecretString,
}

/// What became of an attempt.
enum Attempt {
    Stored(String),
    /// Of no use to try again.
    Refused(String),
    /// Perhaps later; after so long, if it was said.
    NotNow(String, Option<Duration>),
}

impl Emit {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => {
                output::error(&format!("no threads to run on: {error}"));
                return Exit::Runtime;
            }
        };
        let door = match self.door(config) {
            Ok(door) => door,
            Err((exit, text)) => {
                output::error(&text);
                return exit;
            }
        };
        match runtime.block_on(self.run(&door)) {
            Ok(()) => Exit::Success,
            Err(exit) => exit,
        }
    }

    async fn run(&self, door: &Door) -> Result<(), Exit> {
        let unreadable = |error: std::io::Error| {
            output::error(&format!("standard input cannot be read: {error}"));
            Exit::Runtime
        };
        let mut input = std::io::stdin().lock();
        if self.json_input {
            let body = std::io::read_to_string(input).map_err(unreadable)?;
            return self.send(door, body, self.key.clone()).await;
        }
        let (mut line, mut number, mut result) = (Vec::new(), 0_u64, Ok(()));
        while input.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if text.trim().is_empty() {
                continue;
            }
            number += 1;
            let key = self.key.as_ref().map(|key| format!("{key}-{number}"));
            match self.send(door, serde_json::json!({ "log": text }).to_string(), key).await {
                // The next line may be another matter.
                Err(Exit::Runtime) => result = Err(Exit::Runtime),
                sent => sent?,
            }
        }
        result
    }

    /// Until it is stored, or it makes no sense to try on. The same key each time: it is stored once.
    async fn send(&self, door: &Door, body: String, key: Option<String>) -> Result<(), Exit> {
        let mut chance = [0; 16];
        fastrand::fill(&mut chance);
        let key = key.unwrap_or_else(|| MessageId::of_chance(chance).to_string());
        let (begin, patience) = (Instant::now(), Duration::from_secs(self.wait));
        let (mut reconnect, mut waited) = (Reconnect::default(), false);
        loop {
            let left = patience.saturating_sub(begin.elapsed()).clamp(ATTEMPT_MIN, ATTEMPT);
            match door.attempt(&body, &key, left).await {
                Attempt::Stored(answer) => {
                    if waited {
                        output::error(&format!("stored after {} s", begin.elapsed().as_secs()));
                    }
                    if self.json {
                        output::line(answer.trim_end());
                    }
                    return Ok(());
                }
                Attempt::Refused(why) => {
                    output::error(&why);
                    return Err(Exit::Runtime);
                }
                Attempt::NotNow(why, after) => {
                    let delay = after.unwrap_or_else(|| reconnect.next_delay());
                    if begin.elapsed() + delay > patience {
                        output::error(&format!(
                            "{why}; the message is not stored, given up after {} s",
                            begin.elapsed().as_secs()
                        ));
                        return Err(Exit::Unavailable);
                    }
                    if !waited {
                        output::error(&format!("{why}; trying again for {} s", self.wait));
                    }
                    waited = true;
                    tokio::time::sleep(delay).await;
                }
            }
        }
    }

    fn door(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Result<Door, (Exit, String)> {
        let usage = |text: String| (Exit::Usage, text);
        let given = match &self.token_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| usage(format!("--token-file {}: {error}", path.display())))?;
                Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
        };
        let (base, token) = match (self.instance.url.clone(), given) {
            (Some(url), Some(token)) => (url, token),
            (url, given) => {
                let config = config().map_err(|error| (Exit::Configuration, error.to_string()))?;
                let token = given.map_or_else(|| self.token(&config), Ok)?;
                (url.unwrap_or_else(|| here(config.admin.listen)), token)
            }
        };
        let mut url = Url::parse(&base)
            .ok()
            .filter(|url| !url.cannot_be_a_base())
            .ok_or_else(|| usage(format!("--url {base:?} is no address; write http://127.0.0.1:9464")))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["relay", self.topic.as_str()]);
        }
        // Not by way of a proxy: it would see the token. Nor to where somebody else sends us: a page to log in at stores nothing.
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build();
        let http = http.map_err(|error| (Exit::Runtime, format!("no HTTP client can be made: {error}")))?;
        Ok(Door { http, url, token })
    }

    /// That of the client that is meant.
    fn token(&self, config: &Config) -> Result<SecretString, (Exit, String)> {
        let clients = config.relay.as_ref().map_or(&[][..], |relay| &relay.clients);
        let names: Vec<&str> = clients.iter().map(|client| client.name.as_str()).collect();
        let known =
            if names.is_empty() { "none is configured".to_owned() } else { format!("there are {}", names.join(", ")) };
        let client = match (&self.client, clients) {
            (Some(name), _) => clients.iter().find(|client| client.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let text = || {
            format!("whose token is to be used? write --client NAME of [relay.clients] ({known}), or --token-file FILE")
        };
        client.and_then(|client| client.token.get()).ok_or_else(|| (Exit::Usage, text()))
    }
}

impl Door {
    async fn attempt(&self, body: &str, key: &str, limit: Duration) -> Attempt {
        let request = self.http.post(self.url.clone()).timeout(limit).bearer_auth(self.token.expose_secret());
        let request = request.header("Idempotency-Key", key).header("Content-Type", "application/json");
        let response = match request.body(body.to_owned()).send().await {
            Ok(response) => response,
            Err(error) => {
                return Attempt::NotNow(format!("{} cannot be reached: {}", self.url, source_of(&error)), None);
            }
        };
        let status = response.status();
        let after = retry_after(&response);
        let text = match response.text().await {
            Ok(text) => text,
            Err(error) => return Attempt::NotNow(format!("{} broke off: {}", self.url, source_of(&error)), None),
        };
        let said = || format!("{} answers {status}: {}", self.url, text.trim_end());
        let is_passing = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        match status {
            status if status.is_success() && is_receipt(&text) => Attempt::Stored(text),
            status if status.is_success() => Attempt::Refused(format!(
                "{} answers {status}, and not as bugrelay does: nothing is stored; correct --url",
                self.url
            )),
            status if is_passing || status.is_server_error() => Attempt::NotNow(said(), after),
            _ => Attempt::Refused(said()),
        }
    }
}

/// Whether bugrelay itself says that it has the message.
fn is_receipt(answer: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(answer).is_ok_and(|answer| answer["message_id"].is_string())
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What lies at the bottom of it, which says most.
fn source_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), source_of)
}
