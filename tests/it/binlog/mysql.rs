//! What only MySQL does: its own words, its GTID sets, partial JSON.

use bugrelay::capture::{Gap, Severity, Source as _};
use bugrelay::changeset::Position;
use bugrelay::failure::Class;

use super::{MYSQL, MYSQL_FULL, Site, comment, comment_told, failure, open, refused, saves};
use crate::services::{MySql, Mysqld};

const GTIDS: [&str; 2] = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];

/// Whether it is 8.4 or later: GTIDs have tags there, and what was called master has another name.
fn knows_tags(server: &Mysqld) -> bool {
    server.exec("SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type = 'TRANSACTION_GTID_TAG'")
        != "0\n"
}

/// The position with another place in it: what is in `{}` behind `"at":`.
fn elsewhere(position: &Position, place: &str) -> Position {
    let (head, rest) = position.0.split_once("\"at\":").unwrap();
    let (_, tail) = rest.split_once('}').unwrap();
    Position(format!("{head}\"at\":{{{place}}}{tail}"))
}

/// The names of the log's files.
async fn files(site: &Site) -> Vec<String> {
    use mysql_async::prelude::Queryable as _;
    let rows: Vec<mysql_async::Row> = site.session().await.query("SHOW BINARY LOGS").await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn positions_are_gtid_sets_where_the_server_has_them_and_places_in_files_elsewhere() {
    let (_, by_file) = open(&Site::new(&MYSQL), None).await;
    assert!(by_file.0.contains("\"at\":{\"file\":\"binlog.0"), "{by_file}");
    let (_, by_gtid) = open(&Site::new(&MYSQL_FULL), None).await;
    let uuid = MYSQL_FULL.exec("SELECT @@server_uuid");
    assert!(by_gtid.0.contains(&format!("\"at\":{{\"gtid\":\"{}:1-", uuid.trim())), "{by_gtid}");
    assert_ne!(uuid, MYSQL.exec("SELECT @@server_uuid"), "a server of its own");
}

#[tokio::test]
async fn a_gtid_that_the_server_never_issued_is_refused() {
    let site = Site::new(&MYSQL_FULL);
    let (_, position) = open(&site, None).await;
    let uuid = MYSQL_FULL.exec("SELECT @@server_uuid");
    for (gtid, gap) in [
        (format!("{}:1-999999999", uuid.trim()), Gap::Ahead),
        ("6ccd780c-baba-1026-9564-5b8c656024db:1-9".to_owned(), Gap::ForeignServer),
        ("0-1-9".to_owned(), Gap::ForeignServer),
    ] {
        let error = refused(&site, Some(&elsewhere(&position, &format!("\"gtid\":\"{gtid}\"")))).await;
        assert_eq!(error.gap, Some(gap), "{gtid}: {error}");
    }
    let error = refused(&Site::new(&MYSQL), Some(&position)).await;
    assert_eq!(error.gap, Some(Gap::ForeignServer), "{error}");
}

#[tokio::test]
async fn a_place_that_the_log_does_not_have_is_refused() {
    let (site, other) = (Site::new(&MYSQL), Site::new(&MYSQL_FULL));
    let (_, position) = open(&site, None).await;
    let file = files(&site).await.pop().unwrap();
    for (place, gap) in [
        (format!("\"file\":\"{file}\",\"pos\":999999999,\"born\":0"), Gap::Ahead),
        ("\"file\":\"binlog.009999\",\"pos\":4,\"born\":0".to_owned(), Gap::Ahead),
        ("\"file\":\"binlog.000000\",\"pos\":4,\"born\":0".to_owned(), Gap::Purged),
        ("\"file\":\"log.000001\",\"pos\":4,\"born\":0".to_owned(), Gap::ForeignServer),
        // The same name, and begun at another time.
        (format!("\"file\":\"{file}\",\"pos\":4,\"born\":1"), Gap::ForeignServer),
    ] {
        let error = refused(&site, Some(&elsewhere(&position, &place))).await;
        assert_eq!(error.gap, Some(gap), "{place}: {error}");
    }
    assert_eq!(refused(&other, Some(&position)).await.gap, Some(Gap::ForeignServer));
}

#[tokio::test]
async fn a_purged_log_is_a_gap_with_and_without_gtids() {
    for options in [&GTIDS[..], &["--binlog-checksum=NONE"]] {
        let server = MySql::start(options);
        let site = Site::new(&server);
        let (capture, position) = open(&site, None).await;
        drop(capture);
        site.run(&comment(1)).await;
        server.exec("FLUSH BINARY LOGS");
        site.run(&comment(2)).await;
        let (mut capture, _) = open(&site, Some(&position)).await;
        assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1), comment_told(2)]);
        drop(capture);
        // The server spares a file that a reader was in, and is late to notice that it is gone.
        let deadline = std::time::Instant::now() + super::PATIENCE;
        while files(&site).await.len() > 1 {
            assert!(std::time::Instant::now() < deadline, "old files can be deleted");
            server.exec(&format!("PURGE BINARY LOGS TO '{}'", files(&site).await.pop().unwrap()));
        }
        let error = refused(&site, Some(&position)).await;
        assert_eq!(error.gap, Some(Gap::Purged), "{error}");
    }
}

