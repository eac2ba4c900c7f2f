//! Memory with messages waiting for connectors that cannot send, and what it takes to start and to be scraped with them.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::process;
use crate::services::Bugrelay;

/// A million messages take some minutes.
const LIMIT: Duration = Duration::from_secs(1800);

/// Makes them wait for each of these connectors, and prints. Bugrelay is not running before.
pub(crate) fn measure(bugrelay: &mut Bugrelay, load: &Load<'_>, messages: usize, connectors: &[&str]) {
    start(bugrelay);
    load.backlog(messages / 2);
    let begun = Instant::now();
    let waits = |connector: &&str| {
        let backlog = format!("bugrelay_backlog_messages{{connector=\"{connector}\"}}");
        bugrelay.metric(&backlog).unwrap_or(0.0) >= messages as f64
    };
    while !connectors.iter().all(waits) {
        assert!(begun.elapsed() < LIMIT, "too slow:\n{}", bugrelay.log());
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let (now, peak) = (process::resident_mb(bugrelay.pid()), process::peak_mb(bugrelay.pid()));
    let scrape = Instant::now();
    bugrelay.get("/metrics");
    println!(
        "{messages} waiting for {}: {now:.0} MB, {peak:.0} MB peak; the store has {:.0} MB; a scrape takes {:.0} ms",
        connectors.join(" and "),
        bugrelay.metric("bugrelay_store_bytes").unwrap_or(0.0) / 1e6,
        scrape.elapsed().as_secs_f64() * 1000.0
    );
    bugrelay.terminate();
    let begun = Instant::now();
    start(bugrelay);
    println!(
        "start with them: ready after {:.2} s, {:.0} MB peak",
        begun.elapsed().as_secs_f64(),
        process::peak_mb(bugrelay.pid())
    );
    bugrelay.terminate();
}

fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
}
