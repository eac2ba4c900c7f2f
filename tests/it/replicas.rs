//! Several instances with one store, in Bugzilla's database: one leads, the others stand by and take over. And one instance alone on such a
//! store, killed and with its database killed under it. Judged is what left all of them, by what the database holds in the end.

mod rotation;
mod site;
mod standby;

use std::time::{Duration, Instant};

use self::site::Site;
use crate::crash::database::DURABLE;
use crate::crash::load::Load;
use crate::crash::oracle::{Committed, end_of};
use crate::services::{Bugrelay, MariaDb, Postgres, free_port, poll};

const BATCH: usize = 20;

const SCHEMA: &str = "bugrelay_store";

/// One that keeps its store in the database; it stands by if another leads.
fn configured(database: &str, schema: &str) -> Bugrelay {
    let bugrelay = Bugrelay::configured(database, &format!("schema = \"{schema}\""), &format!("batch = {BATCH}"));
    bugrelay.keep_in_database();
    bugrelay
}

fn instance(site: &Site) -> Bugrelay {
    configured(&site.our_url, site.schema)
}

fn started_of(site: &Site) -> Bugrelay {
    let mut bugrelay = instance(site);
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

/// Every line that came again was counted as one that might; gives how many were counted.
fn counted(bugrelay: &Bugrelay, repeated: usize) -> usize {
    let count = || bugrelay.metric("bugrelay_possible_duplicates_total{connector=\"out\"}").unwrap_or(-1.0);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at the most")]
    let is_counted = poll(Duration::from_secs(10), || count() >= repeated as f64);
    assert!(is_counted, "{repeated} lines were repeated, {} counted:\n{}", count(), end_of(&bugrelay.log()));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = count() as usize;
    count
}

#[test]
fn when_the_leader_is_killed_or_stopped_another_takes_over_and_nothing_is_lost() {
    let site = Site::on_mariadb();
    let mut first = started_of(&site);
    assert_eq!(first.metric("bugrelay_leader"), Some(1.0));
    let load = Load::start(site.url.clone());
    load.wait_for(20);
    let mut second = started_of(&site);
    assert!(stands_by(&second));
    load.wait_for(20);
    first.kill9();
    wait_until_it_leads(&second, Duration::from_secs(5));
    let third = started_of(&site);
    assert!(stands_by(&third));
    load.wait_for(20);
    // What the kill left in flight is sent first: then it is counted.
    second.wait_for(BATCH + 1);
    let mut possible = counted(&second, 0);
    // As a rolling upgrade does: the new one is there, the old one is stopped.
    assert!(second.terminate().success());
    wait_until_it_leads(&third, Duration::from_secs(5));
    load.wait_for(20);
    load.finish();
    let repeated = site.committed().wait_for_in(&third, || all_lines(&[&first, &second, &third]));
    assert!(repeated <= BATCH, "{repeated} lines were repeated by one kill");
    possible += counted(&third, 0);
    assert!((repeated..=BATCH).contains(&possible), "{repeated} lines were repeated, {possible} counted");
}

#[test]
fn a_leader_that_was_frozen_repeats_at_most_its_batch_and_stops_when_it_wakes_up() {
    let site = Site::on_mariadb();
    let mut first = started_of(&site);
    let load = Load::start(site.url.clone());
    load.wait_for(20);
    let second = started_of(&site);
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
    let repeated = site.committed().wait_for_in(&second, || all_lines(&[&first, &second]));
    assert!(repeated <= BATCH, "{repeated} lines were repeated");
    assert!(counted(&second, repeated) <= BATCH);
    first.start();
    first.wait_until_ready();
    assert!(stands_by(&first), "started again it stands by");
}

#[test]
fn on_postgresql_a_frozen_leader_is_taken_over_from_and_nothing_is_told_twice() {
    let site = Site::on_postgresql();
    let mut first = started_of(&site);
    let says = |text: &str| site.says(text);
    says("before");
    let told = first.wait_for(1).len();
    let second = started_of(&site);
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
    assert_eq!(counted(&second, 0), 0, "nothing was in flight");
    let hex: String = "meanwhile".bytes().map(|byte| format!("{byte:02x}")).collect();
    let (log, told) = (second.log(), "meanwhile");
    assert!(!log.contains(&hex) && !log.contains(told), "a text that is stored is in no log, be it at level trace");
}

/// The connectors, each with a file of its own name.
const CONNECTORS: [&str; 3] = ["out", "more", "most"];

fn lines_of(bugrelay: &Bugrelay, connector: &str) -> Vec<String> {
    let text = std::fs::read_to_string(bugrelay.path(&format!("{connector}.jsonl"))).unwrap_or_default();
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(ToOwned::to_owned).collect()
}

/// What the random moments are made of; printed by the test.
fn seed() -> u64 {
    std::env::var("BUGRELAY_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap())
}

/// Kills it, and now and then the server, while somebody saves; gives it and how often it was killed. Nobody saves any more.
fn killed_again_and_again(
    seed: u64,
    url: String,
    our_url: &str,
    schema: &str,
    mut kill_server: impl FnMut(),
) -> (Bugrelay, usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bugrelay = configured(our_url, schema);
    for connector in &CONNECTORS[1..] {
        let path = bugrelay.path(&format!("{connector}.jsonl"));
        let table =
            format!("[connectors.{connector}]\ntype = \"file\"\npath = \"{}\"\nbatch = {BATCH}\n", path.display());
        bugrelay.replace("[connectors.out]", &format!("{table}[connectors.out]"));
    }
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(url);
    load.wait_for(20);
    let mut kills = 0;
    for round in 0..10 {
        // Not waited for: this is the time that it is given.
        let moment = Instant::now() + Duration::from_millis(random.u64(20..900));
        poll(Duration::from_secs(1), || Instant::now() >= moment);
        if round % 4 == 3 {
            kill_server();
        } else {
            bugrelay.kill9();
            kills += 1;
            bugrelay.start();
        }
    }
    load.finish();
    (bugrelay, kills)
}

fn every_connector_got_everything(bugrelay: &mut Bugrelay, committed: &Committed, kills: usize) {
    for connector in CONNECTORS {
        let repeated = committed.wait_for_in(bugrelay, || lines_of(bugrelay, connector));
        assert!(repeated <= kills * BATCH, "{connector}: {repeated} lines were repeated by {kills} kills");
    }
    assert!(bugrelay.terminate().success());
}

#[test]
fn a_store_in_a_database_that_is_killed_again_and_again_loses_nothing() {
    let seed = seed();
    println!("BUGRELAY_SEED={seed}");
    let mut server = MariaDb::start(&DURABLE);
    let (url, our_url, name) = {
        let bugzilla = server.database();
        (bugzilla.url(), bugzilla.bugrelay_url(), bugzilla.name.clone())
    };
    server.store_url(SCHEMA, "bugrelay");
    let (mut bugrelay, kills) = killed_again_and_again(seed, url, &our_url, SCHEMA, || {
        server.kill9();
        server.start_again();
    });
    every_connector_got_everything(&mut bugrelay, &Committed::read(&server, &name), kills);
}

#[test]
fn a_store_in_a_postgresql_that_is_killed_again_and_again_loses_nothing() {
    let seed = seed();
    println!("BUGRELAY_SEED={seed}");
    let mut server = Postgres::start(None);
    // What was committed survives a crash.
    server.set("synchronous_commit", "on");
    let (url, our_url, name) = {
        let site = Site::of_postgresql(&server);
        (site.url.clone(), site.our_url.clone(), site.name())
    };
    let (mut bugrelay, kills) = killed_again_and_again(seed, url, &our_url, "bugrelay", || {
        server.kill9();
        server.start_again();
    });
    every_connector_got_everything(&mut bugrelay, &Committed::read_on(&server.existing(&name)), kills);
}

#[test]
fn what_a_lagging_replica_brings_back_is_sent_again_and_counted() {
    let mut primary = MariaDb::start(&[]);
    let replica = MariaDb::start(&["--server-id=2", "--log-slave-updates"]);
    replica.follow(&primary);
    let (name, mut bugrelay) = {
        let site = Site::of_mariadb(&primary);
        let bugrelay = instance(&site);
        bugrelay.replace("[admin]", "[admin]\ntoken = \"open sesame\"");
        (site.name(), bugrelay)
    };
    bugrelay.start();
    bugrelay.wait_until_ready();
    assert_eq!(bugrelay.verb(&["connector", "pause", "out"]).code, 0);
    let say = |text: &str| {
        format!("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES (1, 2, UTC_TIMESTAMP(), '{text}')")
    };
    for text in ["one", "two", "three"] {
        primary.existing(&name).exec(&say(text));
    }
    let waits = || bugrelay.metric("bugrelay_backlog_messages{connector=\"out\"}") == Some(3.0);
    assert!(poll(Duration::from_secs(30), waits), "{}", end_of(&bugrelay.log()));
    let has_all = || replica.exec("SELECT @@gtid_slave_pos") == primary.exec("SELECT @@gtid_binlog_pos");
    assert!(poll(Duration::from_secs(30), has_all), "{}", replica.exec("SHOW SLAVE STATUS"));
    // From here on it lags.
    replica.exec("STOP SLAVE");
    assert_eq!(bugrelay.verb(&["connector", "resume", "out"]).code, 0);
    bugrelay.wait_for(3);
    assert!(bugrelay.terminate().success());
    primary.kill9();
    bugrelay.replace(&format!(":{}/", primary.port()), &format!(":{}/", replica.port()));
    bugrelay.start();
    bugrelay.wait_until_ready();
    // So it was when the replica heard last.
    assert_eq!(bugrelay.verb(&["connector", "resume", "out"]).code, 0);
    let lines = bugrelay.wait_for(6);
    assert_eq!(lines[..3], lines[3..]);
    assert_eq!(counted(&bugrelay, 3), 3);
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

#[test]
fn check_warns_of_a_node_of_a_galera_cluster() {
    const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";
    if !std::path::Path::new(PROVIDER).exists() {
        return eprintln!("SKIPPED check_warns_of_a_node_of_a_galera_cluster: {PROVIDER} is not installed");
    }
    let server = MariaDb::start(&[
        "--wsrep-on=ON",
        &format!("--wsrep-provider={PROVIDER}"),
        "--wsrep-cluster-address=gcomm://",
        "--wsrep-node-address=127.0.0.1",
        &format!("--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{}", free_port()),
    ]);
    let site = Site::of_mariadb(&server);
    let ended = instance(&site).verb(&["check"]);
    assert!(ended.out.contains("warning  store_cluster:") && ended.out.contains("GET_LOCK"), "{}", ended.out);
    assert_eq!(
        server.exec("SELECT GET_LOCK('tried', 0)").trim(),
        "1",
        "docs/how-to/replicas.md says that this one gives it"
    );
    let elsewhere = instance(&Site::on_mariadb()).verb(&["check"]);
    assert!(!elsewhere.out.contains("store_cluster"), "{}", elsewhere.out);
}
