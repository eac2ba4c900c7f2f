//! `bugrelay run`: the process that an operator starts.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::{Exit, LogFormat, output, run_with};
use crate::app::{App, AppError, Follow};
use crate::bugzilla::{Zone, moment};
use crate::config::{Config, ConfigError, StoreConfig};
use crate::queue::sqlite::SqliteQueue;
use crate::shutdown::{Cause, Shutdown};

#[derive(Args)]
pub(super) struct Run {
    /// How log lines are written (to standard error).
    #[arg(long, env = "BUGRELAY_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or target=level,...
    #[arg(long, env = "BUGRELAY_LOG", default_value = "info")]
    log: String,
    /// Go on from the source's present end, whatever was stored: what lies between is not told.
    #[arg(long)]
    from_now: bool,
    /// Make a new store where a damaged one was set aside, and first tell every save since this time, as 2026-11-01T00:00:00Z (without
    /// an offset: in Bugzilla's zone), from Bugzilla's history. What had been sent is sent once more, with the same message ids. Does
    /// nothing where a store is.
    #[arg(long, value_name = "TIME", env = "BUGRELAY_RECOVER_SINCE", conflicts_with = "from_now")]
    recover_since: Option<String>,
}

impl Run {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        if let Err(exit) = start_logging(&self.log, self.log_format) {
            return exit;
        }
        run_with(config, async |config| run(config, self).await)
    }
}

/// Where the library for PostgreSQL logs the statements that it sends, and so what is stored: whatever is asked for, not below this.
const TELLS_TEXTS: [&str; 4] =
    ["tokio_postgres", "tokio_postgres::simple_query", "tokio_postgres::query", "tokio_postgres::prepare"];

/// Log lines on standard error.
pub(super) fn start_logging(wanted: &str, format: LogFormat) -> Result<(), Exit> {
    let not_understood = |error: &dyn std::fmt::Display| {
        output::error(&format!("--log {wanted:?} is not understood: {error}"));
        Exit::Usage
    };
    let mut filter = EnvFilter::try_new(wanted).map_err(|error| not_understood(&error))?;
    for library in TELLS_TEXTS {
        let quiet = format!("{library}=info").parse().map_err(|error: ParseError| not_understood(&error))?;
        filter = filter.add_directive(quiet);
    }
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let human = matches!((format, terminal), (LogFormat::Human, _) | (LogFormat::Auto, true));
    // A second subscriber in one process is a test's, and then the first stands.
    let _ = if human { lines.try_init() } else { lines.json().flatten_event(true).try_init() };
    Ok(())
}

/// Where a fresh store begins, as the command line has it, in seconds since 1970; makes way for it.
fn beginning(config: &Config, run: &Run) -> Result<Option<i64>, Exit> {
    let recover_since = run.recover_since.as_deref();
    let zone = config.bugzilla.as_ref().map_or_else(Zone::utc, |bugzilla| bugzilla.zone.clone());
    let second = recover_since.map(|text| moment(text, &zone).ok_or(text)).transpose();
    let second = second.map_err(|text| {
        output::error(&format!("--recover-since {text:?} is no time; write 2026-11-01T00:00:00Z"));
        Exit::Usage
    })?;
    let StoreConfig::Sqlite(path) = &config.queue.store else {
        if second.is_some() {
            output::error(
                "--recover-since is for a store in a file; what the database lost is told by `bugrelay replay --since`",
            );
            return Err(Exit::Usage);
        }
        return Ok(None);
    };
    if second.is_some() || run.from_now {
        let begins = SqliteQueue::begin_anew(path).map_err(|error| {
            output::error(&error.to_string());
            Exit::Store
        })?;
        if !begins && second.is_some() {
            tracing::warn!("--recover-since does nothing: the store is there; `bugrelay replay --since` tells again");
        }
    }
    Ok(second)
}

async fn run(config: Config, run: &Run) -> Exit {
    let (grace, path, listen) = (config.grace, config.path.clone(), config.admin.listen);
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let (mut terminate, mut interrupt, hangup) = match signals {
        [Ok(terminate), Ok(interrupt), Ok(hangup)] => (terminate, interrupt, hangup),
        [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => {
            output::error(&format!("signals cannot be listened to: {error}"));
            return Exit::Runtime;
        }
    };
    let recover_since = match beginning(&config, run) {
        Ok(second) => second,
        Err(exit) => return exit,
    };
    let reread = path.clone();
    let load = Arc::new(move || Config::load(Some(&reread), super::environment()));
    let shutdown = match App::build(config, run.from_now, recover_since).await {
        Ok(app) => app.spawn(Some(Follow { load, hangup })),
        Err(error) => {
            output::error(&error.to_string());
            return if matches!(error, AppError::Store(_)) { Exit::Store } else { Exit::Runtime };
        }
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), %listen, "running");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = shutdown.broken() => {}
    }
    stop(&shutdown, grace).await;
    // Whoever supervises the process is to start it anew.
    match shutdown.broken_by() {
        None => Exit::Success,
        Some(Cause::Task) => Exit::Runtime,
        Some(Cause::Store) => Exit::Store,
    }
}

/// Whatever is cut off by the end of the grace period is taken up again by the next run: the store is always in order.
pub(super) async fn stop(shutdown: &Shutdown, grace: Duration) {
    tracing::info!(grace_seconds = grace.as_secs(), "stopping: nothing new is taken, what is in flight is finished");
    shutdown.request();
    if shutdown.finished(grace).await {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped at the end of the grace period; what was in flight is sent again by the next run");
    }
}
