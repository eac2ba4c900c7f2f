//! Several instances with one store, in Bugzilla's database: one leads, the others stand by and take over. And one instance alone on such a
//! store, killed and with its database killed under it. Judged is what left all of them, by what the database holds in the end.

use std::time::{Duration, Instant};

use crate::crash::database::DURABLE;
use crate::crash::load::Load;
use crate::crash::oracle::{Committed, end_of};
use crate::services::{Bugrelay, MariaDb, Mysqld, Postgres, poll};

const BATCH: usize = 20;

const SCHEMA: &str = "bugrelay_store";

/// One that keeps its store in the database; it stands by if another leads.
fn instance(database: &str) -> Bugrelay {
    let schema = format!("schema = \"{SCHEMA}\"");
    let bugrelay = Bugrelay::configured(database, &schema, &format!("batch = {BATCH}"));
    bugrelay.keep_in_database();
    bugrelay
}

fn started(database: &str) -> Bugrelay {
    let mut bugrelay = instance(database);
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

fn stands_by(bugrelay: &Bugrelay) -> bool {
    bugrelay.get("/readyz").contains("standing by") && bugrelay.metric("bugrelay_leader") == Some(0.0)
}

fn wait_until_it_leads(bugrelay: &Bugrelay, limit: Duration) {
    let leads = poll(limit, || bugrelay.metric("bugrelay_leader") == Some(1.0));
    assert!(leads, "it does not take over:\n{}", end_of(&bugrelay.log()));
}

/// Everything that left, of instances in the order in which they led.
fn all_lines(instances: &[&Bugrelay]) -> Vec<String> {
    instances.iter().flat_map(|bugrelay| bugrelay.lines()).collect()
}

/// The address of a fresh Bugzilla, for Bugzilla and for bugrelay, and its name.
fn fresh(server: &Mysqld) -> (String, String, String) {
    let bugzilla = server.database();
    server.store_url(SCHEMA, "bugrelay");
    (bugzilla.url(), bugzilla.bugrelay_url(), bugzilla.name.clone())
}

#[test]
fn when_the_leader_is_killed_or_stopped_another_takes_over_and_nothing_is_lost() {
    let server = MariaDb::shared();
    let (url, our_url, name) = fresh(server);
    let mut first = started(&our_url);
    assert_eq!(first.metric("bugrelay_leader"), Some(1.0));
    let load = Load::start(url);
    load.wait_for(20);
    let mut second = started(&our_url);
    assert!(stands_by(&second));
    load.wait_for(20);
    first.kill9();
    wait_until_it_leads(&second, Duration::from_secs(5));
    let third = started(&our_url);
    assert!(stands_by(&third));
    load.wait_for(20);
    // As a rolling upgrade does: the new one is there, the old one is stopped.
    assert!(second.terminate().success());
    wait_until_it_leads(&third, Duration::from_secs(5));
    load.wait_for(20);
    load.finish();
    let committed = Committed::read(server, &name);
    let repeated = committed.wait_for_in(&third, || all_lines(&[&first, &second, &third]));
    assert!(repeated <= BATCH, "{repeated} lines were repeated by one kill");
}

#[test]
fn a_leader_that_was_frozen_repeats_at_most_its_batch_and_stops_when_it_wakes_up() {
    let server = MariaDb::shared();
    let (url, our_url, name) = fresh(server);
    let mut first = started(&our_url);
    let load = Load::start(url);
    load.wait_for(20);
    let second = started(&our_url);
    assert!(stands_by(&second));
    load.wait_for(20);
    first.signal("STOP");
    wait_until_it_leads(&second, Duration::from_secs(30));
    load.wait_for(20);
    first.signal("CONT");
    let ended = first.wait_until_ended(Duration::from_secs(30)).expect("it stops");
    assert_eq!(ended.code(), Some(73), "{}", end_of(&first.log()));
    assert!(first.log().contains("another bugrelay"), "{}", end_of(&first.log()));
    load.wait_for(20);
    load.finish();
    let committed = Committed::read(server, &name);
    let repeated = committed.wait_for_in(&second, || all_lines(&[&first, &second]));
    assert!(repeated <= BATCH, "{repeated} lines were repeated");
    first.start();
    first.wait_until_ready();
    assert!(stands_by(&first), "started again it stands by");
}

#[test]
fn on_postgresql_a_frozen_leader_is_taken_over_from_and_nothing_is_told_twice() {
    let bugzilla = Postgres::shared().database();
    bugzilla.install_triggers();
    bugzilla.grant_store("bugrelay");
    let settings = |url: &str| {
        let bugrelay = instance(url);
        bugrelay.replace(&format!("schema = \"{SCHEMA}\""), "");
        bugrelay
    };
    let url = bugzilla.bugrelay_url();
    let mut first = settings(&url);
    first.start();
    first.wait_until_ready();
    let says = |text: &str| {
        bugzilla.exec(&format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, LOCALTIMESTAMP(0), '{text}')"
        ))
    };
    says("before");
    let told = first.wait_for(1).len();
    let mut second = settings(&url);
    second.start();
    second.wait_until_ready();
    assert!(stands_by(&second));
    first.signal("STOP");
    says("meanwhile");
    wait_until_it_leads(&second, Duration::from_secs(30));
    second.wait_for(1);
    first.signal("CONT");
    assert_eq!(first.wait_until_ended(Duration::from_secs(30)).and_then(|ended| ended.code()), Some(73));
    says("behind");
    second.wait_for(2);
    assert_eq!(first.lines().len(), told);
    let all = all_lines(&[&first, &second]);
    let once: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(once.len(), all.len(), "{all:?}");
    let hex: String = "meanwhile".bytes().map(|byte| format!("{byte:02x}")).collect();
    let (log, told) = (second.log(), "meanwhile");
    assert!(!log.contains(&hex) && !log.contains(told), "a text that is stored is in no log, be it at level trace");
}

