//! A private MariaDB, and small databases in it of Bugzilla's shape.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bugrelay::capture::mysql_binlog::{MysqlBinlog, MysqlBinlogConfig};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use tempfile::TempDir;

/// Bugzilla's watched tables: the needed columns in Bugzilla's order, and between them one of each kind that is passed over.
const TABLES: &str = "
    CREATE TABLE bugs (bug_id MEDIUMINT NOT NULL AUTO_INCREMENT PRIMARY KEY, assigned_to MEDIUMINT NOT NULL DEFAULT 1,
        bug_file_loc MEDIUMTEXT, bug_status VARCHAR(64) NOT NULL DEFAULT 'NEW', creation_ts DATETIME, delta_ts DATETIME(3),
        short_desc VARCHAR(255) NOT NULL DEFAULT '', reporter MEDIUMINT NOT NULL, estimated_time DECIMAL(7,2) NOT NULL DEFAULT 1.25,
        everconfirmed TINYINT NOT NULL DEFAULT 0, kind ENUM('a', 'b') DEFAULT 'b', deadline DATE, ratio DOUBLE DEFAULT 0.5, code CHAR(80));
    CREATE TABLE bugs_activity (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, attach_id MEDIUMINT,
        who MEDIUMINT NOT NULL, bug_when DATETIME NOT NULL, fieldid MEDIUMINT NOT NULL, added VARCHAR(255), removed VARCHAR(255),
        comment_id INT UNSIGNED);
    CREATE TABLE longdescs (comment_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, who MEDIUMINT NOT NULL,
        bug_when DATETIME NOT NULL, work_time DECIMAL(7,2) NOT NULL DEFAULT 0, thetext MEDIUMTEXT, isprivate TINYINT NOT NULL DEFAULT 0);
    CREATE TABLE attachments (attach_id MEDIUMINT NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, creation_ts DATETIME NOT NULL,
        description TINYTEXT, filename VARCHAR(100), submitter_id MEDIUMINT NOT NULL);
    CREATE TABLE duplicates (dupe_of MEDIUMINT NOT NULL, dupe MEDIUMINT NOT NULL PRIMARY KEY);
    CREATE TABLE attach_data (id MEDIUMINT NOT NULL PRIMARY KEY, thedata LONGBLOB);
    CREATE TABLE profiles (userid MEDIUMINT PRIMARY KEY, login_name VARCHAR(255), cryptpassword VARCHAR(128), realname VARCHAR(255));";

/// A server with its data in a folder of its own. Ends with this process at the latest.
pub(crate) struct Server {
    process: Option<Child>,
    folder: TempDir,
    port: u16,
    options: Vec<String>,
}

/// One Bugzilla of a server.
pub(crate) struct Site {
    /// The database's name.
    pub(crate) name: String,
    root: Opts,
    reader: Opts,
}

impl Server {
    /// Later options win over the usual ones.
    pub(crate) fn start(options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-binlog-").tempdir().expect("a folder");
        let installed = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", folder.path().join("data").display()))
            // Servers that are installed at the same time take each other's temporary tables away.
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .status();
        assert!(installed.is_ok_and(|status| status.success()), "mariadb-install-db works (package mariadb-server)");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let options = options.iter().map(ToString::to_string).collect();
        let mut server = Server { process: None, folder, port, options };
        server.launch();
        server.root(
            "CREATE USER bugrelay@'%' IDENTIFIED BY 'relay'; GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO bugrelay@'%'",
        );
        server
    }

