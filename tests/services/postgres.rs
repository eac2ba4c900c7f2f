//! A private PostgreSQL, and fresh databases in it that hold the Bugzilla of `sql/sample`.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bugrelay::capture::triggers::Installer as _;
use bugrelay::capture::triggers::postgresql::installation::Installation;
use bugrelay::database::postgresql::Postgresql;
use bugrelay::tls::Tls;
use tempfile::TempDir;

use super::Certificates;
use super::process::{Process, free_port, is_alive, poll};

/// The Bugzilla that every database begins with.
const BUGZILLA: [&str; 3] = [
    include_str!("../../sql/sample/schema.postgresql.sql"),
    include_str!("../../sql/sample/site.sql"),
    include_str!("../../sql/sample/site.postgresql.sql"),
];

/// What the documentation tells an administrator to grant to bugrelay: tests must not need more.
const GRANTS: &str = include_str!("../../sql/postgresql/grants.sql");

/// The same for reading the log.
const LOGICAL: &str = include_str!("../../sql/postgresql/logical.sql");

/// The same for the store in the database.
const STORE: &str = include_str!("../../sql/postgresql/store/grants.sql");

/// For speed: what a test stores need not survive the machine.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
                        shared_buffers = 32MB\nmax_wal_senders = 4\nwal_level = logical\n\
                        max_replication_slots = 100\nmax_slot_wal_keep_size = 1GB\nmax_prepared_transactions = 10\nlog_timezone = UTC\ntimezone = UTC\n";

/// A server with all its data in a folder of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    process: Process,
    port: u16,
    folder: TempDir,
}

/// A database of a server: a Bugzilla of its own, and an account of its own for bugrelay.
#[derive(Debug)]
pub(crate) struct PostgresDatabase<'a> {
    server: &'a Postgres,
    /// Its name, and the account's.
    pub(crate) name: String,
}

impl Postgres {
    /// Starts one for this test alone. `certificates` are for TLS: the files `NAME.pem` and `NAME.key`.
    pub(crate) fn start(certificates: Option<(&Certificates, &str)>) -> Self {
        let copy = |data: &Path| run(Command::new("cp").args(["-r", "--reflink=auto"]).arg(&*TEMPLATE).arg(data));
        Self::start_on(copy, certificates)
    }

    /// One with a system identifier of its own. The others have the same, as those have that are copied file by file.
    pub(crate) fn start_as_another() -> Self {
        Self::start_on(initdb, None)
    }

