//! The blocking half of the file connector: open, mend, rotate, append, sync. Knows bytes, no messages.
//!
//! A regular file holds whole, synced lines only: what a crash or a full disk left half-written was never acknowledged
//! and is cut off. A stream (standard output, a pipe, a device) can neither be cut nor synced; there a line counts as
//! accepted once the system has taken all of it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{FileConfig, SendError};

/// Bodies are what anybody may read in Bugzilla; the group may have them, for log shippers.
const MODE: u32 = 0o640;
/// How much of a file's end is looked at in one go for its last line break.
const TAIL_BYTES: u64 = 64 * 1024;

/// Where the lines go.
#[derive(Debug)]
pub(super) struct Sink {
    config: FileConfig,
    open: Option<Open>,
    /// A stream ended within a line: the next write begins with a line break, so that only that line is spoilt.
    torn: bool,
}

#[derive(Debug)]
enum Open {
    Regular(File),
    Stream(File),
}

/// What [`Sink::append`] did.
#[derive(Debug)]
pub(super) struct Appended {
    /// So many of the bytes will stay.
    pub(super) bytes: usize,
    /// Why not all.
    pub(super) result: Result<(), SendError>,
}

impl Sink {
    pub(super) fn new(config: FileConfig) -> Self {
        Sink { config, open: None, torn: false }
    }

    /// Appends whole lines: all of them or, to a regular file, none.
    pub(super) fn append(&mut self, lines: &[u8]) -> Appended {
        let open = match self.take_open() {
            Ok(open) => open,
            Err(error) => return Appended { bytes: 0, result: Err(error) },
        };
        let appended = match &open {
            Open::Regular(file) => self.append_to_regular(file, lines),
            Open::Stream(file) => self.append_to_stream(file, lines),
        };
        if appended.result.is_ok() {
            self.open = Some(open);
        }
        appended
    }

    fn append_to_regular(&self, mut file: &File, lines: &[u8]) -> Appended {
        let attempt = file.metadata().map(|meta| meta.len()).map_err(|error| (error, None)).and_then(|before| {
            let written = file.write_all(lines).and_then(|()| file.sync_data());
            written.map_err(|error| (error, Some(before)))
        });
        let Err((error, before)) = attempt else { return Appended { bytes: lines.len(), result: Ok(()) } };
        let mut failure = self.explain("write to", &error);
        let undone = before.map_or(Ok(()), |before| file.set_len(before).and_then(|()| file.sync_data()));
        // Lines that could not be taken back will stay if they are whole.
        failure.perhaps_delivered = undone.is_err();
        Appended { bytes: 0, result: Err(failure) }
    }

