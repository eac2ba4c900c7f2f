//! Where the demo is played: a folder with a Bugzilla in a file, and a bugrelay configured beside it. All of it is gone with the folder.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::OpenFlags;
use tempfile::TempDir;

use super::sample::{Action, SITE};
use crate::database::DatabaseError;
use crate::database::sqlite::open;

/// Where metrics and the API are, if nobody else is there.
const PORT: u16 = 9464;

/// The folder, and what is in it.
pub(super) struct Stage {
    folder: TempDir,
    pub(super) admin: SocketAddr,
}

/// Why it could not be set up. Says what and where.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    #[error("the demo's folder cannot be made: {0}; name another place with TMPDIR")]
    Folder(#[from] std::io::Error),
    #[error("the demo's Bugzilla cannot be made: {0}")]
    Database(#[from] DatabaseError),
}

impl Stage {
    /// A fresh one, and its port, on which bugrelay answers.
    pub(super) fn new() -> Result<(Self, TcpListener), StageError> {
        let folder = tempfile::Builder::new().prefix("bugrelay-demo-").tempdir()?;
        let held = free_port()?;
        let stage = Stage { admin: held.local_addr()?, folder };
        std::fs::create_dir(stage.written())?;
        drop(std::fs::File::create_new(stage.bugzilla())?);
        run(&stage.bugzilla(), &format!("BEGIN;\n{}\nCOMMIT;", SITE.join("\n")))?;
        std::fs::write(stage.configuration(), stage.text())?;
        Ok((stage, held))
    }

    /// Bugzilla's database.
    fn bugzilla(&self) -> PathBuf {
        self.folder.path().join("bugs")
    }

    /// For `bugrelay run`, and for the verbs that ask a running one.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.path().join("bugrelay.toml")
    }

    /// All that bugrelay writes.
    pub(super) fn written(&self) -> PathBuf {
        self.folder.path().join("relay")
    }

    /// What the connector `archive` has sent.
    pub(super) fn messages(&self) -> PathBuf {
        self.written().join("messages.jsonl")
    }

    /// Saves as Bugzilla would, in this second.
    pub(super) async fn play(&self, action: &Action, now: Timestamp) -> Result<(), StageError> {
        let (path, sql) = (self.bugzilla(), action.sql(now));
        match tokio::task::spawn_blocking(move || run(&path, &sql)).await {
            Ok(done) => Ok(done?),
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    }

    /// Files that bugrelay wrote and that hold this word.
    pub(super) fn files_with(&self, word: &str) -> Result<Vec<PathBuf>, StageError> {
        let mut found = vec![];
        for entry in std::fs::read_dir(self.written())? {
            let path = entry?.path();
            if std::fs::read(&path)?.windows(word.len()).any(|bytes| bytes == word.as_bytes()) {
                found.push(path);
            }
        }
        Ok(found)
    }

    fn text(&self) -> String {
        let name = |prefix: &str, path: &Path| toml::Value::String(format!("{prefix}{}", path.display())).to_string();
        format!(
            "[bugzilla]\ndatabase = {}\nbase_url = \"https://bugzilla.example.org/\"\n\n[queue]\nstore = {}\n\n\
             [admin]\nlisten = \"{}\"\n\n[connectors.archive]\ntype = \"file\"\npath = {}\n\n\
             # Cannot be written, on purpose: its backlog grows, and the other connector does not mind.\n\
             [connectors.broken]\ntype = \"file\"\npath = {}\n",
            name("sqlite:", &self.bugzilla()),
            name("sqlite:", &self.written().join("queue.db")),
            self.admin,
            name("", &self.messages()),
            name("", &self.configuration().join("messages.jsonl")),
        )
    }
}

fn run(path: &Path, sql: &str) -> Result<(), DatabaseError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Ok(connection.execute_batch(sql)?)
}

/// The usual port, or another one that is free.
fn free_port() -> std::io::Result<TcpListener> {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    listen(PORT).or_else(|_| listen(0))
}
