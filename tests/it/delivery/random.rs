//! Random faults against an oracle in the manner of Jepsen's queue checker: lost and invented must be empty, order kept per
//! bug, duplicates explained one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::scripted::{Behaviour, Fate, Script};
use bugrelay::message::Envelope;

use super::rig::{Rig, policy};

const SEEDS: u64 = 150;

/// Runs one life of a connector; `fates` are what may befall a message.
async fn live(seed: u64, fates: &[Fate]) -> (Rig, Vec<Envelope>, i64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let rig = Rig::new(&["a"]).await;
    let mut script = Script::new();
    for _ in 0..random.usize(1..12) {
        let fates = (0..20).map(|_| if random.bool() { Fate::Accepted } else { *random.choice(fates).unwrap() });
        script = script.then(Behaviour::Each(fates.collect()));
    }
    let mut policy = policy();
    policy.batch = random.usize(1..15);
    rig.connect_with("a", &script, policy);
    let mut total = 0;
    for _ in 0..random.usize(1..6) {
        let bugs: Vec<i64> = (0..random.usize(1..15)).map(|_| random.i64(1..4)).collect();
        total += i64::try_from(bugs.len()).unwrap();
        rig.put(&bugs).await;
        tokio::time::sleep(Duration::from_secs(random.u64(0..200))).await;
    }
    rig.drained("a").await;
    let arrived = script.seen().arrived;
    (rig, arrived, total)
}

/// Each bug's last arrivals are in order: whoever keeps the last word it heard of a bug is right in the end.
fn assert_order_per_bug(arrived: &[Envelope], seed: u64) {
    let mut last: BTreeMap<i64, usize> = BTreeMap::new();
    for (place, envelope) in arrived.iter().enumerate() {
        last.insert(envelope.sequence, place);
    }
    let mut heard: BTreeMap<_, usize> = BTreeMap::new();
    for (sequence, place) in last {
        let bug = arrived[place].origin.bug().unwrap();
        let before = heard.insert(bug, place);
        assert!(before.is_none_or(|before| before < place), "seed {seed}: bug {bug} heard {sequence} too early");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_invented_and_duplicates_are_those_that_were_counted() {
    for seed in 0..SEEDS {
        let (rig, arrived, total) = live(seed, &[Fate::Lost, Fate::Refused]).await;
        let unique: BTreeSet<i64> = arrived.iter().map(|envelope| envelope.sequence).collect();
        assert_eq!(unique, BTreeSet::from_iter(1..=total), "seed {seed}");
        assert_order_per_bug(&arrived, seed);
        let duplicates = u64::try_from(arrived.len() - unique.len()).unwrap();
        assert_eq!(rig.possible_duplicates("a"), duplicates, "seed {seed}");
        assert_eq!(rig.deliveries("a", "sent"), u64::try_from(total).unwrap(), "seed {seed}");
        rig.shutdown.request();
    }
}

#[tokio::test(start_paused = true)]
async fn with_every_fault_at_once_each_message_arrived_or_is_parked_and_no_duplicate_is_uncounted() {
    let faults = [Fate::Lost, Fate::Refused, Fate::Forgotten, Fate::Poisonous];
    for seed in 0..SEEDS {
        let (rig, arrived, total) = live(seed, &faults).await;
        let unique: BTreeSet<i64> = arrived.iter().map(|envelope| envelope.sequence).collect();
        let parked = rig.store.parked();
        assert_eq!(rig.deliveries("a", "sent") + rig.deliveries("a", "poison"), u64::try_from(total).unwrap());
        for sequence in 1..=total {
            assert!(unique.contains(&sequence) || parked.contains(&sequence), "seed {seed}: {sequence} is lost");
        }
        assert!(unique.iter().all(|sequence| (1..=total).contains(sequence)), "seed {seed}: invented");
        // A bus that took a message once and refuses it for good when it comes again spoils the order itself.
        let kept: Vec<_> = arrived.iter().filter(|envelope| !parked.contains(&envelope.sequence)).cloned().collect();
        assert_order_per_bug(&kept, seed);
        let duplicates = u64::try_from(arrived.len() - unique.len()).unwrap();
        assert!(rig.possible_duplicates("a") >= duplicates, "seed {seed}");
        rig.shutdown.request();
    }
}