    fn append_to_stream(&mut self, mut stream: &File, lines: &[u8]) -> Appended {
        let mended = if self.torn { stream.write_all(b"\n") } else { Ok(()) };
        let (mut bytes, mut result) = (0, mended);
        while result.is_ok() && bytes < lines.len() {
            match stream.write(&lines[bytes..]) {
                Ok(0) => result = Err(ErrorKind::WriteZero.into()),
                Ok(more) => bytes += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
        }
        self.torn = if bytes == 0 { self.torn && result.is_err() } else { lines[bytes - 1] != b'\n' };
        Appended { bytes, result: result.map_err(|error| self.explain("write to", &error)) }
    }

    /// The file, ready for the next lines: in its place, not too large, ending with a whole line.
    fn take_open(&mut self) -> Result<Open, SendError> {
        let mut open = self.open.take().filter(|open| self.in_place(open));
        if self.config.path == "-" {
            return open.map_or_else(|| stdout().map_err(|error| self.explain("open", &error)), Ok);
        }
        if open.is_none() {
            open = Some(self.open_path().map_err(|error| self.explain("open", &error))?);
        }
        match open {
            Some(Open::Regular(file)) if self.is_too_large(&file) => {
                self.rotate().map_err(|error| self.explain("rotate", &error))?;
                self.open_path().map_err(|error| self.explain("open", &error))
            }
            Some(open) => Ok(open),
            None => Err(self.explain("open", &ErrorKind::NotFound.into())),
        }
    }

    /// Whether the path still names the open file: logrotate, or somebody by hand, may have moved or deleted it.
    fn in_place(&self, open: &Open) -> bool {
        let Open::Regular(file) = open else { return true };
        match (file.metadata(), fs::metadata(&self.config.path)) {
            (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }

    fn is_too_large(&self, file: &File) -> bool {
        let Some(limit) = self.config.rotate_megabytes else { return false };
        file.metadata().is_ok_and(|meta| meta.len() > limit.saturating_mul(1_000_000))
    }

    fn open_path(&self) -> io::Result<Open> {
        let path = Path::new(&self.config.path);
        let before = fs::metadata(path);
        if let Ok(meta) = &before
            && !meta.is_file()
        {
            // Not for reading too: as a reader of our own pipe we would never learn that the other one is gone.
            return OpenOptions::new().append(true).open(path).map(Open::Stream);
        }
        let file = OpenOptions::new().append(true).read(true).create(true).mode(MODE).open(path)?;
        // Two that write one file would cut each other's lines off. A file system without locks is taken as it is.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(ErrorKind::ResourceBusy.into());
        }
        if before.is_err() {
            sync_directory(path)?;
        }
        self.cut_torn_line(&file)?;
        Ok(Open::Regular(file))
    }

    fn cut_torn_line(&self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let whole = end_of_last_line(file, length)?;
        if whole < length {
            tracing::warn!(
                path = self.config.path,
                bytes = length - whole,
                "cut off a line that a crash left half-written; its message is sent again"
            );
            file.set_len(whole)?;
            file.sync_data()?;
        }
        Ok(())
    }

    /// Renames the file to `<path>.<time>`, never over another one.
    fn rotate(&self) -> io::Result<()> {
        let path = Path::new(&self.config.path);
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        for attempt in 0..1000 {
            let number = if attempt == 0 { String::new() } else { format!("-{attempt}") };
            let target = format!("{}.{time}{number}", self.config.path);
            // Taking the name first makes sure that the rename replaces nothing but our own empty file.
            match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    fs::rename(path, &target).inspect_err(|_| drop(fs::remove_file(&target)))?;
                    return sync_directory(path);
                }
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// The one place that classifies what the system says.
    fn explain(&self, doing: &str, error: &io::Error) -> SendError {
        use ErrorKind as K;
        let path = if self.config.path == "-" { "standard output" } else { &self.config.path };
        let say = |what: &str| format!("cannot {doing} {path}: {what}");
        match error.kind() {
            K::NotFound => SendError::misconfigured(say("its directory does not exist; create it, or correct `path`")),
            K::PermissionDenied => SendError::misconfigured(say(
                "permission denied; let the user that bugrelay runs as write this file and its directory",
            )),
            K::IsADirectory => SendError::misconfigured(say("it is a directory; let `path` name a file in it")),
            K::NotADirectory => SendError::misconfigured(say("a part of its path is not a directory; correct `path`")),
            K::ReadOnlyFilesystem => {
                SendError::misconfigured(say("its file system is read-only; mount it writable, or correct `path`"))
            }
            K::InvalidFilename => SendError::misconfigured(say("not a name that a file can have; correct `path`")),
            K::StorageFull | K::QuotaExceeded | K::FileTooLarge => {
                SendError::transient(say("there is no room left; free some, or move the file away"))
            }
            K::BrokenPipe => SendError::transient(say("nobody reads from it any more; start the reader again")),
            K::ResourceBusy => {
                SendError::transient(say("another process or connector writes it; give each a file of its own"))
            }
            _ => SendError::transient(say(&error.to_string())),
        }
    }
}

/// A handle of its own: the one of the standard library would keep unwritten bytes and write them after a failure.
fn stdout() -> io::Result<Open> {
    let stream = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok(Open::Stream(stream))
}

/// Makes a new name in the file's directory last.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// The length up to and with the last line break; 0 if there is none.
fn end_of_last_line(file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        let mut tail = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.read_exact_at(&mut tail, start)?;
        if let Some(at) = tail.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + u64::try_from(at).unwrap_or_default() + 1);
        }
        end = start;
    }
    Ok(0)
}
