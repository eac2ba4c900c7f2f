//! A look over JSON that is kept as it is: whether it is some, how deep it goes, and what its outermost object says. Pure.
//!
//! It takes what Python's parser takes, since what fedmsg's relay forwarded is to be forwarded: NaN and Infinity, keys that are repeated,
//! halves of surrogate pairs. Each is noted, so that whoever is stricter can refuse it.

use std::borrow::Cow;
use std::collections::HashSet;

use uuid::Uuid;

/// How deep it may go: more than anybody writes, and less than any parser's own limit.
pub(super) const DEPTH_MAX: usize = 64;

/// What was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    /// It is an object.
    pub(super) is_object: bool,
    /// The values of its key `topic`, as often as it is there; `None`: not a string.
    pub(super) topics: Vec<Option<String>>,
    /// Its key `msg_id`, if that is a string; of several the last.
    pub(super) msg_id: Option<String>,
    /// It has an `event` with a `routing_key`, as Bugzilla's messages have, also within fedmsg's envelope (`msg`), or a `msg_id` as their
    /// ids are: a UUID of version 5.
    pub(super) is_bugzillas: bool,
    /// A key stands twice in an object.
    pub(super) repeats_a_key: bool,
    /// A number is none that JSON knows.
    pub(super) is_not_finite: bool,
    /// In a string is half of a surrogate pair, which is no character.
    pub(super) has_half_a_pair: bool,
}

/// Why it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// At this byte.
    NoJson(usize),
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// Looks over all of it.
pub(super) fn scan(text: &str) -> Result<Sketch, Mistake> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, sketch: Sketch::default() };
    scanner.space();
    scanner.value(Place::Outermost, 0)?;
    scanner.space();
    if scanner.at < scanner.bytes.len() { Err(scanner.wrong()) } else { Ok(scanner.sketch) }
}

/// Where a value stands, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outermost,
    /// The `msg` of the outermost object.
    Message,
    /// The `event` of either.
    Event,
    Within,
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    sketch: Sketch,
}

