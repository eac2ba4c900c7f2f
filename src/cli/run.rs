//! `bugrelay run`: the process that an operator starts.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::{Exit, LogFormat, output, run_with};
use crate::app::{App, AppError};
use crate::config::{Config, ConfigError};
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
}

impl Run {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        if let Err(exit) = start_logging(&self.log, self.log_format) {
            return exit;
        }
        run_with(config, async |config| run(config, self.from_now).await)
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

async fn run(config: Config, from_now: bool) -> Exit {
    let (grace, path, listen) = (config.grace, config.path.clone(), config.admin.listen);
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let (mut terminate, mut interrupt, mut hangup) = match signals {
        [Ok(terminate), Ok(interrupt), Ok(hangup)] => (terminate, interrupt, hangup),
        [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => {
            output::error(&format!("signals cannot be listened to: {error}"));
            return Exit::Runtime;
        }
    };
    let shutdown = match App::build(config, from_now).await {
        Ok(app) => app.spawn(),
        Err(error) => {
            output::error(&error.to_string());
            return if matches!(error, AppError::Store(_)) { Exit::Store } else { Exit::Runtime };
        }
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), %listen, "running");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = shutdown.broken() => break,
            // Its default would kill the process without grace.
            _ = hangup.recv() => tracing::warn!("SIGHUP: this version cannot reload its configuration; restart it instead"),
        }
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