    /// `make` makes the data folder.
    fn start_on(make: impl FnOnce(&Path), certificates: Option<(&Certificates, &str)>) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-postgres-").tempdir().expect("a folder for the server");
        give_away(folder.path());
        let data = folder.path().join("data");
        make(&data);
        let port = free_port();
        let mut settings =
            format!("{SETTINGS}port = {port}\nunix_socket_directories = '{}'\n", folder.path().display());
        if let Some((certificates, name)) = certificates {
            for file in [format!("{name}.pem"), format!("{name}.key")] {
                std::fs::copy(certificates.path(&file), data.join(&file)).expect("it is copied");
            }
            settings += &format!("ssl = on\nssl_cert_file = '{name}.pem'\nssl_key_file = '{name}.key'\n");
            set_mode(&data.join(format!("{name}.key")), 0o600);
        }
        std::fs::write(data.join("postgresql.auto.conf"), settings).expect("it is written");
        // The server is strict about its folder, and it must be able to make its socket beside it.
        set_mode(&data, 0o700);
        give_away(folder.path());
        let server = Postgres { process: launch(folder.path()), port, folder };
        server.wait_until_ready();
        server
    }

    /// A standby that follows the other one.
    pub(crate) fn standby_of(primary: &Postgres) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-postgres-").tempdir().expect("a folder for the server");
        give_away(folder.path());
        let data = folder.path().join("data");
        let mut words = as_servant();
        words.push(program("pg_basebackup"));
        let mut copy = Command::new(&words[0]);
        copy.args(&words[1..]).args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        copy.args(["--username=postgres", &format!("--port={}", primary.port)]).arg("--pgdata").arg(&data);
        run(copy.arg("--host").arg(primary.folder.path()).current_dir(folder.path()));
        let port = free_port();
        let settings = format!("port = {port}\nunix_socket_directories = '{}'\n", folder.path().display());
        // The last word counts.
        let path = data.join("postgresql.auto.conf");
        let copied = std::fs::read_to_string(&path).expect("it was copied");
        std::fs::write(path, copied + &settings).expect("it is written");
        let server = Postgres { process: launch(folder.path()), port, folder };
        server.wait_until_ready();
        server
    }

    /// The one that the tests of this binary share, each in a database of its own. It ends with the binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(None));
        &SHARED
    }

    /// A fresh database with the schema and the site of `sql/sample`.
    pub(crate) fn database(&self) -> PostgresDatabase<'_> {
        let database = self.empty_database("UTF8");
        database.install();
        database.grant();
        database
    }

    /// A fresh one with nothing in it.
    pub(crate) fn empty_database(&self, encoding: &str) -> PostgresDatabase<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let database = self.existing(&format!("bugs_{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        self.create(&database.name, encoding);
        database
    }

    /// A fresh one of this name, as a copy of another server's has it.
    pub(crate) fn database_called(&self, name: &str) -> PostgresDatabase<'_> {
        self.create(name, "UTF8");
        let database = self.existing(name);
        database.install();
        database.grant();
        database
    }

    /// One that is there already.
    pub(crate) fn existing(&self, name: &str) -> PostgresDatabase<'_> {
        PostgresDatabase { server: self, name: name.to_owned() }
    }

    fn create(&self, name: &str, encoding: &str) {
        let create =
            format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        self.exec(&create);
    }

    /// Runs statements as the administrator, outside any Bugzilla; gives what they print, columns separated by tabs.
    pub(crate) fn exec(&self, sql: &str) -> String {
        self.client("postgres", sql)
    }

    /// Runs statements as the administrator in a database of which the name alone is left.
    pub(crate) fn exec_in(&self, database: &str, sql: &str) -> String {
        self.client(database, sql)
    }

    /// Sets something in postgresql.conf's stead, for all sessions from now on; what needs a restart waits for one.
    pub(crate) fn set(&self, setting: &str, value: &str) {
        self.exec(&format!("ALTER SYSTEM SET {setting} = '{value}'"));
        self.exec("SELECT pg_reload_conf()");
        let now = || self.exec(&format!("SHOW {setting}")).trim_end() == value;
        poll(Duration::from_secs(5), now);
    }

    /// Ends it as an administrator would, in a hurry, and leaves it down.
    pub(crate) fn shut_down(&mut self) {
        self.process.end("INT");
    }

    /// Kills it without notice, with all its sessions, and leaves it dead.
    pub(crate) fn kill9(&mut self) {
        let sessions = self.process.children();
        self.process.end("KILL");
        // They would see it and end by themselves, some time or other; the next server waits for the last one.
        for session in &sessions {
            // It may have seen it already.
            let _ = Command::new("kill").args(["-s", "KILL", &session.to_string()]).stderr(Stdio::null()).status();
        }
        let ended = poll(Duration::from_secs(30), || !sessions.iter().copied().any(is_alive));
        assert!(ended, "a session of PostgreSQL outlives it");
    }

    /// After [`Postgres::kill9`] or [`Postgres::shut_down`].
    pub(crate) fn start_again(&mut self) {
        self.process = launch(self.folder.path());
        self.wait_until_ready();
    }

    /// Its process id; its sessions are children of that process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn client(&self, database: &str, sql: &str) -> String {
        let mut client = Command::new(newest("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t"])
            .args(["--set=ON_ERROR_STOP=1", "--username=postgres", "--file=-"])
            .arg(format!("--host={}", self.folder.path().display()))
            .arg(format!("--port={}", self.port))
            .arg(format!("--dbname={database}"))
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql is installed (scripts/install)");
        client.stdin.take().unwrap().write_all(sql.as_bytes()).expect("psql reads");
        let output = client.wait_with_output().expect("psql ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn wait_until_ready(&self) {
        let ready = || {
            let mut ask = Command::new(newest("pg_isready"));
            ask.args(["--quiet", "--host=127.0.0.1"]).arg(format!("--port={}", self.port));
            ask.status().is_ok_and(|status| status.success())
        };
        poll(Duration::from_secs(60), || !self.process.is_alive() || ready());
        if !(self.process.is_alive() && ready()) {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("PostgreSQL does not come up; its log:\n{log}");
        }
    }
}

