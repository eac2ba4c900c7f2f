//! What is true of a store that a server keeps, beyond the contract: several may have it open, sessions end, rights are missing, versions differ.

use std::sync::Arc;
use std::time::Duration;

use bugrelay::database::{Dialect, Server, Session};
use bugrelay::queue::database::{DatabaseQueue, Found, Settings};
use bugrelay::queue::{Disposal, Queue as _, QueueError, Settlement};
use futures_util::FutureExt as _;

use super::Rows;
use crate::queue_suite::Keep;
use crate::queue_suite::sample::{at, comments, done, put, sequences, subscribe, waiting};

/// A server, a schema of its own there, and an account that nobody else uses.
pub(super) trait Host {
    fn new() -> Self;
    fn schema(&self) -> String;
    fn server(&self) -> Arc<dyn Server>;
    /// As an administrator.
    fn exec(&self, sql: &str) -> String;
    /// Ends all sessions of the account.
    fn kill_sessions(&self);
    /// As GRANT names it.
    fn account(&self) -> String;
}

/// Runs these sentences on one server.
macro_rules! holds {
    ($host:ty) => {
        $crate::queue_suite::database::shared::holds! { $host:
            one_leads_and_another_takes_over_when_it_is_gone
            one_that_was_superseded_writes_nothing_more
            a_session_that_a_dead_process_left_is_nobody_to_stand_by_for
            what_is_put_back_for_somebody_who_went_away_is_found
            sessions_that_the_server_ends_lose_and_double_nothing
            two_bugzillas_share_a_store_and_do_not_mix
            a_store_of_a_newer_version_is_refused
            the_tables_can_be_taken_away_and_made_again
            each_right_that_is_taken_away_is_named
            tidying_where_nothing_is_to_be_forgotten_writes_nothing
            a_long_backlog_is_not_gone_through_each_time_it_is_tidied
            a_store_that_lost_its_end_counts_what_waits_as_perhaps_sent
        }
    };
    ($host:ty: $($sentence:ident)*) => {$(
        #[tokio::test]
        async fn $sentence() {
            crate::queue_suite::database::shared::$sentence(&<$host as crate::queue_suite::database::shared::Host>::new()).await;
        }
    )*};
}
pub(super) use holds;

fn settings(host: &impl Host, rows: &Rows) -> Settings {
    Settings { schema: host.schema(), ..rows.settings(Keep::default()) }
}

fn opened(host: &impl Host, rows: &Rows) -> DatabaseQueue {
    DatabaseQueue::open(host.server(), settings(host, rows))
}

/// Waits, but not for ever.
async fn within<T>(seconds: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), what).await.expect("it takes too long")
}

