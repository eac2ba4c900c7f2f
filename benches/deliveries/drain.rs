//! A backlog that leaves: messages collect behind a paused connector, a fresh process is told to resume, and the clock runs until the
//! last of them is counted as sent.

use std::time::{Duration, Instant};

use crate::bus::{Bus, Place};
use crate::load::Load;
use crate::operator::{give_token, metric, tell};
use crate::services::{Bugrelay, Mysqld, poll};
use crate::{Plan, process};

/// For whatever is waited for.
const LIMIT: Duration = Duration::from_secs(600);
/// Between two looks at what was sent: a look costs the store a count.
const LOOK: Duration = Duration::from_millis(100);

/// What came of it.
pub(crate) struct Drained {
    /// Messages per second.
    pub(crate) rate: f64,
    /// Of those that left into a file.
    pub(crate) bodies: Vec<String>,
}

/// Prints what it took.
pub(crate) fn measure(server: &Mysqld, bus: &Bus, plan: &Plan) -> Drained {
    let messages = plan.messages;
    let (mut bugrelay, connector) = fill(server, bus, plan);
    start(&mut bugrelay);
    let cpu = |pid: Option<u32>| pid.map_or(0.0, process::cpu_seconds);
    let pids = [Some(bugrelay.pid()), bus.pid(), Some(server.pid())];
    let (before, begun) = (pids.map(cpu), Instant::now());
    tell(&bugrelay, connector, "resume");
    let sent = || metric(&bugrelay, "deliveries_total", &format!("connector=\"{connector}\",outcome=\"sent\""));
    while sent() < messages as f64 {
        assert!(begun.elapsed() < LIMIT, "too slow:\n{}", bugrelay.log());
        std::thread::park_timeout(LOOK);
    }
    let wall = begun.elapsed().as_secs_f64();
    let rate = messages as f64 / wall;
    let [ours, broker, database] = std::array::from_fn(|at| cpu(pids[at]) - before[at]);
    let in_send = metric(&bugrelay, "send_seconds_sum", &format!("connector=\"{connector}\""));
    println!(
        "{}: {rate:.0} messages/s ({wall:.1} s, {in_send:.1} s of it in `send`), {ours:.1} CPU s (broker {broker:.1}, database {database:.1}), {:.0} MB peak",
        bus.name(),
        process::peak_mb(bugrelay.pid())
    );
    let threads = process::threads(bugrelay.pid()).into_iter().filter(|(_, cpu)| *cpu >= 0.1);
    let busy: Vec<String> = threads.map(|(name, cpu)| format!("{name} {cpu:.1} s")).collect();
    println!("  CPU by thread: {}", busy.join(", "));
    bugrelay.terminate();
    Drained { rate, bodies: bugrelay.lines() }
}

/// A bugrelay that has ended, and the name of the one connector that everything waits for.
fn fill(server: &Mysqld, bus: &Bus, plan: &Plan) -> (Bugrelay, &'static str) {
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    give_token(&bugrelay);
    let batch = format!("batch = {}", plan.batch);
    let connector = if let Some((kind, keys)) = bus.keys(Place::Bugrelay) {
        let another =
            format!("[connectors.bus]\ntype = \"{kind}\"\n{batch}\n{keys}\n[connectors.out]\nenabled = false");
        bugrelay.replace("[connectors.out]", &another);
        "bus"
    } else {
        bugrelay.replace("[connectors.out]", &format!("[connectors.out]\n{batch}"));
        "out"
    };
    start(&mut bugrelay);
    tell(&bugrelay, connector, "pause");
    load.backlog(plan.messages / 2);
    let waiting = || metric(&bugrelay, "backlog_messages", &format!("connector=\"{connector}\""));
    assert!(poll(LIMIT, || waiting() >= plan.messages as f64), "{} wait:\n{}", waiting(), bugrelay.log());
    bugrelay.terminate();
    (bugrelay, connector)
}

fn start(bugrelay: &mut Bugrelay) {
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
}
