//! A private Apache Kafka of one node or of several, from the jars that `scripts/kafka jars` fetched.
//!
//! Each node has three listeners: in the clear, where everybody may do anything; with a password; with TLS. Node 1 is the
//! controller too, so that the others can be killed and the cluster goes on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::process::{Process, free_port, poll};

const CLUSTER: &str = "4L6g3nShT-eMCtK--X86sw";
const LIMIT: Duration = Duration::from_secs(90);

/// A running cluster.
pub(crate) struct Kafka {
    nodes: Vec<Node>,
    folder: tempfile::TempDir,
}

struct Node {
    id: usize,
    ports: Ports,
    process: Option<Process>,
}

#[derive(Clone, Copy)]
struct Ports {
    clear: u16,
    sasl: u16,
    tls: u16,
    controller: u16,
}

/// A record as a consumer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Kafka {
    /// So many nodes; comes back when all of them answer.
    pub(crate) fn start(nodes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Kafka");
        certificates(folder.path());
        let controller = free_port();
        let ports = || Ports { clear: free_port(), sasl: free_port(), tls: free_port(), controller };
        let nodes = (1..=nodes).map(|id| Node { id, ports: ports(), process: None }).collect();
        let mut kafka = Kafka { nodes, folder };
        let size = kafka.nodes.len();
        kafka.nodes.iter_mut().for_each(|node| node.launch(kafka.folder.path(), size));
        kafka.nodes.iter().for_each(|node| node.wait_until_ready(kafka.folder.path()));
        assert!(poll(LIMIT, || kafka.brokers() == size), "not all brokers found each other");
        kafka
    }

    /// One node for all tests that harm nobody; ended with the test binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Kafka> = LazyLock::new(|| Kafka::start(1));
        &SHARED
    }

    /// Where its data are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `host:port` of all nodes, in the clear.
    pub(crate) fn servers(&self) -> String {
        self.listeners(|ports| ports.clear)
    }

    /// The process id of a node.
    pub(crate) fn pid(&self, node: usize) -> u32 {
        self.nodes[node].process.as_ref().expect("it runs").pid()
    }

    /// Of the listener that wants a password: `relay` has `secret` and no rights, `admin` has `admin` and all.
    pub(crate) fn sasl_servers(&self) -> String {
        self.listeners(|ports| ports.sasl)
    }

    /// Of the listener with TLS; its certificate is signed by [`Kafka::ca`].
    pub(crate) fn tls_servers(&self) -> String {
        self.listeners(|ports| ports.tls)
    }

    /// The authority that signed the servers' certificates, PEM.
    pub(crate) fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// An authority that signed nothing here.
    pub(crate) fn another_ca(&self) -> String {
        self.folder.path().join("another-ca.pem").display().to_string()
    }

    fn listeners(&self, port: impl Fn(&Ports) -> u16) -> String {
        let names: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", port(&node.ports))).collect();
        names.join(",")
    }

    /// Makes a topic on `replicas` nodes.
    pub(crate) async fn topic(&self, name: &str, partitions: i32, replicas: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        for made in admin.create_topics([&topic], &options).await.expect("the broker answers") {
            made.expect("the topic is made");
        }
    }

    /// Everything in a topic, by partition and offset. `committed`: without what no transaction committed.
    pub(crate) fn read(&self, topic: &str, committed: bool) -> Vec<Record> {
        let isolation = if committed { "read_committed" } else { "read_uncommitted" };
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation)
            .create()
            .expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("the broker answers");
        let partitions = metadata.topics()[0].partitions().len();
        let mut all = TopicPartitionList::new();
        for partition in metadata.topics()[0].partitions() {
            all.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut records, mut ended) = (vec![], std::collections::HashSet::new());
        let complete = poll(LIMIT, || {
            while ended.len() < partitions {
                match consumer.poll(Duration::from_secs(1)) {
                    Some(Ok(message)) => records.push((message.partition(), message.offset(), read(&message))),
                    Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
                    // The leader may just be moving.
                    Some(Err(_)) | None => return false,
                }
            }
            true
        });
        assert!(complete, "the end of {topic} is not reached");
        records.sort_by_key(|(partition, offset, _)| (*partition, *offset));
        records.into_iter().map(|(_, _, record)| record).collect()
    }

    /// The nodes, by their place in the list, that lead a partition of a topic.
    pub(crate) fn leaders(&self, topic: &str) -> std::collections::HashSet<usize> {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("the broker answers");
        let leaders = metadata.topics()[0].partitions().iter().map(|partition| partition.leader());
        leaders.filter_map(|id| usize::try_from(id - 1).ok()).collect()
    }

    /// Connections to it in the clear, of whatever process of this machine; known at once when one is closed.
    pub(crate) fn connections(&self) -> usize {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let ports: Vec<String> = self.nodes.iter().map(|node| format!(":{:04X}", node.ports.clear)).collect();
        let is_ours = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // The far end, and the state: established.
            words.get(3) == Some(&"01") && ports.iter().any(|port| words[2].ends_with(port))
        };
        table.lines().filter(is_ours).count()
    }

    /// Kills a node without notice, and leaves it dead.
    pub(crate) fn kill9(&mut self, node: usize) {
        self.end(node, "KILL");
    }

    /// Ends a node as an administrator would, and leaves it down.
    pub(crate) fn shut_down(&mut self, node: usize) {
        self.end(node, "TERM");
    }

    fn end(&mut self, node: usize, signal: &str) {
        if let Some(mut process) = self.nodes[node].process.take() {
            process.end(signal);
        }
    }

    /// After [`Kafka::kill9`] or [`Kafka::shut_down`]: on the same data and ports.
    pub(crate) fn start_again(&mut self, node: usize) {
        let size = self.nodes.len();
        self.nodes[node].launch(self.folder.path(), size);
        self.nodes[node].wait_until_ready(self.folder.path());
    }

    /// A node hangs: connections stay open, nothing is answered.
    pub(crate) fn stop(&self, node: usize) {
        self.nodes[node].process.iter().for_each(|process| process.signal("STOP"));
    }

    /// It goes on.
    pub(crate) fn cont(&self, node: usize) {
        self.nodes[node].process.iter().for_each(|process| process.signal("CONT"));
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.servers()).set("allow.auto.create.topics", "false");
        client
    }

    fn brokers(&self) -> usize {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        consumer.fetch_metadata(None, Duration::from_secs(5)).map_or(0, |metadata| metadata.brokers().len())
    }
}

