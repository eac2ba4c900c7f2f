//! Going on where it was left, and noticing where that cannot be.

use bugrelay::capture::{Gap, Source};
use bugrelay::changeset::Position;
use bugrelay::failure::Class;
use mysql_async::prelude::Queryable;

use super::{PLAIN, Site, comment, comment_told, failure, open, refused, saves};
use crate::services::{MariaDb, Mysqld};

super::on_each_server! {
    from_every_position_exactly_the_rest_is_told
    a_second_reader_with_our_number_throws_the_first_one_out_which_says_so
}

/// Starts a server for one sentence alone.
type Start = fn(&[&str]) -> Mysqld;

/// Runs sentences, each on a server of its own.
macro_rules! on_its_own {
    ($module:ident $start:path: $($sentence:ident)*) => {
        mod $module {$(
            #[tokio::test]
            async fn $sentence() {
                super::$sentence($start).await;
            }
        )*}
    };
}

/// The same of both makes.
macro_rules! on_its_own_of_each_make {
    ($($sentence:ident)*) => {
        on_its_own! { its_own_mariadb crate::services::MariaDb::start: $($sentence)* }
        on_its_own! { its_own_mysql crate::services::MySql::start: $($sentence)* }
    };
}

on_its_own_of_each_make! {
    a_killed_connection_is_a_passing_failure
    a_crash_of_the_server_loses_nothing
    a_server_that_hangs_is_noticed_by_its_silence
    an_idle_position_is_told_now_and_then_but_not_for_our_own_writes
}

async fn from_every_position_exactly_the_rest_is_told(server: &Mysqld) {
    let site = Site::new(server);
    let (mut capture, start) = open(&site, None).await;
    site.run(&(1..=4).map(comment).collect::<String>()).await;
    let mut positions = vec![start];
    for _ in 1..=4 {
        positions.push(saves(&mut *capture, 1).await.1);
    }
    for (told, position) in positions.iter().enumerate().take(4) {
        let (mut capture, _) = open(&site, Some(position)).await;
        let rest: Vec<String> = (told as u32 + 1..=4).map(comment_told).collect();
        assert_eq!(saves(&mut *capture, rest.len()).await.0, rest);
    }
}

