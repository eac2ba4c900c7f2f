//! A file that cannot be trusted is set aside, and nothing is begun in its place in silence.
//!
//! What became of the store is written into its lock: that file stays when the store is moved. So a file that was never a store of
//! ours is left alone, an empty one is not taken for a new store where one was before, and after damage somebody says from when on.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::file::{self, Lock};
use super::mark::Mark;
use crate::queue::QueueError;

/// Where SQLite's file format has it.
const APPLICATION_ID_AT: u64 = 68;

/// Watches over the file of an open store, or of one that is being opened.
#[derive(Debug)]
pub(super) struct Custody {
    path: PathBuf,
    store: String,
    lock: Lock,
    damage: Mutex<Option<Damage>>,
}

/// What was found, where the file is now, and what is known of it.
#[derive(Clone, Debug)]
struct Damage {
    found: String,
    aside: String,
    known: Option<String>,
}

impl Custody {
    /// Takes the store for this process.
    pub(super) fn take(path: &Path, store: &str) -> Result<Self, Fault> {
        let lock = file::lock(path)?;
        Ok(Custody { path: path.to_owned(), store: store.to_owned(), lock, damage: Mutex::default() })
    }

    /// Whether the file may be opened: not if it is gone because it was set aside.
    pub(super) fn admit(&self) -> Result<(), Fault> {
        match self.lock.mark() {
            Mark::Aside(aside) if !self.path.exists() => Err(Fault::Aside(aside)),
            _ => Ok(()),
        }
    }

    /// A store was made here before, so that an empty file is none.
    pub(super) fn knows_a_store(&self) -> bool {
        self.lock.mark() != Mark::None
    }

    /// As the configuration writes it.
    pub(super) fn store(&self) -> &str {
        &self.store
    }

    /// Forgets that a store was set aside; `false` if one is there.
    pub(super) fn begin_anew(&self) -> Result<bool, Fault> {
        if self.path.exists() {
            return Ok(false);
        }
        self.lock.write(&Mark::None).map(|()| true)
    }

    /// Why the store cannot be opened. What was never one of ours is left as it is, and without a lock of ours beside it.
    pub(super) fn refusal(&self, fault: Fault) -> QueueError {
        if fault.damage().is_some() && !self.knows_a_store() && !is_marked(&self.path) {
            let _ = std::fs::remove_file(file::beside(&self.path, "-lock"));
            return fault.of(&self.store);
        }
        self.error(fault)
    }

    /// The store is open.
    pub(super) fn opened(&self) -> Result<(), Fault> {
        if self.lock.mark() == Mark::Made { Ok(()) } else { self.lock.write(&Mark::Made) }
    }

    /// As the callers of the queue know it. A file that turns out to be damaged is set aside, once.
    pub(super) fn error(&self, fault: Fault) -> QueueError {
        let Some(found) = fault.damage() else { return fault.of(&self.store) };
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if damage.is_none() {
            match self.set_aside(found) {
                Ok(done) => *damage = Some(done),
                Err(error) => return Fault::Unusable(error).of(&self.store),
            }
        }
        self.told(damage.as_ref()).unwrap_or_else(|| fault.of(&self.store))
    }

    /// Nothing is done with a file that was set aside.
    pub(super) fn sound(&self) -> Result<(), QueueError> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        self.told(damage.as_ref()).map_or(Ok(()), Err)
    }

    fn told(&self, damage: Option<&Damage>) -> Option<QueueError> {
        let Damage { found, aside, known } = damage?.clone();
        let found = format!("was found to be damaged ({found}) and is set aside as {aside}");
        Some(QueueError::Damaged { store: self.store.clone(), found, known: known.unwrap_or_default() })
    }

    fn set_aside(&self, found: String) -> Result<Damage, String> {
        let known = known(&self.path);
        let aside = free_name(&self.path);
        // Before it is moved: a kill in between must not have the next start make a new store in silence.
        if let Err(fault) = self.lock.write(&Mark::Aside(aside.display().to_string())) {
            tracing::warn!(%fault, "the next start will not know that the store was set aside, and make a new one");
        }
        for suffix in ["", "-wal", "-shm"] {
            let (from, to) = (file::beside(&self.path, suffix), file::beside(&aside, suffix));
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let from = from.display();
                    return Err(format!(
                        "it is damaged ({found}), and {from} cannot be moved: {error}; move it away by hand"
                    ));
                }
                _ => {}
            }
        }
        Ok(Damage { found, aside: aside.display().to_string(), known })
    }
}

/// Whether the file's head says that it is a store: an older version left nothing in the lock.
fn is_marked(path: &Path) -> bool {
    let mut mark = [0; 4];
    let read = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut mark, APPLICATION_ID_AT));
    read.is_ok() && i64::from(u32::from_be_bytes(mark)) == file::APPLICATION_ID
}

/// Where there is nothing yet.
fn free_name(path: &Path) -> PathBuf {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let names = (0..).map(|n: u32| if n == 0 { format!(".damaged-{stamp}") } else { format!(".damaged-{stamp}-{n}") });
    let mut names = names.map(|suffix| file::beside(path, &suffix)).filter(|name| !name.exists());
    names.next().unwrap_or_else(|| file::beside(path, ".damaged"))
}

/// What a damaged file still tells of when to begin: with the oldest message that waited, or with the last save that was told.
fn known(path: &Path) -> Option<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    let second = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok().flatten();
    let time = |second: Option<i64>| Some(jiff::Timestamp::from_second(second?).ok()?.to_string());
    let oldest = time(second(include_str!("../../../sql/sqlite/query/oldest_waiting.sql")));
    let last = time(second(include_str!("../../../sql/sqlite/query/last_told.sql")));
    match (oldest, last) {
        (Some(oldest), _) => Some(format!(" (the oldest message that waited is of {oldest})")),
        (None, Some(last)) => Some(format!(" (the last save that it was told is of {last}, what waited may be older)")),
        (None, None) => None,
    }
}
