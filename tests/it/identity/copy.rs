//! A copy of Bugzilla on another host, as for staging, under a copy of bugrelay's store.

use std::time::Duration;

use super::{
    PATIENCE, STAGING, STAGING_POSTGRES, copy_of_the_last, running, said, save, wait_for_log, wait_for_metric,
};
use crate::services::{Bugrelay, MariaDb, Postgres, poll};

const REFUSED: &str = "bugrelay_source_refused";

/// What waits for connector `out` is let go, and held all the same.
fn assert_nothing_leaves(bugrelay: &Bugrelay) {
    wait_for_metric(bugrelay, REFUSED, 1.0);
    wait_for_metric(bugrelay, "bugrelay_source_gaps_total{reason=\"foreign_server\"}", 1.0);
    let ready = || bugrelay.get("/readyz");
    assert!(poll(PATIENCE, || ready().starts_with("HTTP/1.1 503") && ready().contains("may be a copy")), "{}", ready());
    said(bugrelay, &["connector", "resume", "out"]);
    wait_for_log(bugrelay, "delivery waits");
    assert!(bugrelay.lines().is_empty(), "{:?}", bugrelay.lines());
    let replay = bugrelay.verb(&["replay", "--since", "2026-02-01T00:00:00Z"]);
    assert!(replay.code == 1 && replay.err.contains("may be a copy"), "{}", replay.err);
    let check = bugrelay.verb(&["check"]);
    assert!(check.code == 78 && check.out.contains("identity: database"), "{}", check.out);
}

#[test]
fn a_mariadb_copy_with_productions_number_and_a_shorter_log_sends_nothing_until_it_is_adopted() {
    let production = MariaDb::shared().database();
    let mut bugrelay = running(&production.bugrelay_url(), "");
    said(&bugrelay, &["connector", "pause", "out"]);
    production.exec(&save(1));
    wait_for_metric(&bugrelay, "bugrelay_backlog_messages{connector=\"out\"}", 1.0);
    assert!(bugrelay.terminate().success());

    let staging = STAGING.database_called(&production.name);
    // What was copied, and what is saved there.
    staging.exec(&(copy_of_the_last(1, |sql| production.exec(sql)) + &save(2)));
    bugrelay.replace(&production.bugrelay_url(), &staging.bugrelay_url());
    bugrelay.start_with(&["run"]);
    assert_nothing_leaves(&bugrelay);
    assert_eq!(bugrelay.metric("bugrelay_swept_total"), Some(0.0));

    let asked = bugrelay.verb(&["adopt"]);
    assert!(asked.code == 2 && asked.err.contains("add --yes"), "{}", asked.err);
    let adopted = said(&bugrelay, &["adopt", "--yes"]);
    assert!(adopted.contains("is adopted"), "{adopted}");
    let lines = bugrelay.wait_for(2);
    assert!(lines[0].contains("\"bug_id\":1,") && lines[1].contains("\"bug_id\":2,"), "{lines:?}");
    wait_for_metric(&bugrelay, REFUSED, 0.0);
    wait_for_log(&bugrelay, "a server was adopted by the admin API");
    staging.exec(&save(3));
    assert_eq!(bugrelay.wait_for(3).len(), 3);
    assert!(said(&bugrelay, &["adopt", "--yes"]).contains("nothing to adopt"));
    assert!(bugrelay.terminate().success());
    bugrelay.start_with(&["run"]);
    bugrelay.wait_until_ready();
    assert_eq!(bugrelay.metric(REFUSED), Some(0.0));
}

#[test]
fn history_alone_knows_its_server_and_a_copy_is_adopted_while_nothing_runs() {
    let production = Postgres::shared().database();
    let mut bugrelay = running(&production.bugrelay_url(), "capture = \"history\"");
    said(&bugrelay, &["connector", "pause", "out"]);
    production.exec(&save(1));
    wait_for_metric(&bugrelay, "bugrelay_backlog_messages{connector=\"out\"}", 1.0);
    assert!(bugrelay.terminate().success());

    let staging = STAGING_POSTGRES.database_called(&production.name);
    staging.exec(&(copy_of_the_last(1, |sql| production.exec(sql)) + &save(2)));
    bugrelay.replace(&production.bugrelay_url(), &staging.bugrelay_url());
    bugrelay.start_with(&["run"]);
    assert_nothing_leaves(&bugrelay);
    assert!(bugrelay.terminate().success());

    let adopted: serde_json::Value =
        serde_json::from_str(&said(&bugrelay, &["adopt", "--offline", "--yes", "--json"])).unwrap();
    assert_eq!(adopted["found"]["database"], production.name, "{adopted}");
    assert_ne!(adopted["found"]["id"], adopted["known"]["id"], "{adopted}");
    bugrelay.start_with(&["run"]);
    let lines = bugrelay.wait_for(2);
    assert!(lines[0].contains("\"bug_id\":1,") && lines[1].contains("\"bug_id\":2,"), "{lines:?}");
    staging.exec(&save(3));
    bugrelay.wait_for(3);
}

#[test]
fn from_now_on_does_not_make_a_copy_the_right_server() {
    let production = MariaDb::shared().database();
    let mut bugrelay = running(&production.bugrelay_url(), "");
    assert!(bugrelay.terminate().success());
    let staging = STAGING.database_called(&production.name);
    bugrelay.replace(&production.bugrelay_url(), &staging.bugrelay_url());
    bugrelay.start_with(&["run", "--from-now"]);
    wait_for_metric(&bugrelay, REFUSED, 1.0);
    staging.exec(&save(1));
    assert!(bugrelay.wait_until_ended(Duration::ZERO).is_none());
    assert!(bugrelay.terminate().success());
    // Back at production it goes on as if nothing had been.
    production.exec(&save(1));
    bugrelay.replace(&staging.bugrelay_url(), &production.bugrelay_url());
    bugrelay.start_with(&["run"]);
    assert_eq!(bugrelay.wait_for(1).len(), 1);
}
