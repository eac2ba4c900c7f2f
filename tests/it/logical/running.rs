//! The whole program on logical decoding: killed, restarted, gone without its slot.

use std::collections::BTreeSet;

use super::{PATIENCE, Site, comment};
use crate::services::{Bugrelay, poll};

fn bugrelay(site: &Site) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&site.url(), "capture = \"logical\"", "");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

fn ids(bugrelay: &Bugrelay) -> Vec<i64> {
    bugrelay.messages().iter().map(|message| message["comment"]["comment_id"].as_i64().unwrap()).collect()
}

#[test]
fn killed_at_any_time_it_loses_nothing_and_tells_nothing_twice_that_was_stored() {
    let site = Site::new();
    let mut bugrelay = bugrelay(&site);
    for round in 0..4_u32 {
        let ids: Vec<u32> = (0..30).map(|n| 100 + round * 30 + n).collect();
        site.run(&ids.iter().map(|&id| comment(id)).collect::<String>());
        // At another place of its work each time: before it looks, while it stores, while it advances.
        bugrelay.wait_for((round * 30 + round * 7 + 1) as usize);
        bugrelay.kill9();
        bugrelay.start();
        bugrelay.wait_until_ready();
    }
    // The batch in flight may have arrived already: then it is the same again, and in order.
    let distinct = || bugrelay.lines().into_iter().collect::<BTreeSet<_>>().len();
    assert!(poll(PATIENCE, || distinct() == 120), "{} of 120 came", distinct());
    let mut firsts: Vec<i64> = vec![];
    for id in ids(&bugrelay) {
        if !firsts.contains(&id) {
            firsts.push(id);
        }
    }
    assert_eq!(firsts, (100..220).collect::<Vec<_>>());
}

#[test]
fn what_the_server_keeps_is_measured_and_forgotten() {
    let site = Site::new();
    let bugrelay = bugrelay(&site);
    site.run(&comment(101));
    bugrelay.wait_for(1);
    let retained = || bugrelay.metric("bugrelay_source_retained_bytes").unwrap_or_default();
    assert!(poll(PATIENCE, || retained() > 0.0), "nothing is kept");
    assert_eq!(bugrelay.metric("bugrelay_source_connected"), Some(1.0));
}

#[test]
fn a_slot_that_is_gone_is_counted_and_said_with_the_remedy() {
    let site = Site::new();
    let mut bugrelay = bugrelay(&site);
    assert!(bugrelay.terminate().success());
    site.drop_slot();
    bugrelay.start();
    let gaps = "bugrelay_source_gaps_total{reason=\"slot_lost\"}";
    assert!(poll(PATIENCE, || bugrelay.metric(gaps) == Some(1.0)), "{}", bugrelay.log());
}

#[test]
fn the_check_of_the_program_is_green_with_the_grants_of_the_documentation() {
    let site = Site::new();
    let bugrelay = bugrelay(&site);
    let checked = bugrelay.verb(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert!(checked.out.contains("good     slot: the server keeps"), "{}", checked.out);
}
