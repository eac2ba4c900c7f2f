//! `bugrelay tail`: what a running bugrelay captures, live, a line a message.

use clap::Args;
use serde_json::Value;

use super::client::{Client, Instance};
use super::{Exit, output, run_with};
use crate::config::{Config, ConfigError};

#[derive(Args)]
pub(super) struct Tail {
    #[command(flatten)]
    instance: Instance,
    /// Bodies as they leave, one a line.
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub(super) fn main(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Exit {
        run_with(config, async |config| self.tail(config).await)
    }

    async fn tail(&self, config: Config) -> Exit {
        let answer = match Client::new(&self.instance, &config) {
            Ok(client) => client.get(&["api", "tail"], &[]).await,
            Err(exit) => Err(exit),
        };
        let mut response = match answer {
            Ok(response) => response,
            Err(exit) => return exit,
        };
        let mut text = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                Ok(None) => return Exit::Success,
                Err(error) => {
                    output::error(&format!("the stream broke off: {error}"));
                    return Exit::Unavailable;
                }
            }
            while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if !self.show(&String::from_utf8_lossy(&line)) {
                    return Exit::Success;
                }
            }
        }
    }

    /// One line of the stream; `false` when nobody reads our output any more.
    fn show(&self, line: &str) -> bool {
        if line.starts_with(": listening") {
            output::error("listening; what is captured from now on is shown, Ctrl-C ends it");
        }
        if let Some(missed) = line.strip_prefix(": missed ") {
            output::error(&format!("{} messages were too fast for this listener", missed.trim()));
        }
        match line.strip_prefix("data: ") {
            Some(body) if self.json => output::line(body.trim_end()),
            Some(body) => match serde_json::from_str(body) {
                Ok(message) => output::line(&human(&message)),
                Err(error) => output::line(&format!("(not understood: {error})")),
            },
            None => true,
        }
    }
}

/// `HH:MM:SS  bug.modify  #7  alice@example.org  bug_status: NEW -> RESOLVED`.
pub(super) fn human(message: &Value) -> String {
    let event = &message["event"];
    if event["routing_key"].is_null() {
        return format!("relayed   {}", shown(&Value::from(message.to_string())));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let time = text(&event["time"]);
    let target = text(&event["target"]);
    let object = &message[target.as_str()];
    let what = if object.is_null() {
        "(private: event only)".to_owned()
    } else if let Some(changes) = event["changes"].as_array() {
        changes
            .iter()
            .map(|c| format!("{}: {} -> {}", text(&c["field"]), shown(&c["removed"]), shown(&c["added"])))
            .collect::<Vec<_>>()
            .join(", ")
    } else {
        match target.as_str() {
            "comment" => format!("comment {}: {}", object["number"], shown(&object["body"])),
            "attachment" => format!("{}: {}", text(&object["file_name"]), shown(&object["description"])),
            _ => shown(&object["summary"]),
        }
    };
    let (key, user) = (text(&event["routing_key"]), text(&event["user"]["login"]));
    format!("{}  {key:<17}  #{:<5} {user}  {what}", time.get(11..).unwrap_or(&time), event["bug_id"])
}

/// A value on one line, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let cut: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match (cut.is_empty(), cut.len() < text.len()) {
        (true, _) => "\"\"".to_owned(),
        (false, true) => format!("{cut}..."),
        (false, false) => cut,
    }
}
