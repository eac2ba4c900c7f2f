//! The way from a verb to the admin API of a running bugrelay: where it is, the token, and what its refusals mean.

use std::error::Error;
use std::time::Duration;

use clap::Args;
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Exit, output, progress};
use crate::admin::StatusView;
use crate::config::{Config, suggest};
use crate::tls;

/// How long an answer may take, from the connection to its head, and its text again. More than a judgement of what is shown takes.
const ANSWER: Duration = Duration::from_secs(15);

/// Which instance is asked.
#[derive(Args)]
pub(super) struct Instance {
    /// The admin port of the instance; default from the configuration.
    #[arg(long)]
    pub(super) url: Option<String>,
}

/// Not by way of a proxy: it would see the token. It needs no certificates of the system, which may have none.
pub(super) fn http() -> Result<reqwest::Client, Box<dyn Error>> {
    let tls = tls::trusting(None)?.with_no_client_auth();
    Ok(reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build()?)
}

/// Asks one instance. What goes wrong is said on standard error; the exit is what is left to do.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<SecretString>,
}

impl Client {
    pub(super) fn new(instance: &Instance, config: &Config) -> Result<Self, Exit> {
        let url = instance.url.clone().unwrap_or_else(|| here(config.admin.listen));
        let base = Url::parse(&url).ok().filter(|url| !url.cannot_be_a_base()).ok_or_else(|| {
            output::error(&format!("--url {url:?} is no address; write http://127.0.0.1:9464"));
            Exit::Usage
        })?;
        let http = http().map_err(|error| {
            output::error(&format!("no HTTP client can be made: {error}"));
            Exit::Runtime
        })?;
        Ok(Client { http, base, token: config.admin.token.get() })
    }

    /// What the API has at this path, with these in its query.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Response, Exit> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(Method::GET, url, None).await
    }

    /// Changes a state.
    pub(super) async fn post(&self, path: &[&str]) -> Result<Response, Exit> {
        self.ask(Method::POST, self.url(path), None).await
    }

    /// Orders some work, and waits for its end as long as it takes.
    pub(super) async fn post_json(&self, path: &[&str], order: &impl Serialize) -> Result<Response, Exit> {
        // What is ordered is numbers and strings: it cannot fail to be written.
        let order = serde_json::to_vec(order).unwrap_or_default();
        self.ask(Method::POST, self.url(path), Some(order)).await
    }

    /// The answer, read.
    pub(super) async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Exit> {
        let text = self.within(response.bytes()).await?.map_err(|error| {
            output::error(&format!("{} broke off: {error}", self.base));
            Exit::Unavailable
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            output::error(&format!("{} answers what is not understood: {error}; is it of another version?", self.base));
            Exit::Runtime
        })
    }

    /// A stopped process still takes connections; it just never answers.
    async fn within<T>(&self, answer: impl Future<Output = T>) -> Result<T, Exit> {
        tokio::time::timeout(ANSWER, answer).await.map_err(|_| {
            let (base, seconds) = (&self.base, ANSWER.as_secs());
            output::error(&format!(
                "{base} does not answer within {seconds} s; is it stopped, or its database or disk hanging?"
            ));
            Exit::Unavailable
        })
    }

    /// The last place in the queue that was given out, if it is told: it grows while something is stored.
    async fn last_sequence(&self) -> Option<i64> {
        let mut request = self.http.get(self.url(&["api", "status"]));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let text = request.send().await.ok()?.bytes().await.ok()?;
        Some(serde_json::from_slice::<StatusView>(&text).ok()?.store.last_sequence)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, order: Option<Vec<u8>>) -> Result<Response, Exit> {
        let takes_its_time = order.is_some();
        let mut request = self.http.request(method, url.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(order) = order {
            request = request.body(order);
        }
        let answer = if takes_its_time {
            progress::shown(request.send(), || self.last_sequence()).await
        } else {
            self.within(request.send()).await?
        };
        match answer {
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => {
                let status = response.status();
                let text = self.within(response.text()).await?.unwrap_or_default();
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    output::error(&format!("{}: {}", self.base, text.trim_end()));
                    return Err(Exit::Unavailable);
                }
                let hint = near(&url, &text).unwrap_or_default();
                output::error(&format!("{url} answers {status}: {}{hint}", text.trim_end()));
                Err(Exit::Runtime)
            }
            Err(error) => {
                output::error(&format!("{url} cannot be reached: {error}; is `bugrelay run` running?"));
                Err(Exit::Unavailable)
            }
        }
    }
}

/// Which connector was probably meant by the name in the address, out of those that the answer knows.
fn near(url: &Url, answer: &str) -> Option<String> {
    let (_, known) = answer.trim_end().split_once("there is no such connector; known are ")?;
    let name = url.path_segments()?.skip_while(|part| *part != "api").nth(2)?;
    suggest(name, known.split(", "))
}

/// The port as this machine reaches it.
pub(super) fn here(listen: std::net::SocketAddr) -> String {
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}", listen.port())
}
