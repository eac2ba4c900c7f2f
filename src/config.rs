//! The configuration: one TOML file, overridden by the environment. Loads, overlays and checks; builds nothing.
//!
//! `bugrelay.example.toml` has every key with its default; a test holds the two together. Unknown keys are errors, and so is
//! what this version has no part for yet: nothing is accepted that would then be ignored.

mod bugzilla;
mod connector;
mod difference;
mod fault;
mod file;
mod fingerprint;
mod overlay;
mod relay;
mod secret;
mod shown;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

pub use self::connector::ConnectorConfig;
pub use self::difference::Difference;
use self::fault::Fault;
pub(crate) use self::fault::suggest;
use self::file::File;
pub use self::fingerprint::Fingerprint;
use self::overlay::Overlay;
pub use self::shown::Shown;
use crate::bugzilla::Zone;
use crate::database::Dialect;
use crate::message::{FieldFilter, Identity};
use crate::relay::{Client, Reserved, ZeromqConfig};
use crate::secret::Secret;
pub use crate::tls::Tls;

/// Where the configuration is looked for when nobody names it.
pub const DEFAULT_PATHS: [&str; 2] = ["bugrelay.toml", "/etc/bugrelay/bugrelay.toml"];

/// A configuration of thousands of connectors is no larger.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it came from.
    pub path: PathBuf,
    /// `[bugzilla]`; none: a relay alone.
    pub bugzilla: Option<BugzillaConfig>,
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
    /// `[relay]`.
    pub relay: Option<RelayConfig>,
    /// `[connectors.NAME]`, by name.
    pub connectors: BTreeMap<String, ConnectorConfig>,
    /// All that is written, the environment over it, as it may be shown: without its secrets.
    pub shown: Shown,
}

/// `[bugzilla]`: which Bugzilla, and how its changes are captured.
#[derive(Clone, Debug)]
pub struct BugzillaConfig {
    /// Without its password.
    pub database: Url,
    /// From `password`, `password_file`, `password_env` or the URL.
    pub password: Secret,
    /// Whose server it is.
    pub dialect: Dialect,
    /// The way in.
    pub capture: Way,
    /// Whether the server must show a certificate.
    pub tls: Tls,
    /// Of what is in the files that `tls` names.
    pub tls_fingerprint: Fingerprint,
    /// The site's identity.
    pub base_url: String,
    /// Its local zone.
    pub zone: Zone,
    /// Its parameter `requirelogin`.
    pub require_login: bool,
    /// Where a fresh store begins, in seconds since 1970; none: now.
    pub start: Option<i64>,
    /// From one sweep to the next.
    pub sweep_interval: Duration,
    /// How late a transaction may commit after the time that its rows bear.
    pub late_commit_window: Duration,
    /// Our own schema on the same server.
    pub schema: String,
    /// Whether a slot may be made on a server that keeps its log without a limit.
    pub allow_unlimited_wal: bool,
    /// See [`crate::capture::ROWS_MAX`]. No key: a test lowers it.
    pub rows_max: usize,
}

/// How changes are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the server's log (MySQL and MariaDB).
    Binlog,
    /// By triggers that leave ids in a table of ours.
    Triggers,
    /// From the write-ahead log (PostgreSQL).
    Logical,
    /// From Bugzilla's own history tables: the sweep alone.
    History,
}

impl Way {
    /// As the configuration names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Binlog => "binlog",
            Way::Triggers => "triggers",
            Way::Logical => "logical",
            Way::History => "history",
        }
    }
}

/// `[queue]`: the durable store.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Where it is.
    pub store: StoreConfig,
    /// Beyond it the capture pauses.
    pub max_megabytes: u64,
    /// How long it is remembered what was sent.
    pub sent_retention: Duration,
    /// How long messages that a bus refused are kept.
    pub parked_retention: Duration,
}

/// Where the durable store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// A SQLite file of this process alone.
    Sqlite(PathBuf),
    /// Tables in `[bugzilla] schema`, on Bugzilla's own server.
    Database,
}

/// `[messages]`: how they are worded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
    pub token: Secret,
}

/// `[relay]`: where scripts drop messages.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// fedmsg's publishers.
    pub zeromq: Option<ZeromqConfig>,
    /// Those of HTTP; none: it is not served.
    pub clients: Vec<Client>,
    /// The topics that are taken at all, as written.
    pub patterns: Vec<String>,
    /// What topics begin with that connectors give to Bugzilla's messages: none is taken.
    pub reserved: Reserved,
    /// Bytes of a message.
    pub max_message_bytes: usize,
}

/// The configuration is not fit for use. Says what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// `[bugzilla]`, for what cannot do without.
    ///
    /// # Errors
    /// It is a relay alone.
    pub fn bugzilla(&self) -> Result<&BugzillaConfig, ConfigError> {
        self.bugzilla.as_ref().ok_or_else(|| {
            let path = self.path.display();
            ConfigError(format!(
                "{path}: [bugzilla] is missing; this bugrelay is a relay alone, and that is nothing to it"
            ))
        })
    }

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
        let text = text::read(&path, FILE_BYTES_MAX).map_err(|error| {
            ConfigError(format!("{}: cannot be read: {error}; name another with -c FILE", path.display()))
        })?;
        Self::parse(&path, &text, environment)
    }

    /// From the text of a file and the environment over it; `path` is for messages.
    pub fn parse(
        path: &Path,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let overlay = Overlay::new(environment);
        let refuse = |fault: Fault| {
            ConfigError(format!("{}: {}", path.display(), fault.told(text, overlay.variable(fault.path()))))
        };
        let mut table: toml::Table = toml::from_str(text).map_err(|error| refuse(Fault::syntax(&error, text)))?;
        overlay.apply(&mut table).map_err(refuse)?;
        loop {
            let checked = Fault::catch(table.clone().try_into()).and_then(|file: File| file.check(path, &overlay));
            let checked = checked.map(|config| Config { shown: Shown::of(&table), ..config });
            match checked {
                // A password of digits alone reads as a number in the environment, where nobody writes quotes.
                Err(fault) if fault.wants_text() && overlay.as_text(&mut table, fault.path()) => {}
                checked => return checked.map_err(refuse),
            }
        }
    }
}
