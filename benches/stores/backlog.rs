//! A backlog that comes in and leaves: messages collect behind connectors that are paused, what the store takes for them is looked at, and
//! then one connector after the other gets them from a fresh process. Whoever has to wait meanwhile is still paused.

use std::time::{Duration, Instant};

use crate::bus::{Bus, Place};
use crate::load::{DATED_EACH_SECOND, Load};
use crate::meter::{Meter, Work};
use crate::operator::{give_token, tell};
use crate::services::Bugrelay;
use crate::site::{Server, Site, Store};
use crate::{Figures, Plan};

/// For whatever is waited for.
const LIMIT: Duration = Duration::from_secs(3_600);
/// Between two looks at what waits, which cost the store one short read.
const LOOK: Duration = Duration::from_millis(100);

/// Messages that are saved at once while bugrelay is away: so that what Bugzilla does is no part of the measurement, and what its triggers
/// leave stays below their limit.
const PORTION: usize = 100_000;

/// A save gives a message about the bug, and one about the comment.
const MESSAGES: usize = 2;

/// How long ago the saves end: no sweep looks at what was before the store began.
const PAST_SECONDS: usize = 3_600;

/// What it takes, of one store.
pub(crate) fn measure(store: &Store, server: &Server, plan: &Plan, buses: &[Bus]) -> Figures {
    let site = &*server.site();
    let load = Load::prepare(site);
    let mut bugrelay = configured(store, site, plan, buses);
    start(&mut bugrelay);
    buses.iter().for_each(|bus| tell(&bugrelay, connector(bus), "pause"));
    bugrelay.terminate();
    let mut stored = Work::default();
    while (stored.messages as usize) < plan.messages {
        let portion = PORTION.min(plan.messages - stored.messages as usize).div_ceil(MESSAGES);
        load.backlog_of_the_past(portion, PAST_SECONDS + portion / DATED_EACH_SECOND);
        site.settle();
        let meter = Meter::start(site, server.pid());
        bugrelay.start_with(&["run", "--log", "info"]);
        let last = stored.messages as usize + portion * MESSAGES;
        wait(&bugrelay, || waits_behind(&bugrelay, connector(&buses[0]), last - 1));
        stored += meter.stop(portion * MESSAGES, bugrelay.pid());
        bugrelay.terminate();
    }
    let mut figures = stored.figures("stored");
    let megabytes = store.bytes(site, &bugrelay) / stored.messages;
    figures.push(("store for a million that wait, MB".to_owned(), format!("{megabytes:.0}")));
    for bus in buses {
        let begun = Instant::now();
        start(&mut bugrelay);
        if matches!(bus, Bus::File) {
            figures.push(("start with all that waits, s".to_owned(), format!("{:.2}", begun.elapsed().as_secs_f64())));
        }
        let meter = Meter::start(site, server.pid());
        tell(&bugrelay, connector(bus), "resume");
        wait(&bugrelay, || !waits_behind(&bugrelay, connector(bus), 0));
        let left = meter.stop(stored.messages as usize, bugrelay.pid());
        bugrelay.terminate();
        println!("  {} messages to {}: {:.1} s", left.messages, bus.name(), left.wall);
        figures.extend(left.figures(&format!("to {}", bus.name())));
    }
    figures
}

/// The file's connector is there anyway.
fn connector(bus: &Bus) -> &'static str {
    if matches!(bus, Bus::File) { "out" } else { bus.name() }
}

fn configured(store: &Store, site: &dyn Site, plan: &Plan, buses: &[Bus]) -> Bugrelay {
    let batch = format!("batch = {}\n", plan.batch);
    let block = |bus: &Bus| {
        let (kind, keys) = bus.keys(Place::Bugrelay)?;
        Some(format!("[connectors.{}]\ntype = \"{kind}\"\n{batch}{keys}", connector(bus)))
    };
    let rest: String = std::iter::once(batch.clone()).chain(buses.iter().filter_map(block)).collect();
    let bugrelay = store.bugrelay(site, &rest);
    give_token(&bugrelay);
    bugrelay
}

fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
}

/// Whether a message behind this sequence waits for the connector. Not by a metric: each scrape would count all that wait.
fn waits_behind(bugrelay: &Bugrelay, connector: &str, sequence: usize) -> bool {
    bugrelay.get(&format!("/api/backlog/{connector}?after={sequence}&limit=1")).contains("\"sequence\":")
}

fn wait(bugrelay: &Bugrelay, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < LIMIT, "too slow:\n{}", bugrelay.log());
        std::thread::park_timeout(LOOK);
    }
}
