//! `bugrelay tail` beside a running bugrelay, with what it shows in a file of that one's folder.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::{Bugrelay, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `tail`. Killed when dropped.
pub(crate) struct Listener {
    out: PathBuf,
    child: Child,
}

impl Listener {
    /// Started, and listening; shows what comes in `NAME.out`.
    pub(crate) fn start(bugrelay: &Bugrelay, name: &str, arguments: &[&str]) -> Self {
        let (out, err) = (bugrelay.path(&format!("{name}.out")), bugrelay.path(&format!("{name}.err")));
        let mut command = bugrelay.command(arguments);
        command.stdin(Stdio::null());
        command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
        let listener = Listener { out, child: command.spawn().expect("it starts") };
        let said = || std::fs::read_to_string(&err).unwrap_or_default();
        assert!(poll(PATIENCE, || said().contains("listening")), "{}", said());
        listener
    }

    /// What it has shown so far.
    pub(crate) fn shown(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Waits for at least so many lines.
    pub(crate) fn wait_for(&self, lines: usize) -> Vec<String> {
        assert!(poll(PATIENCE, || self.shown().lines().count() >= lines), "{}", self.shown());
        self.shown().lines().map(ToOwned::to_owned).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
