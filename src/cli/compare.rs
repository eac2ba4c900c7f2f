//! `bugrelay compare`: holds what Push sent against what bugrelay sent for the same saves, before one takes the place of the other.

mod difference;
mod known;
mod pairing;
mod stream;

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use self::difference::{Difference, Judge};
use self::known::Known;
use self::pairing::Pairing;
use self::stream::{Message, Stream};
use super::{Exit, output};

#[derive(Args)]
pub(super) struct Compare {
    /// What Push sent: a file with one message a line, as consumers of Kafka or STOMP and Push's file connector write it; - for
    /// standard input.
    push: String,
    /// What bugrelay sent for the same saves: the same, or the file of a connector of type "file".
    ours: String,
    /// How far apart the times of the same message may be, seconds.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=3600))]
    tolerance: i64,
    /// A field that may differ, by its path or its last part, * for any characters: bug.qa_contact, cf_*; may be given several times.
    #[arg(long, value_name = "FIELD")]
    ignore: Vec<String>,
    /// Compare all that both have, and not only the time that both cover.
    #[arg(long)]
    all: bool,
    /// Show the values that differ, too. They are summaries, comments and names, and may be Push's of bugs that are not public.
    #[arg(long)]
    values: bool,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What was found; as `--json` prints it.
#[derive(Serialize)]
struct Report {
    push: Side,
    ours: Side,
    /// From and to when both streams say something; none: nothing in common.
    compared: Option<[String; 2]>,
    /// Pairs that are the same, or differ only in what is known.
    same: usize,
    /// How often each known difference was met.
    known: BTreeMap<&'static str, usize>,
    missing: Vec<Missing>,
    different: Vec<Different>,
}

#[derive(Serialize)]
struct Side {
    messages: usize,
    /// Lines and values that are no message of Bugzilla's.
    left_out: usize,
    /// Messages that the other one lacks because it was not yet, or no longer, written down.
    outside: usize,
}

/// A message that one stream lacks.
#[derive(Serialize)]
struct Missing {
    /// `push` or `ours`.
    from: &'static str,
    #[serde(flatten)]
    what: What,
    /// The line of the other stream that has it.
    line: usize,
}

/// Two messages that tell the same, and not alike.
#[derive(Serialize)]
struct Different {
    #[serde(flatten)]
    what: What,
    push_line: usize,
    ours_line: usize,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct What {
    routing_key: String,
    bug_id: i64,
    time: String,
    change_set: String,
}

#[derive(Serialize)]
struct Field {
    field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Value>,
}

impl Compare {
    pub(super) fn main(&self) -> Exit {
        if self.push == "-" && self.ours == "-" {
            output::error("standard input can be one of the two alone; name a file for the other");
            return Exit::Usage;
        }
        let streams = Stream::open(&self.push).and_then(|push| Ok((push, Stream::open(&self.ours)?)));
        let (push, ours) = match streams {
            Ok(streams) => streams,
            Err(what) => {
                output::error(&what);
                return Exit::Usage;
            }
        };
        for (path, stream) in [(&self.push, &push), (&self.ours, &ours)] {
            if stream.messages.is_empty() {
                output::error(&format!(
                    "{path}: no message of Bugzilla's is in it; each is a JSON object with `event`"
                ));
                return Exit::Usage;
            }
        }
        if common(&push, &ours, self.tolerance).is_none() && !self.all {
            output::error(
                "the two streams have no time in common; is [bugzilla] time_zone right? --all compares them all the same",
            );
            return Exit::Usage;
        }
        let report = self.report(&push, &ours);
        if self.json {
            output::json(&report);
        } else {
            report.print();
        }
        if report.missing.is_empty() && report.different.is_empty() { Exit::Success } else { Exit::Runtime }
    }