#[tokio::test]
async fn a_server_without_any_gtid_yet_is_resumed_by_file() {
    let server = MariaDb::start(&[]);
    let site = Site::new(&server);
    server.exec("RESET MASTER");
    let (capture, position) = open(&site, None).await;
    drop(capture);
    assert!(position.0.contains("binlog.000001") && !position.0.contains("gtid"), "{position}");
    site.run(&comment(1)).await;
    server.exec("FLUSH BINARY LOGS");
    site.run(&comment(2)).await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    let (told, later) = saves(&mut *capture, 2).await;
    assert_eq!(told, [comment_told(1), comment_told(2)]);
    assert!(later.0.contains("gtid"), "{later}");

    // The same name and number, but another file.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    server.exec("RESET MASTER");
    assert_eq!(refused(&site, Some(&position)).await.gap, Some(Gap::ForeignServer));
    let other_server = Position(position.0.replace(r#""server":"1""#, r#""server":"2""#));
    assert_eq!(refused(&site, Some(&other_server)).await.gap, Some(Gap::ForeignServer));
    let too_far = Position(position.0.replace(r#""pos":"#, r#""pos":99999"#));
    assert_eq!(refused(&site, Some(&too_far)).await.gap, Some(Gap::Ahead));
    let next_file = Position(position.0.replace("binlog.000001", "binlog.000009"));
    assert_eq!(refused(&site, Some(&next_file)).await.gap, Some(Gap::Ahead));
}

#[tokio::test]
async fn a_purged_log_is_a_gap() {
    let server = MariaDb::start(&[]);
    let site = Site::new(&server);
    let (capture, position) = open(&site, None).await;
    drop(capture);
    site.run(&comment(1)).await;
    server.exec("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
    // The server spares files that a reader was in or that its own checkpoint is not past, and is late to notice.
    let deadline = std::time::Instant::now() + super::PATIENCE;
    loop {
        let files = server.exec("SHOW BINARY LOGS");
        let names: Vec<&str> = files.lines().filter_map(|line| line.split('\t').next()).collect();
        if names.len() == 1 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "old files can be deleted");
        server.exec(&format!("PURGE BINARY LOGS TO '{}'", names[names.len() - 1]));
    }
    let error = refused(&site, Some(&position)).await;
    assert_eq!(error.gap, Some(Gap::Purged), "{error}");
}

#[tokio::test]
async fn a_position_that_the_server_never_issued_is_refused() {
    let site = Site::new(&PLAIN);
    site.run(&comment(1)).await;
    let (_, position) = open(&site, None).await;
    let with = |gtid: &str| {
        let end = position.0.find("\"columns\"").unwrap();
        Position(format!(r#"{{"server":"1","at":{{"gtid":"{gtid}"}},{}"#, &position.0[end..]))
    };
    for (gtid, gap) in [("0-1-999999999", Gap::Ahead), ("5-7-9", Gap::ForeignServer), ("0-77-3", Gap::ForeignServer)] {
        let error = refused(&site, Some(&with(gtid))).await;
        assert_eq!(error.gap, Some(gap), "{gtid}: {error}");
    }
    assert_eq!(
        refused(&site, Some(&with("6ccd780c-baba-1026-9564-5b8c656024db:1-9"))).await.gap,
        Some(Gap::ForeignServer)
    );
}

async fn a_killed_connection_is_a_passing_failure(start: Start) {
    let server = start(&[]);
    let site = Site::new(&server);
    let (mut capture, position) = open(&site, None).await;
    let mut session = site.session().await;
    let dump: Option<u64> = session
        .query_first("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
        .await
        .unwrap();
    session.query_drop(format!("KILL {}", dump.unwrap())).await.unwrap();
    assert_eq!(failure(&mut *capture).await.class, Class::Transient);
    site.run(&comment(1)).await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(1)]);
}

async fn a_crash_of_the_server_loses_nothing(start: Start) {
    let mut server = start(&["--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1"]);
    let site = Site::new(&server);
    let (mut capture, position) = open(&site, None).await;
    site.run(&comment(1)).await;
    server.kill9();
    let error = failure(&mut *capture).await;
    assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
    let error = refused(&site, Some(&position)).await;
    assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
    server.start_again();
    site.run(&comment(2)).await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1), comment_told(2)]);
}

async fn a_server_that_hangs_is_noticed_by_its_silence(start: Start) {
    let server = start(&[]);
    let site = Site::new(&server);
    let (mut capture, _) = open(&site, None).await;
    server.stop();
    let error = failure(&mut *capture).await;
    assert!(error.to_string().contains("not even a heartbeat"), "{error}");
    assert_eq!(error.class, Class::Transient);
}

async fn a_second_reader_with_our_number_throws_the_first_one_out_which_says_so(server: &Mysqld) {
    let site = Site::new(server);
    let source = site.source();
    let mut first = source.open(None).await.unwrap();
    let mut second = source.open(None).await.unwrap();
    let error = failure(&mut *first).await;
    assert!(error.to_string().contains("another reader"), "{error}");
    assert_eq!((error.class, error.gap), (Class::Transient, None));
    site.run(&comment(1)).await;
    assert_eq!(saves(&mut *second, 1).await.0, [comment_told(1)]);
}

async fn an_idle_position_is_told_now_and_then_but_not_for_our_own_writes(start: Start) {
    let server = start(&[]);
    let site = Site::new(&server);
    server.exec("CREATE DATABASE bugrelay; CREATE TABLE bugrelay.queue (id INT)");
    let (mut capture, start) = open(&site, None).await;
    server.exec("INSERT INTO bugrelay.queue VALUES (1)");
    let silent = tokio::time::timeout(std::time::Duration::from_secs(12), capture.next()).await;
    assert!(silent.is_err(), "our own writes are no progress");
    site.run("INSERT INTO attach_data VALUES (1, 'x')").await;
    let idle = super::next(&mut *capture).await.unwrap();
    assert!(idle.rows.is_empty() && idle.position != start && idle.committed_at > 0);
}
