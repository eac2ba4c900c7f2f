//! The password of the account changes while the store is in the database: of the leader, of one that stands by, of one that never got in.

use std::time::Duration;

use super::{Site, instance, stands_by, wait_until_it_leads};
use crate::crash::oracle::end_of;
use crate::services::{Bugrelay, MariaDb, Postgres, poll};

const PATIENCE: Duration = Duration::from_secs(40);

fn with_password_file(site: &Site, password: &str) -> Bugrelay {
    let bugrelay = instance(site);
    bugrelay.replace(":bugrelay@", "@");
    std::fs::write(bugrelay.path("password"), format!("{password}\n")).unwrap();
    let file = format!("password_file = \"{}\"\n[queue]", bugrelay.path("password").display());
    bugrelay.replace("[queue]", &file);
    bugrelay
}

fn rotated(bugrelay: &Bugrelay, password: &str) {
    std::fs::write(bugrelay.path("password"), format!("{password}\n")).unwrap();
}

fn goes_on(site: &Site, bugrelay: &Bugrelay, word: &str) {
    site.says(word);
    let told = || bugrelay.lines().iter().any(|line| line.contains(word));
    assert!(poll(PATIENCE, told), "{word} is not told:\n{}", end_of(&bugrelay.log()));
}

fn a_password_is_rotated(site: &Site) {
    let (mut first, mut second) = (with_password_file(site, "bugrelay"), with_password_file(site, "bugrelay"));
    for bugrelay in [&mut first, &mut second] {
        bugrelay.start();
        bugrelay.wait_until_ready();
    }
    assert!(stands_by(&second));
    goes_on(site, &first, "before");
    site.set_password("needle-one");
    rotated(&first, "needle-one");
    goes_on(site, &first, "behind");
    // It lost its session too, and cannot get in again.
    assert!(poll(PATIENCE, || !second.get("/readyz").contains("standing by")), "{}", end_of(&second.log()));
    rotated(&second, "needle-one");
    assert!(poll(PATIENCE, || stands_by(&second)), "{}", end_of(&second.log()));
    // One that has a wrong one from the start.
    let mut third = with_password_file(site, "wrong");
    third.start();
    let refused = || third.log().contains("the store cannot be opened yet");
    assert!(poll(PATIENCE, refused), "{}", end_of(&third.log()));
    rotated(&third, "needle-one");
    assert!(poll(PATIENCE, || stands_by(&third)), "{}", end_of(&third.log()));
    drop(third);
    first.kill9();
    wait_until_it_leads(&second, PATIENCE);
    goes_on(site, &second, "last");
    let logs = first.log() + &second.log();
    assert!(logs.contains("[bugzilla] password") && !logs.contains("needle-"), "{}", end_of(&logs));
}

#[test]
fn with_its_store_in_a_mariadb_a_password_is_rotated_without_a_restart() {
    let server = MariaDb::start(&[]);
    a_password_is_rotated(&Site::of_mariadb(&server));
}

#[test]
fn with_its_store_in_a_postgresql_a_password_is_rotated_without_a_restart() {
    a_password_is_rotated(&Site::of_postgresql(Postgres::shared()));
}
