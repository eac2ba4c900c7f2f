//! A piece of disk that is given up when the disk is full. Recording deliveries frees room, but needs a little room itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::file;

/// The file that takes the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: usize,
}

impl Reserve {
    /// Beside the store: twice its log, or a sixteenth of what it may hold if that is less.
    pub(super) fn new(store: &Path, max_bytes: i64) -> Self {
        let bytes = usize::try_from(max_bytes / 16).unwrap_or(0).min(16 << 20);
        Reserve { path: file::beside(store, "-reserve"), bytes }
    }

    /// Takes the room if it can be had. Without it a full disk is worse, but everything else works.
    pub(super) fn hold(&self) {
        if std::fs::metadata(&self.path).is_ok_and(|held| held.len() == self.bytes as u64) {
            return;
        }
        if self.fill().is_err() {
            tracing::debug!(bytes = self.bytes, "no room for the reserve of the store");
            self.release();
        }
    }

    /// Gives the room up; `false` if there was none.
    pub(super) fn release(&self) -> bool {
        std::fs::remove_file(&self.path).is_ok()
    }

    fn fill(&self) -> std::io::Result<()> {
        let mut file = std::fs::File::create(&self.path)?;
        // Written, not only made long: a hole takes no room.
        let zeros = vec![0; 64 << 10];
        let mut left = self.bytes;
        while left > 0 {
            let some = left.min(zeros.len());
            file.write_all(&zeros[..some])?;
            left -= some;
        }
        file.sync_all()
    }
}