impl PostgresDatabase<'_> {
    /// Makes the tables and the site in an empty database, as Bugzilla's checksetup does.
    pub(crate) fn install(&self) {
        for sql in BUGZILLA {
            self.exec(sql);
        }
    }

    /// Makes bugrelay's account: accounts are the server's, so each database has one of its own.
    pub(crate) fn grant(&self) {
        self.exec(&GRANTS.replace("bugrelay", &self.name).replace("change me", "bugrelay"));
    }

    /// Makes a schema for the store, for bugrelay's account alone, which is made if it is not there. Gives that account's URL.
    pub(crate) fn grant_store(&self, schema: &str) -> String {
        self.exec(&format!(
            "DO $$ BEGIN CREATE ROLE {} LOGIN PASSWORD 'bugrelay'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            self.name
        ));
        self.exec(
            &STORE
                .replace("SCHEMA bugrelay", &format!("SCHEMA {schema}"))
                .replace("EXISTS bugrelay", &format!("EXISTS {schema}"))
                .replace("TO bugrelay", &format!("TO {}", self.name)),
        );
        self.bugrelay_url()
    }

    /// What the trigger capture needs besides, as `bugrelay triggers sql` prints it.
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
        let server = Postgresql::new(tokio_postgres::Config::new(), Tls::Off);
        Installation { server, schema: "bugrelay".to_owned(), reader: self.name.clone(), notify: true }
    }

    /// An account as Bugzilla has one: it may use all its tables, and knows nothing of ours. Gives its URL.
    pub(crate) fn web_url(&self) -> String {
        self.exec(&format!(
            "CREATE ROLE {0}_web LOGIN PASSWORD 'web'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}_web; \
             GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {0}_web",
            self.name
        ));
        format!("postgresql://{0}_web:web@127.0.0.1:{1}/{0}", self.name, self.server.port)
    }

    /// Gives Bugzilla's tables to an account that is no superuser and may make roles. Gives its URL.
    pub(crate) fn owner_url(&self) -> String {
        self.exec(&format!(
            "CREATE ROLE {0}_owns CREATEROLE LOGIN PASSWORD 'owns'; GRANT CREATE ON DATABASE {0} TO {0}_owns; \
             DO $$ DECLARE bugzilla text; BEGIN FOR bugzilla IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
             EXECUTE format('ALTER TABLE %I OWNER TO {0}_owns', bugzilla); END LOOP; END $$",
            self.name
        ));
        format!("postgresql://{0}_owns:owns@127.0.0.1:{1}/{0}", self.name, self.server.port)
    }

    /// An administrator who logs in over the network. Gives the URL.
    pub(crate) fn administrator_url(&self) -> String {
        self.exec(&format!("CREATE ROLE {}_admin SUPERUSER LOGIN PASSWORD 'admin'", self.name));
        format!("postgresql://{0}_admin:admin@127.0.0.1:{1}/{0}", self.name, self.server.port)
    }

    /// What logical decoding needs besides.
    pub(crate) fn publish(&self) {
        let version: u32 = self.exec("SHOW server_version_num").trim().parse().expect("a number");
        // As it says itself: before 15 there are no lists of columns.
        let whole = |line: &str| match line.split_once(" (") {
            Some((table, list)) if version < 150_000 && list.ends_with("),") => format!("{table},\n"),
            _ => format!("{line}\n"),
        };
        let sql: String = LOGICAL.lines().map(whole).collect();
        self.exec(&sql.replace("ROLE bugrelay", &format!("ROLE {}", self.name)));
    }

    /// The slots of a database that nobody reads any more would make the server keep its log.
    pub(crate) fn drop_slots(&self) {
        let of_ours = format!("FROM pg_replication_slots WHERE database = '{}' AND NOT active", self.name);
        self.exec(&format!("SELECT pg_drop_replication_slot(slot_name) {of_ours}"));
    }

    /// As bugrelay, with no more rights than it needs.
    pub(crate) fn bugrelay_url(&self) -> String {
        self.url_by("127.0.0.1")
    }

    /// The same by another name of the server.
    pub(crate) fn url_by(&self, host: &str) -> String {
        format!("postgresql://{0}:bugrelay@{host}:{1}/{0}", self.name, self.server.port)
    }

    /// Runs statements as the administrator in this database; gives what they print, columns separated by tabs.
    pub(crate) fn exec(&self, sql: &str) -> String {
        self.server.client(&self.name, sql)
    }
}

