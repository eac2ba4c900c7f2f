//! `bugrelay demo`: the whole of bugrelay beside a small Bugzilla in a file, and no service at all. Plays Bugzilla's life, prints the
//! messages that leave, and holds them against what must leave.

mod sample;
mod stage;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use self::sample::{Action, LIFE};
use self::stage::{Stage, StageError};
use super::run::{start_logging, stop};
use super::{Exit, LogFormat, client, output, run_with, tail};
use crate::app::{self, App};
use crate::config::Config;
use crate::shutdown::Shutdown;

/// How long messages are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked for them.
const LOOK: Duration = Duration::from_millis(20);

/// Every secret of the site and of its life holds it.
const SECRET: &str = "hush";

#[derive(Args)]
pub(super) struct Demo {
    /// Seconds between two actions.
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    pace: f64,
    /// How long an ordinary day goes on after the scripted actions; 0 leaves it out.
    #[arg(long, default_value_t = 3)]
    minutes: u16,
    /// What is logged (to standard error): error, warn, info, debug, trace, or target=level,...
    #[arg(long, env = "BUGRELAY_LOG", default_value = "off")]
    log: String,
}

/// Where it is, and what was seen so far.
struct Performance<'a> {
    stage: &'a Stage,
    pace: Duration,
    began: Instant,
    /// How long after the beginning the first messages had left.
    first: Option<Duration>,
    /// The second of the last action.
    clock: Timestamp,
    /// Messages shown.
    seen: usize,
    /// Expectations that were not met.
    wrong: usize,
}

impl Demo {
    pub(super) fn main(&self) -> Exit {
        let began = Instant::now();
        let Ok(pace) = Duration::try_from_secs_f64(self.pace) else {
            output::error("--pace is not understood; write seconds, as 0.5");
            return Exit::Usage;
        };
        if let Err(exit) = start_logging(&self.log, LogFormat::Auto) {
            return exit;
        }
        let (stage, held) = match Stage::new() {
            Ok(made) => made,
            Err(error) => return failed(&error.to_string()),
        };
        let load = || Config::load(Some(&stage.configuration()), std::iter::empty());
        run_with(load, async |config| {
            let performance = Performance {
                stage: &stage,
                pace,
                began,
                first: None,
                clock: Timestamp::UNIX_EPOCH,
                seen: 0,
                wrong: 0,
            };
            self.run(config, performance, held).await
        })
    }

    async fn run(&self, config: Config, mut performance: Performance<'_>, held: TcpListener) -> Exit {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return failed("signals cannot be listened to");
        };
        let grace = config.grace;
        let shutdown = match start(config, held).await {
            Ok(shutdown) => shutdown,
            Err(message) => return failed(&message),
        };
        let exit = tokio::select! {
            exit = performance.play(self.minutes) => exit,
            _ = interrupt.recv() => performance.verdict(),
            _ = terminate.recv() => performance.verdict(),
            () = shutdown.broken() => failed("a part of bugrelay broke; --log info says which"),
        };
        stop(&shutdown, grace).await;
        exit
    }
}

/// The triggers, and bugrelay as `run` starts it.
async fn start(config: Config, held: TcpListener) -> Result<Shutdown, String> {
    let bugzilla = config.bugzilla().map_err(|error| error.to_string())?;
    let installer = app::installer(bugzilla, bugzilla, true);
    installer.run(&installer.install(), &output::error).await.map_err(|error| error.message)?;
    let held = held.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(held));
    let held = held.map_err(|error| error.to_string())?;
    let app = App::build_on(Some(held), config, false, None).await.map_err(|error| error.to_string())?;
    // Nobody edits its configuration.
    Ok(app.spawn(None))
}