#[tokio::test]
async fn a_log_without_any_gtid_yet_is_resumed_and_loses_nothing_through_a_restart() {
    let mut server = MySql::start(&GTIDS);
    let site = Site::new(&server);
    server.exec(if knows_tags(&server) { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" });
    let (mut capture, position) = open(&site, None).await;
    assert!(!position.0.contains("gtid"), "{position}");
    site.run(&comment(1)).await;
    let (_, later) = saves(&mut *capture, 1).await;
    assert!(later.0.contains("gtid"), "{later}");
    server.restart();
    let error = failure(&mut *capture).await;
    assert_eq!((error.class, error.gap), (Class::Transient, None), "{error}");
    site.run(&comment(2)).await;
    let (mut capture, _) = open(&site, Some(&position)).await;
    assert_eq!(saves(&mut *capture, 2).await.0, [comment_told(1), comment_told(2)]);
    let (mut capture, _) = open(&site, Some(&later)).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(2)]);
}

#[tokio::test]
#[ignore = "MySQL 8.0 has no tags: scripts/test-matrix mysql-9 runs it"]
async fn transactions_whose_gtid_has_a_tag_are_told_and_gone_on_behind() {
    let site = Site::new(&MYSQL_FULL);
    let (mut capture, start) = open(&site, None).await;
    let mut positions = vec![start];
    for (id, gtid_next) in [(1, "AUTOMATIC"), (2, "AUTOMATIC:bugzilla"), (3, "AUTOMATIC"), (4, "AUTOMATIC:other")] {
        site.run(&format!("SET SESSION gtid_next = '{gtid_next}'; {}", comment(id))).await;
        let (told, position) = saves(&mut *capture, 1).await;
        assert_eq!(told, [comment_told(id)]);
        positions.push(position);
    }
    assert!(positions[4].0.contains(":bugzilla:1") && positions[4].0.contains(":other:1"), "{}", positions[4]);
    for (told, position) in (0_u32..).zip(&positions[..4]) {
        let (mut capture, _) = open(&site, Some(position)).await;
        let rest: Vec<String> = (told + 1..=4).map(comment_told).collect();
        assert_eq!(saves(&mut *capture, rest.len()).await.0, rest);
    }
}

#[tokio::test]
async fn a_row_whose_json_is_logged_in_part_stops_the_capture_with_the_setting() {
    for server in [&MYSQL, &MYSQL_FULL] {
        let site = Site::new(server);
        site.run("ALTER TABLE duplicates ADD COLUMN extra JSON").await;
        let (mut capture, _) = open(&site, None).await;
        site.run("INSERT INTO duplicates VALUES (1, 2, JSON_OBJECT('a', REPEAT('x', 100), 'b', REPEAT('y', 100)))")
            .await;
        assert_eq!(saves(&mut *capture, 1).await.0, ["2 duplicates 1"], "JSON is passed over");
        site.run(
            "SET SESSION binlog_row_value_options = PARTIAL_JSON;
             UPDATE duplicates SET dupe_of = 3, extra = JSON_SET(extra, '$.a', 'z')",
        )
        .await;
        let error = failure(&mut *capture).await.to_string();
        assert!(error.contains("duplicates") && error.contains("SET GLOBAL binlog_row_value_options = ''"), "{error}");
    }
}

#[tokio::test]
async fn check_says_mysqls_own_words() {
    for (server, expected) in
        [(&MYSQL, &["binlog_row_metadata", "sync_binlog", "gtid"][..]), (&MYSQL_FULL, &["sync_binlog"])]
    {
        let findings = Site::new(server).source().check().await;
        let wrong: Vec<&str> =
            findings.iter().filter(|finding| finding.severity != Severity::Good).map(|finding| &*finding.id).collect();
        assert_eq!(wrong, expected, "{findings:#?}");
    }
    let site = Site::new(&MYSQL);
    for (user, granted, missing) in [
        ("no_dump", "REPLICATION CLIENT", "REPLICATION SLAVE"),
        ("no_client", "REPLICATION SLAVE", "REPLICATION CLIENT"),
        ("no_dump_but_more", "REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN", "REPLICATION SLAVE"),
    ] {
        MYSQL.exec(&format!(
            "CREATE USER {user} IDENTIFIED BY 'x'; GRANT {granted} ON *.* TO {user}; GRANT SELECT ON {}.* TO {user}",
            site.name
        ));
        let Err(error) = site.source_as(user, "x").open(None).await else { panic!("{user} is refused") };
        assert!(error.to_string().contains(&format!("GRANT {missing} ON *.*")), "{error}");
        assert_eq!(error.class, Class::Misconfigured);
    }
}

#[tokio::test]
async fn a_right_that_a_role_gives_is_enough() {
    let site = Site::new(&MYSQL);
    MYSQL.exec(&format!(
        "CREATE ROLE relaying; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO relaying; GRANT SELECT ON {}.* TO relaying;
         CREATE USER by_role IDENTIFIED BY 'x'; GRANT relaying TO by_role; SET DEFAULT ROLE relaying TO by_role",
        site.name
    ));
    let mut capture = site.source_as("by_role", "x").open(None).await.unwrap_or_else(|error| panic!("{error}"));
    site.run(&comment(1)).await;
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(1)]);
}
