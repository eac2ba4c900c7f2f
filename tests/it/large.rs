//! One transaction of very many rows: it is told whole and in the order of its bugs, and the process holds no more of it than its ids.

use std::time::Duration;

use crate::services::{Bugrelay, MariaDb, MySql, Mysqld, Postgres, poll};

/// Bugs that the transaction changes, a row of history each.
const BUGS: usize = 300_000;

/// What the process may hold beyond what it holds when nothing comes, KiB; by triggers also the number of each row in the queue.
const MORE_KIB: u64 = 48 << 10;
const MORE_BY_TRIGGERS_KIB: u64 = 80 << 10;

const FIRST: usize = 1_000;

/// As many bugs as `numbers` (a row source of 1, 2, ... in column `n`) has, all alike.
fn bugs(numbers: &str) -> String {
    format!(
        "INSERT INTO bugs (bug_id, product_id, component_id, version, short_desc, bug_status, everconfirmed, bug_severity, priority,
                           op_sys, rep_platform, reporter, assigned_to, target_milestone, creation_ts, delta_ts)
           SELECT {FIRST} + n, 1, 2, '2.0', 'One of many', 'CONFIRMED', 1, 'normal', '---', 'All', 'All', 2, 3, '---',
                  '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM {numbers}"
    )
}

/// What a change of all of them at once leaves in the history.
fn change(numbers: &str) -> String {
    format!(
        "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
           SELECT {FIRST} + n, 2, '2026-02-01 00:00:00', (SELECT id FROM fielddefs WHERE name = 'priority'), '---', 'P1' FROM {numbers}"
    )
}

/// The bugs of the messages that left, in order.
fn told(bugrelay: &Bugrelay) -> Vec<usize> {
    let bug = |line: &String| {
        let from = line.find("\"bug_id\":").unwrap() + 9;
        line[from..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    bugrelay.lines().iter().map(bug).collect()
}

fn is_told_in_bounded_memory(mut bugrelay: Bugrelay, most_kib: u64, change: impl FnOnce()) {
    bugrelay.start_with(&["run"]);
    bugrelay.wait_until_ready();
    let idle = bugrelay.resident_kib();
    change();
    let all = || bugrelay.metric("bugrelay_deliveries_total{connector=\"out\",outcome=\"sent\"}");
    assert!(poll(Duration::from_secs(1_800), || all().is_some_and(|sent| sent >= BUGS as f64)), "{}", bugrelay.log());
    let more = bugrelay.peak_kib().saturating_sub(idle);
    assert!(told(&bugrelay).into_iter().eq(FIRST + 1..=FIRST + BUGS), "not each once, in order");
    assert_eq!(bugrelay.metric("bugrelay_swept_total"), Some(0.0), "{}", bugrelay.log());
    assert!(more <= most_kib, "{idle} KiB before, {more} KiB more at the most");
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn a_transaction_of_300_000_rows_is_told_in_bounded_memory_from_the_binlog() {
    let bugzilla = MariaDb::shared().database();
    let numbers = format!("(SELECT seq AS n FROM seq_1_to_{BUGS}) AS numbers");
    bugzilla.exec(&bugs(&numbers));
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    is_told_in_bounded_memory(bugrelay, MORE_KIB, || drop(bugzilla.exec(&change(&numbers))));
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn a_transaction_of_300_000_rows_is_told_in_bounded_memory_by_mariadbs_triggers() {
    by_triggers_of(MariaDb::shared());
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn a_transaction_of_300_000_rows_is_told_in_bounded_memory_by_mysqls_triggers() {
    by_triggers_of(MySql::plain());
}

fn by_triggers_of(server: &Mysqld) {
    let bugzilla = server.database();
    let numbers: Vec<String> = (1..=BUGS).map(|number| format!("({number})")).collect();
    bugzilla
        .exec(&format!("CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers VALUES {}", numbers.join(",")));
    bugzilla.exec(&bugs("numbers"));
    bugzilla.install_triggers();
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "capture = \"triggers\"", "");
    is_told_in_bounded_memory(bugrelay, MORE_BY_TRIGGERS_KIB, || drop(bugzilla.exec(&change("numbers"))));
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn a_transaction_of_300_000_rows_is_told_in_bounded_memory_by_postgresqls_triggers() {
    on_postgresql("triggers");
}

#[test]
#[ignore = "takes minutes; scripts/test-matrix runs it"]
fn a_transaction_of_300_000_rows_is_told_in_bounded_memory_by_logical_decoding() {
    on_postgresql("logical");
}

fn on_postgresql(capture: &str) {
    let bugzilla = Postgres::shared().database();
    let numbers = format!("generate_series(1, {BUGS}) AS numbers (n)");
    bugzilla.exec(&bugs(&numbers));
    let most_kib = match capture {
        "logical" => {
            bugzilla.publish();
            MORE_KIB
        }
        _ => {
            bugzilla.install_triggers();
            MORE_BY_TRIGGERS_KIB
        }
    };
    let bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), &format!("capture = \"{capture}\""), "");
    is_told_in_bounded_memory(bugrelay, most_kib, || drop(bugzilla.exec(&change(&numbers))));
    if capture == "logical" {
        bugzilla.drop_slots();
    }
}
