//! A stream of messages, as whoever consumes a bus wrote it down: one JSON value a line, or over several lines that end with `}`
//! at the margin, as Push's own file connector prints it. Envelopes of usual consumers are opened.

use std::fs::File;
use std::io::{BufRead, BufReader};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Both streams are held in memory: of a longer one a part is to be compared.
const STREAM_BYTES_MAX: usize = 512 << 20;

/// What bugzilla messages are wrapped in: by `kcat -J`, Fedora Messaging, fedmsg.
const ENVELOPES: [&str; 3] = ["payload", "body", "msg"];

/// The messages of one stream, in its order.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) messages: Vec<Message>,
    /// Lines that are no JSON, and values that are no message of Bugzilla's.
    pub(super) left_out: usize,
}

/// One message: what it is known by, and its text.
#[derive(Debug)]
pub(super) struct Message {
    /// Where it begins in its stream.
    pub(super) line: usize,
    pub(super) bug: i64,
    pub(super) target: String,
    pub(super) action: String,
    pub(super) user: i64,
    /// UTC, seconds since 1970.
    pub(super) second: i64,
    pub(super) change_set: String,
    /// Which of the bug's comments or attachments; none: it does not say.
    pub(super) object: Option<i64>,
    /// Whether a user who is not logged in may see what it is about, as far as the message says.
    pub(super) is_public: bool,
    pub(super) changes: Vec<Change>,
    text: Box<str>,
}

/// One of `event.changes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) field: String,
    pub(super) removed: String,
    pub(super) added: String,
}

impl Change {
    pub(super) fn is_of_a_flag(&self) -> bool {
        self.field.starts_with("flag.")
    }
}

impl Stream {
    /// Of a file, or of standard input (`-`).
    ///
    /// # Errors
    /// It cannot be read, is too long, or has a line that begins like JSON and is none.
    pub(super) fn open(path: &str) -> Result<Self, String> {
        if path == "-" {
            return Self::read(std::io::stdin().lock()).map_err(|what| format!("standard input: {what}"));
        }
        let file = File::open(path).map_err(|error| format!("{path}: cannot be read: {error}"))?;
        Self::read(BufReader::new(file)).map_err(|what| format!("{path}: {what}"))
    }

    fn read(mut lines: impl BufRead) -> Result<Self, String> {
        let mut stream = Stream::default();
        let (mut number, mut bytes) = (0, 0);
        // A value that began on that line and has not ended yet.
        let mut begun: Option<(usize, String)> = None;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).map_err(|error| format!("line {}: cannot be read: {error}", number + 1))? == 0
            {
                break;
            }
            number += 1;
            bytes += line.len();
            if bytes > STREAM_BYTES_MAX {
                return Err(format!("more than {} MiB; compare a shorter time", STREAM_BYTES_MAX >> 20));
            }
            let (from, mut text) = begun.take().unwrap_or((number, String::new()));
            text.push_str(&line);
            if !text.starts_with(['{', '"']) {
                stream.left_out += usize::from(!text.trim().is_empty());
                continue;
            }
            match serde_json::from_str(&text) {
                Ok(value) => stream.take(from, value)?,
                // What has no line end is being written.
                Err(_) if !line.ends_with('\n') => stream.left_out += 1,
                Err(error) if error.is_eof() && !(line.starts_with('}') && from < number) => begun = Some((from, text)),
                Err(_) => return Err(format!("line {from}: it begins like JSON and is none; take it out")),
            }
        }
        stream.left_out += usize::from(begun.is_some());
        Ok(stream)
    }

    fn take(&mut self, line: usize, value: Value) -> Result<(), String> {
        match Message::of(line, value)? {
            Some(message) => self.messages.push(message),
            None => self.left_out += 1,
        }
        Ok(())
    }

    /// The seconds of its first and its last message.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let seconds = self.messages.iter().map(|message| message.second);
        Some((seconds.clone().min()?, seconds.max()?))
    }
}

