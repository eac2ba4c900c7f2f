//! Configuration -> parts -> tasks: the only file that knows every part. No decisions here.

mod relay;
mod reload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mysql_async::{OptsBuilder, SslOpts};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, watch};

use self::relay::Doors;
pub use self::reload::{Follow, Reload};
use crate::admin::{Admin, Configuration, LISTENERS_MAX};
use crate::bugzilla::Zone;
use crate::capture::Source;
use crate::capture::history::{History, HistorySource};
use crate::capture::identity::{self, Admission, Guard, SameServer};
use crate::capture::mysql_binlog::{MysqlBinlog, MysqlBinlogConfig, replica_id};
use crate::capture::postgresql_logical::{PostgresqlLogical, PostgresqlLogicalConfig};
use crate::capture::triggers::mysql::{self, MysqlQueue};
use crate::capture::triggers::postgresql::PostgresqlQueue;
use crate::capture::triggers::postgresql::installation::Installation;
use crate::capture::triggers::sqlite::SqliteTriggerQueue;
use crate::capture::triggers::sqlite::installation::SqliteInstallation;
use crate::capture::triggers::{Installer, Triggers};
use crate::config::{BugzillaConfig, CommentIdOf, Config, QueueConfig, StoreConfig, Tls, Way};
use crate::database::mysql::{Account, Mysql};
use crate::database::postgresql::Postgresql;
use crate::database::sqlite::Sqlite;
use crate::database::{Database, Dialect, Server};
use crate::delivery::{Delivery, Gate, Judge, NoBugzilla, Served, recheck};
use crate::message::Wording;
use crate::metrics::{Metrics, SourceMetrics};
use crate::pipeline::{Editor, Pipeline, Progress, Replay, Sweep};
use crate::queue::database::{self, DatabaseQueue};
use crate::queue::sqlite::{self, SqliteQueue};
use crate::queue::{Queue, QueueError};
use crate::relay::Inbox;
use crate::shutdown::{Cause, Shutdown};
use crate::snapshot::{self, Reader};
use crate::visibility::Rules;

/// Messages kept for a live listener that is slow, at the most.
const TAIL_CAPACITY: usize = 1_000;

/// As long as nobody asks.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How often a quiet server shows that it is alive; three missed mean a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Everything built and bound, nothing running yet.
pub struct App {
    config: Config,
    delivery: Delivery,
    pipeline: Option<Pipeline>,
    admin: Admin,
    /// Tells people what is configured.
    told: watch::Sender<Configuration>,
    listener: TcpListener,
    doors: Option<Doors>,
    /// What the admin port serves of the relay.
    http: Option<Router>,
    shutdown: Shutdown,
}

