//! What is looked at before the log is read: settings, grants, and whether the publication could hurt.

use bugrelay::capture::{Finding, Severity, Source};
use bugrelay::failure::Class;

use super::site::source;
use super::{Site, comment, comment_told, failure, open, saves};
use crate::services::Postgres;

async fn bad(source: &impl Source) -> Vec<Finding> {
    source.check().await.into_iter().filter(|finding| finding.severity != Severity::Good).collect()
}

/// Every finding that is not good, with the words that mend it.
async fn found(site: &Site) -> Vec<(String, Severity)> {
    let bad = bad(&site.source()).await;
    for finding in bad.iter().filter(|finding| finding.severity == Severity::Error) {
        assert!(finding.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{finding:?}");
    }
    bad.into_iter().map(|finding| (finding.id.into_owned(), finding.severity)).collect()
}

fn error(id: &str) -> (String, Severity) {
    (id.to_owned(), Severity::Error)
}

#[tokio::test]
async fn what_the_documentation_grants_is_enough_and_good() {
    let site = Site::new();
    assert_eq!(found(&site).await, []);
    let (capture, _) = open(&site, None).await;
    drop(capture);
    assert_eq!(found(&site).await, []);
}

#[tokio::test]
async fn each_grant_that_is_taken_away_turns_the_check_red() {
    let site = Site::new();
    for (revoke, grant, id) in [
        ("ALTER ROLE bugrelay NOREPLICATION", "ALTER ROLE bugrelay REPLICATION", "grant_replication"),
        ("REVOKE SELECT ON bugs FROM bugrelay", "GRANT SELECT ON bugs TO bugrelay", "grant_select"),
        (
            "REVOKE SELECT ON bug_cf_platforms FROM bugrelay",
            "GRANT SELECT ON bug_cf_platforms TO bugrelay",
            "grant_select",
        ),
        (
            "REVOKE SELECT (realname) ON profiles FROM bugrelay",
            "GRANT SELECT (realname) ON profiles TO bugrelay",
            "grant_select",
        ),
        ("DROP PUBLICATION bugrelay", "", "publication"),
    ] {
        let by_name = |sql: &str| {
            sql.replace("ROLE bugrelay", &format!("ROLE {}", site.name()))
                .replace("FROM bugrelay", &format!("FROM {}", site.name()))
                .replace("TO bugrelay", &format!("TO {}", site.name()))
        };
        site.run(&by_name(revoke));
        assert_eq!(found(&site).await, [error(id)], "{revoke}");
        assert_eq!(failure(&site, None).await.class, Class::Misconfigured, "{revoke}");
        site.run(&by_name(grant));
    }
    site.publish();
    assert_eq!(found(&site).await, []);
}

#[tokio::test]
async fn a_schema_that_the_account_may_not_use_is_said_to_be_missing() {
    let site = Site::new();
    site.run(&format!("REVOKE USAGE ON SCHEMA public FROM PUBLIC, {}", site.name()));
    let found = found(&site).await;
    assert!(found.contains(&("tables".to_owned(), Severity::Unavailable)), "{found:?}");
}

#[tokio::test]
async fn a_publication_that_could_break_bugzillas_writes_is_an_error_with_what_mends_it() {
    let site = Site::new();
    for (harm, cure) in [
        ("ALTER PUBLICATION bugrelay ADD TABLE bug_group_map", "ALTER PUBLICATION bugrelay DROP TABLE bug_group_map"),
        (
            "ALTER PUBLICATION bugrelay SET TABLE bugs (bug_id, reporter, creation_ts), bugs_activity, longdescs, attachments, duplicates; \
             ALTER TABLE bugs REPLICA IDENTITY FULL",
            "ALTER PUBLICATION bugrelay SET TABLE bugs, bugs_activity, longdescs, attachments, duplicates; \
             ALTER TABLE bugs REPLICA IDENTITY DEFAULT",
        ),
        ("ALTER TABLE longdescs REPLICA IDENTITY NOTHING", "ALTER TABLE longdescs REPLICA IDENTITY DEFAULT"),
    ] {
        site.run(harm);
        let bad = bad(&site.source()).await;
        let finding =
            bad.iter().find(|finding| finding.id == "publication_harm").unwrap_or_else(|| panic!("{harm}: {bad:?}"));
        assert_eq!(finding.severity, Severity::Error);
        assert!(
            finding.remedy.as_ref().unwrap().starts_with("ALTER PUBLICATION bugrelay DROP TABLE public."),
            "{finding:?}"
        );
        assert_eq!(failure(&site, None).await.class, Class::Misconfigured);
        site.run(cure);
    }
    assert_eq!(found(&site).await, []);
}

#[tokio::test]
async fn what_the_publication_lacks_is_an_error_and_what_it_need_not_have_a_warning() {
    let site = Site::new();
    site.run("ALTER PUBLICATION bugrelay DROP TABLE longdescs");
    assert_eq!(found(&site).await, [error("publication_tables")]);
    site.run("ALTER PUBLICATION bugrelay ADD TABLE longdescs (comment_id, bug_id, who)");
    assert_eq!(found(&site).await, [error("publication_tables")]);
    site.run("ALTER PUBLICATION bugrelay DROP TABLE longdescs; ALTER PUBLICATION bugrelay ADD TABLE longdescs (comment_id, bug_id, who, bug_when) WHERE (comment_id > 5)");
    assert_eq!(found(&site).await, [error("publication_tables")]);
    site.run("ALTER PUBLICATION bugrelay DROP TABLE longdescs; ALTER PUBLICATION bugrelay ADD TABLE longdescs (comment_id, bug_id, who, bug_when)");
    assert_eq!(found(&site).await, [("publication_columns".to_owned(), Severity::Warning)]);
    site.run("DROP PUBLICATION bugrelay");
    site.publish();
    site.run("ALTER PUBLICATION bugrelay SET (publish = 'insert')");
    assert_eq!(found(&site).await, [error("publication_publish")]);
    site.run("ALTER PUBLICATION bugrelay SET (publish = 'insert, update, delete'); ALTER PUBLICATION bugrelay ADD TABLE profiles (userid)");
    assert_eq!(found(&site).await, [("publication_needless".to_owned(), Severity::Warning)]);
    site.run("ALTER PUBLICATION bugrelay DROP TABLE profiles; ALTER TABLE duplicates REPLICA IDENTITY DEFAULT");
    assert_eq!(found(&site).await, [("duplicates_identity".to_owned(), Severity::Warning)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_that_is_read_can_change_its_type_while_it_is_published() {
    let site = Site::new();
    let (mut capture, _) = open(&site, None).await;
    site.run(
        "DO $$ DECLARE watched record; BEGIN \
         FOR watched IN SELECT table_name, column_name, CASE data_type WHEN 'integer' THEN 'bigint' ELSE 'timestamp(0)' END AS type \
         FROM information_schema.columns WHERE table_schema = 'public' AND (table_name, column_name) IN ( \
           ('bugs', 'bug_id'), ('bugs', 'reporter'), ('bugs', 'creation_ts'), ('bugs_activity', 'id'), ('bugs_activity', 'bug_id'), \
           ('bugs_activity', 'who'), ('bugs_activity', 'bug_when'), ('bugs_activity', 'fieldid'), ('bugs_activity', 'attach_id'), \
           ('bugs_activity', 'comment_id'), ('longdescs', 'comment_id'), ('longdescs', 'bug_id'), ('longdescs', 'who'), \
           ('longdescs', 'bug_when'), ('attachments', 'attach_id'), ('attachments', 'bug_id'), ('attachments', 'submitter_id'), \
           ('attachments', 'creation_ts'), ('duplicates', 'dupe'), ('duplicates', 'dupe_of')) LOOP \
         EXECUTE format('ALTER TABLE %I ALTER %I TYPE %s', watched.table_name, watched.column_name, watched.type); \
         END LOOP; END $$",
    );
    site.run(&comment(101));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(101)]);
}

#[tokio::test]
async fn an_account_that_may_makes_the_publication_and_none_that_would_hurt() {
    let site = Site::bare();
    site.run(&format!("ALTER ROLE {0} SUPERUSER", site.name()));
    site.run("ALTER TABLE bugs REPLICA IDENTITY NOTHING");
    let refused = failure(&site, None).await;
    assert_eq!(refused.class, Class::Misconfigured);
    assert!(refused.to_string().contains("no replica identity"), "{refused}");
    assert_eq!(site.run("SELECT COUNT(*) FROM pg_publication"), "0\n");
    site.run("ALTER TABLE bugs REPLICA IDENTITY DEFAULT");
    let (mut capture, _) = open(&site, None).await;
    site.run(&comment(101));
    assert_eq!(saves(&mut *capture, 1).await.0, [comment_told(101)]);
    site.run("UPDATE bugs SET priority = '---'; DELETE FROM longdescs WHERE comment_id = 101; DELETE FROM duplicates");
}

#[tokio::test]
async fn a_server_whose_disk_could_be_filled_gets_no_slot_without_consent() {
    let server: &'static Postgres = Box::leak(Box::new(Postgres::start(None)));
    let database = server.database();
    database.publish();
    server.set("max_slot_wal_keep_size", "-1");
    let source = source(&database.bugrelay_url());
    let findings = bad(&source).await;
    assert_eq!(
        findings.iter().map(|finding| (&*finding.id, finding.severity)).collect::<Vec<_>>(),
        [("max_slot_wal_keep_size", Severity::Error)]
    );
    let Err(error) = source.open(None).await else { panic!("it opens") };
    assert!(error.to_string().contains("allow_unlimited_wal"), "{error}");
    assert_eq!(server.exec("SELECT COUNT(*) FROM pg_replication_slots"), "0\n");
}

#[tokio::test]
async fn settings_that_need_a_restart_are_named() {
    let mut server = Postgres::start(None);
    let url = {
        let database = server.database();
        database.publish();
        database.bugrelay_url()
    };
    server.exec("ALTER SYSTEM SET wal_level = 'replica'");
    server.exec("ALTER SYSTEM SET max_replication_slots = 0");
    server.shut_down();
    server.start_again();
    let ids: Vec<_> = bad(&source(&url)).await.into_iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["wal_level", "max_replication_slots"]);
    let Err(error) = source(&url).open(None).await else { panic!("it opens") };
    assert!(error.to_string().contains("wal_level"), "{error}");
}
