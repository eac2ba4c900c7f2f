//! The real clients of Python's packages that `scripts/clients` installs, run by the scripts beside it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::poll;

/// Python starts slowly where others are at work.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A script that listens, and says a line for each thing that it hears. Killed when dropped; it ends by itself before long, too.
pub(crate) struct Client {
    child: Child,
    folder: TempDir,
}

impl Client {
    /// Started, and it has said READY. In the arguments FOLDER stands for a folder of its own.
    pub(crate) fn listening(script: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = client(script);
        for argument in arguments {
            command.arg(if *argument == "FOLDER" { folder.path().as_os_str() } else { argument.as_ref() });
        }
        let file = |name: &str| File::create(folder.path().join(name)).expect("a file");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let client = Client { child: command.spawn().expect("it starts"), folder };
        client.wait_for("it is ready", |lines| lines.iter().any(|line| line == "READY"));
        client
    }

    /// What it has said so far, line by line.
    pub(crate) fn said(&self) -> Vec<String> {
        let out = self.read("out");
        // The last one may be half written.
        let whole = out.rfind('\n').map_or("", |end| &out[..end]);
        whole.lines().map(ToOwned::to_owned).collect()
    }

    /// What it has heard so far.
    pub(crate) fn heard(&self) -> Vec<Value> {
        self.said().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until it has heard so much.
    pub(crate) fn wait_to_hear(&self, what: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        self.wait_for(what, |_| enough(&self.heard()));
        self.heard()
    }

    fn wait_for(&self, what: &str, condition: impl Fn(&[String]) -> bool) {
        let met = poll(PATIENCE, || condition(&self.said()));
        assert!(met, "never: {what}\n{}\n{}", self.said().join("\n"), self.read("err"));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
