//! The file of the store: whose it is, who may use it, and how it is opened. Nothing about what is in it.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, CONTROLS};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};

use super::fault::Fault;
use super::mark::Mark;

/// "bugr": marks the database as ours.
pub(super) const APPLICATION_ID: i64 = 0x6275_6772;

/// Schema versions in order; a released one is never edited.
const MIGRATIONS: [&str; 8] = [
    include_str!("../../../sql/sqlite/migration/0001_store.sql"),
    include_str!("../../../sql/sqlite/migration/0002_pause.sql"),
    include_str!("../../../sql/sqlite/migration/0003_sweep.sql"),
    include_str!("../../../sql/sqlite/migration/0004_parked.sql"),
    include_str!("../../../sql/sqlite/migration/0005_spent.sql"),
    include_str!("../../../sql/sqlite/migration/0006_saved_at.sql"),
    include_str!("../../../sql/sqlite/migration/0007_server.sql"),
    include_str!("../../../sql/sqlite/migration/0008_relayed.sql"),
];

/// Bytes of a page: six bodies of the usual size, and half the system calls of the default.
pub(super) const PAGE: u64 = 8192;

/// Page caches, in KiB. What waits is read once and in order, so more would not help.
const WRITER_CACHE: i32 = 6144;
const READER_CACHE: i32 = 1024;

/// What ends or changes a path in a URI.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// A sentence and a path.
const MARK_BYTES_MAX: usize = 8192;

/// How long the file's pages are looked through at a start: all of a small one, and some of a large one.
const PROBE: Duration = Duration::from_millis(250);

/// How long a checkpoint waits for readers.
const BUSY: Duration = Duration::from_secs(10);

/// Held while this process uses the store; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(File);

/// Not left to the closing of the file: a process that is just being started by this one may hold a copy of it.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "the store's lock stays until this process ends");
        }
    }
}

impl Lock {
    /// What is written into it.
    pub(super) fn mark(&self) -> Mark {
        let mut text = vec![0; MARK_BYTES_MAX];
        let length = self.0.read_at(&mut text, 0).unwrap_or_default();
        Mark::read(&String::from_utf8_lossy(&text[..length]))
    }

    /// Replaces what is written into it.
    pub(super) fn write(&self, mark: &Mark) -> Result<(), Fault> {
        let text = mark.text();
        let written = self.0.write_all_at(text.as_bytes(), 0).and_then(|()| self.0.set_len(text.len() as u64));
        written
            .and_then(|()| self.0.sync_all())
            .map_err(|error| Fault::Other(format!("its lock cannot be written: {error}")))
    }
}

/// Takes the store for this process.
pub(super) fn lock(path: &Path) -> Result<Lock, Fault> {
    let lock_path = beside(path, "-lock");
    let file = private_file(&lock_path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Fault::InUse),
        Err(TryLockError::Error(error)) => Err(cannot("lock", &lock_path, &error)),
    }
}

/// Looks whether the store could be opened, and changes nothing; `false` if it is not there yet and could be made.
pub(super) fn look(path: &Path) -> Result<bool, Fault> {
    let lock_path = beside(path, "-lock");
    if let Ok(file) = File::open(&lock_path) {
        // Shared, and let go of at once: one that starts at this very moment is all that could be in the way of it.
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Fault::InUse),
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &lock_path, &error)),
        }
        if let Mark::Aside(aside) = Lock(file).mark()
            && !path.exists()
        {
            return Err(Fault::Aside(aside));
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let exists = path.try_exists().map_err(|error| cannot("look at", path, &error))?;
    let (place, wanted) = if exists { (path, Access::READ_OK | Access::WRITE_OK) } else { (folder, Access::WRITE_OK) };
    access(place, wanted).map_err(|error| cannot("write to", place, &error.into()))?;
    if !exists {
        return if folder.is_dir() {
            Ok(false)
        } else {
            Err(cannot("look into", folder, &io::ErrorKind::NotADirectory.into()))
        };
    }
    identify(&open_immutable(path)?)?;
    Ok(true)
}

/// To look into it, whoever uses it. Makes no file.
pub(super) fn open_beside(path: &Path) -> Result<Connection, Fault> {
    // What a process that uses it has written, or one that was killed, may be in the log alone.
    if std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) && beside(path, "-shm").exists() {
        return Ok(Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?);
    }
    open_immutable(path)
}

