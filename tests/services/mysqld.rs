//! A server that speaks MySQL's protocol, MariaDB or MySQL itself, and fresh databases in it that hold the Bugzilla of `sql/sample`.
//! What differs between the two is in `mariadb` and `mysql`; MariaDB's programs talk to both.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bugrelay::capture::triggers::Installer as _;
use bugrelay::capture::triggers::mysql::installation::Installation;
use tempfile::TempDir;

use super::process::{Process, free_port, poll};
use super::sample;

/// The Bugzilla that every database begins with.
const BUGZILLA: [&str; 2] =
    [include_str!("../../sql/sample/schema.mysql.sql"), include_str!("../../sql/sample/site.sql")];

/// What the documentation tells an administrator to grant to bugrelay: tests must not need more.
const GRANTS: &str = include_str!("../../sql/mysql/grants.sql");

/// The same for the store in the database.
const STORE: &str = include_str!("../../sql/mysql/store/grants.sql");

/// How to run a server of one make.
#[derive(Debug)]
pub(super) struct Product {
    /// For the folder's name and for messages.
    pub(super) name: &'static str,
    /// The server's program.
    pub(super) program: PathBuf,
    /// What only this make needs to be told.
    pub(super) options: Vec<String>,
    /// A data folder as it is installed, copied for each server: the copy takes a tenth of the time.
    pub(super) template: PathBuf,
}

/// A server with all its data in a folder of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Mysqld {
    product: Product,
    process: Process,
    /// Extra options, given again at a restart.
    options: Vec<String>,
    port: u16,
    folder: TempDir,
}

/// A database of a server: a Bugzilla of its own.
#[derive(Debug)]
pub(crate) struct Database<'a> {
    server: &'a Mysqld,
    /// Its name.
    pub(crate) name: String,
}

impl Mysqld {
    /// Starts one, to be stopped, killed or set up in a special way. `options` are added to the server's; later ones win.
    pub(super) fn start(product: Product, options: &[&str]) -> Self {
        let prefix = format!("bugrelay-{}-", product.name.to_ascii_lowercase());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a folder for the server");
        run(Command::new("cp").args(["-r", "--reflink=auto"]).arg(&product.template).arg(folder.path().join("data")));
        // MySQL makes up who it is when it finds nothing: a copy is a server of its own.
        let _ = std::fs::remove_file(folder.path().join("data/auto.cnf"));
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let port = free_port();
        let process = launch(&product, folder.path(), port, &options);
        let server = Mysqld { product, process, options, port, folder };
        server.wait_until_ready();
        server
    }

    /// A fresh database with the schema and the site of `sql/sample`.
    pub(crate) fn database(&self) -> Database<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        self.database_called(&format!("bugs_{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// The same of this name, as a copy of another server's has it.
    pub(crate) fn database_called(&self, name: &str) -> Database<'_> {
        self.exec(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"));
        let database = self.existing(name);
        database.install();
        database.grant();
        database
    }

    /// One that is there already.
    pub(crate) fn existing(&self, name: &str) -> Database<'_> {
        Database { server: self, name: name.to_owned() }
    }

    /// Replicates all that the other one logs.
    pub(crate) fn follow(&self, primary: &Mysqld) {
        primary.exec("CREATE USER IF NOT EXISTS replica@localhost IDENTIFIED BY 'replica'; GRANT REPLICATION SLAVE ON *.* TO replica@localhost");
        self.exec(&format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'replica', MASTER_PASSWORD = 'replica', \
             MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos; START SLAVE",
            primary.port
        ));
    }

    /// Runs statements as root, outside any database; gives what they print, columns separated by tabs.
    pub(crate) fn exec(&self, sql: &str) -> String {
        self.client("", sql)
    }

