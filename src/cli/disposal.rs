//! What `backlog` and `parked` do with messages of one connector: which are meant, and what it came to.

use clap::Args;

use super::client::Client;
use super::{Exit, output};
use crate::admin::{Choice, Disposed, Span};

/// Which messages.
#[derive(Args)]
pub(super) struct Chosen {
    /// The connector's name.
    pub(super) name: String,
    /// Their sequences, as `show` tells them: 7, or 7-12.
    #[arg(value_name = "SEQUENCE", value_parser = span, required_unless_present = "all", conflicts_with = "all")]
    sequences: Vec<Span>,
    /// All that are there now.
    #[arg(long)]
    all: bool,
    /// As the API tells it.
    #[arg(long)]
    json: bool,
}

impl Chosen {
    /// For the question whether they are meant.
    pub(super) fn of(&self, what: &str) -> String {
        if self.all {
            return format!("all that {what} for {}", self.name);
        }
        let count: i64 = self.sequences.iter().map(|span| (span.last - span.first).saturating_add(1)).sum();
        format!("what {what} for {} under {count} sequences", self.name)
    }

    /// Has it done, and says how many there were: `done` behind their number.
    pub(super) async fn run(
        &self,
        client: &Client,
        list: &str,
        action: &str,
        reason: Option<&str>,
        done: &str,
    ) -> Result<Exit, Exit> {
        let choice = Choice { sequences: self.sequences.clone(), all: self.all, reason: reason.map(str::to_owned) };
        let answer = client.post_json(&["api", list, &self.name, action], &choice).await?;
        let disposed: Disposed = client.read(answer).await?;
        if self.json {
            output::json(&disposed);
        } else {
            let Disposed { connector, messages } = disposed;
            output::line(&format!("{messages} messages of {connector} {done}"));
        }
        Ok(Exit::Success)
    }
}

/// `7`, or `7-12`.
fn span(text: &str) -> Result<Span, String> {
    let number =
        |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text:?} is no sequence; write 7, or 7-12"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if last < first { Err(format!("{last} is before {first}")) } else { Ok(Span { first, last }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sequence_and_many_in_a_row_are_understood_and_nothing_else_is() {
        assert_eq!(span("7"), Ok(Span { first: 7, last: 7 }));
        assert_eq!(span("7-12"), Ok(Span { first: 7, last: 12 }));
        for wrong in ["", "x", "7-", "-7", "12-7", "1-2-3"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
