//! A private PgBouncer before a PostgreSQL: a pooler as many sites have one.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::postgres::{as_servant, give_away};
use super::process::{Process, free_port, poll};
use super::{Postgres, PostgresDatabase};

/// For the accounts of one database. Killed when dropped.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    process: Process,
    port: u16,
    server: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// `mode` is its `pool_mode`: `session` or `transaction`.
    pub(crate) fn before(server: &Postgres, database: &PostgresDatabase, mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-pgbouncer-").tempdir().expect("a folder for the pooler");
        let name = &database.name;
        std::fs::write(folder.path().join("accounts"), format!("\"{name}\" \"bugrelay\"\n\"{name}_web\" \"web\"\n"))
            .expect("it is written");
        let port = free_port();
        std::fs::write(folder.path().join("ini"), settings(&folder, port, server.port(), mode)).expect("it is written");
        give_away(folder.path());
        let mut command = as_servant();
        command.extend(["pgbouncer".to_owned(), folder.path().join("ini").display().to_string()]);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let process = Process::start(folder.path(), &command);
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        poll(Duration::from_secs(10), || !process.is_alive() || listens());
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(process.is_alive(), "PgBouncer does not come up (scripts/install test); its log:\n{log}");
        PgBouncer { process, port, server: server.port(), folder }
    }

    /// A URL of the server, by way of the pooler.
    pub(crate) fn url(&self, direct: &str) -> String {
        direct.replace(&format!(":{}/", self.server), &format!(":{}/", self.port))
    }

    /// From now on, also for those that are connected.
    pub(crate) fn set_mode(&self, mode: &str) {
        let settings = settings(&self.folder, self.port, self.server, mode);
        std::fs::write(self.folder.path().join("ini"), settings).expect("it is written");
        let told = Command::new("kill").args(["-s", "HUP", &self.process.pid().to_string()]).status();
        assert!(told.is_ok_and(|told| told.success()));
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(poll(Duration::from_secs(10), || log().contains("re-reading config")), "{}", log());
    }
}

fn settings(folder: &TempDir, port: u16, server: u16, mode: &str) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = plain\nauth_file = {}\npool_mode = {mode}\n",
        folder.path().join("accounts").display()
    )
}
