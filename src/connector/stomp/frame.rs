//! One STOMP frame and how it is written in each version of the protocol. Reading one is [`super::codec`]'s.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Versions differ in what a header can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// Headers are written as they are.
    V1_0,
    /// `\n`, `\c` and `\\` are escapes.
    V1_1,
    /// The same and `\r`.
    V1_2,
}

/// A command with its headers and its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// `SEND`, `RECEIPT`, ...
    pub command: String,
    /// In the order of the wire. Of several with one name the first counts.
    pub headers: Vec<(String, String)>,
    /// Any bytes.
    pub body: Bytes,
}

impl Version {
    /// From the `version` header of `CONNECTED`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "1.0" => Some(Version::V1_0),
            "1.1" => Some(Version::V1_1),
            "1.2" => Some(Version::V1_2),
            _ => None,
        }
    }

    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V1_0 => "1.0",
            Version::V1_1 => "1.1",
            Version::V1_2 => "1.2",
        }
    }

    /// The two frames that agree on the version are written alike in all of them.
    pub(super) fn escapes(self, command: &str) -> bool {
        self != Version::V1_0 && !matches!(command, "CONNECT" | "STOMP" | "CONNECTED")
    }
}

impl Frame {
    /// Without headers and body.
    pub fn new(command: &str) -> Self {
        Frame { command: command.to_owned(), ..Frame::default() }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The value of a header: the first one of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Adds the frame, as it stands on the wire, to `out`. The headers are written as they are given: who wants a
    /// `content-length` sets it.
    pub fn encode(&self, version: Version, out: &mut BytesMut) {
        out.reserve(self.command.len() + self.body.len() + 64 * (self.headers.len() + 1));
        out.put_slice(self.command.as_bytes());
        out.put_u8(b'\n');
        let escapes = version.escapes(&self.command);
        for (name, value) in &self.headers {
            put_text(name, escapes, version, true, out);
            out.put_u8(b':');
            put_text(value, escapes, version, false, out);
            out.put_u8(b'\n');
        }
        out.put_u8(b'\n');
        out.put_slice(&self.body);
        out.put_u8(0);
    }
}

/// What cannot be said in this version becomes a blank: it would end the header, and its rest would pass for another one.
fn put_text(text: &str, escapes: bool, version: Version, is_name: bool, out: &mut BytesMut) {
    for byte in text.bytes() {
        match byte {
            b'\\' if escapes => out.put_slice(br"\\"),
            b'\n' if escapes => out.put_slice(br"\n"),
            b':' if escapes => out.put_slice(br"\c"),
            b'\r' if escapes && version == Version::V1_2 => out.put_slice(br"\r"),
            0 | b'\n' | b'\r' => out.put_u8(b' '),
            b':' if is_name => out.put_u8(b' '),
            _ => out.put_u8(byte),
        }
    }
}
