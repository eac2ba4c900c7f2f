//! `bugrelay triggers`: makes, looks and removes, as an administrator, with Bugzilla at work.

use crate::services::{Bugrelay, Postgres, PostgresDatabase};

use super::{bugzilla, comment, waiting, web};

fn configured(database: &PostgresDatabase) -> Bugrelay {
    Bugrelay::configured(&database.bugrelay_url(), "", "")
}

#[test]
fn install_can_be_repeated_and_remove_leaves_nothing() {
    let database = Postgres::shared().database();
    let (bugrelay, administrator) = (configured(&database), database.administrator_url());
    let missing = bugrelay.verb(&["triggers", "check"]);
    assert_eq!(missing.code, 78, "{}", missing.out);
    assert!(missing.out.contains("bugrelay triggers install"), "{}", missing.out);
    for _ in 0..2 {
        let installed = bugrelay.verb(&["triggers", "install", "--as", &administrator]);
        assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    }
    database.exec(&comment("one"));
    assert_eq!(waiting(&database), 2);
    let removed = bugrelay.verb(&["triggers", "remove", "--as", &administrator]);
    assert_eq!(removed.code, 0, "{}{}", removed.out, removed.err);
    let left = "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'bugrelay'), \
                (SELECT count(*) FROM pg_trigger WHERE tgname = 'bugrelay_note')";
    assert_eq!(database.exec(left), "0\t0\n");
    database.exec(&comment("two"));
}

#[test]
fn the_owner_of_bugzillas_tables_installs_without_being_superuser_and_dumps_the_database() {
    let database = Postgres::shared().database();
    let (bugrelay, owner) = (configured(&database), database.owner_url());
    let install = || {
        let installed = bugrelay.verb(&["triggers", "install", "--as", &owner]);
        assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
        // What Bugzilla itself has is to be enough for the dump.
        database.exec(&format!("REVOKE bugrelay_owner FROM {}_owns", database.name));
    };
    let dump = || std::process::Command::new("pg_dump").arg(format!("--dbname={owner}")).output().unwrap();
    install();
    for right in
        ["USAGE ON SCHEMA bugrelay", "SELECT ON bugrelay.trigger_queue", "SELECT ON SEQUENCE bugrelay.trigger_valve"]
    {
        database.exec(&format!("SET ROLE bugrelay_owner; REVOKE {right} FROM {}_owns", database.name));
        assert!(!dump().status.success(), "{right}");
        let checked = bugrelay.verb(&["triggers", "check"]);
        assert!(checked.out.contains("grant_dump"), "{right}: {}", checked.out);
        install();
        assert!(!bugrelay.verb(&["triggers", "check"]).out.contains("grant_dump"));
        let dumped = dump();
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    }
}

