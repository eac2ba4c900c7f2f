//! Positions that the server has nothing behind, and those that it has.

use bugrelay::capture::{Gap, Source};
use bugrelay::changeset::Position;
use bugrelay::failure::Class;

use super::site::{self, source};
use super::{PATIENCE, Site, broken, comment, comment_told, failure, next, open, saves};
use crate::services::{Postgres, poll};

/// SQL that fills 16 MB of the log and begins another file.
const MUCH: &str = "CREATE TABLE IF NOT EXISTS filler (t text); \
                    INSERT INTO filler SELECT repeat(md5(n::text), 100) FROM generate_series(1, 4000) n; SELECT pg_switch_wal();";

async fn assert_gap(site: &Site, from: &Position, gap: Gap, word: &str) {
    let error = failure(site, Some(from)).await;
    assert_eq!(error.gap, Some(gap), "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_gone_on_from_whether_or_not_it_was_acknowledged() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    site.run(&comment(101));
    let (_, position) = saves(&mut *capture, 1).await;
    drop(capture);
    site.run(&comment(102));
    let (mut capture, _) = open(&site, Some(&position)).await;
    let (told, position) = saves(&mut *capture, 1).await;
    assert_eq!(told, [comment_told(102)]);
    capture.acknowledge(&position).await.unwrap();
    let confirmed = || {
        site.run(&format!(
            "SELECT '{}'::pg_lsn <= confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{}'",
            lsn(&position),
            site.slot_name()
        ))
    };
    assert!(poll(PATIENCE, || confirmed() == "t\n"), "the slot is not advanced");
    drop(capture);
    site.run(&comment(103));
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(103)]);
}

fn lsn(position: &Position) -> String {
    let position: serde_json::Value = serde_json::from_str(&position.0).unwrap();
    position["lsn"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_dropped_is_a_gap_and_a_new_one_is_made_for_a_new_beginning() {
    let site = Site::new();
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.drop_slot();
    assert_gap(&site, &position, Gap::SlotLost, "dropped").await;
    let (mut capture, _) = open(&site, None).await;
    site.run(&comment(101));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(101)]);
    drop(capture);
    assert_gap(&site, &position, Gap::SlotLost, "made anew").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_dropped_under_us_is_a_gap() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    assert!(poll(PATIENCE, || site.slot("active") == "f"));
    site.drop_slot();
    assert_eq!(broken(&mut *capture).await.gap, Some(Gap::SlotLost));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_kept_too_much_is_a_gap_and_is_replaced() {
    let server: &'static Postgres = Box::leak(Box::new(Postgres::start(None)));
    let database = server.database();
    database.publish();
    server.set("max_slot_wal_keep_size", "16MB");
    let source = || source(&database.bugrelay_url());
    let mut capture = source().open(None).await.unwrap();
    let position = next(&mut *capture).await.unwrap().position;
    drop(capture);
    let lost = || {
        database.exec(MUCH);
        database.exec("CHECKPOINT");
        database.exec("SELECT wal_status FROM pg_replication_slots") == "lost\n"
    };
    assert!(poll(PATIENCE, lost), "the server keeps the slot");
    let Err(error) = source().open(Some(&position)).await else { panic!("it opens") };
    assert_eq!(error.gap, Some(Gap::SlotLost), "{error}");
    let mut capture = source().open(None).await.unwrap_or_else(|error| panic!("{error}"));
    next(&mut *capture).await.unwrap();
    database.exec(&comment(101));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(101)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_of_others_are_refused() {
    let site = Site::new();
    let (capture, Position(position)) = open(&site, None).await;
    drop(capture);
    let mut of: serde_json::Value = serde_json::from_str(&position).unwrap();
    of["system"] = "7000000000000000001".into();
    assert_gap(&site, &Position(of.to_string()), Gap::ForeignServer, "system identifier").await;
    of = serde_json::from_str(&position).unwrap();
    of["lsn"] = "FFFF/0".into();
    assert_gap(&site, &Position(of.to_string()), Gap::Ahead, "end of the server's log").await;
    assert_gap(&site, &Position(r#"{"server":"1","at":{"gtid":"0-1-9"}}"#.to_owned()), Gap::AnotherWay, "capture")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_from_before_the_publication_are_a_gap_and_not_an_endless_error() {
    let site = Site::new();
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run("DROP PUBLICATION bugrelay");
    site.run(&comment(101));
    assert_eq!(failure(&site, Some(&position)).await.class, Class::Misconfigured);
    site.publish();
    assert_gap(&site, &position, Gap::SlotLost, "publication was made after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_loses_and_repeats_nothing() {
    let mut server = Postgres::start(None);
    let (url, publish) = {
        let database = server.database();
        database.publish();
        (database.bugrelay_url(), database.name.clone())
    };
    let run = |server: &Postgres, sql: &str| server.exec_in(&publish, sql);
    let mut capture = source(&url).open(None).await.unwrap();
    next(&mut *capture).await.unwrap();
    run(&server, &comment(101));
    let (_, position) = saves(&mut *capture, 1).await;
    run(&server, &comment(102));
    server.shut_down();
    assert_eq!(broken(&mut *capture).await.class, Class::Transient);
    drop(capture);
    let Err(error) = source(&url).open(Some(&position)).await else { panic!("it is down") };
    assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
    server.start_again();
    run(&server, &comment(103));
    let mut capture = site::source(&url).open(Some(&position)).await.unwrap();
    assert_eq!(saves(&mut *capture, 2).await.0, [102, 103].map(comment_told));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bugrelay_is_refused_and_the_first_loses_nothing() {
    let site = Site::new();
    let (mut capture, position) = open(&site, None).await;
    for from in [None, Some(&position)] {
        let Err(error) = site.source().open(from).await else { panic!("it opens") };
        assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
        assert!(error.to_string().contains("another bugrelay"), "{error}");
    }
    site.run(&comment(101));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(101)]);
}
