//! What a save of Bugzilla's costs more with us: one session saves, flat out and at Bugzilla's own pace; without us, with what is put
//! into the server and bugrelay away, and with bugrelay reading. In turns, so that whatever changes on the machine meets all three.

use std::fmt;

use crate::Plan;
use crate::load::Load;
use crate::services::Bugrelay;
use crate::way::{Site, Way};

/// Saves before anything is measured.
const WARM_UP: usize = 300;

/// Who is there.
#[derive(Clone, Copy)]
enum Beside {
    Nobody,
    /// What is put into the server is there; bugrelay is away.
    Installed,
    Reading,
}

/// What one session took, in each round.
#[derive(Default)]
struct Taken {
    /// Saves a second.
    flat_out: Vec<f64>,
    /// Of each save, milliseconds.
    paced: Vec<f64>,
}

/// A row of the second table.
pub(crate) struct Cost {
    way: &'static str,
    /// By [`Beside`].
    taken: [Taken; 3],
    /// Milliseconds from one save of a worker to the next.
    period: f64,
}

impl Cost {
    pub(crate) const HEAD: &str = "| way in | flat out without us, saves/s | installed | reading | at Bugzilla's pace without us, ms a save | installed | reading | more of a save with it |\n|---|---|---|---|---|---|---|---|";

    /// On a site with the load prepared; nobody reads it, and nothing is installed.
    pub(crate) fn measure(way: &Way, site: &Site<'_>, load: &Load<'_>, plan: &Plan) -> Self {
        let mut cost = Cost { way: way.name, taken: Default::default(), period: 1000.0 / f64::from(plan.pace) };
        load.flat_out(WARM_UP);
        for _ in 0..plan.rounds {
            cost.add(Beside::Nobody, site, load, plan);
            way.install(site);
            let mut bugrelay = way.bugrelay(site, "");
            if way.installs {
                // What it makes by itself is there too: a slot.
                start(&mut bugrelay);
                bugrelay.terminate();
                cost.add(Beside::Installed, site, load, plan);
            }
            start(&mut bugrelay);
            cost.add(Beside::Reading, site, load, plan);
            bugrelay.terminate();
            way.remove(site);
        }
        cost
    }

    fn add(&mut self, beside: Beside, site: &Site<'_>, load: &Load<'_>, plan: &Plan) {
        // Else each turn would meet what the turns before have left.
        site.host.settle();
        let taken = &mut self.taken[beside as usize];
        // This first: behind the other somebody has still to catch up.
        let paced = load.steady(plan.pace, plan.pace as usize * plan.pace_seconds);
        taken.paced.extend(paced.iter().map(|save| save.done.duration_since(save.begun).as_secs_f64() * 1000.0));
        let made = load.flat_out(plan.writes);
        let seconds = made.iter().map(|save| save.done.duration_since(save.begun).as_secs_f64()).sum::<f64>();
        taken.flat_out.push(made.len() as f64 / seconds);
    }
}

/// What lies behind is passed over.
fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info", "--from-now"]);
    bugrelay.wait_until_ready();
}

/// The middle; none of nothing.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = self.taken.each_ref().map(|taken| median(&taken.flat_out));
        let times = self.taken.each_ref().map(|taken| median(&taken.paced));
        write!(f, "| {} |", self.way)?;
        for rate in rates {
            match (rate, rates[0]) {
                (Some(rate), Some(alone)) => write!(f, " {rate:.0} ({:+.0} %) |", 100.0 * (rate / alone - 1.0))?,
                _ => write!(f, " - |")?,
            }
        }
        for time in times {
            match time {
                Some(time) => write!(f, " {time:.2} |")?,
                None => write!(f, " - |")?,
            }
        }
        let more = times.last().copied().flatten().zip(times[0]).map(|(with, without)| with - without);
        more.map_or(Ok(()), |more| write!(f, " {:+.1} % |", 100.0 * more / self.period))
    }
}
