//! The reader of PostgreSQL.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bugrelay::bugzilla::{BugId, CommentId, UserId};
use bugrelay::changeset::Subject;
use bugrelay::database::Database;
use bugrelay::database::postgresql::Postgresql;
use bugrelay::failure::Class;
use bugrelay::snapshot::{self, Reader, Request, SnapshotError};
use bugrelay::tls::Tls;

use super::Site;
use super::contract::{everything, heals};
use crate::services::{Certificates, Mode, PgBouncer, Postgres, PostgresDatabase, Proxy};

struct OnPostgres(PostgresDatabase<'static>);

impl Site for OnPostgres {
    fn new() -> Self {
        OnPostgres(Postgres::shared().database())
    }

    fn database(&self) -> Arc<dyn Database> {
        database(&self.0.bugrelay_url(), Tls::Off)
    }

    fn exec(&self, sql: &str) {
        self.0.exec(sql);
    }

    fn grant(&self, table: &str, is_granted: bool) {
        let columns = if table == "profiles" { " (userid, login_name, realname)" } else { "" };
        let (verb, preposition) = if is_granted { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
        self.0.exec(&format!("{verb} SELECT{columns} ON {table} {preposition} {}", self.0.name));
    }
}

super::whole_contract! { OnPostgres }

fn database(url: &str, tls: Tls) -> Arc<dyn Database> {
    Arc::new(Postgresql::new(url.parse().expect("a URL"), tls))
}

fn reader(url: &str, tls: Tls) -> impl Reader + use<> {
    snapshot::reader(database(url, tls))
}

async fn refusal(reader: &impl Reader) -> SnapshotError {
    reader.read(&everything()).await.err().expect("it is refused")
}

async fn assert_misconfigured(reader: &impl Reader, word: &str) {
    let error = refusal(reader).await;
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

#[tokio::test]
async fn the_account_reads_no_password_no_mail_and_no_data_and_writes_nothing() {
    let site = OnPostgres::new();
    let (client, connection) = tokio_postgres::connect(&site.0.bugrelay_url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.simple_query("SELECT login_name FROM profiles").await.unwrap();
    // Before 15 anybody may make tables there, unless an administrator forbids it.
    site.0.exec("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    for denied in [
        "SELECT cryptpassword FROM profiles",
        "SELECT * FROM mail_staging",
        "SELECT * FROM attach_data",
        "SELECT * FROM bugs_fulltext",
        "UPDATE bugs SET priority = ''",
        "CREATE TABLE public.mine (n int)",
    ] {
        let error = client.simple_query(denied).await.expect_err(denied);
        assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{denied}: {error}");
    }
}

#[tokio::test]
async fn a_custom_field_without_its_grant_is_not_left_out_in_silence() {
    let site = OnPostgres::new();
    site.grant("bug_cf_platforms", false);
    assert_misconfigured(&site.reader(), "bug_cf_platforms").await;
}

#[tokio::test]
async fn our_own_schema_in_the_way_hides_nothing() {
    let site = OnPostgres::new();
    // The first place that PostgreSQL looks at is the schema that is called like the account.
    site.exec(&format!("CREATE SCHEMA {0} AUTHORIZATION {0}", site.0.name));
    let snapshot = site.reader().read(&everything()).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot.bugs[&BugId(4)].custom.len(), 8);
}

#[tokio::test]
async fn a_bugzilla_in_latin1_is_read_as_what_it_says() {
    let database = Postgres::shared().empty_database("LATIN1");
    database.exec(include_str!("../../../sql/sample/schema.postgresql.sql"));
    database.exec("INSERT INTO profiles (login_name, realname) VALUES ('zoe@example.org', 'Zoë Müller')");
    database.grant();
    let request = Request { users: [UserId(1)].into(), ..Request::default() };
    let snapshot = reader(&database.bugrelay_url(), Tls::Off).read(&request).await;
    let snapshot = snapshot.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot.users[&UserId(1)].real_name, "Zoë Müller");
}

#[tokio::test]
async fn a_table_that_an_upgrade_locks_delays_nobody_and_is_read_when_it_is_free() {
    let site = OnPostgres::new();
    let reader = site.reader();
    // The account itself may lock when it may write.
    site.exec(&format!("GRANT UPDATE ON longdescs TO {}", site.0.name));
    let (upgrade, connection) = tokio_postgres::connect(&site.0.bugrelay_url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    upgrade.batch_execute("BEGIN; LOCK TABLE longdescs IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let refused = tokio::time::timeout(Duration::from_secs(20), refusal(&reader)).await.expect("it gives way");
    assert_eq!(refused.class, Class::Transient, "{refused}");
    assert!(refused.to_string().contains("locked"), "{refused}");
    upgrade.batch_execute("COMMIT").await.unwrap();
    heals(&reader).await;
}

/// Rewrites a table, and commits as soon as somebody waits for it.
const REWRITE: &str = "BEGIN; ALTER TABLE bug_group_map ALTER COLUMN group_id TYPE bigint;
DO $$ BEGIN
  FOR look IN 1..2000 LOOP
    EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'bug_group_map'::regclass);
    PERFORM pg_sleep(0.005);
  END LOOP;
END $$;
COMMIT";

#[tokio::test]
async fn a_table_that_is_rewritten_while_a_read_waits_for_it_does_not_look_empty() {
    let site = Arc::new(OnPostgres::new());
    let reader = site.reader();
    let upgraded = Arc::clone(&site);
    let upgrade = tokio::task::spawn_blocking(move || upgraded.exec(REWRITE));
    // The old rows are gone for a snapshot that was taken before; a bug without groups is public.
    while !upgrade.is_finished() {
        match reader.privacy(&[Subject::Bug(BugId(5))]).await {
            Ok(judged) => assert!(judged[0].bug_in_groups, "a private bug looks public"),
            Err(error) => assert_eq!(error.class, Class::Transient, "{error}"),
        }
        if let Ok(snapshot) = reader.read(&everything()).await {
            assert_eq!(snapshot.bugs[&BugId(5)].groups, ["cellar"]);
        }
    }
    upgrade.await.unwrap();
}

/// As often as it takes until everything is kept for a connection, and once more.
async fn read_thrice(reader: &impl Reader) {
    for _ in 0..3 {
        let snapshot = reader.read(&everything()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot.bugs[&BugId(5)].groups, ["cellar"]);
    }
}

#[tokio::test]
async fn behind_a_pooler_that_gives_each_transaction_another_session_reads_go_on() {
    let site = OnPostgres::new();
    let pooler = PgBouncer::before(Postgres::shared(), &site.0, "transaction");
    let url = pooler.url(&site.0.bugrelay_url());
    let reader = reader(&url, Tls::Off);
    read_thrice(&reader).await;
    // Is given the session that was ours, so that ours is another one from now on.
    let (other, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    other.batch_execute("BEGIN").await.unwrap();
    read_thrice(&reader).await;
    other.batch_execute("COMMIT").await.unwrap();
    read_thrice(&reader).await;
}

#[tokio::test]
async fn a_column_that_gets_another_type_is_read_on() {
    let site = OnPostgres::new();
    let reader = site.reader();
    read_thrice(&reader).await;
    site.exec("ALTER TABLE bugs ALTER COLUMN short_desc TYPE varchar(300)");
    site.exec("ALTER TABLE longdescs ALTER COLUMN thetext TYPE varchar(60000)");
    heals(&reader).await;
    read_thrice(&reader).await;
}

#[tokio::test]
async fn killed_connections_and_a_restarted_server_heal() {
    let mut server = Postgres::start(None);
    let database = server.database();
    let reader = reader(&database.bugrelay_url(), Tls::Off);
    heals(&reader).await;
    let killed = server.exec(&format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{}'",
        database.name
    ));
    assert_eq!(killed, "1\n", "one connection serves one read after the other");
    heals(&reader).await;
    server.shut_down();
    assert_eq!(refusal(&reader).await.class, Class::Transient);
    server.start_again();
    heals(&reader).await;
}

#[tokio::test]
async fn a_server_that_goes_silent_is_given_up_and_asked_again() {
    let site = OnPostgres::new();
    let proxy = Proxy::before(Postgres::shared().port()).await;
    let url =
        site.0.bugrelay_url().replace(&format!(":{}/", Postgres::shared().port()), &format!(":{}/", proxy.port()));
    let reader = reader(&url, Tls::Off);
    heals(&reader).await;
    proxy.set(Mode::Hang);
    let Err(error) = reader.privacy(&[Subject::Comment(BugId(1), CommentId(1))]).await else { panic!("it hangs") };
    assert_eq!(error.class, Class::Transient);
    assert!(error.to_string().contains("did not answer within 9 s"), "{error}");
    proxy.set(Mode::Pass);
    heals(&reader).await;
    assert_eq!(proxy.connections(), 2, "the silent one is not used again");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_misconfigured() {
    let site = OnPostgres::new();
    let url = site.0.bugrelay_url();
    assert_misconfigured(&reader(&url.replace(":bugrelay@", ":guess@"), Tls::Off), "28P01").await;
    assert_misconfigured(&reader(&url.replace(":bugrelay@", "@"), Tls::Off), "28P01").await;
    assert_misconfigured(&reader(&url.replace(&format!("//{}:", site.0.name), "//nobody:"), Tls::Off), "28P01").await;
}

#[tokio::test]
async fn tls_is_verified_by_the_authority_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let server = Postgres::start(Some((&certificates, "server")));
    let database = server.database();
    let by = |host: &str, ca_file: PathBuf| reader(&database.url_by(host), Tls::Verify { ca_file: Some(ca_file) });
    heals(&by("localhost", certificates.path("ca.pem"))).await;
    heals(&by("127.0.0.1", certificates.path("ca.pem"))).await;
    let encrypted = server.exec("SELECT COUNT(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'bugrelay'");
    drop(encrypted);
    // Another authority of the same name.
    let other = tempfile::tempdir().unwrap();
    let others = Certificates::make(other.path());
    assert_misconfigured(&by("localhost", others.path("ca.pem")), "ca_file").await;
    assert_misconfigured(&by("localhost", others.path("server.key")), "ca_file").await;
    assert_misconfigured(&by("localhost", others.path("nowhere.pem")), "ca_file").await;
    assert_misconfigured(&reader(&database.url_by("localhost"), Tls::Verify { ca_file: None }), "ca_file").await;
}

#[tokio::test]
async fn a_server_without_tls_gets_no_password_from_us() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = Some(Certificates::make(folder.path()).path("ca.pem"));
    let site = OnPostgres::new();
    assert_misconfigured(&reader(&site.0.bugrelay_url(), Tls::Verify { ca_file }), "offers no TLS").await;
}
