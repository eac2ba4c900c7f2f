//! Reads a file that somebody named, up to a limit: a wrong name may be a disk image's, and it is looked at every few seconds.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The whole text.
///
/// # Errors
/// What the system says; it is no UTF-8; it is larger than `bytes_max`.
pub(super) fn read(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is larger than {} KiB; is it the right file?", bytes_max >> 10)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no text (UTF-8)"))
}
