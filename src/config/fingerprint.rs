//! What was written and what lay in the files that it names, in one number: to see whether any of it has changed.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A certificate, a key or a list of authorities is no larger; what lies behind is not looked at.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Secrets are in it, so it is not printed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of a text and of files, in their order. A file that cannot be read counts as one that is not there: who needs it says so.
    pub(super) fn of<'a>(written: &str, files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        written.hash(&mut hasher);
        for file in files {
            content(file).hash(&mut hasher);
        }
        Fingerprint(hasher.finish())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

fn content(path: &Path) -> Option<Vec<u8>> {
    // Of a pipe somebody would wait for the other end.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut content = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut content).ok()?;
    Some(content)
}
