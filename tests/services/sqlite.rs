//! A Bugzilla of the sample in a file of its own: the database that needs no server.

use std::path::{Path, PathBuf};

use bugrelay::capture::triggers::Installer as _;
use bugrelay::capture::triggers::sqlite::installation::SqliteInstallation;
use bugrelay::database::sqlite::open;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::sample;

const BUGZILLA: [&str; 2] =
    [include_str!("../../sql/sample/schema.sqlite.sql"), include_str!("../../sql/sample/site.sql")];

/// A Bugzilla. Gone when dropped.
#[derive(Debug)]
pub(crate) struct SqliteBugzilla {
    folder: TempDir,
}

impl SqliteBugzilla {
    /// With the sample's site, and the triggers.
    pub(crate) fn new() -> Self {
        let bugzilla = Self::without_triggers();
        bugzilla.exec(&bugzilla.installation().install().concat());
        bugzilla
    }

    /// As its owner left it.
    pub(crate) fn without_triggers() -> Self {
        let bugzilla =
            SqliteBugzilla { folder: tempfile::Builder::new().prefix("bugrelay-sqlite-").tempdir().unwrap() };
        std::fs::File::create_new(bugzilla.path()).unwrap();
        for sql in BUGZILLA {
            bugzilla.exec(&format!("PRAGMA synchronous = OFF; BEGIN; {sql}; COMMIT"));
        }
        bugzilla
    }

    /// The triggers and their queue.
    pub(crate) fn installation(&self) -> SqliteInstallation {
        SqliteInstallation { path: self.path() }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("bugs")
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// For `[bugzilla]`.
    pub(crate) fn bugrelay_url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    /// A connection as Bugzilla's.
    pub(crate) fn connect(&self) -> Connection {
        let connection = open(&self.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF").unwrap();
        connection
    }

    /// Runs statements as Bugzilla; gives what the last of them prints, columns separated by tabs.
    pub(crate) fn exec(&self, sql: &str) -> String {
        let connection = self.connect();
        let mut printed = String::new();
        let mut batch = rusqlite::Batch::new(&connection, sql);
        while let Some(mut statement) = batch.next().unwrap_or_else(|error| panic!("{error}")) {
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap_or_else(|error| panic!("{error}")) {
                let cells: Vec<String> = (0..columns).map(|column| text(row.get_ref(column).unwrap())).collect();
                printed.push_str(&cells.join("\t"));
                printed.push('\n');
            }
        }
        printed
    }

    /// Plays one action of the sample's life by the beginning of its file's name: `play("01")`.
    pub(crate) fn play(&self, action: &str) {
        self.exec(&sample::action(action));
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