/// Until the store says it.
async fn stands_by(queue: &DatabaseQueue) {
    within(10, async {
        while !queue.stands_by() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub(super) async fn one_leads_and_another_takes_over_when_it_is_gone(host: &impl Host) {
    let rows = Rows::new();
    let first = opened(host, &rows);
    within(10, first.lead()).await.unwrap();
    subscribe(&first, &["kafka"]).await;
    put(&first, [1, 2]).await;
    first.begin("kafka", vec![1]).await.unwrap();
    let second = opened(host, &rows);
    stands_by(&second).await;
    assert!(!first.stands_by());
    assert!(matches!(second.pause("kafka", true).await, Err(QueueError::StandsBy { .. })));
    assert_eq!(waiting(&second, "kafka").await, [1, 2], "it may look");
    drop(first);
    within(5, second.lead()).await.unwrap();
    assert_eq!(put(&second, [3]).await, [3]);
    let batch = second.next("kafka", 10).await.unwrap();
    assert_eq!(crate::queue_suite::sample::perhaps(&batch), [1]);
    assert_eq!(second.checkpoint().await.unwrap(), Some(at("p")));
}

pub(super) async fn one_that_was_superseded_writes_nothing_more(host: &impl Host) {
    let rows = Rows::new();
    let first = opened(host, &rows);
    within(10, first.lead()).await.unwrap();
    subscribe(&first, &["kafka"]).await;
    let second = opened(host, &rows);
    stands_by(&second).await;
    // As if another had led in between.
    host.exec(&format!("UPDATE {}.site SET epoch = epoch + 1", host.schema()));
    assert!(matches!(within(10, first.deposed()).await, QueueError::Deposed { .. }));
    assert!(matches!(first.put(comments([1]), at("old")).await, Err(QueueError::Deposed { .. })));
    assert!(matches!(first.begin("kafka", vec![1]).await, Err(QueueError::Deposed { .. })));
    within(10, second.lead()).await.unwrap();
    assert_eq!(put(&second, [1]).await, [1]);
    assert!(!second.stands_by());
}

/// A session that does nothing but hold the lock, as of a process that was cut off.
async fn left_behind(host: &impl Host, rows: &Rows) -> Box<dyn Session> {
    let mut session = host.server().session().await.unwrap();
    let lock = match host.server().dialect() {
        Dialect::Postgresql => include_str!("../../../../sql/postgresql/store/lock.sql"),
        _ => include_str!("../../../../sql/mysql/store/lock.sql"),
    };
    let lock: String = lock.lines().filter(|line| !line.starts_with("--")).collect();
    let name = format!("'{}/{}'", host.schema(), rows.database);
    session.run(&[lock.replace("{name}", &name)]).await.unwrap();
    session
}

pub(super) async fn a_session_that_a_dead_process_left_is_nobody_to_stand_by_for(host: &impl Host) {
    let rows = Rows { database: "left".to_owned() };
    let left = left_behind(host, &rows).await;
    let second = opened(host, &rows);
    stands_by(&second).await;
    // As long as two looks of one that would be heard.
    let heard = tokio::time::timeout(Duration::from_secs(3), second.stood_by()).await;
    assert!(heard.is_err(), "it says nothing");
    drop(left);
    within(10, second.lead()).await.unwrap();
    assert!(second.stood_by().now_or_never().is_none(), "nobody led");
    let third = opened(host, &rows);
    within(20, third.stood_by()).await;
    drop(second);
    within(10, third.lead()).await.unwrap();
    assert!(third.stood_by().now_or_never().is_some(), "it stays true");
}

pub(super) async fn what_is_put_back_for_somebody_who_went_away_is_found(host: &impl Host) {
    let queue = opened(host, &Rows::new());
    within(10, queue.lead()).await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1, 2, 3]).await;
    let parked = Settlement { parked: vec![(1, "refused".to_owned())], ..done([2]) };
    queue.settle("kafka", parked).await.unwrap();
    // From here on it is looked behind what was there.
    assert_eq!(waiting(&queue, "kafka").await, [3]);
    let call = queue.dispose("kafka", Disposal::Retry, vec![1..=1]);
    assert!(call.now_or_never().is_none(), "it is handed in, and nobody waits for the answer");
    // Behind it in line.
    queue.pause("kafka", false).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [1, 3]);
}

