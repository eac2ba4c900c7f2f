//! A private MariaDB with the binlog on, of the Debian package.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::mysqld::{Mysqld, Product, run_as, template};

/// See the module.
#[derive(Debug)]
pub(crate) struct MariaDb;

impl MariaDb {
    /// Starts one for this test alone, to be stopped, killed or set up in a special way.
    ///
    /// `options` are added to `mariadbd`'s; later ones win: `&["--binlog-format=MIXED"]`.
    pub(crate) fn start(options: &[&str]) -> Mysqld {
        static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| template("mariadb-data", install));
        let options_of_ours = ["--gtid-strict-mode=1", "--innodb-log-file-size=8M"].map(str::to_owned).into();
        let program = "mariadbd".into();
        let product = Product { name: "MariaDB", program, options: options_of_ours, template: TEMPLATE.clone() };
        Mysqld::start(product, options)
    }

    /// The one that the tests of this binary share, each in a database of its own. It ends with the binary.
    pub(crate) fn shared() -> &'static Mysqld {
        static SHARED: LazyLock<Mysqld> = LazyLock::new(|| MariaDb::start(&[]));
        &SHARED
    }
}

fn install(folder: &Path, data: &Path) -> Command {
    let mut install = Command::new("mariadb-install-db");
    install.args([
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=8M",
    ]);
    install.env("TMPDIR", folder).args(run_as()).arg(format!("--datadir={}", data.display()));
    install
}
