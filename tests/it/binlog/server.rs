//! Small databases of Bugzilla's shape on a private server, and how the capture reads them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bugrelay::capture::ROWS_MAX;
use bugrelay::capture::mysql_binlog::{MysqlBinlog, MysqlBinlogConfig};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};

use crate::services::Mysqld;

/// Bugzilla's watched tables: the needed columns in Bugzilla's order, and between them one of each kind that is passed over.
const TABLES: &str = "
    CREATE TABLE bugs (bug_id MEDIUMINT NOT NULL AUTO_INCREMENT PRIMARY KEY, assigned_to MEDIUMINT NOT NULL DEFAULT 1,
        bug_file_loc MEDIUMTEXT, bug_status VARCHAR(64) NOT NULL DEFAULT 'NEW', creation_ts DATETIME, delta_ts DATETIME(3),
        short_desc VARCHAR(255) NOT NULL DEFAULT '', reporter MEDIUMINT NOT NULL, estimated_time DECIMAL(7,2) NOT NULL DEFAULT 1.25,
        everconfirmed TINYINT NOT NULL DEFAULT 0, kind ENUM('a', 'b') DEFAULT 'b', deadline DATE, ratio DOUBLE DEFAULT 0.5, code CHAR(80));
    CREATE TABLE bugs_activity (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, attach_id MEDIUMINT,
        who MEDIUMINT NOT NULL, bug_when DATETIME NOT NULL, fieldid MEDIUMINT NOT NULL, added VARCHAR(255), removed VARCHAR(255),
        comment_id INT UNSIGNED);
    CREATE TABLE longdescs (comment_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, who MEDIUMINT NOT NULL,
        bug_when DATETIME NOT NULL, work_time DECIMAL(7,2) NOT NULL DEFAULT 0, thetext MEDIUMTEXT, isprivate TINYINT NOT NULL DEFAULT 0);
    CREATE TABLE attachments (attach_id MEDIUMINT NOT NULL AUTO_INCREMENT PRIMARY KEY, bug_id MEDIUMINT NOT NULL, creation_ts DATETIME NOT NULL,
        description TINYTEXT, filename VARCHAR(100), submitter_id MEDIUMINT NOT NULL);
    CREATE TABLE duplicates (dupe_of MEDIUMINT NOT NULL, dupe MEDIUMINT NOT NULL PRIMARY KEY);
    CREATE TABLE attach_data (id MEDIUMINT NOT NULL PRIMARY KEY, thedata LONGBLOB);
    CREATE TABLE profiles (userid MEDIUMINT PRIMARY KEY, login_name VARCHAR(255), cryptpassword VARCHAR(128), realname VARCHAR(255));";

/// One Bugzilla of a server.
pub(crate) struct Site {
    /// The database's name.
    pub(crate) name: String,
    root: Opts,
    reader: Opts,
}

impl Site {
    /// A new one, with what a replication account needs and no more; whole Bugzillas of the same server have the same account.
    pub(crate) fn new(server: &Mysqld) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("small_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.exec(&format!(
            "CREATE DATABASE {name}; USE {name}; {TABLES}
             CREATE USER IF NOT EXISTS bugrelay@'%' IDENTIFIED BY 'bugrelay';
             GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bugrelay@'%';
             GRANT SELECT ON {name}.* TO bugrelay@'%'"
        ));
        Self::existing(server, &name)
    }

    /// One that is there already.
    pub(crate) fn existing(server: &Mysqld, name: &str) -> Self {
        let root = OptsBuilder::default().socket(Some(server.socket())).db_name(Some(name)).user(Some("root")).into();
        let address = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(server.port()).prefer_socket(false);
        let reader = address.db_name(Some(name)).user(Some("bugrelay")).pass(Some("bugrelay")).into();
        Site { name: name.to_owned(), root, reader }
    }

    /// A session as Bugzilla.
    pub(crate) async fn session(&self) -> Conn {
        Conn::new(self.root.clone()).await.expect("root may connect")
    }

    /// Statements, in one session.
    pub(crate) async fn run(&self, sql: &str) {
        let mut session = self.session().await;
        session.query_drop(sql).await.expect("the statements work");
        session.disconnect().await.expect("goodbye");
    }

    /// As bugrelay reads it.
    pub(crate) fn source(&self) -> MysqlBinlog {
        self.source_of(self.reader.clone())
    }

    /// With another account.
    pub(crate) fn source_as(&self, user: &str, password: &str) -> MysqlBinlog {
        let opts = OptsBuilder::from_opts(self.reader.clone()).user(Some(user)).pass(Some(password));
        self.source_of(opts.into())
    }

    fn source_of(&self, opts: Opts) -> MysqlBinlog {
        // Readers of one server must not share a number.
        static NUMBER: AtomicU32 = AtomicU32::new(5000);
        let server_id = NUMBER.fetch_add(1, Ordering::Relaxed);
        MysqlBinlog::new(MysqlBinlogConfig {
            account: opts.into(),
            server_id,
            own_schema: "bugrelay".to_owned(),
            heartbeat: Duration::from_secs(1),
            rows_max: ROWS_MAX,
        })
    }
}
