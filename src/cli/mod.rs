//! The command line: one file per verb, and the exit codes that they share.

mod adopt;
mod backlog;
mod check;
mod client;
mod compare;
mod connector;
mod consent;
mod demo;
mod disposal;
mod emit;
mod man;
mod output;
mod parked;
mod progress;
mod replay;
mod run;
mod schema;
mod tail;
mod triggers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::config::{Config, ConfigError};

/// Relays every change in a Bugzilla to many buses, without a change to Bugzilla.
#[derive(Parser)]
#[command(name = "bugrelay", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration; default ./bugrelay.toml, then /etc/bugrelay/bugrelay.toml.
    #[arg(short, long, global = true, env = "BUGRELAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Capture changes and deliver them, until SIGTERM or SIGINT.
    ///
    /// Then what is in flight is finished, for `[shutdown] grace_seconds` at the most. SIGHUP has the configuration read anew.
    Run(run::Run),
    /// Look at the configuration, then the database, the store and the connectors, and say how to mend what is wrong.
    ///
    /// Each finding has the SQL or the line that mends it. It makes and changes nothing, and may run beside a running instance.
    Check(check::Check),
    /// Play a small Bugzilla's life in a file, with all of bugrelay beside it: needs no service and no configuration.
    ///
    /// Prints the messages and whether they are those that must leave; the metrics are on port 9464, or on a free one that it names. Ends
    /// with 0 if all was as expected, after Ctrl-C too.
    Demo(demo::Demo),
    /// Show what a running bugrelay captures, live.
    ///
    /// What is not public is marked.
    Tail(tail::Tail),
    /// Show what waits for the connectors of a running bugrelay, and try again; set messages aside, or give them up.
    Backlog(backlog::Backlog),
    /// Show what is set aside for the connectors of a running bugrelay; send it after all, give it up, take it along.
    Parked(parked::Parked),
    /// Show how the connectors of a running bugrelay stand; pause and resume them.
    Connector(connector::Connector),
    /// Make, look at and remove the triggers that `capture = "triggers"` reads.
    Triggers(triggers::Triggers),
    /// Have a running bugrelay tell saves of the past again, from Bugzilla's history.
    ///
    /// They are judged by what is public now, and leave under the same message ids, behind what waits. It needs `[admin] token_file`. See
    /// docs/how-to/gaps.md.
    Replay(replay::Replay),
    /// Say that a server that was refused, for it may be a copy of Bugzilla, is the right one.
    ///
    /// Shows which was read before and which is there now, and asks. What was saved since is told from Bugzilla's history, and what waits is
    /// sent. It needs `[admin] token_file`. See docs/how-to/server-changes.md.
    Adopt(adopt::Adopt),
    /// Drop a message at the relay of a running bugrelay, from standard input, and wait until it is stored.
    ///
    /// While it cannot be, it says so and tries on, under one Idempotency-Key for each message. Ends with 69 if a message is not stored in
    /// time, with 1 if it is refused. See docs/how-to/relay.md.
    Emit(emit::Emit),
    /// Hold what Push sent against what bugrelay sent for the same saves.
    ///
    /// Ends with 0 if they tell the same, with 1 if not, with 2 if one of them cannot be read. What differs on purpose is counted and
    /// is no difference. Shows which messages and fields differ, and no text of theirs unless --values is given.
    Compare(compare::Compare),
    /// Print the JSON Schema of the messages, public and private.
    Schema(schema::Schema),
    /// Print what a shell needs to complete verbs and options.
    ///
    /// For bash: `bugrelay completions bash > /etc/bash_completion.d/bugrelay`.
    Completions(man::Completions),
    /// Print a man page.
    Man(man::Man),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One object a line.
    Json,
}

/// How a verb ended; the codes are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Runtime = 1,
    Usage = 2,
    Unavailable = 69,
    Store = 73,
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Runs the verb that the command line names.
pub fn main() -> ExitCode {
    // One provider for the whole process; two in the tree would make every TLS configuration panic.
    // Only a second call fails, and then the first stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Only where: the text of a panic may quote the bytes that it stumbled over, and those may be anybody's secret.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        output::error(&format!("panicked at {place}; please report this"));
    }));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            let _ = error.print();
            return exit.into();
        }
    };
    let config = || Config::load(arguments.config.as_deref(), environment());
    let exit = match arguments.verb {
        Verb::Run(run) => run.main(config),
        Verb::Check(check) => check.main(config),
        Verb::Demo(demo) => demo.main(),
        Verb::Tail(tail) => tail.main(config),
        Verb::Backlog(backlog) => backlog.main(config),
        Verb::Parked(parked) => parked.main(config),
        Verb::Connector(connector) => connector.main(config),
        Verb::Triggers(triggers) => triggers.main(config),
        Verb::Replay(replay) => replay.main(config),
        Verb::Adopt(adopt) => adopt.main(config),
        Verb::Emit(emit) => emit.main(config),
        Verb::Compare(compare) => compare.main(),
        Verb::Schema(schema) => schema.main(),
        Verb::Completions(completions) => completions.main(),
        Verb::Man(man) => man.main(),
    };
    exit.into()
}

/// The command line, described: verbs, arguments, options.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Variables that are no text cannot be meant for us.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The runtime of every verb: two threads carry far more than a Bugzilla writes.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Runs a verb with its configuration. One that is wrong is said on standard error; without a runtime nothing runs.
fn run_with(config: impl FnOnce() -> Result<Config, ConfigError>, verb: impl AsyncFnOnce(Config) -> Exit) -> Exit {
    let config = match config() {
        Ok(config) => config,
        Err(error) => {
            output::error(&error.to_string());
            return Exit::Configuration;
        }
    };
    match runtime() {
        Ok(runtime) => {
            let exit = runtime.block_on(verb(config));
            // What still runs was told to stop and had its grace.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            output::error(&format!("no threads to run on: {error}"));
            Exit::Runtime
        }
    }
}
