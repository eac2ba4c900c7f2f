//! The ways in side by side: how fast each is, what it costs bugrelay and the server, and what it costs Bugzilla's own saves.
//! `make bench ARGS=captures`, or `cargo bench --bench captures -- --ways postgresql-triggers,postgresql-logical --saves 2000`.
//!
//! A save is 1 UPDATE of bugs, 2 INSERTs into bugs_activity, 1 INSERT into longdescs; it gives two messages. Printed, never asserted:
//! speed depends on the machine, which servers, load and bugrelay share. Compare figures of one run only, on a quiet machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends; its figures are printed"
)]

#[path = "../end_to_end/arguments.rs"]
mod arguments;
#[path = "../end_to_end/catch_up.rs"]
mod catch_up;
mod cost;
#[path = "../end_to_end/latency.rs"]
mod latency;
#[path = "../end_to_end/load.rs"]
mod load;
#[path = "../end_to_end/process.rs"]
mod process;
#[path = "../../tests/services/mod.rs"]
mod services;
#[path = "../end_to_end/session.rs"]
mod session;
mod speed;
mod way;

use std::fmt::Display;
use std::time::Instant;

use crate::arguments::{number, text};
use crate::cost::Cost;
use crate::load::Load;
use crate::speed::Speed;
use crate::way::{Servers, WAYS};

/// What is measured, from the command line.
struct Plan {
    /// None: all.
    ways: Option<String>,
    /// To be caught up with.
    saves: usize,
    /// Saves a second, and for how long, when latency is measured.
    rate: u32,
    seconds: u32,
    /// How often the cost of a save is measured each way; 0 leaves it out.
    rounds: usize,
    /// Saves of a round, flat out.
    writes: usize,
    /// Saves a second that one worker of a real Bugzilla 5.2 makes, and for how long in a round.
    pace: u32,
    pace_seconds: usize,
}

impl Plan {
    fn from_arguments() -> Self {
        Plan {
            ways: text("--ways"),
            saves: number("--saves", 20_000),
            rate: number("--rate", 100) as u32,
            seconds: number("--seconds", 10) as u32,
            rounds: number("--rounds", 3),
            writes: number("--writes", 1_000),
            pace: number("--pace", 50) as u32,
            pace_seconds: number("--pace-seconds", 2),
        }
    }

    fn includes(&self, way: &str) -> bool {
        self.ways.as_ref().is_none_or(|ways| ways.split(',').any(|wanted| wanted == way))
    }
}

fn main() {
    let plan = Plan::from_arguments();
    let begun = Instant::now();
    let servers = Servers::default();
    let (mut speeds, mut costs) = (Vec::new(), Vec::new());
    for way in WAYS.iter().filter(|way| plan.includes(way.name)) {
        println!("{:4.0} s: {}", begun.elapsed().as_secs_f64(), way.name);
        let site = way.site(&servers);
        let load = Load::prepare(&*site.host);
        let speed = Speed::measure(way, &site, &load, &plan);
        println!("{speed}");
        speeds.push(speed);
        if plan.rounds > 0 {
            let cost = Cost::measure(way, &site, &load, &plan);
            println!("{cost}");
            costs.push(cost);
        }
    }
    let Plan { saves, rate, seconds, rounds, writes, pace, .. } = plan;
    println!("\n{saves} saves to catch up with; latency at {rate} saves/s for {seconds} s\n");
    table(Speed::HEAD, &speeds);
    println!("\nOne session that saves, {rounds} rounds: {writes} saves flat out; {pace} saves/s\n");
    table(Cost::HEAD, &costs);
}

/// In Markdown.
fn table(head: &str, rows: &[impl Display]) {
    println!("{head}");
    rows.iter().for_each(|row| println!("{row}"));
}
