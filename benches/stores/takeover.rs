//! How long nothing leaves when the leader is gone: from its end, by kill -9 or by a freeze, until a save that was made right after it has left by
//! another one that stood by. With a store in a file nobody stands by: the killed one is started again, as a supervisor does at best.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::services::{Bugrelay, poll};
use crate::site::{Server, Site, Store};
use crate::{Figures, Plan, process};

/// For whatever is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// What it takes, of one store.
pub(crate) fn measure(store: &Store, server: &Server, plan: &Plan) -> Figures {
    let site = &*server.site();
    let load = Load::prepare(site);
    let none = "none takes over".to_owned();
    let (killed, frozen) = if store.in_database {
        let mut pair = Pair::start(store, site);
        let killed = (0..plan.kills).map(|_| pair.kill(&load)).collect();
        (killed, shown((0..plan.freezes).map(|_| pair.freeze(&load)).collect()))
    } else {
        let mut alone = store.bugrelay(site, "");
        start(&mut alone);
        ((0..plan.kills).map(|_| killed(&mut alone, &load)).collect(), none)
    };
    vec![
        ("leader killed: until the next message leaves, s".to_owned(), shown(killed)),
        ("leader frozen: until the next message leaves, s".to_owned(), frozen),
    ]
}

/// The middle one, and the worst.
fn shown(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    match (seconds.get(seconds.len() / 2), seconds.last()) {
        (Some(middle), Some(worst)) => format!("{middle:.2}, worst {worst:.2}"),
        _ => "not measured".to_owned(),
    }
}

fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
}

/// One that has a store of its own, and is started again.
fn killed(alone: &mut Bugrelay, load: &Load<'_>) -> f64 {
    let mut lines = process::Lines::of(&alone.path("out.jsonl"));
    let before = lines.count();
    let begun = Instant::now();
    alone.kill9();
    alone.start_with(&["run", "--log", "info"]);
    until_more(&mut lines, before, load, begun)
}

/// Seconds since `begun` until a save that is made now has left.
fn until_more(lines: &mut process::Lines, before: usize, load: &Load<'_>, begun: Instant) -> f64 {
    load.flat_out(1);
    while lines.count() <= before {
        assert!(begun.elapsed() < LIMIT, "nobody takes over");
        process::nap();
    }
    begun.elapsed().as_secs_f64()
}

/// Two that share a store.
struct Pair {
    leads: Bugrelay,
    stands_by: Bugrelay,
}

impl Pair {
    fn start(store: &Store, site: &dyn Site) -> Self {
        let [mut leads, mut stands_by] = [(); 2].map(|()| store.bugrelay(site, ""));
        start(&mut leads);
        start(&mut stands_by);
        Pair { leads, stands_by }
    }

    fn kill(&mut self, load: &Load<'_>) -> f64 {
        let seconds = self.take_over(load, Bugrelay::kill9);
        start(&mut self.stands_by);
        seconds
    }

    fn freeze(&mut self, load: &Load<'_>) -> f64 {
        let seconds = self.take_over(load, |leads| leads.signal("STOP"));
        self.stands_by.kill9();
        start(&mut self.stands_by);
        seconds
    }

    /// They change places.
    fn take_over(&mut self, load: &Load<'_>, end: impl FnOnce(&mut Bugrelay)) -> f64 {
        let ready = poll(LIMIT, || self.stands_by.get("/readyz").contains("standing by"));
        assert!(ready, "nobody stands by:\n{}", self.stands_by.log());
        let mut lines = process::Lines::of(&self.stands_by.path("out.jsonl"));
        let before = lines.count();
        let begun = Instant::now();
        end(&mut self.leads);
        let seconds = until_more(&mut lines, before, load, begun);
        std::mem::swap(&mut self.leads, &mut self.stands_by);
        seconds
    }
}
