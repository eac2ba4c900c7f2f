//! `[bugzilla]`: which Bugzilla, and how its changes are captured.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::fault::{Fault, within};
use super::overlay::Overlay;
use super::secret::Given;
use super::{BugzillaConfig, Fingerprint, Tls, Way};
use crate::bugzilla::{Zone, moment};
use crate::capture::ROWS_MAX;
use crate::database::Dialect;
use crate::secret::Secret;

/// How a database is written.
const DATABASE: &str =
    "write \"mysql://USER@HOST:3306/DATABASE\", \"postgresql://USER@HOST:5432/DATABASE\" or \"sqlite:PATH\"";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BugzillaTable {
    database: String,
    password: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    tls: Option<String>,
    ca_file: Option<PathBuf>,
    #[serde(default = "auto")]
    capture: String,
    base_url: String,
    #[serde(default = "utc")]
    time_zone: String,
    #[serde(default)]
    require_login: bool,
    /// A word, or a time.
    start: Option<toml::Value>,
    #[serde(default = "sweep_interval_seconds")]
    sweep_interval_seconds: u64,
    #[serde(default = "late_commit_window_seconds")]
    late_commit_window_seconds: u64,
    #[serde(default)]
    allow_unlimited_wal: bool,
    #[serde(default = "schema")]
    schema: String,
}

