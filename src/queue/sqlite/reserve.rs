//! A piece of disk that is given up when the disk is full.
//!
//! Recording deliveries frees room, but needs some itself: what is in the log must fit into the file before the log can start
//! anew. So nothing is put unless a reserve as large as the log can become is held.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::file;

/// Sizes in bytes, best first: on a small disk a small reserve, and a small log with it.
const SIZES: [u64; 3] = [8 << 20, 2 << 20, 512 << 10];

/// The disk must have room for so many times the reserve when it is chosen.
const SHARE: u64 = 4;

/// The file that takes the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    base: u64,
}

impl Reserve {
    /// Beside the store, as large as the disk lets.
    pub(super) fn new(store: &Path) -> Self {
        let of = |base| Reserve { path: file::beside(store, "-reserve"), base };
        SIZES.into_iter().map(of).find(Reserve::fits).unwrap_or_else(|| of(SIZES[SIZES.len() - 1]))
    }

    /// Whether it is held already or can be, with enough room left for the store itself.
    fn fits(&self) -> bool {
        let fits = self.held() == self.base || self.resize(SHARE * self.base).is_ok() && self.resize(self.base).is_ok();
        if !fits {
            self.release();
        }
        fits
    }

    /// How large the log may be before it starts anew, in bytes.
    pub(super) fn log_bytes(&self) -> u64 {
        self.base / 2
    }

    /// Makes sure that so many bytes can be put now, and what they push out of the log can still be written when the disk is full.
    pub(super) fn hold(&self, put: u64) -> Result<(), Fault> {
        // Twice: rows and indexes besides the bodies.
        let wanted = self.base.max(self.log_bytes() + 2 * put);
        if self.held() == wanted {
            return Ok(());
        }
        self.resize(wanted).map_err(|_| {
            self.release();
            Fault::Crowded(wanted)
        })
    }

    /// Gives the room up; `false` if there was none.
    pub(super) fn release(&self) -> bool {
        std::fs::remove_file(&self.path).is_ok()
    }

    fn held(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn resize(&self, wanted: u64) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        let mut held = file.seek(SeekFrom::End(0))?;
        // Written, not only made long: a hole takes no room.
        let zeros = vec![0; 64 << 10];
        while held < wanted {
            let some = zeros.len().min(usize::try_from(wanted - held).unwrap_or(usize::MAX));
            file.write_all(&zeros[..some])?;
            held += some as u64;
        }
        file.set_len(wanted)?;
        file.sync_all()
    }
}
