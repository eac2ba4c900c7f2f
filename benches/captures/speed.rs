//! How fast a way in is: what was saved while bugrelay was away, and from COMMIT to the line at a steady rate.

use std::fmt;

use crate::Plan;
use crate::catch_up;
use crate::latency::Latency;
use crate::load::{DATED_EACH_SECOND, Load};
use crate::services::Bugrelay;
use crate::way::{Site, Way};

/// How long ago the saves to catch up with end: no sweep looks at them, and nobody looks at them once more for late commits.
const PAST_SECONDS: usize = 3_600;

/// A save gives a message about the bug, and one about the comment.
const MESSAGES: usize = 2;

/// A row of the first table.
pub(crate) struct Speed {
    way: &'static str,
    saves_a_second: f64,
    /// CPU of a save while it catches up, milliseconds.
    cpu_ms: f64,
    server_cpu_ms: f64,
    peak_mb: f64,
    latency: Latency,
}

impl Speed {
    pub(crate) const HEAD: &str = "| way in | caught up, saves/s | CPU of bugrelay a save, ms | of the server, ms | memory, MB | latency p50, ms | p99, ms | CPU of bugrelay meanwhile, of a core |\n|---|---|---|---|---|---|---|---|";

    /// On a site with the load prepared, and nothing else.
    pub(crate) fn measure(way: &Way, site: &Site<'_>, load: &Load<'_>, plan: &Plan) -> Self {
        way.install(site);
        let past = PAST_SECONDS + plan.saves / DATED_EACH_SECOND;
        let mut bugrelay = away(way, site, past);
        load.backlog_of_the_past(plan.saves, past);
        site.host.settle();
        let usage = catch_up::measure(&mut bugrelay, site.server, plan.saves * MESSAGES);
        bugrelay.start_with(&["run", "--log", "info"]);
        bugrelay.wait_until_ready();
        // Connections are made, statements prepared.
        Latency::measure(&bugrelay, load, plan.rate, 1);
        let latency = Latency::measure(&bugrelay, load, plan.rate, plan.seconds);
        bugrelay.terminate();
        way.remove(site);
        let each = |cpu: f64| cpu * 1000.0 / plan.saves as f64;
        Speed {
            way: way.name,
            saves_a_second: plan.saves as f64 / usage.wall.as_secs_f64(),
            cpu_ms: each(usage.cpu),
            server_cpu_ms: each(usage.server_cpu),
            peak_mb: usage.peak_mb,
            latency,
        }
    }
}

/// A bugrelay that has still to tell what was saved since so many seconds ago, and what is saved from now on.
fn away(way: &Way, site: &Site<'_>, seconds: usize) -> Bugrelay {
    if way.is_by_time() {
        let start = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds as i64 + 60);
        return way.bugrelay(site, &format!("start = \"{start}\""));
    }
    let mut bugrelay = way.bugrelay(site, "");
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
    bugrelay.terminate();
    bugrelay
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.1} | {:.1} | {:.1} %{} |",
            self.way,
            self.saves_a_second,
            self.cpu_ms,
            self.server_cpu_ms,
            self.peak_mb,
            self.latency.quantile(0.5),
            self.latency.quantile(0.99),
            self.latency.percent(),
            if self.latency.is_complete() { "" } else { "; NOT ALL WERE SEEN" }
        )
    }
}
