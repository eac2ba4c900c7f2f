//! How long bugrelay takes for what was saved while it was away, and what that costs.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use std::time::{Duration, Instant};

use crate::process;
use crate::services::Bugrelay;

/// Whoever takes longer does not get on at all.
const LIMIT: Duration = Duration::from_secs(600);

/// Of one run. CPU in seconds.
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    /// Until the first message.
    pub(crate) first: Duration,
    pub(crate) cpu: f64,
    pub(crate) server_cpu: f64,
    pub(crate) peak_mb: f64,
    /// Where the time went, lines to print.
    pub(crate) details: String,
}

/// From the start of the process until so many lines have left; `server` is the database's process.
pub(crate) fn measure(bugrelay: &mut Bugrelay, server: u32, lines: usize) -> Usage {
    let server_before = process::family_cpu_seconds(server);
    let begun = Instant::now();
    bugrelay.start_with(&["run", "--log", "info"]);
    let out = bugrelay.path("out.jsonl");
    let mut counter = process::Lines::of(&out);
    let mut first = None;
    while counter.count() < lines {
        if first.is_none() && counter.count() > 0 {
            first = Some(begun.elapsed());
        }
        assert!(begun.elapsed() < LIMIT, "too slow: {} of {lines} lines:\n{}", counter.count(), bugrelay.log());
        process::nap();
    }
    let wall = begun.elapsed();
    let pid = bugrelay.pid();
    let usage = Usage {
        wall,
        first: first.unwrap_or(wall),
        cpu: process::cpu_seconds(pid),
        server_cpu: process::family_cpu_seconds(server) - server_before,
        peak_mb: process::peak_mb(pid),
        details: details(bugrelay),
    };
    bugrelay.terminate();
    usage
}

fn details(bugrelay: &Bugrelay) -> String {
    let threads: Vec<String> =
        process::threads(bugrelay.pid()).iter().map(|(name, cpu)| format!("{name} {cpu:.1} s")).collect();
    let metrics = bugrelay.get("/metrics");
    let stages = metrics.lines().filter(|line| line.starts_with("bugrelay_stage_seconds_total"));
    let stages: String = stages.map(|line| format!("  {line}\n")).collect();
    format!("{stages}  CPU by thread: {}\n", threads.join(", "))
}
