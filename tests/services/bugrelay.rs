//! The program itself, as an operator runs it: a process with a configuration, a store and an output file in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{free_port, poll};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configured bugrelay, running or not. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Bugrelay {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

/// The lines that a file connector has written by now; none if there is no such file.
pub(crate) fn lines_in(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // What has no line end yet is being written.
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(ToOwned::to_owned).collect()
}

/// What a verb that ended by itself left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Bugrelay {
    /// With a file connector `out`; `bugzilla` is put into `[bugzilla]`, `rest` behind everything.
    pub(crate) fn configured(database: &str, bugzilla: &str, rest: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bugrelay-").tempdir().expect("a folder");
        let port = free_port();
        let (store, out) = (folder.path().join("store.db"), folder.path().join("out.jsonl"));
        let configuration = format!(
            "[bugzilla]\ndatabase = \"{database}\"\nbase_url = \"https://bugs.example.org/\"\n{bugzilla}\n\
             [queue]\nstore = \"sqlite:{}\"\n[admin]\nlisten = \"127.0.0.1:{port}\"\n\
             [connectors.out]\ntype = \"file\"\npath = \"{}\"\n{rest}\n",
            store.display(),
            out.display()
        );
        let bugrelay = Bugrelay { folder, port, child: None };
        bugrelay.configure(&configuration);
        bugrelay
    }

    /// Configured, running and ready.
    pub(crate) fn running(database: &str) -> Self {
        let mut bugrelay = Self::configured(database, "", "");
        bugrelay.start();
        bugrelay.wait_until_ready();
        bugrelay
    }

    /// Replaces the whole configuration.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.path("bugrelay.toml"), text).expect("the configuration is written");
    }

    /// A file of its folder: `out.jsonl`, `store.db`, `log`, `bugrelay.toml`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a part of the configuration.
    pub(crate) fn replace(&self, part: &str, by: &str) {
        let text = std::fs::read_to_string(self.path("bugrelay.toml")).expect("the configuration");
        self.configure(&text.replace(part, by));
    }

    /// The store is to be in the database from now on.
    pub(crate) fn keep_in_database(&self) {
        self.replace(&format!("store = \"sqlite:{}\"", self.path("store.db").display()), "store = \"database\"");
    }

    /// Starts `run` and returns at once. Its log is added to the file `log`, at level trace.
    pub(crate) fn start(&mut self) {
        self.start_under(&[], &["run", "--log", "trace"]);
    }

    /// Starts this command line and returns at once; what it prints is added to the file `log`.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) {
        self.start_under(&[], arguments);
    }

    /// The same under another program (`strace`), which must become the process that it runs.
    pub(crate) fn start_under(&mut self, wrapper: &[&str], arguments: &[&str]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let run = self.command(arguments);
        let mut command = match wrapper.split_first() {
            None => run,
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(run.get_program()).args(run.get_args());
                command
            }
        };
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        self.child = Some(command.spawn().expect("bugrelay starts"));
    }

    /// Waits until `/readyz` says so.
    pub(crate) fn wait_until_ready(&mut self) {
        let ready = poll(PATIENCE, || self.get("/readyz").starts_with("HTTP/1.1 200") || self.has_ended());
        assert!(ready && !self.has_ended(), "bugrelay is not ready:\n{}", self.log());
    }

    /// Runs another verb to its end.
    pub(crate) fn verb(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("bugrelay runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The command line of another verb, to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bugrelay"));
        command.arg("--config").arg(self.path("bugrelay.toml")).args(arguments);
        command
    }

    /// SIGTERM, and the status that it ends with.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.take().expect("it runs").wait().expect("it ends")
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
    }

    /// Waits until it ends by itself, or by somebody else's signal.
    pub(crate) fn wait_until_ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.has_ended());
        self.child.as_mut()?.try_wait().expect("its state")
    }

    /// Memory that it holds, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it ever held, KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether the process is gone.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("its state").is_some())
    }

    /// The lines that left through connector `out`.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines_in(&self.path("out.jsonl"))
    }

    /// The same, read.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Waits for at least so many lines; gives all there are.
    pub(crate) fn wait_for(&self, lines: usize) -> Vec<String> {
        assert!(
            poll(PATIENCE, || self.lines().len() >= lines),
            "{} of {lines} lines came:\n{}",
            self.lines().len(),
            self.log()
        );
        self.lines()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A page of the admin port, with its head; empty when nobody answers.
    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(path, "Host: localhost")
    }

    /// The same, with head lines of one's own.
    pub(crate) fn ask(&self, path: &str, head: &str) -> String {
        self.send("GET", path, head)
    }

    /// The first line of an answer that need not end.
    pub(crate) fn status(&self, path: &str, limit: Duration) -> String {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(limit))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        ask().unwrap_or_default()
    }

    /// The same by another method.
    pub(crate) fn send(&self, method: &str, path: &str, head: &str) -> String {
        self.send_with(method, path, head, "")
    }

    /// The same with a body.
    pub(crate) fn send_with(&self, method: &str, path: &str, head: &str, body: &str) -> String {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let length = body.len();
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\n{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().unwrap_or_default()
    }

    /// The value of a metric, named with its labels as `/metrics` prints it.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        self.get("/metrics").lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Everything that it left on disk.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder.path()).expect("its folder").map(|entry| entry.expect("a file").path()).collect()
    }

    /// Its admin port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Bugrelay {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