pub(super) async fn sessions_that_the_server_ends_lose_and_double_nothing(host: &impl Host) {
    const PUTS: i64 = 60;
    let rows = Rows::new();
    let queue = Arc::new(opened(host, &rows));
    within(10, queue.lead()).await.unwrap();
    subscribe(&*queue, &["kafka"]).await;
    let filler = Arc::clone(&queue);
    let filled = tokio::spawn(async move {
        let mut stored = vec![];
        for n in 0..PUTS {
            // Nothing was stored of a call that failed: what comes back is what is there.
            loop {
                match filler.put(comments(n * 5..n * 5 + 5), at(&n.to_string())).await {
                    Ok(envelopes) => break stored.extend(sequences(&envelopes)),
                    Err(QueueError::Failed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        stored
    });
    let mut kills = 0;
    while !filled.is_finished() {
        host.kill_sessions();
        kills += 1;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let stored = filled.await.unwrap();
    assert!(stored.iter().copied().eq(1..=PUTS * 5), "{kills} kills: {stored:?}");
    let left = loop {
        match queue.next("kafka", 1_000).await {
            Ok(batch) => break batch.entries.len(),
            Err(error) => assert!(matches!(error, QueueError::Failed { .. }), "{error}"),
        }
    };
    assert_eq!(i64::try_from(left).unwrap(), PUTS * 5);
}

pub(super) async fn two_bugzillas_share_a_store_and_do_not_mix(host: &impl Host) {
    let (ours, theirs) = (Rows::new(), Rows::new());
    let (ours, theirs) = (opened(host, &ours), opened(host, &theirs));
    for queue in [&ours, &theirs] {
        within(10, queue.lead()).await.unwrap();
        subscribe(queue, &["kafka"]).await;
    }
    ours.put(comments([1, 2]), at("ours")).await.unwrap();
    theirs.put(comments([1, 2, 3]), at("theirs")).await.unwrap();
    ours.settle("kafka", done([1])).await.unwrap();
    ours.redact(vec![2]).await.unwrap();
    ours.purge().await.unwrap();
    assert_eq!((waiting(&ours, "kafka").await, waiting(&theirs, "kafka").await), (vec![2], vec![1, 2, 3]));
    assert_eq!(theirs.public_bodies(0, 10).await.unwrap().len(), 3);
    assert_eq!(
        (ours.checkpoint().await.unwrap(), theirs.checkpoint().await.unwrap()),
        (Some(at("ours")), Some(at("theirs")))
    );
}

pub(super) async fn a_store_of_a_newer_version_is_refused(host: &impl Host) {
    let rows = Rows::new();
    within(10, opened(host, &rows).lead()).await.unwrap();
    host.exec(&format!("INSERT INTO {}.store_version VALUES (99)", host.schema()));
    let refused = within(20, opened(host, &rows).lead()).await.unwrap_err();
    let looked = DatabaseQueue::look(&*host.server(), &settings(host, &rows)).await.unwrap_err();
    for error in [refused, looked] {
        assert!(matches!(error, QueueError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains("version 99, made by a newer bugrelay"), "{error}");
    }
}

pub(super) async fn the_tables_can_be_taken_away_and_made_again(host: &impl Host) {
    let rows = Rows::new();
    let look = async || DatabaseQueue::look(&*host.server(), &settings(host, &rows)).await.unwrap();
    let Found { missing, denied } = look().await;
    assert!(denied.is_empty() && missing.iter().any(|sql| sql.contains("CREATE TABLE")), "{missing:?}");
    // By an administrator, as `check` prints it.
    host.exec(&(missing.join(";\n") + ";"));
    for (down, of_postgresql) in [
        (
            include_str!("../../../../sql/mysql/store/migration/0002_relayed.down.sql"),
            include_str!("../../../../sql/postgresql/store/migration/0002_relayed.down.sql"),
        ),
        (
            include_str!("../../../../sql/mysql/store/migration/0001_store.down.sql"),
            include_str!("../../../../sql/postgresql/store/migration/0001_store.down.sql"),
        ),
    ] {
        let statements = |sql: &str| sql.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(statements(down), statements(of_postgresql));
        host.exec(&down.replace("{schema}", &host.schema()));
    }
    let queue = opened(host, &rows);
    within(10, queue.lead()).await.unwrap();
    assert_eq!(look().await, Found { missing: vec![], denied: vec![] });
    assert_eq!(put(&queue, [1]).await, [1]);
}

pub(super) async fn each_right_that_is_taken_away_is_named(host: &impl Host) {
    let rows = Rows::new();
    within(10, opened(host, &rows).lead()).await.unwrap();
    let (schema, account) = (host.schema(), host.account());
    let grants = include_str!("../../../../sql/mysql/store/grants.sql");
    let mut named = 0;
    for line in grants.lines().filter(|line| line.starts_with("GRANT")) {
        let (rights, table) = line.trim_start_matches("GRANT").split_once(" ON bugrelay.").unwrap();
        let table = table.split_whitespace().next().unwrap();
        for right in ["SELECT", "INSERT", "UPDATE", "DELETE"].into_iter().filter(|right| rights.contains(right)) {
            host.exec(&format!("REVOKE {right} ON {schema}.{table} FROM {account}"));
            let found = DatabaseQueue::look(&*host.server(), &settings(host, &rows)).await.unwrap();
            host.exec(&format!("GRANT {right} ON {schema}.{table} TO {account}"));
            // It needs INSERT there only to make the tables.
            if (right, table) == ("INSERT", "store_version") {
                continue;
            }
            let expected = format!("{right} ON {schema}.{table}");
            assert!(found.denied.contains(&expected), "{expected}: {:?}", found.denied);
            named += 1;
        }
    }
    assert!(named > 20);
    let found = DatabaseQueue::look(&*host.server(), &settings(host, &rows)).await.unwrap();
    assert_eq!(found, Found { missing: vec![], denied: vec![] });
}

pub(super) async fn tidying_where_nothing_is_to_be_forgotten_writes_nothing(host: &impl Host) {
    let rows = Rows::new();
    let queue = opened(host, &rows);
    within(10, queue.lead()).await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    put(&queue, [1, 2]).await;
    let turn = || host.exec(&format!("SELECT turn FROM {}.site WHERE last_sequence > 0", host.schema()));
    let before = turn();
    queue.purge().await.unwrap();
    assert_eq!(turn(), before);
    put(&queue, [3]).await;
    assert_ne!(turn(), before);
}

pub(super) async fn a_long_backlog_is_not_gone_through_each_time_it_is_tidied(host: &impl Host) {
    const WAITING: usize = 12;
    let rows = Rows::new();
    let settings = Settings { sent_retention: Duration::ZERO, ..settings(host, &rows) };
    let queue = DatabaseQueue::open(host.server(), settings);
    within(10, queue.lead()).await.unwrap();
    subscribe(&queue, &["kafka"]).await;
    // Far apart: as if as many others lay between them.
    for n in 0.. {
        let stored = put(&queue, [n]).await;
        if n + 1 == i64::try_from(WAITING).unwrap() {
            queue.settle("kafka", done(stored)).await.unwrap();
            break;
        }
        host.exec(&format!("UPDATE {}.site SET last_sequence = last_sequence + 10000", host.schema()));
    }
    // Put before the second that is forgotten.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let messages =
        || host.exec(&format!("SELECT count(*) FROM {}.message", host.schema())).trim().parse::<usize>().unwrap();
    queue.purge().await.unwrap();
    assert_eq!(messages(), WAITING, "it did not come to the last one, which may go");
    for _ in 0..WAITING {
        queue.purge().await.unwrap();
    }
    assert_eq!((messages(), waiting(&queue, "kafka").await.len()), (WAITING - 1, WAITING - 1));
}

pub(super) async fn a_store_that_lost_its_end_counts_what_waits_as_perhaps_sent(host: &impl Host) {
    let rows = Rows::new();
    let queue = opened(host, &rows);
    within(10, queue.lead()).await.unwrap();
    subscribe(&queue, &["kafka", "stomp"]).await;
    put(&queue, [1, 2, 3]).await;
    queue.settle("stomp", done([1])).await.unwrap();
    // As a server that took over has it, which lacks the last transactions.
    host.exec(&format!("UPDATE {}.site SET turn = turn - 1", host.schema()));
    host.kill_sessions();
    within(20, async {
        while queue.pause("late", false).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let doubted = async |connector| crate::queue_suite::sample::perhaps(&queue.next(connector, 10).await.unwrap());
    assert_eq!((doubted("kafka").await, doubted("stomp").await), (vec![1, 2, 3], vec![2, 3]));
    put(&queue, [4]).await;
    host.kill_sessions();
    within(20, async {
        while queue.pause("late", true).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(doubted("stomp").await, [2, 3], "what was lost is lost once");
}
