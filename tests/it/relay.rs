//! The relay: what scripts drop is stored, leaves with Bugzilla's messages or alone, and can do those no harm.

mod emit;
mod faults;
mod fedmsg;
mod http;
mod zeromq;

use std::time::Duration;

use crate::services::{Bugrelay, free_port, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// The port of its ZeroMQ endpoint, and a relay alone with a client of HTTP, running.
fn running(settings: &str) -> (Bugrelay, u16) {
    let (mut bugrelay, port) = configured(settings);
    bugrelay.start();
    bugrelay.wait_until_ready();
    (bugrelay, port)
}

/// The same, not running. `settings` stand in `[relay]`.
fn configured(settings: &str) -> (Bugrelay, u16) {
    let bugrelay = Bugrelay::configured("", "", "");
    let port = free_port();
    let (store, out) = (bugrelay.path("store.db"), bugrelay.path("out.jsonl"));
    bugrelay.configure(&format!(
        "[queue]\nstore = \"sqlite:{}\"\n[admin]\nlisten = \"127.0.0.1:{}\"\n[connectors.out]\ntype = \"file\"\npath = \"{}\"\n{}",
        store.display(),
        bugrelay.port(),
        out.display(),
        section(port, settings)
    ));
    (bugrelay, port)
}

/// `[relay]` with both endpoints and a client.
fn section(port: u16, settings: &str) -> String {
    format!(
        "[relay]\nzeromq = \"tcp://127.0.0.1:{port}\"\ntopics = [\"org.*\"]\n{settings}\n\
         [relay.clients.git]\ntoken = \"git's\"\ntopics = [\"org.example.git.*\"]\n"
    )
}

/// So many messages came to this at an endpoint.
fn received(bugrelay: &Bugrelay, endpoint: &str, result: &str) -> f64 {
    let name = format!("bugrelay_relay_received_total{{endpoint=\"{endpoint}\",result=\"{result}\"}}");
    bugrelay.metric(&name).unwrap_or_default()
}

fn wait_for(bugrelay: &Bugrelay, what: &str, done: impl FnMut() -> bool) {
    assert!(poll(PATIENCE, done), "never: {what}\n{}", bugrelay.log());
}