fn launch(folder: &Path) -> Process {
    let data = folder.join("data").display().to_string();
    let mut command = as_servant();
    command.extend([program("postgres"), "-D".to_owned(), data]);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    Process::start(folder, &command)
}

/// Another version than the system's: a folder with `bin` in it, which `scripts/servers` fetches.
fn other_version() -> Option<PathBuf> {
    std::env::var_os("BUGRELAY_TEST_POSTGRES").map(PathBuf::from)
}

fn program(name: &str) -> String {
    match other_version() {
        Some(home) => home.join("bin").join(name).display().to_string(),
        None => newest(name),
    }
}

/// Debian keeps programs in a folder for each version, and the newest is taken. What `/usr/bin` has is a script in front of them, which takes
/// ten times as long as a statement.
fn newest(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    match versions.max() {
        Some(version) => format!("/usr/lib/postgresql/{version}/bin/{name}"),
        None => name.to_owned(),
    }
}

/// PostgreSQL refuses to run as root: the account that its package made does it then.
pub(super) fn as_servant() -> Vec<String> {
    let words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    if is_root() { words.map(str::to_owned).to_vec() } else { vec![] }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("/proc is there").uid() == 0
}

pub(super) fn give_away(folder: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder));
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the mode is set");
}

/// A data folder as `initdb` makes it, made once and copied from then on: the copy takes a tenth of the time.
static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(template);

fn template() -> PathBuf {
    let version = other_version().and_then(|home| Some(home.file_name()?.to_str()?.to_owned()));
    let ready = Path::new(env!("CARGO_TARGET_TMPDIR")).join(version.unwrap_or("postgres".to_owned()) + "-data");
    if ready.exists() {
        return ready;
    }
    // Not where it will lie: the server's account may not be let in there.
    let made = tempfile::tempdir().expect("a folder for the template");
    give_away(made.path());
    let data = made.path().join("data");
    initdb(&data);
    let copy = ready.with_extension(std::process::id().to_string());
    run(Command::new("cp").arg("-r").arg(&data).arg(&copy));
    // Another test binary may have been faster; its folder is as good.
    if std::fs::rename(&copy, &ready).is_err() {
        let _ = std::fs::remove_dir_all(&copy);
    }
    assert!(ready.exists(), "the template of a PostgreSQL data folder could not be moved to {}", ready.display());
    ready
}

/// Makes a data folder, in one that the server's account may write to.
fn initdb(data: &Path) {
    let mut words = as_servant();
    words.push(program("initdb"));
    let mut initdb = Command::new(&words[0]);
    // Over the socket anybody is the administrator; over the network a password is asked for, as at an administrator's.
    initdb.args(&words[1..]).args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]).arg(data);
    run(initdb.current_dir(data.parent().expect("it lies in a folder")));
}

fn run(command: &mut Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/install gets what is missing"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
