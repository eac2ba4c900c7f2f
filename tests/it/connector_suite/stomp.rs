//! The STOMP connector against a real RabbitMQ and a real ActiveMQ, and against the network between.

mod activemq;
mod bugzilla2fedmsg;
mod network;
mod rabbitmq;
mod refusals;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bugrelay::connector::stomp::codec::{Codec, Frame, Limits};
use bugrelay::connector::{Connector, Kind, Outcome, SendError};
use bugrelay::failure::Class;
use bugrelay::message::{Body, Envelope};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::codec::FramedRead;

use super::{Bus, bodies, conforms, deliver, envelope, send};
use crate::services::{ActiveMq, Mode, Proxy, RabbitMq, Received};

/// The deadline that delivery would set; here nobody watches it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A name that no other test uses at the shared broker.
fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// From the keys as an operator writes them.
fn kind(keys: &str) -> Kind {
    let table = toml::from_str(keys).unwrap();
    Kind::parse("stomp", table).expect("a type").unwrap_or_else(|error| panic!("{error}"))
}

fn account([login, passcode]: [&str; 2]) -> String {
    format!("login = \"{login}\"\npasscode = \"{passcode}\"\n")
}

fn all_sent(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(Result::is_ok)
}

fn first_error(outcomes: Vec<Outcome>) -> SendError {
    outcomes.into_iter().find_map(Result::err).expect("all was sent")
}

/// A message of so many bytes.
fn large(number: i64, bytes: usize) -> Envelope {
    let mut envelope = envelope(number);
    envelope.body = Body { bytes: vec![b'x'; bytes].into(), event_bytes: None };
    envelope
}

/// In two attempts at most, as delivery makes them.
async fn assert_only_the_second_is_poison(connector: &mut dyn Connector, batch: &[Envelope]) {
    let mut fates: Vec<Option<Outcome>> = deliver(connector, batch).await.into_iter().map(Some).collect();
    let is_open = |fate: &Option<Outcome>| matches!(fate, Some(Err(error)) if error.class != Class::Poison);
    let open: Vec<usize> = (0..batch.len()).filter(|&index| is_open(&fates[index])).collect();
    let again: Vec<Envelope> = open.iter().map(|&index| batch[index].clone()).collect();
    for (index, outcome) in open.into_iter().zip(deliver(connector, &again).await) {
        fates[index] = Some(outcome);
    }
    for (index, fate) in fates.into_iter().flatten().enumerate() {
        assert_eq!(fate.err().map(|error| error.class), (index == 1).then_some(Class::Poison));
    }
}

/// Waits for what is not told.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, met).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// RabbitMQ behind a proxy, and a durable queue of AMQP that gets what is sent.
pub(crate) struct Rabbit<'a> {
    broker: &'a RabbitMq,
    pub(crate) proxy: Proxy,
    name: String,
    pub(crate) taken: Mutex<Vec<Received>>,
}

impl<'a> Rabbit<'a> {
    pub(crate) async fn at(broker: &'a RabbitMq) -> Self {
        let (proxy, name) = (Proxy::before(broker.port()).await, fresh_name());
        broker.bind(&name, &format!("{name}.#")).await;
        Rabbit { broker, proxy, name, taken: Mutex::default() }
    }

    /// With its usual keys and these.
    fn keys(&self, further: &str) -> String {
        let (port, name, account) = (self.proxy.port(), &self.name, account(RabbitMq::account()));
        let url =
            if further.contains("url =") { String::new() } else { format!("url = \"stomp://127.0.0.1:{port}\"\n") };
        format!("{url}{account}destination_template = \"/topic/{name}.{{target}}.{{action}}\"\n{further}")
    }

    /// A connector to it, with these keys besides.
    pub(crate) fn connector_with(&self, further: &str) -> Box<dyn Connector> {
        kind(&self.keys(further)).build(TIMEOUT)
    }
}

