//! How bugrelay logs in to a MySQL: with `caching_sha2_password`, which MySQL gives to every new account, in the clear and through TLS.

use crate::services::{Bugrelay, Certificates, Ended, MySql};

/// What `check` says, with these lines in `[bugzilla]`.
fn check(url: &str, bugzilla: &str) -> Ended {
    Bugrelay::configured(url, bugzilla, "").verb(&["check"])
}

fn assert_good(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn an_account_of_mysqls_own_kind_is_let_in_with_and_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let path = |name: &str| certificates.path(name).display().to_string();
    let server = MySql::start(&[
        &format!("--ssl-ca={}", path("ca.pem")),
        &format!("--ssl-cert={}", path("server.pem")),
        &format!("--ssl-key={}", path("server.key")),
    ]);
    let database = server.database();
    let plugin = server.exec("SELECT plugin FROM mysql.user WHERE user = 'bugrelay'");
    assert_eq!(plugin, "caching_sha2_password\n");
    let verified = format!("ca_file = \"{}\"", path("ca.pem"));

    // The server knows nothing of the account yet: it wants the password itself, encrypted with its key. Then it remembers.
    for _ in 0..2 {
        assert_good(&check(&database.bugrelay_url(), ""));
    }
    server.exec("FLUSH PRIVILEGES");
    assert_good(&check(&database.bugrelay_url(), &verified));

    server.exec("ALTER USER bugrelay REQUIRE SSL");
    assert_good(&check(&database.bugrelay_url(), &verified));
    let refused = check(&database.bugrelay_url(), "");
    assert_eq!(refused.code, 78, "{}{}", refused.out, refused.err);

    let others = tempfile::tempdir().unwrap();
    let foreign = Certificates::make(others.path()).path("ca.pem").display().to_string();
    let refused = check(&database.bugrelay_url(), &format!("ca_file = \"{foreign}\""));
    assert_eq!(refused.code, 78, "{}{}", refused.out, refused.err);
    assert!(refused.out.contains("ca_file"), "{}", refused.out);
}

#[test]
fn a_server_without_tls_gets_no_password_where_tls_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = Certificates::make(folder.path()).path("ca.pem");
    let server = MySql::start(&["--tls-version="]);
    let database = server.database();
    assert_good(&check(&database.bugrelay_url(), ""));
    let refused = check(&database.bugrelay_url(), &format!("ca_file = \"{}\"", ca_file.display()));
    assert_eq!(refused.code, 78, "{}{}", refused.out, refused.err);
    assert!(refused.out.contains("the database offers no TLS"), "{}", refused.out);
}

#[test]
fn a_wrong_password_is_named_as_such_and_not_repeated() {
    let database = MySql::plain().database();
    let refused = check(&database.bugrelay_url().replace(":bugrelay@", ":hunter2@"), "");
    assert_eq!(refused.code, 78, "{}{}", refused.out, refused.err);
    assert!(refused.out.contains("Access denied") && !refused.out.contains("hunter2"), "{}", refused.out);
}