#[test]
fn a_store_in_a_database_that_is_killed_again_and_again_loses_nothing() {
    let seed = std::env::var("BUGRELAY_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("BUGRELAY_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = MariaDb::start(&DURABLE);
    let (url, our_url, name) = fresh(&server);
    let mut bugrelay = started(&our_url);
    let load = Load::start(url);
    load.wait_for(20);
    let mut kills = 0;
    for round in 0..10 {
        // Not waited for: this is the time that it is given.
        let moment = Instant::now() + Duration::from_millis(random.u64(20..900));
        poll(Duration::from_secs(1), || Instant::now() >= moment);
        if round % 4 == 3 {
            server.kill9();
            server.start_again();
        } else {
            bugrelay.kill9();
            kills += 1;
            bugrelay.start();
        }
    }
    let saves = load.finish();
    let committed = Committed::read(&server, &name);
    let repeated = committed.wait_for(&bugrelay);
    println!("{saves} saves, {} messages, {kills} kills, {repeated} repeated", committed.len());
    assert!(repeated <= kills * BATCH, "{repeated} lines were repeated by {kills} kills");
    assert!(bugrelay.terminate().success());
}

#[test]
fn check_says_what_a_store_in_the_database_lacks() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let schema = format!("store_of_{}", bugzilla.name);
    server.store_url(&schema, "bugrelay");
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("schema = \"{schema}\""), "");
    bugrelay.keep_in_database();
    let ended = bugrelay.verb(&["check"]);
    let create = format!("mend it with:  CREATE TABLE IF NOT EXISTS `{schema}`.site (");
    assert!(ended.code == 0 && ended.out.contains(&create), "{}\n{}", ended.code, ended.out);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let usable = format!("store: the store in {schema} can be used");
    assert!(bugrelay.verb(&["check"]).out.contains(&usable), "beside one that runs");
    server.exec(&format!("REVOKE DELETE ON {schema}.entry FROM 'bugrelay'@'%'"));
    let ended = bugrelay.verb(&["check"]);
    let lacks = format!("it lacks DELETE ON {schema}.entry");
    assert!(ended.code == 73 && ended.out.contains(&lacks), "{}\n{}", ended.code, ended.out);
}