    /// Starts it again on the same data, after [`Server::kill`] too.
    pub(crate) fn launch(&mut self) {
        let dir = self.folder.path();
        let data = dir.join("data");
        let log = std::fs::File::create(dir.join("log")).expect("a log");
        // The shell waits for a word, or for the end of its input, which comes at our end, however that comes about: then nobody is
        // left to tidy up but the shell.
        let keep = r#""$@" & pid=$!; read word || rm=rm; kill -9 $pid; wait $pid; ${rm:-true} -rf "$0""#;
        let child = Command::new("sh")
            .args(["-c", keep])
            .arg(dir)
            .args(["mariadbd", "--no-defaults", "--user=root"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", socket(dir).display()))
            .arg(format!("--pid-file={}", dir.join("pid").display()))
            .arg(format!("--port={}", self.port))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--server-id=1",
                "--log-bin=binlog",
                "--binlog-format=ROW",
            ])
            .args(["--binlog-row-image=FULL", "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=16M"])
            .args(["--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0", "--performance-schema=0"])
            .args(&self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(child.expect("mariadbd starts"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.client("SELECT 1").is_ok_and(|output| output.status.success()) {
            assert!(Instant::now() < deadline, "mariadbd does not answer; see {}", dir.join("log").display());
            std::thread::yield_now();
        }
    }

    /// As a power failure would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            if let Some(mut word) = process.stdin.take() {
                writeln!(word, "stop").expect("the shell listens");
            }
            process.wait().expect("it ends");
        }
    }

    /// It hangs: connections stay open, nothing is answered. Only [`Server::kill`] helps.
    pub(crate) fn freeze(&self) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).expect("its id");
        let stopped = Command::new("kill").args(["-STOP", pid.trim()]).status();
        assert!(stopped.is_ok_and(|status| status.success()));
    }

    /// Statements as root; gives what they print.
    pub(crate) fn root(&self, sql: &str) -> String {
        let output = self.client(sql).expect("the client runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn client(&self, sql: &str) -> std::io::Result<std::process::Output> {
        Command::new("mariadb")
            .args(["--no-defaults", "-uroot", "--batch", "--skip-column-names", "--connect-timeout=1", "-e", sql])
            .arg(format!("--socket={}", socket(self.folder.path()).display()))
            .output()
    }

    /// A new Bugzilla, with `prefix` in front of its tables' definitions: `SET ...`.
    pub(crate) fn site(&self) -> Site {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("bugs_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.root(&format!("CREATE DATABASE {name}; USE {name}; {TABLES} GRANT SELECT ON {name}.* TO bugrelay@'%'"));
        self.existing(&name)
    }

    /// To connect as somebody.
    pub(crate) fn opts(&self, database: &str, user: &str, password: &str) -> Opts {
        let address = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(self.port).prefer_socket(false);
        address.db_name(Some(database)).user(Some(user)).pass(Some(password)).into()
    }

    /// A Bugzilla that is there already.
    pub(crate) fn existing(&self, name: &str) -> Site {
        let socket = socket(self.folder.path()).display().to_string();
        let root = OptsBuilder::default().socket(Some(socket)).db_name(Some(name)).user(Some("root")).into();
        Site { name: name.to_owned(), root, reader: self.opts(name, "bugrelay", "relay") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Site {
    /// A session as Bugzilla.
    pub(crate) async fn session(&self) -> Conn {
        Conn::new(self.root.clone()).await.expect("root may connect")
    }

    /// Statements, in one session.
    pub(crate) async fn run(&self, sql: &str) {
        let mut session = self.session().await;
        session.query_drop(sql).await.expect("the statements work");
        session.disconnect().await.expect("goodbye");
    }

    /// As bugrelay reads it.
    pub(crate) fn source(&self) -> MysqlBinlog {
        self.source_of(self.reader.clone())
    }

    /// With another account.
    pub(crate) fn source_as(&self, user: &str, password: &str) -> MysqlBinlog {
        let opts = OptsBuilder::from_opts(self.reader.clone()).user(Some(user)).pass(Some(password));
        self.source_of(opts.into())
    }

    fn source_of(&self, opts: Opts) -> MysqlBinlog {
        // Readers of one server must not share a number.
        static NUMBER: AtomicU32 = AtomicU32::new(5000);
        let server_id = NUMBER.fetch_add(1, Ordering::Relaxed);
        MysqlBinlog::new(MysqlBinlogConfig {
            opts,
            server_id,
            own_schema: "bugrelay".to_owned(),
            heartbeat: Duration::from_secs(1),
        })
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("sock")
}
