//! A private RabbitMQ with its STOMP plugin: node, cookie, epmd and data of its own.

use std::net::TcpStream;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties, ExchangeKind};
use tempfile::TempDir;

use super::Certificates;
use super::process::{Process, free_port, poll};

/// The account that it knows.
const ACCOUNT: [&str; 2] = ["relay", "needle-of-a-passcode"];

/// A broker with all its data in a folder of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct RabbitMq {
    server: Process,
    /// Erlang's register of nodes; a shared one would outlive us.
    _epmd: Process,
    ports: Ports,
    folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    stomp: u16,
    tls: u16,
    amqps: u16,
    nodes: u16,
    epmd: u16,
}

/// A message as a consumer of AMQP 0-9-1 gets it.
#[derive(Debug)]
pub(crate) struct Received {
    /// With the headers.
    pub(crate) properties: BasicProperties,
    /// The bytes.
    pub(crate) body: String,
}

impl RabbitMq {
    /// Starts one for this test alone. `certificates` are for its TLS port: the files `NAME.pem` and `NAME.key`.
    pub(crate) fn start(certificates: Option<(&Certificates, &str)>) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-rabbitmq-").tempdir().expect("a folder for the broker");
        let [amqp, stomp, tls, amqps, nodes, epmd] = std::array::from_fn(|_| free_port());
        let ports = Ports { amqp, stomp, tls, amqps, nodes, epmd };
        let [login, passcode] = ACCOUNT;
        let mut settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\nstomp.listeners.tcp.1 = 127.0.0.1:{stomp}\n\
             default_user = {login}\ndefault_pass = {passcode}\n\
             max_message_size = 200000\nvm_memory_high_watermark.absolute = 512MB\n"
        );
        if let Some((certificates, name)) = certificates {
            let folder = certificates.folder().display();
            settings += &format!(
                "stomp.listeners.ssl.1 = 127.0.0.1:{tls}\nlisteners.ssl.1 = 127.0.0.1:{amqps}\n\
                 ssl_options.cacertfile = {folder}/ca.pem\nssl_options.certfile = {folder}/{name}.pem\n\
                 ssl_options.keyfile = {folder}/{name}.key\nssl_options.verify = verify_peer\n\
                 ssl_options.fail_if_no_peer_cert = false\nssl_cert_login_from = common_name\n\
                 auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\n"
            );
        }
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it is written");
        write("rabbitmq.conf", &settings);
        write("plugins", "[rabbitmq_stomp,rabbitmq_auth_mechanism_ssl].");
        let port = epmd.to_string();
        let epmd = Process::start(folder.path(), &["epmd", "-address", "127.0.0.1", "-port", &port]);
        let server = launch(folder.path(), ports);
        let broker = RabbitMq { server, _epmd: epmd, ports, folder };
        broker.wait_until_ready();
        broker
    }

    /// The one that the tests of this binary share, each with a queue of its own. It ends with the binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<RabbitMq> = LazyLock::new(|| RabbitMq::start(None));
        &SHARED
    }

    /// Where its data are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Its STOMP port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.ports.stomp
    }

    /// The same with TLS.
    pub(crate) fn tls_port(&self) -> u16 {
        self.ports.tls
    }

    /// Its AMQP port.
    pub(crate) fn amqp_port(&self) -> u16 {
        self.ports.amqp
    }

    /// The same with TLS.
    pub(crate) fn amqps_port(&self) -> u16 {
        self.ports.amqps
    }

    /// Where a client of AMQP finds it.
    pub(crate) fn url(&self) -> String {
        let [login, passcode] = ACCOUNT;
        format!("amqp://{login}:{passcode}@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Login and passcode.
    pub(crate) fn account() -> [&'static str; 2] {
        ACCOUNT
    }

    /// Ends it as an administrator would, and leaves it down.
    pub(crate) fn shut_down(&mut self) {
        self.server.end("TERM");
    }

    /// After [`RabbitMq::shut_down`].
    pub(crate) fn start_again(&mut self) {
        self.server = launch(self.folder.path(), self.ports);
        self.wait_until_ready();
    }

    /// It hangs: connections stay open, nothing is answered.
    pub(crate) fn stop(&self) {
        self.server.signal("STOP");
    }

    /// It goes on.
    pub(crate) fn cont(&self) {
        self.server.signal("CONT");
    }

    /// An account with this passcode; one that is there gets it, and the old one is worth nothing any more. It is logged out.
    pub(crate) fn account_of(&self, login: &str, passcode: &str) {
        let made = self.control(&["add_user", login, passcode]);
        if !made {
            assert!(self.control(&["change_password", login, passcode]), "the passcode is changed");
            self.control(&["close_all_user_connections", login, "the passcode was changed"]);
        }
        assert!(self.control(&["set_permissions", login, ".*", ".*", ".*"]), "it may do all");
    }

    /// This account may write to exchanges whose names match, and to no others.
    pub(crate) fn may_write_to(&self, login: &str, exchanges: &str) {
        assert!(self.control(&["set_permissions", login, ".*", exchanges, ".*"]), "it may write");
    }

    /// Whether it is short of memory, and takes nothing from publishers, or has enough again.
    pub(crate) fn is_short_of_memory(&self, is_short: bool) {
        let limit: &[&str] = if is_short { &["0.0000001"] } else { &["absolute", "512MB"] };
        assert!(self.control(&[&["set_vm_memory_high_watermark"], limit].concat()), "the limit is set");
    }

    fn control(&self, arguments: &[&str]) -> bool {
        let script = "exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmqctl \"$@\"";
        let mut command = std::process::Command::new("env");
        command.args(environment(self.folder.path(), self.ports)).args(["sh", "-c", script, "sh"]).args(arguments);
        command.output().expect("rabbitmqctl runs").status.success()
    }

    /// Makes a durable queue that gets what is sent to the topics that match.
    pub(crate) async fn bind(&self, queue: &str, topics: &str) {
        let (connection, channel) = self.channel().await;
        let (options, none) =
            (QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }, FieldTable::default);
        channel.queue_declare(queue.into(), options, none()).await.expect("a queue");
        let bound =
            channel.queue_bind(queue.into(), "amq.topic".into(), topics.into(), QueueBindOptions::default(), none());
        bound.await.expect("a binding");
        connection.close(200, "done".into()).await.expect("it closes");
    }

    /// Makes an exchange of this name, for topics.
    pub(crate) async fn exchange(&self, name: &str) {
        let (connection, channel) = self.channel().await;
        let made = channel.exchange_declare(
            name.into(),
            ExchangeKind::Topic,
            ExchangeDeclareOptions::default(),
            FieldTable::default(),
        );
        made.await.expect("an exchange");
        connection.close(200, "done".into()).await.expect("it closes");
    }

    /// Takes everything out of the queue.
    pub(crate) async fn take(&self, queue: &str) -> Vec<Received> {
        let (connection, channel) = self.channel().await;
        let mut received = vec![];
        while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("an answer")
        {
            message.ack(BasicAckOptions::default()).await.expect("it is acknowledged");
            let body = String::from_utf8(message.delivery.data.clone()).expect("UTF-8");
            received.push(Received { properties: message.delivery.properties.clone(), body });
        }
        connection.close(200, "done".into()).await.expect("it closes");
        received
    }

    async fn channel(&self) -> (Connection, lapin::Channel) {
        let connection = Connection::connect(&self.url(), ConnectionProperties::default()).await.expect("AMQP");
        let channel = connection.create_channel().await.expect("a channel");
        (connection, channel)
    }

    fn wait_until_ready(&self) {
        let open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        let ready = || open(self.ports.stomp) && open(self.ports.amqp);
        poll(Duration::from_secs(90), || !self.server.is_alive() || ready());
        if !(self.server.is_alive() && ready()) {
            panic!(
                "RabbitMQ does not start:\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
        }
    }
}

/// What the node and its tools are told of where they are.
fn environment(folder: &Path, ports: Ports) -> Vec<String> {
    let place = folder.display();
    vec![
        format!("HOME={place}"),
        format!("RABBITMQ_NODENAME=bugrelay{}@localhost", ports.nodes),
        "RABBITMQ_CONF_ENV_FILE=/dev/null".to_owned(),
        format!("RABBITMQ_CONFIG_FILE={place}/rabbitmq.conf"),
        format!("RABBITMQ_ENABLED_PLUGINS_FILE={place}/plugins"),
        format!("RABBITMQ_MNESIA_BASE={place}/data"),
        format!("RABBITMQ_LOG_BASE={place}/logs"),
        "RABBITMQ_LOGS=-".to_owned(),
        format!("RABBITMQ_DIST_PORT={}", ports.nodes),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +sbwt none".to_owned(),
        format!("ERL_EPMD_PORT={}", ports.epmd),
        "ERL_EPMD_ADDRESS=127.0.0.1".to_owned(),
        // The script then becomes the server, which so can be ended by its process id.
        "RUNNING_UNDER_SYSTEMD=1".to_owned(),
    ]
}

fn launch(folder: &Path, ports: Ports) -> Process {
    let environment = environment(folder, ports);
    // Not Debian's wrapper: that one changes to a user who may not write here.
    let script = "exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server";
    let command = ["env"].into_iter().chain(environment.iter().map(String::as_str)).chain(["sh", "-c", script]);
    Process::start(folder, &command.collect::<Vec<_>>())
}
