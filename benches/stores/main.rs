//! Stores side by side, in a file and in Bugzilla's database: how fast a backlog comes in and leaves, the memory for it, what it takes on
//! disk, how long nobody leads when the leader is killed or frozen, and what all that asks of Bugzilla's server.
//! `make bench ARGS=stores`, or `cargo bench --bench stores -- --messages 20000 --stores mariadb-database --buses ''`.
//!
//! Printed, never asserted: speed and memory depend on the machine, which servers, brokers and bugrelay share. Compare figures of one run
//! only, on a quiet machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends; its figures are printed"
)]

#[path = "../end_to_end/arguments.rs"]
mod arguments;
mod backlog;
#[path = "../deliveries/bus.rs"]
mod bus;
#[path = "../end_to_end/load.rs"]
mod load;
mod meter;
#[path = "../deliveries/operator.rs"]
mod operator;
#[path = "../end_to_end/process.rs"]
mod process;
#[path = "../../tests/services/mod.rs"]
mod services;
#[path = "../end_to_end/session.rs"]
mod session;
mod site;
mod takeover;

use std::time::Instant;

use tokio::runtime::Runtime;

use crate::arguments::{number, text};
use crate::bus::Bus;
use crate::site::{STORES, Store};

/// What is measured, from the command line. 0 leaves a part out.
struct Plan {
    messages: usize,
    /// Messages per attempt.
    batch: usize,
    /// How often a leader is killed, and how often frozen.
    kills: usize,
    freezes: usize,
    /// None: all.
    stores: Option<String>,
    /// Beside the file.
    buses: String,
}

impl Plan {
    fn from_arguments() -> Self {
        Plan {
            messages: number("--messages", 1_000_000),
            batch: number("--batch", 500),
            kills: number("--kills", 5),
            freezes: number("--freezes", 2),
            stores: text("--stores"),
            buses: text("--buses").unwrap_or_else(|| "kafka".to_owned()),
        }
    }

    fn includes(&self, store: &Store) -> bool {
        self.stores.as_ref().is_none_or(|stores| stores.split(',').any(|wanted| wanted == store.name))
    }

    /// All that get the backlog, the file first.
    fn buses(&self, runtime: &Runtime) -> Vec<Bus> {
        let named = self.buses.split(',').filter(|name| !name.is_empty());
        [Bus::File].into_iter().chain(named.map(|name| Bus::start(name, runtime))).collect()
    }
}

/// What one store came to: the name of each figure, and the figure.
type Figures = Vec<(String, String)>;

fn main() {
    let plan = Plan::from_arguments();
    let (begun, runtime) = (Instant::now(), Runtime::new().expect("a runtime"));
    let mut columns = Vec::new();
    for store in STORES.iter().filter(|store| plan.includes(store)) {
        println!("{:5.0} s: {}", begun.elapsed().as_secs_f64(), store.name);
        // Of its own: nothing of the last store is in its memory or in the way on its disk.
        let server = store.server();
        let mut figures = Figures::new();
        if plan.messages > 0 {
            figures.extend(backlog::measure(store, &server, &plan, &plan.buses(&runtime)));
        }
        figures.extend(takeover::measure(store, &server, &plan));
        columns.push((store.name, figures));
    }
    println!("\n{} messages, stored for all connectors, and left for one after the other\n", plan.messages);
    table(&columns);
}

/// In Markdown: a column for each store.
fn table(columns: &[(&str, Figures)]) {
    let Some((_, first)) = columns.first() else { return };
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    println!("| | {} |\n|---|{}", names.join(" | "), "---:|".repeat(columns.len()));
    for (at, (what, _)) in first.iter().enumerate() {
        let row: Vec<&str> = columns.iter().map(|(_, figures)| figures[at].1.as_str()).collect();
        println!("| {what} | {} |", row.join(" | "));
    }
}
