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
    /// Go on from the source's present end, whatever was stored: what lies between is not told. All gaps are repaired without it, and it does
    /// not make a server the right one that was refused: a service file must not have it.
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

/// Where libraries log what is sent or stored, and what is shown of it at the most, whatever is asked for. The library for AMQP tells
/// with each message that comes back what was in it; all else that it says is told by the delivery too.
const TELLS_TEXTS: [(&str, &str); 8] = [
    ("tokio_postgres", "info"),
    ("tokio_postgres::simple_query", "info"),
    ("tokio_postgres::query", "info"),
    ("tokio_postgres::prepare", "info"),
    ("lapin", "off"),
    ("lapin::returned_messages", "off"),
    ("lapin::frames", "off"),
    ("lapin::channels", "off"),
];

fn filter(wanted: &str) -> Result<EnvFilter, ParseError> {
    let mut filter = EnvFilter::try_new(wanted)?;
    for (library, most) in TELLS_TEXTS {
        filter = filter.add_directive(format!("{library}={most}").parse()?);
    }
    Ok(filter)
}

/// Log lines on standard error.
pub(super) fn start_logging(wanted: &str, format: LogFormat) -> Result<(), Exit> {
    let filter = filter(wanted).map_err(|error| {
        output::error(&format!("--log {wanted:?} is not understood: {error}"));
        Exit::Usage
    })?;
    let terminal = std::io::stderr().is_terminal();
    let colours = output::takes_colours(&std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_libraries_tell_of_messages_and_rows_is_not_logged_whatever_is_asked_for() {
        let lines = Lines::default();
        let writer = lines.clone();
        let wanted = "trace,lapin=trace,lapin::returned_messages=warn,tokio_postgres::query=debug";
        let logs =
            tracing_subscriber::fmt().with_env_filter(filter(wanted).unwrap()).with_writer(move || writer.clone());
        tracing::subscriber::with_default(logs.finish(), || {
            tracing::warn!(target: "lapin::returned_messages", "needle");
            tracing::error!(target: "lapin::channel", "needle");
            tracing::trace!(target: "lapin::frames", "needle");
            tracing::trace!(target: "lapin::channels", "needle");
            tracing::debug!(target: "tokio_postgres::query", "needle");
            tracing::trace!(target: "bugrelay", "and nothing else is held back");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("nothing else") && !text.contains("needle"), "{text}");
    }
}