/// Immutable: else SQLite makes its companions beside the file, be it to read.
fn open_immutable(path: &Path) -> Result<Connection, Fault> {
    let uri =
        format!("file:{}?immutable=1", percent_encoding::utf8_percent_encode(&path.to_string_lossy(), NOT_IN_A_PATH));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// Opens the store for writing, makes it if it is not there, and looks whether it can be trusted. How long this takes does not
/// depend on what waits in it. The log starts anew beyond `log_bytes`: a large one saves syncs. A file `was_made` cannot be empty.
pub(super) fn open_writer(path: &Path, log_bytes: u64, was_made: bool) -> Result<Connection, Fault> {
    let is_there = path.exists();
    drop(private_file(path)?);
    let mut connection = connect(path)?;
    let version = identify(&connection)?;
    if version == 0 && was_made && is_there {
        return Err(Fault::Damaged("there is nothing in it".to_owned()));
    }
    if version == 0 {
        // Both must be said before the first table is there.
        connection.execute_batch(&format!("PRAGMA page_size = {PAGE}; PRAGMA auto_vacuum = INCREMENTAL"))?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Unusable(format!(
            "it cannot have a write-ahead log (journal mode {mode}); is it on a network disk?"
        )));
    }
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", i64::try_from(log_bytes / PAGE).unwrap_or(i64::MAX))?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    migrate(&connection, version)?;
    whole(&mut connection, path)?;
    Ok(connection)
}

/// A second connection, which sees what was committed.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let connection = connect(path)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Which file was opened, so that another one in its place, or none, is noticed.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the file that is there now.
    pub(super) fn of(path: &Path) -> Result<Self, Fault> {
        let found = std::fs::metadata(path).map_err(|error| cannot("look at", path, &error))?;
        Ok(Identity { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Fails if what is written now would be gone with this process: an inode that is open is not given to another file.
    pub(super) fn verify(&self) -> Result<(), Fault> {
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(()),
            Ok(_) => Err(Fault::Lost("replaced by another file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::Lost("deleted")),
            Err(error) => Err(cannot("look at", &self.path, &error)),
        }
    }
}

/// Bytes of the store on disk, its log included.
pub(super) fn size_on_disk(path: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    size(path) + size(&beside(path, "-wal"))
}

/// The path with something behind its file name, as SQLite names its own companions.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens or makes a file that only its owner can read: it holds what Bugzilla said, be it public.
pub(super) fn private_file(path: &Path) -> Result<File, Fault> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|error| cannot("open", path, &error))?;
    let mode = file.metadata().map_err(|error| cannot("look at", path, &error))?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|error| cannot("make private", path, &error))?;
    }
    Ok(file)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::StorageFull {
        return Fault::Limit("no space is left on its disk".to_owned());
    }
    Fault::Unusable(format!(
        "cannot {what} {}: {error}; its directory must exist and be writable for bugrelay",
        path.display()
    ))
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The schema's version; 0 for an empty file. Refuses what is not ours before anything is written to it.
fn identify(connection: &Connection) -> Result<usize, Fault> {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    if application == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(Fault::Unusable(
            "it is a database of another program; name another file in [queue] store".to_owned(),
        ));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(Fault::Unusable(format!(
            "it is of version {version}, and this bugrelay knows versions up to {}; run the newer bugrelay again",
            MIGRATIONS.len()
        ))),
    }
}

fn migrate(connection: &Connection, from: usize) -> Result<(), Fault> {
    for (version, script) in MIGRATIONS.iter().enumerate().skip(from) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(version + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether the file is as long as it says, and its tables can be read at both ends.
fn whole(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    // A full disk may forbid this; the log is then still needed to know how long the file will be.
    let log_is_empty = match truncate_log(connection) {
        Ok(()) => true,
        Err(fault) if fault.is_disk_full() => false,
        Err(fault) => return Err(fault),
    };
    let expected: u64 = connection
        .query_row("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", [], |row| row.get(0))
        .map(|bytes: i64| u64::try_from(bytes).unwrap_or(0))?;
    let found = std::fs::metadata(path).map_err(|error| cannot("look at", path, &error))?.len();
    if log_is_empty && found < expected {
        return Err(Fault::Damaged(format!("{found} bytes long, not {expected}")));
    }
    connection.query_row(include_str!("../../../sql/sqlite/query/ends.sql"), [], |_| Ok(())).map_err(|error| {
        match error {
            rusqlite::Error::QueryReturnedNoRows => Fault::Damaged("its state is missing".to_owned()),
            error => error.into(),
        }
    })?;
    probe(connection)
}

/// Looks through the pages until the time is up: what is not seen now is met when it is read.
fn probe(connection: &mut Connection) -> Result<(), Fault> {
    let until = Instant::now() + PROBE;
    connection.progress_handler(1_000, Some(move || Instant::now() > until))?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(Fault::Damaged(found.lines().last().unwrap_or_default().to_owned())),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Moves all of the log into the file, and makes the log empty.
pub(super) fn truncate_log(connection: &Connection) -> Result<(), Fault> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(Fault::Other("its log could not be emptied while it is being read".to_owned())) } else { Ok(()) }
}
