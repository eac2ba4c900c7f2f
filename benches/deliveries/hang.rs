//! What a hung broker costs the others: the file's latency with three connectors that are well, and with one of them hanging; in turns,
//! so that whatever changes on the machine meanwhile meets both.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::bus::{Bus, Place};
use crate::latency::Latency;
use crate::load::Load;
use crate::operator::{give_token, metric, tell};
use crate::services::{Bugrelay, Mode, Mysqld, Proxy, poll};

/// How often each.
const TURNS: usize = 2;
/// How long the rest may take, once the broker answers again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints each turn, and the ratio.
pub(crate) fn measure(server: &Mysqld, runtime: &Runtime, rate: u32, seconds: u32) {
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let [kafka, rabbit] = ["kafka", "rabbitmq"].map(|name| Bus::start(name, runtime));
    let Bus::Rabbit(broker) = &rabbit else { return };
    let proxy = runtime.block_on(Proxy::before(broker.port()));
    let connector = |bus: &Bus| {
        bus.keys(Place::Bugrelay).map(|(kind, keys)| format!("[connectors.{kind}]\ntype = \"{kind}\"\n{keys}"))
    };
    let through_proxy = |keys: String| keys.replace(&format!(":{}", broker.port()), &format!(":{}", proxy.port()));
    let connectors: Vec<String> =
        [connector(&kafka), connector(&rabbit).map(through_proxy)].into_iter().flatten().collect();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &connectors.join("\n"));
    give_token(&bugrelay);
    bugrelay.start_with(&["run", "--log", "info"]);
    bugrelay.wait_until_ready();
    // Connections are made, files opened.
    Latency::measure(&bugrelay, &load, rate, 2);
    let (mut well, mut hanging) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        well.push(Latency::measure(&bugrelay, &load, rate, seconds));
        print("all well", rate, well.last());
        proxy.set(Mode::Hang);
        hanging.push(Latency::measure(&bugrelay, &load, rate, seconds));
        print("stomp hangs", rate, hanging.last());
        proxy.cut();
        proxy.set(Mode::Pass);
        recover(&bugrelay);
    }
    let [well, hanging] = [well, hanging].map(|turns| median(turns.iter().map(|turn| turn.quantile(0.99)).collect()));
    println!("p99 of the file while stomp hangs: {hanging:.1} ms, {:.2} of {well:.1} ms", hanging / well);
    bugrelay.terminate();
}

fn print(state: &str, rate: u32, latency: Option<&Latency>) {
    latency.iter().for_each(|latency| println!("{state}, {rate} saves/s, {latency}"));
}

/// Until what lay behind the hung broker is there.
fn recover(bugrelay: &Bugrelay) {
    let waiting = || metric(bugrelay, "backlog_messages", "connector=\"stomp\"");
    let is_up = || metric(bugrelay, "connector_up", "connector=\"stomp\"") > 0.0;
    let recovered = poll(PATIENCE, || {
        tell(bugrelay, "stomp", "retry");
        is_up() && waiting() == 0.0 && bugrelay.metric("bugrelay_main_queue_messages") == Some(0.0)
    });
    assert!(recovered, "{} wait still:\n{}", waiting(), bugrelay.log());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
