//! kill -9 of bugrelay with three buses, one of them in trouble.

use std::time::{Duration, Instant};

use super::rig::{BATCH, Rig};
use crate::crash::load::Load;
use crate::services::{Mode, poll};

const KILLS: usize = 20;

#[test]
fn kill_9_with_three_buses_and_a_bad_network_loses_nothing_and_repeats_only_what_was_in_flight() {
    let seed = std::env::var("BUGRELAY_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BUGRELAY_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rig = Rig::running();
    let load = Load::start(rig.bugzilla.url());
    for _ in 0..KILLS {
        rig.buses.proxy.set([Mode::Pass, Mode::Pass, Mode::Hang, Mode::DropAnswers, Mode::Refuse][random.usize(..5)]);
        // Not waited for: this is the time that it is given.
        let moment = Instant::now() + Duration::from_millis(random.u64(50..900));
        poll(Duration::from_secs(1), || Instant::now() >= moment);
        rig.bugrelay.kill9();
        rig.bugrelay.start();
    }
    rig.buses.proxy.set(Mode::Pass);
    load.finish();
    let committed = rig.committed();
    let file = committed.wait_for(&rig.bugrelay);
    let kafka = committed.wait_for_in(&rig.bugrelay, || rig.read_by_kafka());
    let stomp = committed.wait_for_in(&rig.bugrelay, || rig.read_by_stomp());
    println!("{} messages, {KILLS} kills; repeated: file {file}, Kafka {kafka}, STOMP {stomp}", committed.len());
    for (bus, repeated) in [("the file", file), ("Kafka", kafka)] {
        assert!(repeated <= KILLS * BATCH, "{repeated} repeated on {bus} by {KILLS} kills");
    }
    // Each lost answer is one batch more.
    assert!(stomp <= 3 * KILLS * BATCH, "{stomp} repeated on RabbitMQ");
}
