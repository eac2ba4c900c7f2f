//! A private MySQL with the binlog on, which `scripts/servers` fetches: 8.0, or another version in the folder that
//! `BUGRELAY_TEST_MYSQL` names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::mysqld::{Mysqld, Product, run_as, template};

/// See the module.
#[derive(Debug)]
pub(crate) struct MySql;

impl MySql {
    /// Names of transactions, and whatever else of its own the server can put into its log: compressed, with the columns' names and
    /// the SQL.
    pub(crate) const EVERYTHING: [&str; 5] = [
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        "--binlog-row-metadata=FULL",
        "--binlog-transaction-compression=ON",
        "--binlog-rows-query-log-events=ON",
    ];

    /// Starts one for this test alone. `options` are added to `mysqld`'s; later ones win. Without any it has no GTIDs.
    pub(crate) fn start(options: &[&str]) -> Mysqld {
        static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| template(&data_name(), |_, data| install(data)));
        let template = TEMPLATE.clone();
        let own = "--gtid-mode=OFF --enforce-gtid-consistency=OFF --mysqlx=0 --performance-schema=OFF \
                   --innodb-flush-method=nosync --innodb-redo-log-capacity=8M";
        let own = own.split(' ').map(str::to_owned).chain(places()).collect();
        Mysqld::start(Product { name: "MySQL", program: program(), options: own, template }, options)
    }

    /// One without GTIDs and names of columns, as MySQL 8.0 is by default. The tests of this binary share it, each in a database of its own.
    pub(crate) fn plain() -> &'static Mysqld {
        static PLAIN: LazyLock<Mysqld> = LazyLock::new(|| MySql::start(&[]));
        &PLAIN
    }

    /// One with [`MySql::EVERYTHING`], shared as well.
    pub(crate) fn full() -> &'static Mysqld {
        static FULL: LazyLock<Mysqld> = LazyLock::new(|| MySql::start(&MySql::EVERYTHING));
        &FULL
    }
}

/// Where it was unpacked.
fn home() -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/services/mysql-8.0");
    let home = std::env::var_os("BUGRELAY_TEST_MYSQL").map_or(fetched, PathBuf::from);
    assert!(home.join("bin/mysqld").exists(), "MySQL is not in {}; scripts/servers fetch gets it", home.display());
    home
}

/// The data of one version are nothing to another.
fn data_name() -> String {
    format!("{}-data", home().file_name().expect("a folder has a name").display())
}

fn program() -> PathBuf {
    home().join("bin/mysqld")
}

/// It was built for other folders than those where it lies. What `scripts/servers` fetched knows better, and says so to the server.
fn places() -> [String; 2] {
    [format!("--basedir={}", home().display()), format!("--lc-messages-dir={}", home().join("share").display())]
}

fn install(data: &Path) -> Command {
    let mut install = Command::new(program());
    install.args(["--no-defaults", "--initialize-insecure", "--innodb-redo-log-capacity=8M"]);
    install.args(run_as()).args(places()).arg(format!("--datadir={}", data.display()));
    install
}
