//! Deliveries: how fast a backlog leaves for a file and for real brokers, beside a plain loop of the same client library; what a hung
//! broker costs the others; what a million waiting messages cost. `make bench ARGS=deliveries`, or
//! `cargo bench --bench deliveries -- --messages 20000 --waiting 50000 --buses kafka`.
//!
//! Printed, never asserted: speed and memory depend on the machine. Compare figures of one run only, on a quiet machine; brokers,
//! database and bugrelay share its processors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends; its figures are printed"
)]

#[path = "../end_to_end/arguments.rs"]
mod arguments;
mod bus;
mod drain;
mod hang;
#[path = "../end_to_end/latency.rs"]
mod latency;
#[path = "../end_to_end/load.rs"]
mod load;
mod operator;
mod plain;
#[path = "../end_to_end/process.rs"]
mod process;
#[path = "../../tests/services/mod.rs"]
mod services;
#[path = "../end_to_end/session.rs"]
mod session;
#[path = "../end_to_end/waiting.rs"]
mod waiting;

use tokio::runtime::Runtime;

use crate::arguments::{number, text};
use crate::bus::Bus;
use crate::load::Load;
use crate::services::{Bugrelay, MariaDb, Mysqld};

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// Messages that a broker gets before anything is measured.
const WARM_UP: usize = 10_000;

/// What is measured, from the command line. 0 leaves a part out.
struct Plan {
    messages: usize,
    waiting: usize,
    /// Messages per attempt.
    batch: usize,
    rate: u32,
    seconds: u32,
    /// Beside the file.
    buses: String,
}

impl Plan {
    fn from_arguments() -> Self {
        Plan {
            messages: number("--messages", 100_000),
            waiting: number("--waiting", 1_000_000),
            batch: number("--batch", 500),
            rate: number("--rate", 100) as u32,
            seconds: number("--seconds", 20) as u32,
            buses: text("--buses").unwrap_or_else(|| "kafka,rabbitmq".to_owned()),
        }
    }
}

fn main() {
    let plan = Plan::from_arguments();
    let runtime = Runtime::new().expect("a runtime");
    // Durability of the server as a Bugzilla site on one disk may have it; ours is as shipped.
    let server =
        MariaDb::start(&["--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"]);
    if plan.messages > 0 {
        println!("{} messages wait, and leave", plan.messages);
        let file = drain::measure(&server, &Bus::File, &plan);
        let envelopes = plain::envelopes(&file.bodies);
        plain::measure(&runtime, &Bus::File, &plan, &envelopes, file.rate);
        for name in plan.buses.split(',').filter(|name| !name.is_empty()) {
            let bus = Bus::start(name, &runtime);
            // A broker is slow at first, and would be so for the first of the two alone.
            plain::send(&runtime, &bus, plan.batch, &envelopes[..envelopes.len().min(WARM_UP)]);
            let ours = drain::measure(&server, &bus, &plan);
            plain::measure(&runtime, &bus, &plan, &envelopes, ours.rate);
        }
    }
    if plan.seconds > 0 {
        hang::measure(&server, &runtime, plan.rate, plan.seconds);
    }
    if plan.waiting > 0 {
        waiting(&server, plan.waiting);
    }
}

/// Memory with messages waiting for two brokers that are down; the file gets everything.
fn waiting(server: &Mysqld, messages: usize) {
    let bugzilla = server.database();
    let load = Load::prepare(&bugzilla);
    let down = format!(
        "[connectors.kafka]\ntype = \"kafka\"\nbootstrap_servers = \"{NOBODY}\"\n\
         [connectors.stomp]\ntype = \"stomp\"\nurl = \"stomp://{NOBODY}\"\n"
    );
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &down);
    waiting::measure(&mut bugrelay, &load, messages, &["kafka", "stomp"]);
}
