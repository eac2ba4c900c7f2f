//! The configuration read anew while somebody saves all the time, and passwords that are rotated on real servers.

use std::time::Duration;

use super::load::Load;
use super::oracle::{Committed, end_of};
use crate::services::{Bugrelay, MariaDb, RabbitMq, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// Puts the part in the place of the other one, and has it read at once.
fn change(bugrelay: &Bugrelay, part: &str, by: &str) {
    let said = || bugrelay.log().matches("the configuration was read anew").count();
    let before = said();
    bugrelay.replace(part, by);
    bugrelay.signal("HUP");
    assert!(poll(PATIENCE, || said() > before), "{}", end_of(&bugrelay.log()));
}

#[test]
fn connectors_that_are_added_changed_and_taken_out_under_load_lose_and_repeat_nothing() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    bugrelay.replace("[connectors.out]", "[connectors.out]\nbatch = 3");
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    let more = format!("[connectors.more]\ntype = \"file\"\npath = \"{}\"\n", bugrelay.path("more.jsonl").display());
    for round in 3..8 {
        load.wait_for(15);
        change(&bugrelay, &format!("batch = {round}"), &format!("batch = {}", round + 1));
        load.wait_for(5);
        change(&bugrelay, "[connectors.out]", &format!("{more}[connectors.out]"));
        load.wait_for(5);
        if round < 7 {
            change(&bugrelay, &more, "");
        }
    }
    load.wait_for(20);
    load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    assert_eq!(committed.wait_for(&bugrelay), 0, "a line was repeated");
    // It was taken out and put back: what came between is not its own, and the rest is there in order, once.
    let all = bugrelay.lines();
    let of_more = || std::fs::read_to_string(bugrelay.path("more.jsonl")).unwrap_or_default();
    assert!(
        poll(PATIENCE, || of_more().lines().last() == all.last().map(String::as_str)),
        "{}",
        end_of(&bugrelay.log())
    );
    let more = of_more();
    let mut rest = all.iter();
    assert!(more.lines().all(|line| rest.any(|told| told == line)), "a line was repeated, or is out of order");
    // From the last time on nothing is missing.
    let last = all.iter().rev().zip(more.lines().rev()).take_while(|(one, other)| one == other).count();
    assert!(last >= 10, "{last} of {}", all.len());
}

#[test]
fn a_database_password_is_rotated_without_a_restart_and_nothing_is_lost() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database();
    let url = bugzilla.bugrelay_url().replace("bugrelay:bugrelay@", "bugrelay@");
    let mut bugrelay = Bugrelay::configured(&url, "", "");
    std::fs::write(bugrelay.path("password"), "bugrelay\n").unwrap();
    let file = format!("password_file = \"{}\"\n[queue]", bugrelay.path("password").display());
    bugrelay.replace("[queue]", &file);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    load.wait_for(20);
    for password in ["needle-one", "needle-two"] {
        server.exec(&format!("ALTER USER bugrelay@'%' IDENTIFIED BY '{password}'"));
        // Who has only the old one cannot get in any more, and nobody is in.
        server.exec("KILL USER bugrelay");
        load.wait_for(10);
        std::fs::write(bugrelay.path("password"), format!("{password}\n")).unwrap();
        bugrelay.signal("HUP");
        let before = bugrelay.lines().len();
        assert!(poll(PATIENCE, || bugrelay.lines().len() > before + 20), "{}", end_of(&bugrelay.log()));
    }
    load.finish();
    assert_eq!(Committed::read(&server, &bugzilla.name).wait_for(&bugrelay), 0, "a line was repeated");
    let log = bugrelay.log();
    assert!(log.contains("[bugzilla] password") && !log.contains("needle-"), "{}", end_of(&log));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brokers_passcode_is_rotated_without_a_restart_and_nothing_is_lost() {
    let broker = RabbitMq::shared();
    broker.account_of("rotated", "first-needle");
    broker.bind("rotated", "rotated.#").await;
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    std::fs::write(bugrelay.path("passcode"), "first-needle\n").unwrap();
    let bus = format!(
        "[connectors.bus]\ntype = \"stomp\"\nurl = \"stomp://127.0.0.1:{}\"\nlogin = \"rotated\"\npasscode_file = \"{}\"\n\
         destination_template = \"/topic/rotated.{{target}}.{{action}}\"\nbackoff_seconds = [1]\n",
        broker.port(),
        bugrelay.path("passcode").display()
    );
    bugrelay.replace("[connectors.out]", &format!("{bus}[connectors.out]"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    load.wait_for(20);
    broker.account_of("rotated", "second-needle");
    load.wait_for(20);
    std::fs::write(bugrelay.path("passcode"), "second-needle\n").unwrap();
    let is_rotated = || bugrelay.log().contains("\"changed\":\"bus\"");
    assert!(poll(PATIENCE, is_rotated), "the file was not looked at:\n{}", end_of(&bugrelay.log()));
    load.wait_for(20);
    load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    committed.wait_for(&bugrelay);
    let mut bodies: Vec<String> = vec![];
    let deadline = std::time::Instant::now() + PATIENCE;
    while bodies.len() < committed.len() && std::time::Instant::now() < deadline {
        bodies.extend(broker.take("rotated").await.into_iter().map(|message| message.body));
    }
    committed.wait_for_in(&bugrelay, || bodies.clone());
    assert!(!bugrelay.log().contains("-needle"));
}
