//! A PgBouncer that gives each transaction a session of the server's: what must not stand before the database.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tempfile::TempDir;

use super::PostgresDatabase;
use super::process::{Process, free_port, poll};

/// See the module. Killed when dropped.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Before one database, for bugrelay's account.
    pub(crate) fn before(database: &PostgresDatabase<'_>, server: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-pgbouncer-").tempdir().expect("a folder");
        let (port, path) = (free_port(), |name: &str| folder.path().join(name));
        let users = path("users");
        std::fs::write(&users, format!("\"{}\" \"bugrelay\"\n", database.name)).expect("it is written");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = transaction\n",
            users.display()
        );
        std::fs::write(path("pgbouncer.ini"), settings).expect("it is written");
        let ini = path("pgbouncer.ini").display().to_string();
        let is_root = std::fs::metadata("/proc/self").expect("/proc is there").uid() == 0;
        let mut command = vec!["pgbouncer", "--quiet", &ini];
        if is_root {
            // It refuses to run as root; any other account will do.
            command = [&["setpriv", "--reuid=nobody", "--clear-groups"], &command[..]].concat();
            let open = std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status();
            assert!(open.expect("chmod runs").success());
        }
        let process = Process::start(folder.path(), &command);
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let log = || std::fs::read_to_string(path("log")).unwrap_or_default();
        assert!(poll(Duration::from_secs(20), listens), "PgBouncer does not come up:\n{}", log());
        PgBouncer { _process: process, _folder: folder, port }
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
