//! A private ActiveMQ: STOMP with and without TLS, virtual topics, accounts by password and by certificate.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use super::Certificates;
use super::process::{Process, free_port, poll};

/// The account with a password. It may write to topics below `VirtualTopic.` only.
const ACCOUNT: [&str; 2] = ["relay", "needle-of-a-passcode"];

/// A broker with all its data in a folder of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct ActiveMq {
    server: Process,
    port: u16,
    tls_port: u16,
    folder: TempDir,
    certificates: Certificates,
}

impl ActiveMq {
    /// Starts one for this test alone.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-activemq-").tempdir().expect("a folder for the broker");
        let (certificates, port, tls_port) = (Certificates::make(folder.path()), free_port(), free_port());
        keystores(folder.path(), &certificates);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it is written");
        let [login, passcode] = ACCOUNT;
        write("users", &format!("{login}={passcode}\nadmin=admin\n"));
        write("groups", &format!("relays={login},certified\nadmins=admin\n"));
        // The client's certificate is the one of that name; whoever signed it is asked by TLS.
        write("certified", "certified=CN=client\n");
        write("login.config", LOGIN);
        let place = folder.path().display().to_string();
        let (port_text, tls_text) = (port.to_string(), tls_port.to_string());
        let broker = BROKER.replace("FOLDER", &place).replace("TLSPORT", &tls_text).replace("PORT", &port_text);
        write("activemq.xml", &broker);
        let server = launch(folder.path());
        let broker = ActiveMq { server, port, tls_port, folder, certificates };
        broker.wait_until_ready();
        broker
    }

    /// The one that the tests of this binary share, each with a topic of its own. It ends with the binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<ActiveMq> = LazyLock::new(ActiveMq::start);
        &SHARED
    }

    /// Its STOMP port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The same with TLS; it wants a certificate of the client.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Those of both sides.
    pub(crate) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Login and passcode.
    pub(crate) fn account() -> [&'static str; 2] {
        ACCOUNT
    }

    /// Ends it as an administrator would, and leaves it down.
    pub(crate) fn shut_down(&mut self) {
        self.server.end("TERM");
    }

    /// After [`ActiveMq::shut_down`].
    pub(crate) fn start_again(&mut self) {
        self.server = launch(self.folder.path());
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        let ready = || open(self.port) && open(self.tls_port);
        poll(Duration::from_secs(90), || !self.server.is_alive() || ready());
        if !(self.server.is_alive() && ready()) {
            panic!(
                "ActiveMQ does not start:\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
        }
    }
}

fn launch(folder: &Path) -> Process {
    let place = folder.display().to_string();
    let define = |name: &str, value: &str| format!("-D{name}={value}");
    let options = [
        "-Xms64m".to_owned(),
        "-Xmx192m".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        define("activemq.home", "/usr/share/activemq"),
        define("activemq.base", &place),
        define("activemq.conf", &place),
        define("activemq.data", &place),
        define("java.io.tmpdir", &place),
        define("java.security.auth.login.config", &format!("{place}/login.config")),
    ];
    let configuration = format!("xbean:file:{place}/activemq.xml");
    let jar = ["-jar", "/usr/share/activemq/bin/activemq.jar", "start", &configuration];
    let command: Vec<&str> = ["java"].into_iter().chain(options.iter().map(String::as_str)).chain(jar).collect();
    Process::start(folder, &command)
}

/// Java wants its own formats.
fn keystores(folder: &Path, certificates: &Certificates) {
    let file = |name: &str| certificates.path(name).display().to_string();
    let store = |name: &str| folder.join(name).display().to_string();
    run(Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", "pass:changeit", "-out", &store("keys.p12")])
        .args(["-in", &file("server.pem"), "-inkey", &file("server.key")]));
    run(Command::new("keytool")
        .args(["-importcert", "-noprompt", "-storepass", "changeit", "-storetype", "PKCS12", "-alias", "authority"])
        .args(["-keystore", &store("trust.p12"), "-file", &file("ca.pem")]));
}

fn run(command: &mut Command) {
    let output = command.output().expect("it is installed (scripts/install)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const LOGIN: &str = r#"
plain { org.apache.activemq.jaas.PropertiesLoginModule required
  org.apache.activemq.jaas.properties.user="users" org.apache.activemq.jaas.properties.group="groups"; };
certificate { org.apache.activemq.jaas.TextFileCertificateLoginModule required
  org.apache.activemq.jaas.textfiledn.user="certified" org.apache.activemq.jaas.textfiledn.group="groups"; };
"#;

const BROKER: &str = r#"<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
 <broker xmlns="http://activemq.apache.org/schema/core" brokerName="bugrelayPORT" useJmx="false" dataDirectory="FOLDER/data">
  <destinationInterceptors><virtualDestinationInterceptor><virtualDestinations>
   <virtualTopic name="VirtualTopic.&gt;" prefix="Consumer.*." selectorAware="false"/>
  </virtualDestinations></virtualDestinationInterceptor></destinationInterceptors>
  <persistenceAdapter><kahaDB directory="FOLDER/kahadb"/></persistenceAdapter>
  <plugins>
   <jaasDualAuthenticationPlugin configuration="plain" sslConfiguration="certificate"/>
   <authorizationPlugin><map><authorizationMap><authorizationEntries>
    <authorizationEntry topic="VirtualTopic.&gt;" read="relays,admins" write="relays,admins" admin="relays,admins"/>
    <authorizationEntry queue="Consumer.&gt;" read="relays,admins" write="relays,admins" admin="relays,admins"/>
    <authorizationEntry topic="ActiveMQ.Advisory.&gt;" read="relays,admins" write="relays,admins" admin="relays,admins"/>
   </authorizationEntries></authorizationMap></map></authorizationPlugin>
  </plugins>
  <sslContext><sslContext keyStore="file:FOLDER/keys.p12" keyStorePassword="changeit" keyStoreType="PKCS12"
   trustStore="file:FOLDER/trust.p12" trustStorePassword="changeit" trustStoreType="PKCS12"/></sslContext>
  <transportConnectors>
   <transportConnector name="stomp" uri="stomp://127.0.0.1:PORT?wireFormat.maxDataLength=200000"/>
   <transportConnector name="stomps" uri="stomp+ssl://127.0.0.1:TLSPORT?needClientAuth=true"/>
  </transportConnectors>
 </broker>
</beans>
"#;