impl<'t> Scanner<'t> {
    fn wrong(&self) -> Mistake {
        Mistake::NoJson(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The byte, if it is next.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Mistake> {
        if self.skip(byte) { Ok(()) } else { Err(self.wrong()) }
    }

    fn value(&mut self, place: Place, depth: usize) -> Result<(), Mistake> {
        if depth > DEPTH_MAX {
            return Err(Mistake::TooDeep);
        }
        match self.peek() {
            Some(b'{') => self.object(place, depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, place: Place, depth: usize) -> Result<(), Mistake> {
        self.expect(b'{')?;
        self.sketch.is_object |= place == Place::Outermost;
        let mut keys: HashSet<Cow<'t, str>> = HashSet::new();
        self.space();
        if self.skip(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            let key = decoded(self.string()?);
            self.space();
            self.expect(b':')?;
            self.space();
            self.member(place, &key, depth)?;
            self.sketch.repeats_a_key |= !keys.insert(key);
            self.space();
            if self.skip(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn member(&mut self, place: Place, key: &str, depth: usize) -> Result<(), Mistake> {
        self.sketch.is_bugzillas |= place == Place::Event && key == "routing_key";
        let within = match (place, key) {
            (Place::Outermost | Place::Message, "event") => Place::Event,
            (Place::Outermost, "msg") => Place::Message,
            _ => Place::Within,
        };
        if place != Place::Outermost || !matches!(key, "topic" | "msg_id") {
            return self.value(within, depth + 1);
        }
        let text = if self.peek() == Some(b'"') {
            Some(decoded(self.string()?).into_owned())
        } else {
            self.value(within, depth + 1)?;
            None
        };
        match key {
            "topic" => self.sketch.topics.push(text),
            _ => {
                self.sketch.is_bugzillas |= text.as_deref().is_some_and(is_id_of_bugzillas);
                self.sketch.msg_id = text;
            }
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Mistake> {
        self.expect(b'[')?;
        self.space();
        if self.skip(b']') {
            return Ok(());
        }
        loop {
            self.space();
            self.value(Place::Within, depth + 1)?;
            self.space();
            if self.skip(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// With its quotes.
    fn string(&mut self) -> Result<&'t [u8], Mistake> {
        let from = self.at;
        self.expect(b'"')?;
        // The first half of a pair came last.
        let mut is_half = false;
        loop {
            let was_half = std::mem::take(&mut is_half);
            let unit = match self.peek() {
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) | None => return Err(self.wrong()),
                Some(byte) => {
                    self.at += 1;
                    if byte == b'"' {
                        self.sketch.has_half_a_pair |= was_half;
                        return Ok(&self.bytes[from..self.at]);
                    }
                    0
                }
            };
            is_half = matches!(unit, 0xd800..=0xdbff);
            self.sketch.has_half_a_pair |= was_half != matches!(unit, 0xdc00..=0xdfff);
        }
    }

    /// The code unit that is written by its number; 0: it is none.
    fn escape(&mut self) -> Result<u16, Mistake> {
        self.expect(b'\\')?;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(0)
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or_default();
                let is_hexadecimal = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
                let digits = std::str::from_utf8(digits).ok().filter(|_| is_hexadecimal);
                let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                let unit = unit.ok_or_else(|| self.wrong())?;
                self.at += 5;
                Ok(unit)
            }
            _ => Err(self.wrong()),
        }
    }

    fn number(&mut self) -> Result<(), Mistake> {
        self.skip(b'-');
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.word(),
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Mistake> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(self.wrong()) }
    }

    fn word(&mut self) -> Result<(), Mistake> {
        let rest = &self.bytes[self.at..];
        let word =
            ["true", "false", "null", "NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
        let word = word.ok_or_else(|| self.wrong())?;
        // Behind a minus Python knows Infinity alone.
        let is_signed = self.at > 0 && self.bytes[self.at - 1] == b'-';
        if is_signed && word != "Infinity" {
            return Err(self.wrong());
        }
        self.sketch.is_not_finite |= matches!(word, "NaN" | "Infinity");
        self.at += word.len();
        Ok(())
    }
}

/// `<year>-<uuid>`, or the UUID alone, whoever reads it.
fn is_id_of_bugzillas(msg_id: &str) -> bool {
    let is_one = |text: &str| Uuid::try_parse(text).is_ok_and(|uuid| uuid.get_version_num() == 5);
    is_one(msg_id) || msg_id.split_once('-').is_some_and(|(_, uuid)| is_one(uuid))
}

/// A string's text. One with halves of surrogate pairs, which is no text, stands for itself.
fn decoded(quoted: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(quoted).unwrap_or_default();
    let plain = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_outermost_object_says_is_seen() {
        let sketch = scan(r#" {"topic":"a.b","msg_id":"2026-x","msg":{"topic":"no"},"topic":7} "#).unwrap();
        assert_eq!(sketch.topics, [Some("a.b".to_owned()), None]);
        assert_eq!(sketch.msg_id.as_deref(), Some("2026-x"));
        assert!(sketch.is_object && sketch.repeats_a_key && !sketch.is_bugzillas);
        assert_eq!(scan(r#"{"\u0074opic":"\u0061.b"}"#).unwrap().topics, [Some("a.b".to_owned())], "escaped or not");
        assert!(!scan(r#"[{"topic":"a"}]"#).unwrap().is_object);
    }

    #[test]
    fn what_looks_like_bugzillas_is_seen_however_it_is_written() {
        assert!(scan(r#"{"event":{"routing_key":"bug.modify"},"bug":{}}"#).unwrap().is_bugzillas);
        assert!(scan("{\"ev\\u0065nt\" : {\n\"a\":1, \"routing_key\":0}}").unwrap().is_bugzillas);
        assert!(
            scan(r#"{"topic":"a","msg":{"event":{"routing_key":1}}}"#).unwrap().is_bugzillas,
            "as fedmsg carries it"
        );
        assert!(!scan(r#"{"event":{"name":"push"},"msg":{"msg":{"event":{"routing_key":1}}}}"#).unwrap().is_bugzillas);
        for (msg_id, is_theirs) in [
            ("2026-886313e1-3b8a-5372-9b90-0c9aee199e5d", true),
            ("886313e1-3b8a-5372-9b90-0c9aee199e5d", true),
            ("2026-db317591-7b6f-4972-821b-2fbe40f9d077", false),
            ("2026-x", false),
        ] {
            let body = format!(r#"{{"topic":"a","msg_id":"{msg_id}","msg_id":7}}"#);
            assert_eq!(scan(&body).unwrap().is_bugzillas, is_theirs, "{msg_id}");
        }
    }

    #[test]
    fn what_python_takes_beyond_json_is_taken_and_noted() {
        for odd in ["NaN", "[-Infinity]", r#"{"n":Infinity}"#] {
            assert!(scan(odd).unwrap().is_not_finite, "{odd}");
        }
        for (text, is_noted) in [
            (r#""\ud800""#, true),
            (r#"{"\udc00":1}"#, true),
            (r#""\ud83dx\ude00""#, true),
            (r#""\ud83d\ud83d\ude00""#, true),
            (r#""\ud83d\n""#, true),
            (r#""\uD83D\uDE00 \u00e9 é""#, false),
        ] {
            assert_eq!(scan(text).unwrap().has_half_a_pair, is_noted, "{text}");
        }
        for wrong in
            ["", "-NaN", "-true", "01", "1.", "'a'", "[1,]", "{\"a\"}", "{}x", "\"\t\"", "\"\\x\"", "\u{feff}1", "nul"]
        {
            assert!(matches!(scan(wrong), Err(Mistake::NoJson(_))), "{wrong}");
        }
    }

    #[test]
    fn it_goes_so_deep_and_no_deeper() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(scan(&nested(DEPTH_MAX + 1)).is_ok());
        assert_eq!(scan(&nested(DEPTH_MAX + 2)), Err(Mistake::TooDeep));
        assert_eq!(scan(&"[".repeat(1_000_000)), Err(Mistake::TooDeep), "and no stack is too short for it");
    }

    proptest! {
        #[test]
        fn it_takes_what_serde_takes_and_refuses_what_serde_refuses(text in r#"[\[\]{}",:0-9eE+\-. \\untrfalsu"]{0,12}"#) {
            let serde = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(scan(&text).is_ok(), serde);
        }
    }
}
