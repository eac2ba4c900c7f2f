//! A server that is not fit is refused with the setting, what was found, and the SQL that mends it.

use bugrelay::capture::{Finding, Severity, Source};
use bugrelay::failure::Class;

use super::{PLAIN, Site, refused};
use crate::services::MariaDb;

async fn finding(site: &Site, id: &str) -> Finding {
    let findings = site.source().check().await;
    findings.into_iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("there is a finding {id}"))
}

#[tokio::test]
async fn a_good_server_has_only_warnings_about_what_may_hurt_later() {
    let findings = Site::new(&PLAIN).source().check().await;
    let warnings: Vec<&str> = findings.iter().filter(|f| f.severity != Severity::Good).map(|f| f.id.as_ref()).collect();
    assert_eq!(warnings, ["binlog_row_metadata", "sync_binlog", "binlog_retention"]);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Good || finding.remedy.is_some()));
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name() {
    let server =
        MariaDb::start(&["--binlog-format=MIXED", "--binlog-row-image=MINIMAL", "--binlog-expire-logs-seconds=3600"]);
    let site = Site::new(&server);
    let error = refused(&site, None).await.to_string();
    assert!(error.contains("\"MIXED\"") && error.contains("SET GLOBAL binlog_format = 'ROW'"), "{error}");
    server.exec("SET GLOBAL binlog_format = 'ROW'");
    let error = refused(&site, None).await.to_string();
    assert!(error.contains("\"MINIMAL\"") && error.contains("SET GLOBAL binlog_row_image = 'FULL'"), "{error}");
    assert_eq!(finding(&site, "binlog_retention").await.severity, Severity::Warning);
}

#[tokio::test]
async fn a_server_without_a_binlog_is_refused() {
    let server = MariaDb::start(&["--skip-log-bin"]);
    let site = Site::new(&server);
    let error = refused(&site, None).await;
    assert!(error.to_string().contains("log_bin is \"OFF\""), "{error}");
    assert_eq!(error.class, Class::Misconfigured);
}

#[tokio::test]
async fn each_missing_right_is_named_with_its_grant() {
    let site = Site::new(&PLAIN);
    let name = &site.name;
    for (user, grants, expected) in [
        (
            "no_dump",
            format!("GRANT BINLOG MONITOR ON *.* TO no_dump; GRANT SELECT ON {name}.* TO no_dump"),
            "GRANT REPLICATION SLAVE ON *.*",
        ),
        (
            "no_monitor",
            format!("GRANT REPLICATION SLAVE ON *.* TO no_monitor; GRANT SELECT ON {name}.* TO no_monitor"),
            "GRANT BINLOG MONITOR ON *.*",
        ),
        (
            "no_profiles",
            format!(
                "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO no_profiles; GRANT SELECT ON {name}.bugs TO no_profiles"
            ),
            "may not read attachments",
        ),
        ("nobody", "DROP USER nobody".to_owned(), "GRANT REPLICATION SLAVE"),
    ] {
        PLAIN.exec(&format!("CREATE USER {user} IDENTIFIED BY 'x'; {grants}"));
        let Err(error) = site.source_as(user, "x").open(None).await else { panic!("{user} is refused") };
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.class, Class::Misconfigured);
    }
}

#[tokio::test]
async fn a_bugzilla_that_is_being_installed_is_waited_for() {
    let site = Site::new(&PLAIN);
    site.run("DROP TABLE duplicates").await;
    let error = refused(&site, None).await;
    assert_eq!(error.class, Class::Transient);
    assert!(error.to_string().contains("duplicates"), "{error}");
    assert_eq!(finding(&site, "tables").await.severity, Severity::Unavailable);
    let nowhere = Site::existing(&PLAIN, "bugs_not_made_yet");
    PLAIN.exec("GRANT SELECT ON bugs_not_made_yet.* TO bugrelay@'%'");
    assert_eq!(refused(&nowhere, None).await.class, Class::Transient);
}

#[tokio::test]
async fn an_unreachable_server_is_a_finding() {
    let mut server = MariaDb::start(&[]);
    let site = Site::new(&server);
    server.kill9();
    assert_eq!(finding(&site, "connection").await.severity, Severity::Unavailable);
}
