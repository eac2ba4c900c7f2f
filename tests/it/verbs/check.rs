//! `bugrelay check`: each thing that can be wrong is found, named and told how to mend.

use serde_json::Value;

use super::NOBODY;
use crate::services::{Bugrelay, Database, MariaDb, MySql, Mysqld, Postgres};

const GRANTS: &str = include_str!("../../../sql/mysql/grants.sql");

/// The findings of `check --json`, and its exit code.
fn findings(bugrelay: &Bugrelay) -> (i32, Vec<Value>) {
    let ended = bugrelay.verb(&["check", "--json"]);
    let findings =
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ended.out, ended.err));
    (ended.code, findings)
}

/// The finding of this name: its severity, and message and remedy in one.
fn finding(findings: &[Value], id: &str) -> (String, String) {
    let found = findings.iter().find(|finding| finding["id"] == id);
    let found = found.unwrap_or_else(|| panic!("no finding {id} in {findings:#?}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("severity"), format!("{}; {}", text("message"), text("remedy")))
}

fn at(server: &Mysqld, account: &str, database: &str) -> String {
    format!("mysql://{account}@127.0.0.1:{}/{database}", server.port())
}

#[test]
fn on_a_good_server_everything_is_listed_and_the_exit_is_0() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    let ended = bugrelay.verb(&["check"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let ids = [
        "configuration",
        "connection",
        "log_bin",
        "binlog_format",
        "binlog_row_image",
        "grant_replication",
        "grant_monitor",
    ];
    for id in ids.into_iter().chain(["grant_select", "tables", "time_zone", "store", "connector_out"]) {
        assert!(ended.out.contains(&format!("good     {id}: ")), "{id}:\n{}", ended.out);
    }
    let (code, findings) = findings(&bugrelay);
    assert_eq!(code, 0);
    assert_eq!(finding(&findings, "grant_select").0, "good");
}

#[test]
fn offline_it_stops_after_the_configuration() {
    let ended = Bugrelay::configured(NOBODY, "", "").verb(&["check", "--offline"]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
    assert!(ended.out.starts_with("good     configuration: "), "{}", ended.out);
}

#[test]
fn it_makes_and_changes_nothing() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    assert_eq!(bugrelay.verb(&["check"]).code, 0);
    assert_eq!(bugrelay.files(), [bugrelay.path("bugrelay.toml")], "neither a store nor the connector's file");
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay.terminate();
    let before = (std::fs::read(bugrelay.path("store.db")).unwrap(), bugrelay.files().len());
    let (code, findings) = findings(&bugrelay);
    assert_eq!(code, 0);
    assert!(finding(&findings, "store").1.contains("can be used"));
    assert_eq!((std::fs::read(bugrelay.path("store.db")).unwrap(), bugrelay.files().len()), before);
}

#[test]
fn beside_a_running_bugrelay_it_is_green_and_does_not_disturb() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let (code, findings) = findings(&bugrelay);
    assert_eq!(code, 0, "{findings:#?}");
    assert!(finding(&findings, "store").1.contains("in use by a running bugrelay"));
    bugzilla.play("01_");
    assert!(!bugrelay.wait_for(1).is_empty());
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    let (code, findings) = findings(&Bugrelay::configured(NOBODY, "", ""));
    assert_eq!(code, 69);
    let (severity, text) = finding(&findings, "connection");
    assert_eq!(severity, "unavailable");
    assert!(text.contains("the connection to the database failed"), "{text}");
}

#[test]
fn a_wrong_password_or_database_is_a_matter_of_configuration() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    for (account, database) in [
        ("bugrelay:hunter2", bugzilla.name.as_str()),
        ("nobody:hunter2", &bugzilla.name),
        ("bugrelay:bugrelay", "nowhere"),
    ] {
        let bugrelay = Bugrelay::configured(&at(server, account, database), "", "");
        let (code, findings) = findings(&bugrelay);
        assert_eq!(code, 78, "{account} {database}: {findings:#?}");
        let (severity, text) = finding(&findings, "connection");
        assert_eq!(severity, "error");
        assert!(text.contains("Access denied") && text.contains("GRANT REPLICATION SLAVE"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_database_without_bugzilla_may_have_it_later() {
    let server = MariaDb::shared();
    server.exec("CREATE DATABASE IF NOT EXISTS empty; CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY 'reader'");
    server.exec(
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader@'%'; GRANT SELECT ON empty.* TO reader@'%'",
    );
    let (code, findings) = findings(&Bugrelay::configured(&at(server, "reader:reader", "empty"), "", ""));
    assert_eq!(code, 69, "{findings:#?}");
    assert!(finding(&findings, "tables").1.contains("is Bugzilla still being installed"), "{findings:#?}");
}

#[test]
fn settings_that_forbid_to_read_are_named_with_the_sql_that_mends_them() {
    for (options, id, words) in [
        (&["--skip-log-bin"][..], "log_bin", ["\"OFF\", expected \"ON\"", "put log_bin"]),
        (
            &["--binlog-format=STATEMENT"],
            "binlog_format",
            ["\"STATEMENT\", expected \"ROW\"", "SET GLOBAL binlog_format = 'ROW'"],
        ),
        (
            &["--binlog-row-image=MINIMAL"],
            "binlog_row_image",
            ["\"MINIMAL\", expected \"FULL\"", "SET GLOBAL binlog_row_image = 'FULL'"],
        ),
    ] {
        let server = MariaDb::start(options);
        let bugzilla = server.database();
        let (code, findings) = findings(&Bugrelay::configured(&bugzilla.bugrelay_url(), "", ""));
        assert_eq!(code, 78, "{findings:#?}");
        let (severity, text) = finding(&findings, id);
        assert_eq!(severity, "error");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn a_zone_that_is_not_bugzillas_is_named_with_the_line_that_mends_it() {
    let server = MariaDb::start(&["--default-time-zone=+03:00"]);
    let bugzilla = server.database();
    let zoned = |zone: &str| {
        let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("time_zone = \"{zone}\""), "");
        let (code, found) = findings(&bugrelay);
        let (severity, text) = finding(&found, "time_zone");
        (code, severity, text)
    };
    // Nobody has saved anything for days: the server's clock tells.
    let (code, severity, text) = zoned("UTC");
    assert_eq!((code, severity.as_str()), (0, "warning"), "{text}");
    assert!(text.contains("[bugzilla] time_zone = \"...\", the zone in which Bugzilla writes its times"), "{text}");
    assert_eq!(zoned("Europe/Istanbul").1, "good");
    bugzilla.exec("UPDATE bugs SET delta_ts = LOCALTIMESTAMP(0) WHERE bug_id = 1");
    let (code, severity, text) = zoned("UTC");
    assert_eq!((code, severity.as_str()), (78, "error"), "{text}");
    assert_eq!(zoned("Asia/Tokyo").1, "warning");
    assert_eq!(zoned("Europe/Istanbul").1, "good");
    // A date that no zone can explain tells nothing.
    bugzilla.exec("UPDATE bugs SET delta_ts = '2038-01-01' WHERE bug_id = 1");
    assert_eq!(zoned("Europe/Istanbul").1, "good");
}

#[test]
fn a_server_in_utc_whose_bugzilla_has_a_zone_of_its_own_is_told_by_what_is_saved() {
    let bugzilla = Postgres::shared().database();
    let zoned = |zone: &str| {
        let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("time_zone = \"{zone}\""), "");
        let (_, found) = findings(&bugrelay);
        finding(&found, "time_zone")
    };
    bugzilla.exec("UPDATE bugs SET delta_ts = now() AT TIME ZONE 'Asia/Tokyo' WHERE bug_id = 1");
    assert_eq!(zoned("Asia/Tokyo").0, "good");
    assert_eq!(zoned("UTC").0, "error");
    // The sessions of bugrelay say what they have.
    bugzilla.exec("UPDATE bugs SET delta_ts = now() AT TIME ZONE 'UTC' WHERE bug_id = 1");
    assert_eq!(zoned("UTC").0, "good");
    bugzilla.exec(&format!("ALTER DATABASE {} SET timezone TO 'Asia/Tokyo'", bugzilla.name));
    let (severity, text) = zoned("UTC");
    assert_eq!(severity, "warning");
    assert!(text.contains("[bugzilla] time_zone = \"Asia/Tokyo\""), "{text}");
}

/// An account with these grants on the database; gives its address.
fn account(server: &Mysqld, bugzilla: &Database<'_>, name: &str, grants: &[String]) -> String {
    let mut sql = format!("CREATE USER {name}@'%' IDENTIFIED BY 'x';");
    for grant in grants {
        sql.push_str(&grant.replace("'bugrelay'", name).replace("ON bugs.", &format!("ON {}.", bugzilla.name)));
    }
    server.exec(&sql);
    at(server, &format!("{name}:x"), &bugzilla.name)
}

#[test]
fn each_missing_grant_is_found_and_the_documented_ones_are_enough() {
    each_grant_counts(MariaDb::shared(), "BINLOG MONITOR");
}

#[test]
fn on_mysql_too_and_in_its_own_words() {
    each_grant_counts(MySql::plain(), "REPLICATION CLIENT");
}

/// `monitor`: what the server calls the right to see where its log ends.
fn each_grant_counts(server: &Mysqld, monitor: &str) {
    let bugzilla = server.database();
    let both = "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*";
    let mut grants: Vec<String> = Vec::new();
    for line in GRANTS.lines().filter(|line| line.starts_with("GRANT ")) {
        match line.strip_prefix(both) {
            Some(to) => grants.extend(["SLAVE", "CLIENT"].map(|what| format!("GRANT REPLICATION {what} ON *.*{to}"))),
            None => grants.push(line.to_owned()),
        }
    }
    let custom = bugzilla.exec(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'bug\\_cf\\_%'",
    );
    grants.extend(custom.lines().map(|table| format!("GRANT SELECT ON bugs.`{table}` TO 'bugrelay'@'%';")));
    assert!(grants.len() > 21, "{grants:?}");
    let all = account(server, &bugzilla, "has_all", &grants);
    let (code, found) = findings(&Bugrelay::configured(&all, "", ""));
    assert_eq!(code, 0, "{found:#?}");
    for missing in 0..grants.len() {
        let mut others = grants.clone();
        let grant = others.remove(missing);
        let url = account(server, &bugzilla, &format!("lacks_{missing}"), &others);
        let (code, found) = findings(&Bugrelay::configured(&url, "", ""));
        assert_eq!(code, 78, "without {grant}: {found:#?}");
        let object =
            grant.split_once("bugs.").map(|(_, rest)| rest.split_whitespace().next().unwrap().trim_matches('`'));
        let (id, name) = match object {
            Some(table) => ("grant_select", table),
            None if grant.contains("SLAVE") => ("grant_replication", "REPLICATION SLAVE"),
            None => ("grant_monitor", monitor),
        };
        let (severity, text) = finding(&found, id);
        assert_eq!(severity, "error", "without {grant}");
        assert!(text.contains(name) && text.contains("GRANT "), "without {grant}: {text}");
    }
}

#[test]
fn a_store_that_cannot_be_used_has_an_exit_of_its_own() {
    let bugzilla = MariaDb::shared().database();
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    let text = std::fs::read_to_string(bugrelay.path("bugrelay.toml")).unwrap();
    bugrelay.configure(&text.replace("store.db", "nowhere/store.db"));
    let (code, found) = findings(&bugrelay);
    assert_eq!(code, 73, "{found:#?}");
    assert!(finding(&found, "store").1.contains("its directory must exist and be writable"), "{found:#?}");
    bugrelay.configure(&text);
    std::fs::write(bugrelay.path("store.db"), "this is no database, and long enough to be taken for one".repeat(20))
        .unwrap();
    let (code, found) = findings(&bugrelay);
    assert_eq!(code, 73, "{found:#?}");
    assert!(finding(&found, "store").1.contains("cannot be used"), "{found:#?}");
}

#[test]
fn a_connector_that_nothing_can_come_to_is_warned_of() {
    let rest = "targets = [\"relay\"]\n[connectors.off]\ntype = \"file\"\nenabled = false\npath = \"-\"\ntargets = [\"relay\"]";
    let ended = Bugrelay::configured(NOBODY, "", rest).verb(&["check", "--offline"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.out.contains("warning  connector_out_targets: connector out wants relayed messages alone"),
        "{}",
        ended.out
    );
    assert!(!ended.out.contains("connector_off"), "a disabled one is not used: {}", ended.out);
    let both = Bugrelay::configured(NOBODY, "", "targets = [\"relay\", \"bug\"]").verb(&["check", "--offline"]);
    assert!(!both.out.contains("_targets"), "{}", both.out);
}

#[test]
fn a_passcode_that_crosses_the_network_in_clear_is_warned_of() {
    let check = |url: &str, account: &str| {
        let rest = format!("[connectors.bus]\ntype = \"stomp\"\nurl = \"{url}\"\n{account}");
        let ended = Bugrelay::configured(NOBODY, "", &rest).verb(&["check", "--offline"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(!ended.out.contains("hunter2"), "{}", ended.out);
        ended.out
    };
    let account = "login = \"relay\"\npasscode = \"hunter2\"";
    for url in ["stomp://mq.example.org", "stomp+ssl://mq1.example.org, stomp://mq2.example.org", "stomp://192.0.2.1"] {
        let out = check(url, account);
        assert!(out.contains("warning  connector_bus_clear: ") && out.contains("write stomp+ssl://"), "{url}: {out}");
    }
    let fine = [
        ("stomp+ssl://mq.example.org", account),
        ("stomp://mq.example.org", ""),
        ("stomp://localhost, stomp://127.0.0.1, stomp://[::1]", account),
    ];
    for (url, account) in fine {
        let out = check(url, account);
        assert!(!out.contains("_clear"), "{url}: {out}");
    }
    let off = check("stomp://mq.example.org", &format!("{account}\nenabled = false"));
    assert!(!off.contains("_clear"), "a disabled one is not used: {off}");
}

#[test]
fn a_login_that_others_on_the_way_can_read_is_warned_of() {
    let check = |servers: &str, protocol: &str| {
        let rest = format!(
            "[connectors.bus]\ntype = \"kafka\"\nbootstrap_servers = \"{servers}\"\nsecurity_protocol = \"{protocol}\""
        );
        let ended = Bugrelay::configured(NOBODY, "", &rest).verb(&["check", "--offline"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        ended.out
    };
    let warned = check("localhost:9092, k.example.org:9092", "sasl_plaintext");
    assert!(warned.contains("warning  connector_bus_clear: ") && warned.contains("k.example.org"), "{warned}");
    for (servers, protocol) in [
        ("localhost:9092,127.0.0.1:9092,[::1]:9092", "sasl_plaintext"),
        ("k.example.org:9092", "sasl_ssl"),
        ("k.example.org:9092", "plaintext"),
    ] {
        let out = check(servers, protocol);
        assert!(!out.contains("connector_bus"), "{out}");
    }
}

#[test]
fn a_connector_that_could_not_write_is_named() {
    let bugzilla = MariaDb::shared().database();
    let bad = "[connectors.bad]\ntype = \"file\"\npath = \"/nowhere/out\"\n[connectors.off]\ntype = \"file\"\nenabled = false\npath = \"/nowhere/out\"";
    let (code, found) = findings(&Bugrelay::configured(&bugzilla.bugrelay_url(), "", bad));
    assert_eq!(code, 78, "{found:#?}");
    let (severity, text) = finding(&found, "connector_bad");
    assert_eq!(severity, "error");
    assert!(text.contains("the directory /nowhere is not there; make it"), "{text}");
    assert!(!found.iter().any(|finding| finding["id"] == "connector_off"), "a disabled one is not used");
}
