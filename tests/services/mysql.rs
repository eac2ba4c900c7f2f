//! A private MySQL 8.0 with the binlog on, which `scripts/mysql` fetches.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::mysqld::{Mysqld, Product, run_as, template};

/// See the module.
#[derive(Debug)]
pub(crate) struct MySql;

/// Names of transactions, and whatever else of its own the server can put into its log: compressed, with the columns' names and the SQL.
const EVERYTHING: [&str; 5] = [
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--binlog-row-metadata=FULL",
    "--binlog-transaction-compression=ON",
    "--binlog-rows-query-log-events=ON",
];

impl MySql {
    /// Starts one for this test alone. `options` are added to `mysqld`'s; later ones win. Without any it has no GTIDs, as by default.
    pub(crate) fn start(options: &[&str]) -> Mysqld {
        static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| template("mysql-data", |_, data| install(data)));
        let template = TEMPLATE.clone();
        let own = "--mysqlx=0 --performance-schema=OFF --innodb-flush-method=nosync --innodb-redo-log-capacity=8M";
        let own = own.split(' ').map(str::to_owned).chain(places()).collect();
        Mysqld::start(Product { name: "MySQL", program: program(), options: own, template }, options)
    }

    /// One as it is by default, without GTIDs and names of columns. The tests of this binary share it, each in a database of its own.
    pub(crate) fn plain() -> &'static Mysqld {
        static PLAIN: LazyLock<Mysqld> = LazyLock::new(|| MySql::start(&[]));
        &PLAIN
    }

    /// One with [`EVERYTHING`], shared as well.
    pub(crate) fn full() -> &'static Mysqld {
        static FULL: LazyLock<Mysqld> = LazyLock::new(|| MySql::start(&EVERYTHING));
        &FULL
    }
}

/// Where it was unpacked.
fn home() -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/services/mysql");
    assert!(home.join("pom.xml").exists(), "MySQL is not there; scripts/mysql fetch gets it");
    home
}

fn program() -> PathBuf {
    home().join("bin/mysqld")
}

/// It was built for other folders than those where it lies.
fn places() -> [String; 2] {
    [format!("--basedir={}", home().display()), format!("--lc-messages-dir={}", home().join("share").display())]
}

fn install(data: &Path) -> Command {
    let mut install = Command::new(program());
    install.args(["--no-defaults", "--initialize-insecure", "--innodb-redo-log-capacity=8M"]);
    install.args(run_as()).args(places()).arg(format!("--datadir={}", data.display()));
    install
}