    fn report(&self, push: &Stream, ours: &Stream) -> Report {
        let mut pairing = Pairing::of(push, ours, self.tolerance);
        let span = common(push, ours, self.tolerance);
        let mut outside = [0, 0];
        for (side, stream) in [push, ours].into_iter().enumerate() {
            let is_inside = |second: i64| span.is_some_and(|(from, to)| (from..=to).contains(&second));
            let before = pairing.alone[side].len();
            pairing.alone[side].retain(|&place| self.all || is_inside(stream.messages[place].second));
            outside[side] = before - pairing.alone[side].len();
        }
        let judge = Judge::new(push, ours, self.tolerance, self.ignore.clone());
        let mut known: BTreeMap<Known, usize> = BTreeMap::new();
        for &one in &pairing.known {
            *known.entry(one).or_default() += 1;
        }
        let mut different = vec![];
        for pair in &pairing.pairs {
            let found = judge.judge(pair);
            for one in found.known {
                *known.entry(one).or_default() += 1;
            }
            if !found.differences.is_empty() {
                let (of_push, of_ours) = (&push.messages[pair.push], &ours.messages[pair.ours]);
                let fields = found.differences.into_iter().map(|difference| self.field(difference)).collect();
                different.push(Different {
                    what: what(of_ours),
                    push_line: of_push.line,
                    ours_line: of_ours.line,
                    fields,
                });
            }
        }
        let missing = |side: usize, from: &'static str, has: &Stream| -> Vec<Missing> {
            let messages = pairing.alone[side].iter().map(|&place| &has.messages[place]);
            messages.map(|message| Missing { from, what: what(message), line: message.line }).collect()
        };
        let side =
            |stream: &Stream, outside| Side { messages: stream.messages.len(), left_out: stream.left_out, outside };
        Report {
            push: side(push, outside[0]),
            ours: side(ours, outside[1]),
            compared: span.map(|(from, to)| [time(from), time(to)]),
            same: pairing.pairs.len() - different.len(),
            known: known.into_iter().map(|(known, count)| (known.name(), count)).collect(),
            missing: [missing(0, "ours", push), missing(1, "push", ours)].into_iter().flatten().collect(),
            different,
        }
    }

    fn field(&self, difference: Difference) -> Field {
        let Difference { field, push, ours } = difference;
        if self.values {
            Field { field, push: Some(push), ours: Some(ours) }
        } else {
            Field { field, push: None, ours: None }
        }
    }
}

/// When both streams say something.
fn common(push: &Stream, ours: &Stream, tolerance: i64) -> Option<(i64, i64)> {
    let (push, ours) = (push.span()?, ours.span()?);
    let (from, to) = (push.0.max(ours.0), push.1.min(ours.1));
    (from <= to + tolerance).then_some((from.min(to), from.max(to)))
}

fn what(message: &Message) -> What {
    What {
        routing_key: message.routing_key(),
        bug_id: message.bug,
        time: time(message.second),
        change_set: message.change_set.clone(),
    }
}

/// As messages write it.
fn time(second: i64) -> String {
    Timestamp::from_second(second)
        .map_or_else(|_| second.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

impl Report {
    fn print(&self) {
        for (name, side) in [("Push", &self.push), ("bugrelay", &self.ours)] {
            let Side { messages, left_out, outside } = side;
            output::line(&format!(
                "{name}: {messages} messages; {outside} alone because the other stream begins later or ends sooner; {left_out} lines or \
                 values that are no message of Bugzilla's"
            ));
        }
        match &self.compared {
            Some([from, to]) => output::line(&format!("compared from {from} to {to}: {} the same", self.same)),
            None => output::line(&format!("the two streams have no time in common: {} the same", self.same)),
        };
        if !self.known.is_empty() {
            output::line("");
            let rows = Known::ALL.into_iter().filter_map(|known| Some((known, self.known.get(known.name())?)));
            let row =
                |(known, count): (Known, &usize)| [known.name().to_owned(), count.to_string(), known.why().to_owned()];
            output::table(["KNOWN", "COUNT", "WHY"], rows.map(row));
        }
        if !self.missing.is_empty() {
            output::line("");
            let row = |one: &Missing| {
                let from = if one.from == "push" { "Push" } else { "bugrelay" };
                [
                    from.to_owned(),
                    one.what.routing_key.clone(),
                    format!("#{}", one.what.bug_id),
                    one.what.time.clone(),
                    one.what.change_set.clone(),
                    one.line.to_string(),
                ]
            };
            output::table(
                ["MISSING FROM", "MESSAGE", "BUG", "TIME", "CHANGE SET", "LINE OF THE OTHER"],
                self.missing.iter().map(row),
            );
        }
        for one in &self.different {
            let What { routing_key, bug_id, time, .. } = &one.what;
            output::line(&format!(
                "\ndifferent: {routing_key} #{bug_id} {time}, line {} of Push's and {} of bugrelay's",
                one.push_line, one.ours_line
            ));
            for Field { field, push, ours } in &one.fields {
                match (push, ours) {
                    (Some(push), Some(ours)) => output::line(&format!("    {field}: {push} -> {ours}")),
                    _ => output::line(&format!("    {field}")),
                };
            }
        }
        if !self.missing.is_empty() || !self.different.is_empty() {
            output::line(&format!("\n{} are missing, {} differ", self.missing.len(), self.different.len()));
        }
    }
}