#[test]
fn what_sql_prints_installs_and_removes_the_same() {
    let database = Postgres::shared().database();
    let bugrelay = configured(&database);
    database.exec(&bugrelay.verb(&["triggers", "sql"]).out);
    assert_eq!(bugrelay.verb(&["triggers", "check"]).code, 0);
    database.exec(&bugrelay.verb(&["triggers", "sql", "--no-notify"]).out);
    let checked = bugrelay.verb(&["triggers", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert!(!database.exec("SELECT prosrc FROM pg_proc WHERE proname = 'trigger_leave'").contains("pg_notify"));
    database.exec(&bugrelay.verb(&["triggers", "sql", "--remove"]).out);
    assert_eq!(bugrelay.verb(&["triggers", "check"]).code, 78);
}

#[test]
fn our_schema_may_have_any_name_that_the_configuration_lets_in() {
    let database = Postgres::shared().database();
    let bugrelay = Bugrelay::configured(&database.bugrelay_url(), "schema = \"Relay_2\"", "");
    database.exec(&bugrelay.verb(&["triggers", "sql"]).out);
    let checked = bugrelay.verb(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    database.exec(&comment("one"));
    assert_eq!(database.exec("SELECT count(*) FROM \"Relay_2\".trigger_queue"), "2\n");
    database.exec(&bugrelay.verb(&["triggers", "sql", "--remove"]).out);
    assert_eq!(bugrelay.verb(&["check"]).code, 78);
}

#[test]
fn an_account_that_may_not_install_is_told_who_may() {
    let database = Postgres::shared().database();
    let refused = configured(&database).verb(&["triggers", "install"]);
    assert_eq!(refused.code, 78, "{}", refused.err);
    assert!(refused.err.contains("--as") && refused.err.contains("triggers sql"), "{}", refused.err);
}

#[test]
fn everything_that_is_taken_away_turns_check_red_and_names_what_mends_it() {
    let database = bugzilla();
    let bugrelay = configured(&database);
    let name = &database.name;
    for (broken, finding) in [
        (format!("REVOKE USAGE ON SCHEMA bugrelay FROM {name}"), "USAGE ON SCHEMA bugrelay"),
        (format!("REVOKE SELECT ON bugrelay.trigger_queue FROM {name}"), "SELECT ON bugrelay.trigger_queue"),
        (format!("REVOKE DELETE ON bugrelay.trigger_queue FROM {name}"), "DELETE ON bugrelay.trigger_queue"),
        (
            format!("REVOKE SELECT ON SEQUENCE bugrelay.trigger_queue_id FROM {name}"),
            "SELECT ON SEQUENCE bugrelay.trigger_queue_id",
        ),
        (
            format!("REVOKE SELECT ON SEQUENCE bugrelay.trigger_valve FROM {name}"),
            "SELECT ON SEQUENCE bugrelay.trigger_valve",
        ),
        (
            format!("REVOKE UPDATE ON SEQUENCE bugrelay.trigger_valve FROM {name}"),
            "UPDATE ON SEQUENCE bugrelay.trigger_valve",
        ),
        ("DROP TRIGGER bugrelay_note ON longdescs".to_owned(), "longdescs"),
        ("ALTER TABLE bugs DISABLE TRIGGER bugrelay_note".to_owned(), "ALTER TABLE bugs ENABLE TRIGGER"),
        ("DROP FUNCTION bugrelay.trigger_leave".to_owned(), "trigger_function"),
        ("ALTER FUNCTION bugrelay.trigger_note SECURITY INVOKER".to_owned(), "trigger_owner"),
        ("DROP TABLE bugrelay.trigger_queue".to_owned(), "trigger_queue is not there"),
        ("DROP SEQUENCE bugrelay.trigger_valve".to_owned(), "trigger_valve is not there"),
        ("DROP SCHEMA bugrelay CASCADE".to_owned(), "schema bugrelay is not there"),
    ] {
        database.exec(&broken);
        for verb in [&["triggers", "check"][..], &["check"]] {
            let red = bugrelay.verb(verb);
            assert_eq!(red.code, 78, "{broken}:\n{}", red.out);
            assert!(red.out.contains(finding), "{broken}:\n{}", red.out);
        }
        database.install_triggers();
        let good = bugrelay.verb(&["triggers", "check"]);
        assert_eq!(good.code, 0, "after {broken}:\n{}", good.out);
    }
}

#[tokio::test]
async fn install_gives_way_to_bugzilla_and_comes_again() {
    let database = Postgres::shared().database();
    let web = web(&database.web_url()).await;
    web.batch_execute(&format!("BEGIN; {}", comment("long"))).await.unwrap();
    let (bugrelay, administrator) = (configured(&database), database.administrator_url());
    let mut install = bugrelay.command(&["triggers", "install", "--as", &administrator]);
    let install = install.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // It is refused once at least: then others write, though it still wants its lock.
    let asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'";
    let is = |count: &'static str| {
        let database = &database;
        move || database.exec(asked) == count
    };
    assert!(crate::services::poll(super::PATIENCE, is("1\n")), "it waits");
    assert!(crate::services::poll(super::PATIENCE, is("0\n")), "it gives way");
    database.exec("SET lock_timeout = '3s'; UPDATE bugs SET priority = priority WHERE bug_id = 2");
    web.batch_execute("COMMIT").await.unwrap();
    let installed = install.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success() && said.contains("trying again"), "{said}");
}
