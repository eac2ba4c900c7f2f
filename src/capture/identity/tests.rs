//! What a server is to us, by what it says of itself.

use futures_util::FutureExt as _;

use super::*;

fn at(host: &str, own: Own) -> Server {
    Server { host: host.to_owned(), database: "bugs".to_owned(), own, adopted: false }
}

/// A server whose log has this, and the state of MariaDB's.
fn found(host: &str, own: Own, binlog_state: &str) -> Found {
    let binlog_state = binlog_state.to_owned();
    Found { server: at(host, own), is_replica: false, instance: String::new(), binlog_state }
}

fn mariadb(server_id: u32, gtids: &str) -> Own {
    Own::Mariadb { server_id, gtids: gtids.to_owned() }
}

fn mysql(uuid: &str, gtids: &str) -> Own {
    Own::Mysql { uuid: uuid.to_owned(), gtids: gtids.to_owned() }
}

fn postgresql(system: &str, timeline: i64, lsn: &str) -> Own {
    Own::Postgresql { system: system.to_owned(), timeline, lsn: lsn.to_owned() }
}

/// The verdict in a word, and the gap's.
fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Restored(gap, _) => format!("restored, {}", gap.as_str()),
        other => format!("{other:?}").split('(').next().unwrap_or_default().to_lowercase(),
    }
}

#[test]
fn a_mariadb_is_known_by_what_its_log_has_and_elsewhere_by_a_number_of_its_own() {
    let read = at("a:3306", mariadb(1, "0-1-900"));
    for (host, server_id, state, expected) in [
        ("a:3306", 1, "0-1-905", "known"),
        ("a:3306", 2, "0-1-905,0-2-7", "failover"),
        ("b:3306", 2, "0-1-905,0-2-7", "failover"),
        ("a:3306", 1, "0-1-899", "restored, ahead"),
        ("a:3306", 2, "0-2-905", "restored, foreign_server"),
        // Production's number and domain: with a shorter log, and with a longer one.
        ("b:3306", 1, "0-1-899", "copy"),
        ("b:3306", 1, "0-1-4711", "copy"),
        ("b:3306", 2, "0-2-4711", "copy"),
        // Without a log.
        ("a:3306", 1, "", "known"),
        ("a:3306", 2, "", "restored, foreign_server"),
        ("b:3306", 1, "", "copy"),
    ] {
        let found = found(host, mariadb(server_id, ""), state);
        assert_eq!(word(found.judge(&read)), expected, "{host} {server_id} {state}");
    }
}

#[test]
fn a_mysql_is_known_by_its_uuid_and_its_gtids() {
    const OURS: &str = "6ccd780c-baba-1026-9564-5b8c656024db";
    const OTHER: &str = "7ccd780c-baba-1026-9564-5b8c656024db";
    let read = at("a:3306", mysql(OURS, &format!("{OURS}:1-9")));
    for (host, uuid, gtids, expected) in [
        ("a:3306", OURS, format!("{OURS}:1-9"), "known"),
        ("b:3306", OURS, format!("{OURS}:1-12"), "known"),
        ("b:3306", OTHER, format!("{OURS}:1-9,{OTHER}:1-3"), "failover"),
        ("a:3306", OURS, format!("{OURS}:1-8"), "restored, ahead"),
        ("a:3306", OTHER, format!("{OTHER}:1-99"), "restored, foreign_server"),
        ("b:3306", OTHER, format!("{OTHER}:1-99"), "copy"),
        ("b:3306", OTHER, String::new(), "copy"),
        ("b:3306", OURS, String::new(), "known"),
    ] {
        assert_eq!(word(found(host, mysql(uuid, &gtids), "").judge(&read)), expected, "{host} {uuid} {gtids}");
    }
}

#[test]
fn a_postgresql_is_known_by_its_system_identifier_and_how_far_it_is() {
    let read = at("a:5432", postgresql("7", 2, "1/A0"));
    for (host, system, timeline, lsn, expected) in [
        ("a:5432", "7", 2, "1/B0", "known"),
        ("b:5432", "7", 3, "1/B0", "failover"),
        ("a:5432", "7", 2, "0/FFFFFFFF", "restored, ahead"),
        ("b:5432", "7", 3, "1/9F", "copy"),
        ("b:5432", "7", 1, "1/B0", "copy"),
        ("a:5432", "8", 2, "1/B0", "restored, foreign_server"),
        ("b:5432", "8", 2, "1/B0", "copy"),
    ] {
        let found = found(host, postgresql(system, timeline, lsn), "");
        assert_eq!(word(found.judge(&read)), expected, "{host} {system} {timeline} {lsn}");
    }
}

#[test]
fn another_database_of_the_same_server_is_a_copy() {
    let read = Server { database: "bugs_staging".to_owned(), ..at("a:5432", postgresql("7", 1, "0/1")) };
    assert_eq!(word(found("a:5432", postgresql("7", 1, "0/2"), "").judge(&read)), "copy");
}

#[test]
fn a_replica_that_lags_is_waited_for_where_the_other_was() {
    let read = at("a:3306", mariadb(1, "0-1-900"));
    let behind = |host| Found { is_replica: true, ..found(host, mariadb(2, ""), "0-1-890") };
    assert_eq!(word(behind("a:3306").judge(&read)), "behind");
    assert_eq!(word(behind("b:3306").judge(&read)), "copy");
}

#[test]
fn what_is_stored_is_read_again_and_an_adopted_server_is_begun_with_anew() {
    let server = at("a:5432", postgresql("7", 2, "1/A0"));
    let text = r#"{"host":"a:5432","database":"bugs","make":"postgresql","system":"7","timeline":2,"lsn":"1/A0"}"#;
    assert_eq!((server.to_text().as_str(), Server::parse(text)), (text, Some(server.clone())));
    let adopted = Server::parse(&server.adopted().to_text()).unwrap();
    let now = found("a:5432", postgresql("7", 2, "1/A1"), "");
    assert_eq!(now.judge(&adopted), Verdict::Adopted);
    assert_eq!(
        found("b:5432", postgresql("8", 2, "1/A1"), "").judge(&adopted),
        Verdict::Copy("its system identifier is 8, not 7".to_owned())
    );
}

#[tokio::test]
async fn nothing_leaves_before_a_server_has_answered_nor_while_one_is_refused() {
    let admission = Admission::default();
    let soon = std::time::Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, admission.admitted()).await.is_err(), "nobody knows yet");
    let copy = at("b:5432", postgresql("8", 1, "0/1"));
    admission.refuse(Refusal::new(None, copy.clone(), "it is another").into());
    assert!(admission.admitted().await.unwrap_err().message.contains("bugrelay adopt"));
    admission.adopt(&copy);
    // Whoever looked before somebody said so is late.
    admission.refuse(Refusal::new(None, copy.clone(), "it is another").into());
    assert_eq!(admission.adopted().await, copy.adopted());
    admission.admit("b");
    assert!(admission.admitted().await.is_ok() && admission.is_admitted());
    assert_eq!(admission.recognised().now_or_never().as_deref(), Some("b"));
    admission.forget();
    assert!(admission.recognised().now_or_never().is_none() && !admission.is_admitted());
    admission.refuse(Refusal::new(None, copy.clone(), "it is another").into());
    admission.forget();
    assert!(admission.refusal().is_some());
}
