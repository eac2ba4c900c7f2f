//! The AMQP connector against a real RabbitMQ, the network between, and real consumers.

mod consumers;
mod faults;
mod refusals;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bugrelay::connector::{Arrival, Connector, Kind, Outcome, SendError};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Endpoint, Envelope, Origin};

use super::{Bus, bodies, conforms, deliver, envelope, send};
use crate::services::{Certificates, Mode, Proxy, RabbitMq, Received};

/// The deadline that delivery would set; here nobody watches it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A name that no other test uses at the shared broker.
fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("amqp{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// From the keys as an operator writes them.
fn kind(keys: &str) -> Kind {
    let table = toml::from_str(keys).unwrap();
    Kind::parse("amqp", table).expect("a type").unwrap_or_else(|error| panic!("{error}"))
}

fn account() -> String {
    let [login, passcode] = RabbitMq::account();
    format!("username = \"{login}\"\npassword = \"{passcode}\"\n")
}

fn all_sent(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(Result::is_ok)
}

fn first_error(outcomes: Vec<Outcome>) -> SendError {
    outcomes.into_iter().find_map(Result::err).expect("all was sent")
}

/// RabbitMQ behind a proxy, and a durable queue that gets what is sent.
struct Rabbit<'a> {
    broker: &'a RabbitMq,
    proxy: Proxy,
    name: String,
    taken: Mutex<Vec<Received>>,
}

impl<'a> Rabbit<'a> {
    async fn at(broker: &'a RabbitMq) -> Self {
        let (proxy, name) = (Proxy::before(broker.amqp_port()).await, fresh_name());
        broker.bind(&name, &format!("{name}.#")).await;
        Rabbit { broker, proxy, name, taken: Mutex::default() }
    }

    fn connector_with(&self, further: &str, timeout: Duration) -> Box<dyn Connector> {
        let (port, name) = (self.proxy.port(), &self.name);
        let default = |key: &str, value: String| {
            if further.contains(&format!("{key} =")) { String::new() } else { format!("{key} = \"{value}\"\n") }
        };
        let (url, prefix) =
            (default("url", format!("amqp://127.0.0.1:{port}")), default("routing_prefix", format!("{name}.")));
        let account = if further.contains("username") { String::new() } else { account() };
        kind(&format!("{url}{account}{prefix}{further}")).build(timeout)
    }
}

#[async_trait]
impl Bus for Rabbit<'_> {
    fn connector(&self) -> Box<dyn Connector> {
        self.connector_with("", TIMEOUT)
    }
    async fn arrived(&self) -> Vec<String> {
        let taken = self.broker.take(&self.name).await;
        let mut all = self.taken.lock().unwrap();
        all.extend(taken);
        all.iter().map(|message| message.body.clone()).collect()
    }
    async fn break_down(&self) {
        self.proxy.set(Mode::Refuse);
    }
    async fn mend(&self) {
        self.proxy.set(Mode::Pass);
    }
}

#[tokio::test]
async fn the_amqp_connector_conforms_on_rabbitmq() {
    conforms(&Rabbit::at(RabbitMq::shared()).await).await;
}
