//! What a process used, from /proc; and the lines of a growing file.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A third of a millisecond.
pub(crate) fn nap() {
    std::thread::park_timeout(Duration::from_micros(300));
}

/// Linux counts in hundredths of a second on every machine that Bugzilla runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A field of `stat`, counted behind the name.
fn field(stat: &str, at: usize) -> f64 {
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' '));
    fields.and_then(|mut fields| fields.nth(at)?.parse().ok()).unwrap_or(0.0)
}

const PARENT: usize = 1;

fn cpu_of(stat: &str) -> f64 {
    (field(stat, 11) + field(stat, 12)) / TICKS_PER_SECOND
}

/// Of its children that have ended.
fn cpu_of_the_ended(stat: &str) -> f64 {
    (field(stat, 13) + field(stat, 14)) / TICKS_PER_SECOND
}

/// User and system time so far.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    cpu_of(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())
}

/// The same with all its children, those that have ended too: PostgreSQL has a process for each session.
pub(crate) fn family_cpu_seconds(pid: u32) -> f64 {
    let own = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let children = stats.filter(|stat| field(stat, PARENT) == f64::from(pid));
    cpu_of(&own) + cpu_of_the_ended(&own) + children.map(|stat| cpu_of(&stat) + cpu_of_the_ended(&stat)).sum::<f64>()
}

/// The same by thread, the busiest first.
pub(crate) fn threads(pid: u32) -> Vec<(String, f64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<(String, f64)> = tasks
        .map(|task| {
            let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            (read("comm").trim().to_owned(), cpu_of(&read("stat")))
        })
        .collect();
    threads.sort_by(|a, b| b.1.total_cmp(&a.1));
    threads
}

fn status_mb(pid: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

/// The most that was resident, MiB.
pub(crate) fn peak_mb(pid: u32) -> f64 {
    status_mb(pid, "VmHWM:")
}

/// What is resident now, MiB.
pub(crate) fn resident_mb(pid: u32) -> f64 {
    status_mb(pid, "VmRSS:")
}

/// Counts the lines of a file while it grows, and finds `seq=N;` in them.
pub(crate) struct Lines {
    path: PathBuf,
    file: Option<File>,
    count: usize,
    tail: Vec<u8>,
    sequences: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(path: &Path) -> Self {
        Lines { path: path.to_owned(), file: None, count: 0, tail: vec![], sequences: vec![] }
    }

    /// Reads what came; lines in all.
    pub(crate) fn count(&mut self) -> usize {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return 0 };
        let mut more = Vec::new();
        if file.read_to_end(&mut more).is_ok() && !more.is_empty() {
            self.count += more.iter().filter(|&&byte| byte == b'\n').count();
            self.tail.extend_from_slice(&more);
            let end = self.tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let lines: Vec<u8> = self.tail.drain(..end).collect();
            let mut rest = lines.as_slice();
            while let Some(at) = rest.windows(4).position(|window| window == b"seq=") {
                rest = &rest[at + 4..];
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.sequences
                    .extend(std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse::<usize>().ok()));
            }
        }
        self.count
    }

    /// The sequences found since the last call.
    pub(crate) fn take_sequences(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.sequences)
    }
}
