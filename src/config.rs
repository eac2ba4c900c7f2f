//! The configuration: one TOML file, overridden by the environment. Loads, overlays and checks; builds nothing.
//!
//! `bugrelay.example.toml` has every key with its default; a test holds the two together. Unknown keys are errors, and so is
//! what this version has no part for yet: nothing is accepted that would then be ignored.

mod connector;
mod explain;
mod overlay;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

pub use self::connector::ConnectorConfig;
use self::explain::explain;
use crate::bugzilla::Zone;
use crate::message::{FieldFilter, Identity};

/// Where the configuration is looked for when nobody names it.
pub const DEFAULT_PATHS: [&str; 2] = ["bugrelay.toml", "/etc/bugrelay/bugrelay.toml"];

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it came from.
    pub path: PathBuf,
    /// `[bugzilla]`.
    pub bugzilla: BugzillaConfig,
    /// `[queue]`.
    pub queue: QueueConfig,
    /// `[fields]`.
    pub fields: FieldFilter,
    /// `[messages]`.
    pub messages: MessagesConfig,
    /// `[shutdown] grace_seconds`.
    pub grace: Duration,
    /// `[admin]`.
    pub admin: AdminConfig,
    /// `[connectors.NAME]`, by name.
    pub connectors: BTreeMap<String, ConnectorConfig>,
}

/// `[bugzilla]`: which Bugzilla, and how its changes are captured.
#[derive(Clone, Debug)]
pub struct BugzillaConfig {
    /// Without its password.
    pub database: Url,
    /// From `password`, `password_file`, `password_env` or the URL.
    pub password: Option<SecretString>,
    /// Whether the server must show a certificate.
    pub tls: Tls,
    /// The site's identity.
    pub base_url: String,
    /// Its local zone.
    pub zone: Zone,
    /// Its parameter `requirelogin`.
    pub require_login: bool,
    /// How late a transaction may commit after the time that its rows bear.
    pub late_commit_window: Duration,
    /// Our own schema on the same server.
    pub schema: String,
}

/// How the connection to the database is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Off,
    /// The server's certificate is verified, by this authority or by the built-in ones.
    Verify {
        /// PEM.
        ca_file: Option<PathBuf>,
    },
}

/// `[queue]`: the durable store.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// Beyond it the capture pauses.
    pub max_megabytes: u64,
    /// How long it is remembered what was sent.
    pub sent_retention: Duration,
    /// How long messages that a bus refused are kept.
    pub parked_retention: Duration,
}

/// `[messages]`: how they are worded.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessagesConfig {
    /// How users appear.
    pub identity: Identity,
    /// Whose id `comment.id` is.
    pub comment_id: CommentIdOf,
}

/// Whose id `comment.id` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentIdOf {
    /// The bug's, as in the original.
    #[default]
    Bug,
    /// The comment's.
    Comment,
}

/// `[admin]`: health, metrics and the API.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Address and port.
    pub listen: std::net::SocketAddr,
    /// Who knows it may use the API from elsewhere.
    pub token: Option<SecretString>,
}