/// Why it cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store.
    #[error(transparent)]
    Store(#[from] QueueError),
    /// The admin port.
    #[error("[admin] listen = \"{address}\" cannot be listened on: {error}; is another bugrelay running?")]
    Listen {
        /// As configured.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The relay's port.
    #[error(
        "[relay] zeromq = \"tcp://{address}\" cannot be listened on: {error}; does a fedmsg-relay still run there?"
    )]
    Relay {
        /// As configured, without the scheme.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Two metrics of one name: a mistake of ours.
    #[error("the metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Where changes come from, by the configuration; `metrics` follow what only the source can tell. `instance` tells those apart that
/// share a store: one that wakes up must not throw out the reader that took over from it.
pub fn source(config: &BugzillaConfig, metrics: Option<&SourceMetrics>, instance: u32) -> Arc<dyn Source> {
    match config.capture {
        Way::Binlog => {
            let account = mysql_account(config);
            Arc::new(MysqlBinlog::new(MysqlBinlogConfig {
                server_id: replica_id(&config.base_url, account.database().unwrap_or_default()) ^ instance,
                account,
                own_schema: config.schema.clone(),
                heartbeat: HEARTBEAT,
                rows_max: config.rows_max,
            }))
        }
        Way::Logical => Arc::new(PostgresqlLogical::new(PostgresqlLogicalConfig {
            server: postgresql(config),
            allow_unlimited_wal: config.allow_unlimited_wal,
            retained_bytes: metrics.map(|metrics| metrics.retained_bytes.clone()),
            rows_max: config.rows_max,
        })),
        Way::Triggers => triggers(config, metrics),
        Way::History => Arc::new(HistorySource::new(history(config), config.late_commit_window, config.sweep_interval)),
    }
}

/// What the triggers left, whatever way in is configured.
pub fn triggers(config: &BugzillaConfig, metrics: Option<&SourceMetrics>) -> Arc<dyn Source> {
    match config.dialect {
        Dialect::Postgresql => {
            let queue = PostgresqlQueue::new(postgresql(config), &config.schema);
            Arc::new(Triggers::new(queue, config.rows_max, metrics.cloned()))
        }
        Dialect::Mysql => Arc::new(Triggers::new(
            MysqlQueue::new(mysql_account(config), &config.schema),
            config.rows_max,
            metrics.cloned(),
        )),
        Dialect::Sqlite => {
            Arc::new(Triggers::new(SqliteTriggerQueue::new(path_of(config)), config.rows_max, metrics.cloned()))
        }
    }
}

/// Makes and removes the triggers for the account of `config`, as the account of `administrator`.
pub fn installer(config: &BugzillaConfig, administrator: &BugzillaConfig, notify: bool) -> Arc<dyn Installer> {
    match config.dialect {
        Dialect::Postgresql => Arc::new(Installation {
            server: postgresql(administrator),
            schema: config.schema.clone(),
            reader: decode(config.database.username()),
            notify,
        }),
        Dialect::Mysql => Arc::new(mysql::installation::Installation::new(
            mysql_account(administrator).opts(),
            mysql_account(config).opts(),
            &config.schema,
        )),
        Dialect::Sqlite => Arc::new(SqliteInstallation { path: path_of(administrator) }),
    }
}

/// Bugzilla's history tables, with connections of their own: a server that goes silent is given up for these alone.
pub fn history(config: &BugzillaConfig) -> History {
    History::new(database(config), config.zone.clone())
}

/// Which server the configuration leads to, with connections of its own.
pub fn guard(config: &BugzillaConfig) -> Guard {
    let url = &config.database;
    let port = url.port().unwrap_or(if config.dialect == Dialect::Mysql { 3306 } else { 5432 });
    let host = format!("{}:{port}", url.host_str().unwrap_or_default());
    Guard::new(database(config), host, decode(url.path().trim_matches('/')))
}

/// Bugzilla's tables, by the configuration.
pub fn database(config: &BugzillaConfig) -> Arc<dyn Database> {
    match config.dialect {
        Dialect::Mysql => Arc::new(Mysql::new(mysql_account(config))),
        Dialect::Postgresql => Arc::new(postgresql(config)),
        Dialect::Sqlite => Arc::new(Sqlite::new(path_of(config))),
    }
}

/// The server behind the position in the store, as far as that can be read; changes nothing.
pub async fn known_server(bugzilla: &BugzillaConfig, queue: &QueueConfig) -> Option<identity::Server> {
    let known = match &queue.store {
        StoreConfig::Sqlite(path) => SqliteQueue::server_behind(path),
        StoreConfig::Database => DatabaseQueue::server_behind(&server(bugzilla), &in_database(bugzilla, queue)).await,
    };
    identity::Server::parse(&known?)
}

/// Opens the store. One in the database is connected to when it is first used.
pub fn store(config: &Config) -> Result<Arc<dyn Queue>, QueueError> {
    match (&config.queue.store, &config.bugzilla) {
        (StoreConfig::Sqlite(path), bugzilla) => Ok(Arc::new(SqliteQueue::open(sqlite::Settings {
            path: path.clone(),
            max_megabytes: config.queue.max_megabytes,
            sent_retention: config.queue.sent_retention,
            parked_retention: config.queue.parked_retention,
            // Without a Bugzilla nothing is told, and what was told of one that may come back is kept.
            told_retention: bugzilla.as_ref().map_or(TEN_YEARS, told_retention),
        })?)),
        (StoreConfig::Database, Some(bugzilla)) => {
            Ok(Arc::new(DatabaseQueue::open(server(bugzilla), in_database(bugzilla, &config.queue))))
        }
        (StoreConfig::Database, None) => Err(QueueError::Unusable {
            store: "database".to_owned(),
            reason: "there is no [bugzilla] whose server could keep it".to_owned(),
        }),
    }
}

/// What the store in the database needs to know.
pub fn in_database(bugzilla: &BugzillaConfig, queue: &QueueConfig) -> database::Settings {
    database::Settings {
        schema: bugzilla.schema.clone(),
        database: decode(bugzilla.database.path().trim_matches('/')),
        max_megabytes: queue.max_megabytes,
        sent_retention: queue.sent_retention,
        parked_retention: queue.parked_retention,
        told_retention: told_retention(bugzilla),
    }
}

/// Twice, for a clock may be off; and the hour that a zone may repeat is looked at again.
fn told_retention(config: &BugzillaConfig) -> Duration {
    config.late_commit_window * 2 + Duration::from_secs(3_600)
}

/// Bugzilla's server, to keep something of ours there.
pub fn server(config: &BugzillaConfig) -> Arc<dyn Server> {
    match config.dialect {
        Dialect::Postgresql => Arc::new(postgresql(config)),
        _ => Arc::new(Mysql::new(mysql_account(config))),
    }
}

impl App {
    /// Opens the store, the admin port and the relay's; what is elsewhere (database, buses) is connected to when it runs, and waited for.
    /// A fresh store begins at `recover_since` (seconds since 1970), if it is given, and not where the configuration says.
    pub async fn build(config: Config, from_now: bool, recover_since: Option<i64>) -> Result<Self, AppError> {
        Self::build_on(None, config, from_now, recover_since).await
    }

    /// The same on an admin port that is held already, whatever the configuration says: nobody else can take it meanwhile.
    pub async fn build_on(
        held: Option<TcpListener>,
        config: Config,
        from_now: bool,
        recover_since: Option<i64>,
    ) -> Result<Self, AppError> {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"))?;
        let shutdown = Shutdown::default();
        let queue = store(&config)?;
        let address = config.admin.listen;
        let listener = match held {
            Some(listener) => listener,
            None => TcpListener::bind(address).await.map_err(|error| AppError::Listen { address, error })?,
        };
        let admission = Arc::new(Admission::default());
        let reader = config.bugzilla.as_ref().map(|bugzilla| reader(bugzilla, &admission));
        let gate: Arc<dyn Gate> = match config.bugzilla.as_ref().zip(reader.clone()) {
            Some((bugzilla, reader)) => {
                Arc::new(Judge { reader, rules: rules(bugzilla), admission: Arc::clone(&admission) })
            }
            None => Arc::new(NoBugzilla),
        };
        let delivery = Delivery::new(Arc::clone(&queue), Arc::clone(&gate), metrics.clone(), shutdown.clone());
        let (tail, _) = broadcast::channel(TAIL_CAPACITY);
        let (doors, http) = match &config.relay {
            None => (None, None),
            Some(relay) => {
                let (queue, news) = (Arc::clone(&queue), delivery.news());
                let (tail, reserved, metrics) = (tail.clone(), relay.reserved.clone(), metrics.relay.clone());
                let inbox = Inbox { queue, news, tail, reserved, metrics, is_open: Arc::default() };
                Doors::bind(relay, inbox).await.map(|(doors, http)| (Some(doors), http))?
            }
        };
        let told = watch::Sender::new(Configuration::of(config.shown.settings(), &[]));
        let admin = Admin {
            queue: Arc::clone(&queue),
            gate,
            admission,
            progress: Arc::default(),
            replay: None,
            zone: config.bugzilla.as_ref().map_or_else(Zone::utc, |bugzilla| bugzilla.zone.clone()),
            replaying: Arc::new(Semaphore::new(1)),
            metrics,
            tail,
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
            connectors: Served::default(),
            news: delivery.news(),
            scraping: Arc::default(),
            journal: delivery.journal(),
            capture: config.bugzilla.as_ref().map(|bugzilla| bugzilla.capture.as_str()),
            configuration: told.subscribe(),
            sessions: Arc::default(),
            guesses: Arc::default(),
            token: config.admin.token.clone(),
            shutdown: shutdown.clone(),
        };
        let mut app = App { pipeline: None, config, delivery, admin, told, listener, doors, http, shutdown };
        app.pipeline = reader.and_then(|reader| app.pipeline(reader, from_now, recover_since));
        app.admin.replay = app.pipeline.as_ref().map(|pipeline| {
            let (sweep, editor) = (pipeline.sweep.clone(), pipeline.editor.clone());
            Arc::new(Replay { sweep, editor, queue, news: pipeline.news.clone() })
        });
        Ok(app)
    }

    /// What captures, if there is a Bugzilla.
    fn pipeline(&self, reader: Arc<dyn Reader>, from_now: bool, recover_since: Option<i64>) -> Option<Pipeline> {
        let App { config, delivery, admin, shutdown, .. } = self;
        let bugzilla = config.bugzilla.as_ref()?;
        let instance = if config.queue.store == StoreConfig::Database { fastrand::u32(..1 << 31) } else { 0 };
        let editor = Editor {
            reader,
            wording: wording(config, bugzilla),
            rules: rules(bugzilla),
            metrics: admin.metrics.pipeline.clone(),
        };
        let sweep = Sweep {
            history: history(bugzilla),
            interval: bugzilla.sweep_interval,
            window: bugzilla.late_commit_window,
            start: recover_since.or(bugzilla.start),
        };
        Some(Pipeline {
            source: source(bugzilla, Some(&admin.metrics.source), instance),
            guard: Arc::new(guard(bugzilla)),
            admission: Arc::clone(&admin.admission),
            editor,
            sweep,
            queue: Arc::clone(&admin.queue),
            metrics: admin.metrics.clone(),
            progress: Arc::clone(&admin.progress),
            news: delivery.news(),
            tail: admin.tail.clone(),
            shutdown: shutdown.clone(),
            from_now,
        })
    }

    /// Starts the admin port, and all other tasks as soon as this instance leads; they end when the returned handle says so. `follow` is how
    /// the configuration is read anew; none: it is not.
    pub fn spawn(self, follow: Option<Follow>) -> Shutdown {
        let App { config, delivery, pipeline, admin, told, listener, doors, http, shutdown } = self;
        let progress = Arc::clone(&admin.progress);
        let reload = Reload::new(config, delivery, admin.connectors.clone(), told);
        shutdown.spawn(admin.serve(listener, http));
        let stop = shutdown.clone();
        shutdown.spawn(async move {
            let lost = tokio::select! {
                lost = lead(pipeline, doors, &progress, reload, follow) => lost,
                () = stop.requested() => return,
            };
            tracing::error!(error = %lost, "bugrelay stops");
            stop.give_up(Cause::Store);
            stop.requested().await;
        });
        shutdown
    }
}

/// Captures, relays and delivers as soon as this instance leads, until it may not any more; says why.
async fn lead(
    mut pipeline: Option<Pipeline>,
    doors: Option<Doors>,
    progress: &Progress,
    mut reload: Reload,
    follow: Option<Follow>,
) -> QueueError {
    let (queue, gate, metrics, shutdown) = reload.parts();
    let mut follow = reload.followed(follow);
    let turn = async {
        let turn = take_turn(&*queue, pipeline.as_mut());
        let Some(doors) = &doors else { return turn.await };
        tokio::select! {
            led = turn => led,
            never = doors.turn_away(&*queue) => match never {},
        }
    };
    if let Err(error) = reload.meanwhile(&mut follow, turn).await {
        return error;
    }
    if let Err(error) = reload.start(&mut follow).await {
        return error;
    }
    metrics.leader.set(1);
    shutdown.spawn(crate::pipeline::purge(Arc::clone(&queue), shutdown.clone()));
    match pipeline {
        Some(pipeline) => {
            shutdown.spawn(recheck(Arc::clone(&queue), gate, metrics, shutdown.clone()));
            shutdown.spawn(pipeline.run());
        }
        // There is nothing to wait for.
        None => progress.running(),
    }
    if let Some(doors) = doors {
        doors.open(&shutdown);
    }
    if let Some(follow) = follow {
        shutdown.spawn(reload.run(follow));
    }
    queue.deposed().await
}

/// Reads Bugzilla's tables, of the recognised server alone.
fn reader(bugzilla: &BugzillaConfig, admission: &Arc<Admission>) -> Arc<dyn Reader> {
    Arc::new(snapshot::reader(Arc::new(SameServer::new(database(bugzilla), Arc::clone(admission)))))
}

fn rules(bugzilla: &BugzillaConfig) -> Rules {
    Rules { require_login: bugzilla.require_login, zone: bugzilla.zone.clone() }
}

/// Waits until this instance leads. After one that lived beside it, it goes on where that one stood, whatever it was told at its start; the
/// session that a dead one has left on the server is no such one.
async fn take_turn(queue: &dyn Queue, pipeline: Option<&mut Pipeline>) -> Result<(), QueueError> {
    let Some(pipeline) = pipeline.filter(|pipeline| pipeline.from_now) else { return queue.lead().await };
    tokio::select! {
        biased;
        () = queue.stood_by() => {}
        led = queue.lead() => return led,
    }
    pipeline.from_now = false;
    tracing::warn!(
        "--from-now is not followed: another instance leads, and what it leaves is gone on with; to begin at the present, stop all and start one with it"
    );
    queue.lead().await
}

fn wording(config: &Config, bugzilla: &BugzillaConfig) -> Wording {
    Wording {
        base_url: bugzilla.base_url.clone(),
        zone: bugzilla.zone.clone(),
        identity: config.messages.identity,
        real_comment_id: config.messages.comment_id == CommentIdOf::Comment,
        fields: config.fields.clone(),
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn path_of(config: &BugzillaConfig) -> PathBuf {
    PathBuf::from(decode(config.database.path()))
}

fn postgresql(config: &BugzillaConfig) -> Postgresql {
    let url = &config.database;
    let mut built = tokio_postgres::Config::new();
    built.host(url.host_str().unwrap_or_default().trim_matches(['[', ']']));
    built.port(url.port().unwrap_or(5432));
    built.dbname(decode(url.path().trim_matches('/')));
    if !url.username().is_empty() {
        built.user(decode(url.username()));
    }
    Postgresql::with_password(built, config.tls.clone(), config.password.clone())
}

fn mysql_account(config: &BugzillaConfig) -> Account {
    let url = &config.database;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let tls = match &config.tls {
        Tls::Off => None,
        Tls::Verify { ca_file: None } => Some(SslOpts::default()),
        Tls::Verify { ca_file: Some(path) } => {
            let roots = vec![path.clone().into()];
            Some(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true))
        }
    };
    let builder = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(url.port().unwrap_or(3306))
        .user((!url.username().is_empty()).then(|| decode(url.username())))
        .db_name(Some(decode(url.path().trim_matches('/'))))
        .ssl_opts(tls)
        // The server's socket file may be another server's, or out of our sight.
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(10)))
        .tcp_nodelay(true);
    Account::new(builder.into(), config.password.clone())
}
