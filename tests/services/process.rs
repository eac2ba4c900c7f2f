//! A server process that cannot outlive the test, however the test ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Starts the command, says its process id, and waits for a line with a signal's name; then it ends the server and is gone
/// itself. When its input ends before, the test binary is gone, killed perhaps: nobody else will clean up.
const GUARD: &str = r#"
folder=$1; shift
"$@" >>"$folder/log" 2>&1 </dev/null &
echo $!
read -r signal || orphaned=1
kill -s "${signal:-KILL}" $!
wait $!
[ -z "$orphaned" ] || rm -rf -- "$folder"
"#;

/// A running server. Killed when dropped; in a `static`, when the test binary ends.
#[derive(Debug)]
pub(super) struct Process {
    guard: Child,
    pid: u32,
}

impl Process {
    /// Starts `command`, with its output in the file `log` of its folder.
    pub(super) fn start(folder: &Path, command: &[&str]) -> Self {
        // Debian keeps servers in a folder that only root has in its path.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut guard = Command::new("sh")
            .env("PATH", path)
            .args(["-c", GUARD, "sh"])
            .arg(folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Where it would say that it killed somebody.
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).expect("the guard says the process id");
        Process { guard, pid: line.trim().parse().expect("a process id") }
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The processes that it has started itself.
    pub(super) fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = std::fs::read_to_string(path).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Whether it still runs, or is stopped.
    pub(super) fn is_alive(&self) -> bool {
        is_alive(self.pid)
    }

    /// The kernel's letter for it; `None` if it is gone.
    fn state(&self) -> Option<char> {
        state(self.pid)
    }

    /// Ends it by this signal (`KILL`, `TERM`) and waits until it is gone.
    pub(super) fn end(&mut self, signal: &str) {
        if let Some(mut input) = self.guard.stdin.take() {
            // Fails if the guard is gone already, and the server with it.
            let _ = writeln!(input, "{signal}");
        }
        self.guard.wait().expect("the guard ends");
    }

    /// Sends `STOP` (it hangs) or `CONT` (it goes on).
    pub(super) fn signal(&self, signal: &str) {
        let done = Command::new("kill").args(["-s", signal, &self.pid.to_string()]).status().expect("kill runs");
        assert!(done.success(), "cannot send {signal} to process {}", self.pid);
        // On a loaded machine its threads go on for a while.
        assert!(signal != "STOP" || poll(Duration::from_secs(10), || self.state() == Some('T')), "it does not stop");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end("KILL");
    }
}

/// Whether a process still runs, or is stopped.
pub(super) fn is_alive(pid: u32) -> bool {
    // Z: ended, and not yet fetched by whoever started it.
    state(pid).is_some_and(|state| state != 'Z')
}

fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A port on which nobody listens now, and that no other caller in this process was given: below those that the system gives to
/// connections, and from a place that is another process's only by chance.
pub(crate) fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 10_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let at = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + at).expect("in the range");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Polls until `done`, at most this long; `false` if it was not.
#[allow(
    clippy::disallowed_methods,
    reason = "polls a server that cannot tell when it is ready; there is no runtime here"
)]
pub(crate) fn poll(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(30));
    }
}