impl Node {
    fn launch(&mut self, folder: &Path, size: usize) {
        let home = folder.join(self.id.to_string());
        if !home.exists() {
            std::fs::create_dir(&home).unwrap();
            copy(&template(self.id), &home.join("data"));
        }
        std::fs::write(home.join("server.properties"), properties(self.id, self.ports, folder, size)).unwrap();
        let settings = home.join("server.properties").display().to_string();
        let classes = classes();
        let mut command = vec!["java"];
        command.extend(JAVA);
        command.extend(["-cp", &classes, "kafka.Kafka", &settings]);
        self.process = Some(Process::start(&home, &command));
    }

    fn wait_until_ready(&self, folder: &Path) {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.ports.clear));
        let is_alive = || self.process.as_ref().is_some_and(Process::is_alive);
        let answers = || std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if !poll(LIMIT, || !is_alive() || answers()) || !is_alive() {
            let log = std::fs::read_to_string(folder.join(self.id.to_string()).join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            panic!(
                "Kafka does not come up; the end of its log:\n{}",
                lines[lines.len().saturating_sub(30)..].join("\n")
            );
        }
    }
}

const JAVA: [&str; 3] = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

fn classes() -> String {
    let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/services/kafka");
    assert!(jars.join("pom.xml").exists(), "Kafka's jars are not there; scripts/kafka jars fetches them");
    format!("{}/*", jars.display())
}

fn properties(id: usize, ports: Ports, folder: &Path, size: usize) -> String {
    let Ports { clear, sasl, tls, controller } = ports;
    let folder = folder.display();
    let listeners = format!("CLEAR://127.0.0.1:{clear},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}");
    let (roles, own) = if id == 1 {
        ("broker,controller", format!(",CONTROLLER://127.0.0.1:{controller}"))
    } else {
        ("broker", String::new())
    };
    let copies = size.min(3);
    format!(
        "process.roles={roles}\nnode.id={id}\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners={listeners}{own}\nadvertised.listeners={listeners}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CLEAR:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL\n\
         inter.broker.listener.name=CLEAR\nsasl.enabled.mechanisms=PLAIN\n\
         listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_admin=\"admin\" user_relay=\"secret\";\n\
         ssl.keystore.type=PEM\nssl.keystore.location={folder}/server.pem\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS;User:admin\nlog.dirs={folder}/{id}/data\nauto.create.topics.enable=false\n\
         offsets.topic.num.partitions=1\noffsets.topic.replication.factor={copies}\n\
         transaction.state.log.num.partitions=1\ntransaction.state.log.replication.factor={copies}\n\
         transaction.state.log.min.isr=1\nbroker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n\
         replica.lag.time.max.ms=3000\ncontrolled.shutdown.enable=false\n"
    )
}

/// A data folder as Kafka's own tool makes it, made once for each node's number and copied from then on.
fn template(id: usize) -> PathBuf {
    let ready = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-data-{id}"));
    if ready.exists() {
        return ready;
    }
    let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the template");
    // The tool wants the settings of a server, and uses the numbers and the folder.
    let ports = Ports { clear: 1, sasl: 2, tls: 3, controller: 4 };
    let text = properties(id, ports, made.path(), 1);
    std::fs::create_dir(made.path().join(id.to_string())).unwrap();
    let settings = made.path().join("server.properties");
    std::fs::write(&settings, text).unwrap();
    let mut tool = Command::new("java");
    tool.args(JAVA).args(["-cp", &classes(), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]).arg(settings);
    run(&mut tool);
    // Another test binary may have been faster; its folder is as good.
    let _ = std::fs::rename(made.path().join(id.to_string()).join("data"), &ready);
    ready
}

/// An authority, a certificate for 127.0.0.1 that it signed, and an authority that signed nothing.
fn certificates(folder: &Path) {
    let path = |name: &str| folder.join(name).display().to_string();
    let authority = |name: &str, key: &str| {
        let openssl = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority";
        run(Command::new("openssl").args(openssl.split(' ')).args(["-out", &path(name), "-keyout", &path(key)]));
    };
    authority("ca.pem", "ca.key");
    authority("another-ca.pem", "another-ca.key");
    let openssl = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kafka \
                   -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:false";
    let mut server = Command::new("openssl");
    server.args(openssl.split_whitespace()).args(["-CA", &path("ca.pem"), "-CAkey", &path("ca.key")]);
    run(server.args(["-out", &path("server.crt"), "-keyout", &path("server.key")]));
    let mut together = std::fs::File::create(path("server.pem")).unwrap();
    for part in ["server.key", "server.crt", "ca.pem"] {
        together.write_all(&std::fs::read(path(part)).unwrap()).unwrap();
    }
}

fn read(message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("UTF-8");
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Record {
        partition: message.partition(),
        key: text(message.key()),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
        body: text(message.payload()),
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-r").arg(from).arg(to));
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/install test gets what is missing"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
