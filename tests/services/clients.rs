//! The real clients of Python's packages that `scripts/clients` installs, run by the scripts beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python that has them.
pub(crate) fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/services/clients/bin/python");
    assert!(python.exists(), "the Python clients are not there; scripts/clients fetches them");
    python
}

/// One of the scripts of `tests/services/clients`, not started yet.
pub(crate) fn client(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services/clients");
    let mut command = Command::new(python());
    // Their own warnings are about what they are built on.
    command.env("PYTHONWARNINGS", "ignore").env("PYTHONDONTWRITEBYTECODE", "1").arg(folder.join(script));
    command
}
