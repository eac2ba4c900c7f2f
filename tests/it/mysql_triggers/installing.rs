//! `bugrelay triggers`: makes, looks and removes, as an administrator, with Bugzilla at work.

use super::{Make, Web, comment, queue, valve, waiting};
use crate::services::{Bugrelay, Database, MariaDb};

super::on_each_make! {
    install_can_be_repeated_and_remove_takes_the_triggers_and_the_queue
    what_sql_prints_installs_and_removes_the_same
    an_account_that_may_not_install_is_told_who_may
    every_right_that_is_taken_away_turns_check_red_and_names_what_gives_it_back
    a_binlog_by_statement_is_refused_and_a_mixed_one_warned_of
    a_table_in_use_is_waited_for_in_short_tries_and_bugzilla_goes_on
}

fn configured(database: &Database) -> Bugrelay {
    Bugrelay::configured(&database.bugrelay_url(), "capture = \"triggers\"", "")
}

async fn install_can_be_repeated_and_remove_takes_the_triggers_and_the_queue(make: &Make) {
    let database = (make.shared)().database();
    let (bugrelay, administrator) = (configured(&database), database.administrator_url());
    let missing = bugrelay.verb(&["triggers", "check"]);
    assert_eq!(missing.code, 78, "{}", missing.out);
    assert!(missing.out.contains("bugrelay triggers install"), "{}", missing.out);
    for _ in 0..2 {
        let installed = bugrelay.verb(&["triggers", "install", "--yes", "--as", &administrator]);
        assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    }
    database.exec(&comment(1, 1));
    assert_eq!(waiting(&database), 2);
    for _ in 0..2 {
        let removed = bugrelay.verb(&["triggers", "remove", "--yes", "--as", &administrator]);
        assert_eq!(removed.code, 0, "{}{}", removed.out, removed.err);
    }
    let left = format!(
        "SELECT (SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = '{0}'), \
         (SELECT count(*) FROM information_schema.tables WHERE table_schema = 'bugrelay' AND table_name LIKE '%{0}')",
        database.name
    );
    assert_eq!(database.exec(&left), "0\t0\n");
    database.exec(&comment(1, 2));
}

async fn what_sql_prints_installs_and_removes_the_same(make: &Make) {
    let database = (make.shared)().database();
    let bugrelay = configured(&database);
    database.exec(&bugrelay.verb(&["triggers", "sql"]).out);
    let checked = bugrelay.verb(&["triggers", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    database.exec(&bugrelay.verb(&["triggers", "sql", "--remove"]).out);
    assert_eq!(bugrelay.verb(&["triggers", "check"]).code, 78);
}

async fn an_account_that_may_not_install_is_told_who_may(make: &Make) {
    let database = (make.shared)().database();
    let refused = configured(&database).verb(&["triggers", "install", "--yes"]);
    assert_eq!(refused.code, 78, "{}", refused.err);
    assert!(refused.err.contains("--as") && refused.err.contains("triggers sql"), "{}", refused.err);
}

// On MySQL 8.0 whoever may name another account as definer may make triggers, too.
#[test]
fn with_a_binlog_and_without_super_install_says_what_to_set() {
    let server = MariaDb::start(&[]);
    let database = server.database();
    server.exec(
        "CREATE USER nearly@localhost IDENTIFIED BY 'x'; GRANT ALL ON *.* TO nearly@localhost WITH GRANT OPTION; \
         REVOKE SUPER, BINLOG ADMIN ON *.* FROM nearly@localhost",
    );
    let nearly = database.administrator_url().replace("root@", "nearly:x@");
    let refused = configured(&database).verb(&["triggers", "install", "--yes", "--as", &nearly]);
    assert_eq!(refused.code, 78, "{}", refused.out);
    let remedy = "SET GLOBAL log_bin_trust_function_creators = 1";
    assert!(refused.err.contains("1419") && refused.err.contains(remedy), "{}", refused.err);
    server.exec(remedy);
    let installed = configured(&database).verb(&["triggers", "install", "--yes", "--as", &nearly]);
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
}

async fn every_right_that_is_taken_away_turns_check_red_and_names_what_gives_it_back(make: &Make) {
    let database = make.bugzilla();
    let bugrelay = configured(&database);
    for (right, on) in [
        ("SELECT", queue(&database)),
        ("DELETE", queue(&database)),
        ("SELECT", valve(&database)),
        ("UPDATE (closed_above)", valve(&database)),
        ("SELECT", format!("{}.flagtypes", database.name)),
        ("EXECUTE", format!("PROCEDURE bugrelay.trigger_probe_{}", database.name)),
    ] {
        database.exec(&format!("REVOKE {right} ON {on} FROM bugrelay"));
        let checked = bugrelay.verb(&["triggers", "check"]);
        assert_eq!(checked.code, 78, "{right} on {on}: {}", checked.out);
        let word = right.split(' ').next().unwrap();
        assert!(
            checked.out.contains("mend it with:  GRANT") && checked.out.to_uppercase().contains(word),
            "{}",
            checked.out
        );
        database.exec(&format!("GRANT {right} ON {on} TO bugrelay"));
        assert_eq!(bugrelay.verb(&["triggers", "check"]).code, 0);
    }
}

async fn a_binlog_by_statement_is_refused_and_a_mixed_one_warned_of(make: &Make) {
    let server = (make.start)(&["--binlog-format=MIXED"]);
    let database = server.database();
    database.install_triggers();
    let mixed = configured(&database).verb(&["triggers", "check"]);
    assert_eq!(mixed.code, 0, "{}", mixed.out);
    assert!(mixed.out.contains("warning  binlog_format"), "{}", mixed.out);
    server.exec("SET GLOBAL binlog_format = 'STATEMENT'");
    assert_eq!(configured(&database).verb(&["triggers", "check"]).code, 78);
}

async fn a_table_in_use_is_waited_for_in_short_tries_and_bugzilla_goes_on(make: &Make) {
    let database = (make.shared)().database();
    let mut web = Web::new(&database).await;
    web.run(&format!("START TRANSACTION; {}", comment(1, 1))).await;
    let bugrelay = configured(&database);
    let administrator = database.administrator_url();
    let installing =
        tokio::task::spawn_blocking(move || bugrelay.verb(&["triggers", "install", "--yes", "--as", &administrator]));
    for second in 2..40 {
        web.run(&comment(1, second)).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    web.run("COMMIT").await;
    let installed = installing.await.unwrap();
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    assert!(installed.err.contains("trying again"), "{}", installed.err);
}