    /// Makes a schema for the store, and grants this account what it needs there. Gives that account's URL, of no database.
    pub(crate) fn store_url(&self, schema: &str, account: &str) -> String {
        self.exec(&format!("CREATE USER IF NOT EXISTS '{account}'@'%' IDENTIFIED BY 'bugrelay'"));
        let grants =
            STORE.replace("bugrelay.", &format!("{schema}.")).replace("EXISTS bugrelay ", &format!("EXISTS {schema} "));
        self.exec(&grants.replace("'bugrelay'@", &format!("'{account}'@")));
        format!("mysql://{account}:bugrelay@127.0.0.1:{}", self.port)
    }

    /// Ends the server as an administrator would, and starts it again on the same data and port.
    pub(crate) fn restart(&mut self) {
        self.process.end("TERM");
        self.start_again();
    }

    /// The same, with other options from then on.
    pub(crate) fn restart_with(&mut self, options: &[&str]) {
        self.options = options.iter().map(ToString::to_string).collect();
        self.restart();
    }

    /// Kills it without notice, and leaves it dead.
    pub(crate) fn kill9(&mut self) {
        self.process.end("KILL");
    }

    /// Ends it as an administrator would, and leaves it down.
    pub(crate) fn shut_down(&mut self) {
        self.process.end("TERM");
    }

    /// After [`Mysqld::kill9`] or [`Mysqld::shut_down`].
    pub(crate) fn start_again(&mut self) {
        self.process = launch(&self.product, self.folder.path(), self.port, &self.options);
        self.wait_until_ready();
    }

    /// Keeps its data as they are, for [`Mysqld::put_back`]. It must be down.
    pub(crate) fn back_up(&self) {
        self.copy("data", "backup");
    }

    /// Puts those data into the place of what it has: whatever was committed since is lost, its log included. It must be down.
    pub(crate) fn put_back(&self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).expect("its data");
        self.copy("backup", "data");
    }

    fn copy(&self, from: &str, to: &str) {
        let path = |name: &str| self.folder.path().join(name);
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(path(from)).arg(path(to)));
    }

    /// It hangs: connections stay open, nothing is answered.
    pub(crate) fn stop(&self) {
        self.process.signal("STOP");
    }

    /// It goes on.
    pub(crate) fn cont(&self) {
        self.process.signal("CONT");
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where root connects without a password.
    pub(crate) fn socket(&self) -> String {
        socket(self.folder.path())
    }

    fn client(&self, database: &str, sql: &str) -> String {
        let mut client = Command::new("mariadb")
            .args(["--no-defaults", "--default-character-set=utf8mb4", "--batch", "--skip-column-names", "-uroot"])
            .arg(format!("--socket={}", socket(self.folder.path())))
            .arg(format!("--database={database}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the mariadb client is installed (scripts/install)");
        client.stdin.take().unwrap().write_all(sql.as_bytes()).expect("the client reads");
        let output = client.wait_with_output().expect("the client ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn wait_until_ready(&self) {
        let ping = || {
            let mut ping = Command::new("mariadb-admin");
            ping.args(["--no-defaults", "-uroot", "ping"]).arg(format!("--socket={}", socket(self.folder.path())));
            ping.output().is_ok_and(|output| output.status.success())
        };
        poll(Duration::from_secs(60), || !self.process.is_alive() || ping());
        if !(self.process.is_alive() && ping()) {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            panic!(
                "{} does not come up; the end of its log:\n{}",
                self.product.name,
                lines[lines.len().saturating_sub(20)..].join("\n")
            );
        }
    }
}

impl Database<'_> {
    /// Makes the tables and the site in an empty database, as Bugzilla's checksetup does.
    pub(crate) fn install(&self) {
        for sql in BUGZILLA {
            self.exec(sql);
        }
    }

    /// As Bugzilla: may do anything in it.
    pub(crate) fn url(&self) -> String {
        format!("mysql://bugzilla:bugzilla@127.0.0.1:{}/{}", self.server.port, self.name)
    }

    /// As bugrelay, with no more rights than it needs.
    pub(crate) fn bugrelay_url(&self) -> String {
        format!("mysql://bugrelay:bugrelay@127.0.0.1:{}/{}", self.server.port, self.name)
    }

    /// Runs statements as root in this database; gives what they print, columns separated by tabs.
    pub(crate) fn exec(&self, sql: &str) -> String {
        self.server.client(&self.name, sql)
    }

    /// Plays one action of `sql/sample/life` by the beginning of its file's name: `play("01")`.
    pub(crate) fn play(&self, action: &str) {
        self.exec(&sample::action(action));
    }

    /// Makes what `bugrelay triggers install` makes, for bugrelay's account.
    pub(crate) fn install_triggers(&self) {
        for sql in self.triggers().install() {
            self.exec(&sql);
        }
    }

    /// Takes it away again.
    pub(crate) fn remove_triggers(&self) {
        for sql in self.triggers().remove() {
            self.exec(&sql);
        }
    }

    fn triggers(&self) -> Installation {
        let opts = mysql_async::Opts::from_url(&self.bugrelay_url()).expect("a URL");
        Installation::new(opts.clone(), opts, "bugrelay")
    }

    /// As root, over TCP.
    pub(crate) fn administrator_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/{}", self.server.port, self.name)
    }

    fn grant(&self) {
        let name = &self.name;
        self.exec(&format!(
            "CREATE USER IF NOT EXISTS bugzilla@localhost IDENTIFIED BY 'bugzilla'; GRANT ALL ON {name}.* TO bugzilla@localhost"
        ));
        let grants = GRANTS
            .replace("CREATE USER", "CREATE USER IF NOT EXISTS")
            .replace("change me", "bugrelay")
            .replace("ON bugs.", &format!("ON {name}."))
            .replace("'bugs'", &format!("'{name}'"));
        // It prints the statements that grant what this site has besides: the tables of its custom fields.
        let further = self.exec(&grants);
        self.exec(&further);
    }
}

