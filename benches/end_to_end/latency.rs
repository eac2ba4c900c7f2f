//! From COMMIT to the line in the file of connector `out`, at a steady rate of saves.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use std::fmt;
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::process;
use crate::services::Bugrelay;

/// How long the last line may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Latency {
    /// Milliseconds, the shortest first.
    delays: Vec<f64>,
    saves: usize,
    lines: usize,
    /// Of one core.
    percent: f64,
}

impl Latency {
    /// Of a bugrelay that runs and has nothing else to do.
    pub(crate) fn measure(bugrelay: &Bugrelay, load: &Load<'_>, rate: u32, seconds: u32) -> Self {
        let mut counter = process::Lines::of(&bugrelay.path("out.jsonl"));
        let before = counter.count();
        // Of an earlier load.
        drop(counter.take_sequences());
        let cpu = process::cpu_seconds(bugrelay.pid());
        let saves = (rate * seconds) as usize;
        let (saves_made, seen) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| load.steady(rate, saves));
            let mut seen = Vec::with_capacity(saves);
            let deadline = Instant::now() + Duration::from_secs(u64::from(seconds)) + PATIENCE;
            while seen.len() < saves && Instant::now() < deadline {
                counter.count();
                let now = Instant::now();
                seen.extend(counter.take_sequences().into_iter().map(|sequence| (sequence, now)));
                process::nap();
            }
            (writer.join().expect("the load ends"), seen)
        });
        let mut delays: Vec<f64> = seen
            .iter()
            .filter_map(|(sequence, at)| {
                Some(at.duration_since(saves_made.get(*sequence)?.commit).as_secs_f64() * 1000.0)
            })
            .collect();
        delays.sort_by(f64::total_cmp);
        let used = process::cpu_seconds(bugrelay.pid()) - cpu;
        let percent = 100.0 * used / f64::from(seconds);
        Latency { delays, saves, lines: counter.count() - before, percent }
    }

    /// Whether each save was seen.
    pub(crate) fn is_complete(&self) -> bool {
        self.delays.len() == self.saves
    }

    /// CPU of bugrelay meanwhile, percent of one core.
    pub(crate) fn percent(&self) -> f64 {
        self.percent
    }

    /// So many milliseconds, or fewer, took this share of the saves.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let at = (self.delays.len() as f64 * share) as usize;
        self.delays.get(at.min(self.delays.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} seen, {} lines: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms from COMMIT to the line in the file; {:.1} % of a core",
            self.delays.len(),
            self.saves,
            self.lines,
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0),
            self.percent
        )
    }
}