impl Message {
    fn of(line: usize, value: Value) -> Result<Option<Self>, String> {
        let Some(body) = opened(value) else { return Ok(None) };
        let event = &body["event"];
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        // BMO's edition writes the changed fields behind the action.
        let routing_key = text("routing_key");
        let (target, action) = routing_key.split(':').next().and_then(|key| key.split_once('.')).unwrap_or_default();
        let object = &body[target];
        let bug = if target == "bug" { object } else { &object["bug"] };
        let Some(id) = event["bug_id"].as_i64().or_else(|| bug["id"].as_i64()) else { return Ok(None) };
        let Ok(time) = text("time").trim_end_matches('Z').parse::<DateTime>() else {
            return Err(format!("line {line}: event.time is no time; it must be as 2026-11-01T00:00:00"));
        };
        let second = time.to_zoned(TimeZone::UTC).map(|time| time.timestamp().as_second());
        Ok(Some(Message {
            line,
            bug: id,
            // An older edition's word for the same.
            action: if action == "update" { "modify" } else { action }.to_owned(),
            user: event["user"]["id"].as_i64().unwrap_or_default(),
            second: second.map_err(|error| format!("line {line}: event.time: {error}"))?,
            change_set: text("change_set"),
            object: match target {
                "comment" => object["number"].as_i64(),
                "attachment" => object["id"].as_i64(),
                _ => None,
            },
            is_public: object.is_object() && object["is_private"] != true && bug["is_private"] != true,
            changes: changes(event),
            target: target.to_owned(),
            text: body.to_string().into(),
        }))
    }

    /// The whole message.
    pub(super) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The object that it carries.
    pub(super) fn carried(&self) -> Map<String, Value> {
        match self.body() {
            Value::Object(mut body) => match body.remove(&self.target) {
                Some(Value::Object(object)) => object,
                _ => Map::new(),
            },
            _ => Map::new(),
        }
    }

    /// The same for the same message, whatever it came in.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn routing_key(&self) -> String {
        format!("{}.{}", self.target, self.action)
    }
}

/// The message in whatever it is wrapped in.
fn opened(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => opened(serde_json::from_str(&text).ok()?),
        Value::Object(mut parts) => {
            if parts.get("event").is_some_and(Value::is_object) {
                return Some(Value::Object(parts));
            }
            ENVELOPES.iter().find_map(|key| opened(parts.remove(*key)?))
        }
        _ => None,
    }
}

/// Numbers among them are meant as texts.
fn changes(event: &Value) -> Vec<Change> {
    let word = |value: &Value| {
        value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
    };
    let changes = event["changes"].as_array().into_iter().flatten();
    changes
        .map(|one| Change { field: word(&one["field"]), removed: word(&one["removed"]), added: word(&one["added"]) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"event":{"routing_key":"bug.modify:priority,cc","time":"2026-11-01T00:00:09","user":{"id":3},"change_set":"1.2"},"bug":{"id":7,"is_private":false}}"#;

    fn read(text: &str) -> Result<Stream, String> {
        Stream::read(text.as_bytes())
    }

    #[test]
    fn what_consumers_of_kafka_stomp_fedmsg_and_files_write_is_understood() {
        let value: Value = serde_json::from_str(PLAIN).unwrap();
        let wrapped =
            ["payload", "body", "msg"].map(|key| serde_json::json!({"topic": "bugzilla", key: value}).to_string());
        let quoted = serde_json::json!({"payload": PLAIN}).to_string();
        let pretty = format!("2026-11-01 00:00:10\n{}", serde_json::to_string_pretty(&value).unwrap());
        for text in [PLAIN, &quoted, &pretty, &format!("destination: /topic/x\n\n{PLAIN}")]
            .into_iter()
            .chain(wrapped.iter().map(String::as_str))
        {
            let stream = read(&format!("{text}\n{PLAIN}\n")).unwrap();
            assert_eq!(stream.messages.len(), 2, "{text}");
            let first = &stream.messages[0];
            assert_eq!(
                (first.bug, first.routing_key().as_str(), first.second, first.is_public),
                (7, "bug.modify", 1_793_491_209, true),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_message_is_left_out_and_counted_and_what_is_broken_is_an_error() {
        let stream = read(&format!("Subscribing\n\n{{\"topic\":\"a\"}}\n{PLAIN}\n{{\"event\":")).unwrap();
        assert_eq!((stream.messages.len(), stream.left_out), (1, 3));
        let error = read(&format!("{PLAIN}\n{{\"event\": hush}}\n{PLAIN}\n")).unwrap_err();
        assert!(error.starts_with("line 2: ") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn a_private_comment_of_a_public_bug_and_a_comment_of_a_private_bug_are_not_public() {
        for (own, of_bug) in [(true, false), (false, true)] {
            let body = serde_json::json!({"event": {"routing_key": "comment.create", "time": "2026-11-01T00:00:09"},
                "comment": {"number": 2, "is_private": own, "bug": {"id": 7, "is_private": of_bug}}});
            let stream = read(&format!("{body}\n")).unwrap();
            assert_eq!((stream.messages[0].is_public, stream.messages[0].object), (false, Some(2)));
        }
    }
}