impl Performance<'_> {
    async fn play(&mut self, minutes: u16) -> Exit {
        match self.play_all(minutes).await {
            Ok(()) => self.verdict(),
            Err(error) => failed(&error.to_string()),
        }
    }

    async fn play_all(&mut self, minutes: u16) -> Result<(), StageError> {
        if !self.is_ready().await {
            self.wrong += 1;
            output::error("bugrelay is not ready in time; --log info says why");
            return Ok(());
        }
        output::line(&format!(
            "A small Bugzilla in a file, and bugrelay beside it. Its page: http://{0}/, metrics: http://{0}/metrics\n\
             In another terminal: bugrelay tail -c {1}",
            self.stage.admin,
            self.stage.configuration().display(),
        ));
        for action in LIFE.map(Action::parse) {
            self.act(&action).await?;
        }
        self.show_backlog().await;
        self.look_for_secrets()?;
        if minutes > 0 {
            output::line(&format!("\nAn ordinary day goes on for {minutes} minutes, or until Ctrl-C."));
        }
        let end = Instant::now() + Duration::from_secs(60 * u64::from(minutes));
        let mut number = 0;
        while Instant::now() < end {
            number += 1;
            self.act(&Action::of_the_day(number)).await?;
        }
        Ok(())
    }

    /// Plays one action; shows and judges what leaves for it.
    async fn act(&mut self, action: &Action) -> Result<(), StageError> {
        self.say("1", &format!("\n{}", action.what));
        // Of two actions in one second nobody could say which came first, and what one of them hides would be told as private.
        self.clock = (self.clock + SignedDuration::from_secs(1)).max(Timestamp::now());
        self.stage.play(action, self.clock).await?;
        let deadline = Instant::now() + PATIENCE;
        while self.left().len() < action.leaves.len() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        self.first.get_or_insert_with(|| self.began.elapsed());
        // Time to read; and for a message too many to show up.
        tokio::time::sleep(self.pace).await;
        let left = self.left();
        self.seen += left.len();
        for message in &left {
            output::line(&format!("    {}", tail::human(message)));
        }
        let got: Vec<String> = left.iter().map(told).collect();
        if got == action.leaves {
            self.say("32", &format!("    as expected: {}", list(&got)));
        } else {
            self.wrong += 1;
            self.say("31", &format!("    WRONG: expected {}, got {}", list(&action.leaves), list(&got)));
        }
        Ok(())
    }

    /// The messages that have left and were not shown yet.
    fn left(&self) -> Vec<Value> {
        // Before the first one the file is not there.
        let text = std::fs::read_to_string(self.stage.messages()).unwrap_or_default();
        // What has no line end yet is being written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).skip(self.seen);
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    async fn is_ready(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.page("readyz").await.is_none() {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    async fn page(&self, name: &str) -> Option<String> {
        let answer = client::http().ok()?.get(format!("http://{}/{name}", self.stage.admin)).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    async fn show_backlog(&self) {
        self.say("1", "\nBacklog metrics (the connector \"broken\" cannot write, on purpose)");
        let names = ["bugrelay_backlog_messages", "bugrelay_backlog_attempts", "bugrelay_connector_up"];
        for line in self.page("metrics").await.unwrap_or_default().lines() {
            if names.iter().any(|name| line.starts_with(name)) {
                output::line(&format!("    {line}"));
            }
        }
    }

    fn look_for_secrets(&mut self) -> Result<(), StageError> {
        let files = self.stage.files_with(SECRET)?;
        if files.is_empty() {
            self.say("32", "\nNothing secret is in the messages or the store.");
        } else {
            self.wrong += 1;
            self.say("31", &format!("\nWRONG: something secret is in {files:?}"));
        }
        Ok(())
    }

    fn verdict(&self) -> Exit {
        if self.wrong > 0 {
            return failed(&format!("{} of the expectations were not met", self.wrong));
        }
        let first = self.first.unwrap_or_default().as_secs_f32();
        let seen = self.seen;
        self.say(
            "32",
            &format!("\n{seen} messages left, the first {first:.1} s after the start, every one as expected."),
        );
        Exit::Success
    }

    fn say(&self, colour: &str, text: &str) {
        output::line(&output::painted(colour, text));
    }
}

fn failed(message: &str) -> Exit {
    output::error(message);
    Exit::Runtime
}

/// `bug.modify private`: what is told, and whether with its object.
fn told(message: &Value) -> String {
    let key = message["event"]["routing_key"].as_str().unwrap_or_default();
    let is_public = message.as_object().is_some_and(|parts| parts.len() == 2);
    format!("{key} {}", if is_public { "public" } else { "private" })
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