#[async_trait]
impl Bus for Rabbit<'_> {
    fn connector(&self) -> Box<dyn Connector> {
        self.connector_with("")
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

/// ActiveMQ behind a proxy, and a consumer of a virtual topic.
struct Active {
    proxy: Proxy,
    name: String,
    consumer: AsyncMutex<Consumer>,
}

impl Active {
    async fn at(broker: &ActiveMq) -> Self {
        let (proxy, name) = (Proxy::before(broker.port()).await, fresh_name());
        let consumer = AsyncMutex::new(Consumer::subscribe(broker.port(), &format!("VirtualTopic.{name}")).await);
        Active { proxy, name, consumer }
    }

    fn connector_with(&self, further: &str) -> Box<dyn Connector> {
        let (port, name, account) = (self.proxy.port(), &self.name, account(ActiveMq::account()));
        let url =
            if further.contains("url =") { String::new() } else { format!("url = \"stomp://127.0.0.1:{port}\"\n") };
        kind(&format!("{url}{account}destination_template = \"/topic/VirtualTopic.{name}\"\n{further}")).build(TIMEOUT)
    }
}

#[async_trait]
impl Bus for Active {
    fn connector(&self) -> Box<dyn Connector> {
        self.connector_with("")
    }
    async fn arrived(&self) -> Vec<String> {
        let mut consumer = self.consumer.lock().await;
        consumer.catch_up().await;
        consumer.messages.iter().map(|frame| String::from_utf8(frame.body.to_vec()).unwrap()).collect()
    }
    async fn break_down(&self) {
        self.proxy.set(Mode::Refuse);
    }
    async fn mend(&self) {
        self.proxy.set(Mode::Pass);
    }
}

/// Reads the queue of a virtual topic, as a consumer of the Push extension's messages does.
struct Consumer {
    topic: String,
    reader: FramedRead<OwnedReadHalf, Codec>,
    writer: OwnedWriteHalf,
    /// All that came.
    messages: Vec<Frame>,
}

impl Consumer {
    async fn subscribe(port: u16, topic: &str) -> Self {
        let (reader, writer) = TcpStream::connect(("127.0.0.1", port)).await.unwrap().into_split();
        let codec = Codec::new(Limits { head: 64 * 1024, body: 8 << 20 });
        let mut consumer =
            Consumer { topic: topic.to_owned(), reader: FramedRead::new(reader, codec), writer, messages: vec![] };
        let [login, passcode] = ActiveMq::account();
        let connect = Frame::new("CONNECT").with("accept-version", "1.2").with("host", "localhost");
        consumer.say(connect.with("login", login).with("passcode", passcode)).await;
        assert_eq!(consumer.hear().await.command, "CONNECTED");
        let queue = format!("/queue/Consumer.test.{topic}");
        let subscribe = Frame::new("SUBSCRIBE").with("id", "1").with("ack", "auto").with("destination", queue);
        consumer.say(subscribe.with("receipt", "subscribed")).await;
        assert_eq!(consumer.hear().await.command, "RECEIPT");
        consumer
    }

    /// Sends a message of its own behind all others, and reads until that one comes.
    async fn catch_up(&mut self) {
        let marker = Frame::new("SEND").with("destination", format!("/topic/{}", self.topic)).with("marker", "1");
        self.say(marker).await;
        loop {
            let frame = self.hear().await;
            assert_eq!(frame.command, "MESSAGE", "{:?}", frame.header("message"));
            if frame.header("marker").is_some() {
                return;
            }
            self.messages.push(frame);
        }
    }

    async fn say(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.encode(self.reader.decoder().version, &mut bytes);
        self.writer.write_all(&bytes).await.unwrap();
    }

    async fn hear(&mut self) -> Frame {
        let next = tokio::time::timeout(PATIENCE, self.reader.next()).await.expect("nothing came");
        next.expect("the broker closed the connection").unwrap()
    }
}