fn auto() -> String {
    "auto".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn sweep_interval_seconds() -> u64 {
    300
}

fn late_commit_window_seconds() -> u64 {
    900
}

fn schema() -> String {
    "bugrelay".to_owned()
}

impl BugzillaTable {
    pub(super) fn check(self, overlay: &Overlay) -> Result<BugzillaConfig, Fault> {
        let (mut database, dialect) = database(&self.database)?;
        let capture = capture(&self.capture, dialect)?;
        check_base_url(&self.base_url)?;
        let zone = Zone::named(&self.time_zone).map_err(|error| Fault::at("time_zone", error.to_string()))?;
        check_schema(&self.schema, &database)?;
        let url_password =
            database.password().map(|p| percent_encoding::percent_decode_str(p).decode_utf8_lossy().into_owned());
        if url_password.is_some() && self.password.is_some() {
            return Err(Fault::at("password", "it is given in `database` as well; keep one of both"));
        }
        let password = Given {
            key: "password",
            value: self.password.or(url_password),
            file: self.password_file,
            env: self.password_env,
        };
        let password = password.read(overlay)?;
        if dialect == Dialect::Sqlite && password.is_some() {
            return Err(Fault::at("password", "SQLite has none: who may read the file reads it; take it out"));
        }
        // From here on the password is in one place only. It fails for URLs without a host, and those were refused.
        let _ = database.set_password(None);
        let start = start(self.start.as_ref(), &zone)?;
        let interval = within("sweep_interval_seconds", self.sweep_interval_seconds, 1..=86_400)?;
        let window = within("late_commit_window_seconds", self.late_commit_window_seconds, 1..=604_800)?;
        let tls_fingerprint = Fingerprint::of("", self.ca_file.iter());
        Ok(BugzillaConfig {
            tls: tls(self.tls.as_deref(), self.ca_file, &database, dialect)?,
            tls_fingerprint,
            database,
            dialect,
            capture,
            password: Secret::new(password),
            base_url: self.base_url,
            zone,
            require_login: self.require_login,
            start,
            sweep_interval: Duration::from_secs(interval),
            late_commit_window: Duration::from_secs(window),
            schema: self.schema,
            allow_unlimited_wal: self.allow_unlimited_wal,
            rows_max: ROWS_MAX,
        })
    }
}

/// A word, a time in quotes, or TOML's own; without an offset it is in Bugzilla's zone.
fn start(wanted: Option<&toml::Value>, zone: &Zone) -> Result<Option<i64>, Fault> {
    let text = match wanted {
        None => return Ok(None),
        Some(toml::Value::Datetime(time)) => time.to_string(),
        Some(toml::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text == "now" {
        return Ok(None);
    }
    moment(&text, zone).map(Some).ok_or_else(|| {
        Fault::at("start", format!("{text:?} is neither \"now\" nor a time; write \"now\" or \"2026-11-01T00:00:00Z\""))
    })
}

/// The URL is in no message: it may hold a password.
fn database(text: &str) -> Result<(Url, Dialect), Fault> {
    let refuse = |what: &str| Fault::at("database", format!("{what}; {DATABASE}"));
    let database = Url::parse(text).map_err(|error| refuse(&format!("it is not a URL ({error})")))?;
    let dialect = match database.scheme() {
        "mysql" | "mariadb" => Dialect::Mysql,
        "postgresql" | "postgres" => Dialect::Postgresql,
        "sqlite" => return file(database).map(|database| (database, Dialect::Sqlite)),
        _ => return Err(refuse("it begins with no database that Bugzilla runs on")),
    };
    if database.host_str().is_none_or(str::is_empty) {
        return Err(refuse("it names no host"));
    }
    match database.path().trim_matches('/') {
        "" => return Err(refuse("it names no database")),
        name if name.contains('/') => return Err(refuse("it names several databases")),
        _ => {}
    }
    if database.query().is_some() || database.fragment().is_some() {
        return Err(refuse("it has something behind `?` or `#`, which is not read (a # in a password is written %23)"));
    }
    Ok((database, dialect))
}

/// A path, as it is written behind `sqlite:`.
fn file(database: Url) -> Result<Url, Fault> {
    let refuse = |what: &str| Err(Fault::at("database", format!("{what}; write \"sqlite:PATH\"")));
    if database.has_host() {
        return refuse("a file has no host");
    }
    if database.path().is_empty() {
        return refuse("it names no file");
    }
    if database.query().is_some() || database.fragment().is_some() {
        return refuse(
            "it has something behind `?` or `#`, which is not read (in a path they are written %3F and %23)",
        );
    }
    Ok(database)
}

/// The way in that is asked for, if that server has it.
fn capture(wanted: &str, dialect: Dialect) -> Result<Way, Fault> {
    let way = match (wanted, dialect) {
        ("auto" | "binlog", Dialect::Mysql) => Way::Binlog,
        ("auto" | "triggers", Dialect::Postgresql | Dialect::Sqlite) | ("triggers", Dialect::Mysql) => Way::Triggers,
        ("logical", Dialect::Postgresql) => Way::Logical,
        ("history", _) => Way::History,
        ("binlog", Dialect::Postgresql) => {
            let remedy = "write \"auto\", \"triggers\", \"logical\" or \"history\"";
            return Err(Fault::at("capture", format!("PostgreSQL has no binlog; {remedy}")));
        }
        ("logical", Dialect::Mysql) => {
            let remedy = "write \"auto\", \"binlog\", \"triggers\" or \"history\"";
            return Err(Fault::at("capture", format!("\"logical\" is PostgreSQL's way in; {remedy}")));
        }
        ("binlog" | "logical", Dialect::Sqlite) => {
            let remedy = "write \"auto\", \"triggers\" or \"history\"";
            return Err(Fault::at("capture", format!("SQLite has no log that can be read; {remedy}")));
        }
        (other, _) => {
            let known = "\"auto\", \"binlog\", \"triggers\", \"logical\" or \"history\"";
            return Err(Fault::at("capture", format!("{other:?} is not known; write {known}")));
        }
    };
    Ok(way)
}

fn check_base_url(base_url: &str) -> Result<(), Fault> {
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    if Url::parse(base_url).is_ok_and(is_web) {
        return Ok(());
    }
    let remedy = "write Bugzilla's parameter urlbase, as \"https://bugzilla.example.org/\"";
    Err(Fault::at("base_url", format!("{base_url:?} is not the address of a web site; {remedy}")))
}

/// What is written to our own schema is not looked at: it must not be Bugzilla's.
fn check_schema(schema: &str, database: &Url) -> Result<(), Fault> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if schema.is_empty() || schema.len() > 64 || !schema.chars().all(is_name) {
        return Err(Fault::at("schema", "it is not a name; write letters, digits and _, at most 64"));
    }
    if database.has_host() && database.path().trim_matches('/').eq_ignore_ascii_case(schema) {
        return Err(Fault::at("schema", "it is Bugzilla's own database; write another name, as \"bugrelay\""));
    }
    Ok(())
}

/// Verified unless the server is on this machine.
fn tls(wanted: Option<&str>, ca_file: Option<PathBuf>, database: &Url, dialect: Dialect) -> Result<Tls, Fault> {
    if dialect == Dialect::Sqlite {
        return match (wanted, ca_file) {
            (Some("verify"), _) => {
                Err(Fault::at("tls", "SQLite is a file, and no server shows a certificate; take it out"))
            }
            (_, Some(_)) => {
                Err(Fault::at("ca_file", "SQLite is a file, and no server shows a certificate; take it out"))
            }
            _ => Ok(Tls::Off),
        };
    }
    let host = database.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if let Some(path) = &ca_file {
        std::fs::metadata(path).map_err(|error| {
            Fault::at("ca_file", format!("{} cannot be read: {error}; name a PEM file", path.display()))
        })?;
    }
    match wanted {
        Some("off") if ca_file.is_some() => {
            Err(Fault::at("ca_file", "it is given though tls = \"off\"; take one of them out"))
        }
        Some("off") => Ok(Tls::Off),
        None if here && ca_file.is_none() => Ok(Tls::Off),
        Some("verify") | None => Ok(Tls::Verify { ca_file }),
        Some(other) => Err(Fault::at("tls", format!("{other:?} is not known; write \"verify\" or \"off\""))),
    }
}