/// The configuration is not fit for use. Says what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bugzilla: Option<BugzillaTable>,
    #[serde(default)]
    queue: QueueTable,
    #[serde(default)]
    fields: FieldsTable,
    #[serde(default)]
    messages: MessagesConfig,
    #[serde(default)]
    shutdown: ShutdownTable,
    #[serde(default)]
    admin: AdminTable,
    relay: Option<toml::Table>,
    #[serde(default)]
    connectors: BTreeMap<String, toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BugzillaTable {
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
    #[serde(default = "now")]
    start: String,
    sweep_interval_seconds: Option<u64>,
    #[serde(default = "late_commit_window_seconds")]
    late_commit_window_seconds: u64,
    /// Only of logical decoding: accepted for the sake of configurations that serve several databases.
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

fn now() -> String {
    "now".to_owned()
}

fn late_commit_window_seconds() -> u64 {
    900
}

fn schema() -> String {
    "bugrelay".to_owned()
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct QueueTable {
    store: String,
    max_megabytes: u64,
    sent_retention_hours: u64,
    parked_retention_days: u64,
}

impl Default for QueueTable {
    fn default() -> Self {
        QueueTable {
            store: "sqlite:bugrelay.db".to_owned(),
            max_megabytes: 4096,
            sent_retention_hours: 24,
            parked_retention_days: 30,
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FieldsTable {
    allow: Vec<String>,
    deny: Vec<String>,
}

impl Default for FieldsTable {
    fn default() -> Self {
        FieldsTable { allow: vec!["*".to_owned()], deny: vec![] }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ShutdownTable {
    grace_seconds: u64,
}

impl Default for ShutdownTable {
    fn default() -> Self {
        ShutdownTable { grace_seconds: 20 }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AdminTable {
    listen: String,
    token: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
}

impl Default for AdminTable {
    fn default() -> Self {
        AdminTable { listen: "127.0.0.1:9464".to_owned(), token: None, token_file: None, token_env: None }
    }
}

impl Config {
    /// Reads the file at `path`, else the first of [`DEFAULT_PATHS`] that is there, and the environment over it.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => DEFAULT_PATHS.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
                let [here, etc] = DEFAULT_PATHS;
                ConfigError(format!(
                    "no configuration: neither ./{here} nor {etc} is there; name one with -c FILE or BUGRELAY_CONFIG"
                ))
            })?,
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError(format!("{}: cannot be read: {error}", path.display())))?;
        Self::parse(&path, &text, environment)
    }

    /// From the text of a file; `path` is for messages.
    pub fn parse(
        path: &Path,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let refuse = |error: ConfigError| ConfigError(format!("{}: {error}", path.display()));
        // First as it is written, so that an error has its line; then with the environment over it.
        let mut table: toml::Table = toml::from_str(text).map_err(|error| refuse(explain(&error, Some(text))))?;
        let overridden = overlay::apply(&mut table, environment).map_err(refuse)?;
        let file: File = if overridden {
            table.try_into().map_err(|error| refuse(explain(&error, None)))?
        } else {
            toml::from_str(text).map_err(|error| refuse(explain(&error, Some(text))))?
        };
        file.check(path).map_err(refuse)
    }
}

impl File {
    fn check(self, path: &Path) -> Result<Config, ConfigError> {
        if self.relay.is_some() {
            return Err(not_yet("[relay]", "inbound endpoints"));
        }
        let Some(bugzilla) = self.bugzilla else {
            return Err(ConfigError("[bugzilla] is missing: say at least `database` and `base_url`".to_owned()));
        };
        let admin = self.admin.check()?;
        let mut connectors = BTreeMap::new();
        for (name, table) in self.connectors {
            let connector = ConnectorConfig::parse(&name, table)?;
            connectors.insert(name, connector);
        }
        if connectors.is_empty() {
            connectors.insert("stdout".to_owned(), ConnectorConfig::standard_output());
        }
        Ok(Config {
            path: path.to_owned(),
            bugzilla: bugzilla.check()?,
            queue: self.queue.check()?,
            fields: FieldFilter { allow: self.fields.allow, deny: self.fields.deny },
            messages: self.messages,
            grace: Duration::from_secs(self.shutdown.grace_seconds),
            admin,
            connectors,
        })
    }
}

impl BugzillaTable {
    fn check(self) -> Result<BugzillaConfig, ConfigError> {
        let mut database = Url::parse(&self.database).map_err(|error| {
            ConfigError(format!("[bugzilla] database is not a URL ({error}); write mysql://USER@HOST:3306/DATABASE"))
        })?;
        match database.scheme() {
            "mysql" | "mariadb" => {}
            "postgresql" | "postgres" => {
                return Err(not_yet("[bugzilla] database = \"postgresql://...\"", "PostgreSQL"));
            }
            other => {
                return Err(ConfigError(format!(
                    "[bugzilla] database: {other:?} is no database that Bugzilla runs on; write mysql://..."
                )));
            }
        }
        if database.host_str().is_none_or(str::is_empty) || database.path().trim_matches('/').is_empty() {
            return Err(ConfigError(
                "[bugzilla] database names no host or no database; write mysql://USER@HOST:3306/DATABASE".to_owned(),
            ));
        }
        match self.capture.as_str() {
            "auto" | "binlog" => {}
            "triggers" | "logical" | "history" => {
                return Err(not_yet(&format!("[bugzilla] capture = {:?}", self.capture), "that way in"));
            }
            other => {
                return Err(ConfigError(format!(
                    "[bugzilla] capture = {other:?} is not known; write \"auto\" or \"binlog\""
                )));
            }
        }
        if self.start != "now" {
            return Err(not_yet("[bugzilla] start", "starting from a time in the past"));
        }
        if self.sweep_interval_seconds.is_some() {
            return Err(not_yet("[bugzilla] sweep_interval_seconds", "the sweep"));
        }
        let _ = self.allow_unlimited_wal;
        if Url::parse(&self.base_url).is_err() {
            return Err(ConfigError(format!(
                "[bugzilla] base_url = {:?} is not a URL; write Bugzilla's parameter urlbase, as https://bugzilla.example.org/",
                self.base_url
            )));
        }
        let zone =
            Zone::named(&self.time_zone).map_err(|error| ConfigError(format!("[bugzilla] time_zone: {error}")))?;
        let url_password =
            database.password().map(|p| percent_encoding::percent_decode_str(p).decode_utf8_lossy().into_owned());
        let password =
            secret::read("[bugzilla] password", self.password.or(url_password), self.password_file, self.password_env)?;
        // From here on the password is in one place only.
        let _ = database.set_password(None);
        Ok(BugzillaConfig {
            tls: tls(self.tls.as_deref(), self.ca_file, &database)?,
            database,
            password,
            base_url: self.base_url,
            zone,
            require_login: self.require_login,
            late_commit_window: Duration::from_secs(self.late_commit_window_seconds),
            schema: self.schema,
        })
    }
}

/// Verified unless the server is on this machine.
fn tls(wanted: Option<&str>, ca_file: Option<PathBuf>, database: &Url) -> Result<Tls, ConfigError> {
    let host = database.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match wanted {
        Some("off") if ca_file.is_some() => {
            Err(ConfigError("[bugzilla] ca_file is given though tls = \"off\"; take one of them out".to_owned()))
        }
        Some("off") => Ok(Tls::Off),
        None if here && ca_file.is_none() => Ok(Tls::Off),
        Some("verify") | None => Ok(Tls::Verify { ca_file }),
        Some(other) => {
            Err(ConfigError(format!("[bugzilla] tls = {other:?} is not known; write \"verify\" or \"off\"")))
        }
    }
}

impl QueueTable {
    fn check(self) -> Result<QueueConfig, ConfigError> {
        let path = match self.store.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => PathBuf::from(path),
            _ if self.store == "database" => {
                return Err(not_yet("[queue] store = \"database\"", "the store in the database"));
            }
            _ => {
                return Err(ConfigError(format!(
                    "[queue] store = {:?} is not known; write \"sqlite:PATH\"",
                    self.store
                )));
            }
        };
        if self.max_megabytes < 16 {
            return Err(ConfigError(format!(
                "[queue] max_megabytes = {} is too small to work with; write 16 or more",
                self.max_megabytes
            )));
        }
        Ok(QueueConfig {
            path,
            max_megabytes: self.max_megabytes,
            sent_retention: Duration::from_secs(self.sent_retention_hours * 3600),
            parked_retention: Duration::from_secs(self.parked_retention_days * 24 * 3600),
        })
    }
}

impl AdminTable {
    fn check(self) -> Result<AdminConfig, ConfigError> {
        let listen = self.listen.parse().map_err(|_| {
            ConfigError(format!(
                "[admin] listen = {:?} is not an address with a port; write 127.0.0.1:9464 or 0.0.0.0:9464",
                self.listen
            ))
        })?;
        Ok(AdminConfig { listen, token: secret::read("[admin] token", self.token, self.token_file, self.token_env)? })
    }
}

fn not_yet(what: &str, part: &str) -> ConfigError {
    ConfigError(format!("{what}: this version has no part for it yet ({part}); take it out"))
}