fn socket(folder: &Path) -> String {
    folder.join("sock").display().to_string()
}

fn launch(product: &Product, folder: &Path, port: u16, options: &[String]) -> Process {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut command = vec![product.program.display().to_string(), "--no-defaults".to_owned()];
    command.extend(run_as());
    command.extend([
        format!("--datadir={}", path("data")),
        format!("--socket={}", socket(folder)),
        format!("--pid-file={}", path("pid")),
        format!("--port={port}"),
        format!("--log-bin={}", path("data/binlog")),
        // A server that starts clears away the temporary tables that it finds: in the system's folder those of others.
        format!("--tmpdir={}", path("")),
    ]);
    command.extend(
        "--bind-address=127.0.0.1 --server-id=1 --character-set-server=utf8mb4 --default-time-zone=+00:00 \
         --binlog-format=ROW --binlog-row-image=FULL --innodb-buffer-pool-size=32M \
         --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 --innodb-doublewrite=0"
            .split_whitespace()
            .map(str::to_owned),
    );
    command.extend(product.options.iter().chain(options).cloned());
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    Process::start(folder, &command)
}

/// A server started by root must be told that it is meant to run as root.
pub(super) fn run_as() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let me = std::fs::metadata("/proc/self").expect("/proc is there").uid();
    (me == 0).then(|| "--user=root".to_owned())
}

/// The folder of this name for data folders to copy; `install` makes its first one, in a folder to work in.
pub(super) fn template(name: &str, install: impl FnOnce(&Path, &Path) -> Command) -> PathBuf {
    let ready = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if ready.exists() {
        return ready;
    }
    let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the template");
    let data = made.path().join("data");
    run(&mut install(made.path(), &data));
    // Another test binary may have been faster; its folder is as good.
    let _ = std::fs::rename(&data, &ready);
    assert!(ready.exists(), "the template of a data folder could not be moved to {}", ready.display());
    ready
}

fn run(command: &mut Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/install gets what is missing"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
