//! Bytes -> [`Frame`]s, for any broker and any client: the limits hold for whatever is sent to us. Knows no connection.

use bytes::{Buf as _, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

pub use super::frame::{Frame, Version};

/// Reads and writes frames of one version.
#[derive(Clone, Debug)]
pub struct Codec {
    /// What was agreed on; before that it makes no difference.
    pub version: Version,
    limits: Limits,
    state: State,
}

/// How large a received frame may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Command and headers together.
    pub head: usize,
    /// The body.
    pub body: usize,
}

/// What the decoder has read of the next frame. Bytes looked at are not looked at again.
#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Between,
    /// So many bytes hold no end of the head.
    Head(usize),
    /// The head is read; its body has this length, or ends at the first NUL behind so many bytes without one.
    Body(Frame, Length),
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Told(usize),
    UntilNul(usize),
}

/// Why bytes are no frame. None of them are in the text: they may be a message.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Command and headers are too long.
    #[error("a frame's head is over {0} bytes")]
    LargeHead(usize),
    /// The body is too long.
    #[error("a frame's body is over {0} bytes")]
    LargeBody(usize),
    /// It does not keep to the protocol.
    #[error("what came is no STOMP: {0}")]
    Malformed(&'static str),
    /// The connection.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Default for Limits {
    /// Receipts and errors are small; nothing else is sent to us.
    fn default() -> Self {
        Limits { head: 64 * 1024, body: 1024 * 1024 }
    }
}

impl Codec {
    /// For a connection on which nothing was said yet.
    pub fn new(limits: Limits) -> Self {
        Codec { version: Version::V1_2, limits, state: State::Between }
    }

    /// The next step in reading; `None`: more bytes are needed.
    fn step(&mut self, bytes: &mut BytesMut) -> Result<Option<Step>, CodecError> {
        match std::mem::take(&mut self.state) {
            State::Between => {
                // Line ends between frames are heart-beats.
                let beats = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
                bytes.advance(beats);
                if bytes.is_empty() {
                    return Ok(None);
                }
                self.state = State::Head(0);
            }
            State::Head(seen) => {
                let end = end_of_head(bytes, seen);
                if end.unwrap_or(bytes.len()) > self.limits.head {
                    return Err(CodecError::LargeHead(self.limits.head));
                }
                let Some(end) = end else {
                    // The end is three bytes at most, and some of them may be here.
                    self.state = State::Head(bytes.len().saturating_sub(2));
                    return Ok(None);
                };
                let frame = head(&bytes.split_to(end), self.version)?;
                let length = self.length(&frame)?;
                self.state = State::Body(frame, length);
            }
            State::Body(frame, length) => return self.body(bytes, frame, length),
        }
        Ok(Some(Step::Further))
    }

    fn length(&self, frame: &Frame) -> Result<Length, CodecError> {
        let Some(told) = frame.header("content-length") else { return Ok(Length::UntilNul(0)) };
        let told = told.trim();
        if told.is_empty() || !told.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CodecError::Malformed("the content-length is no number"));
        }
        // A number that fits nowhere is too large as well.
        let told = told.parse().unwrap_or(usize::MAX);
        if told > self.limits.body { Err(CodecError::LargeBody(self.limits.body)) } else { Ok(Length::Told(told)) }
    }

    fn body(&mut self, bytes: &mut BytesMut, mut frame: Frame, length: Length) -> Result<Option<Step>, CodecError> {
        let (end, seen) = match length {
            Length::Told(length) => ((bytes.len() > length).then_some(length), length),
            Length::UntilNul(seen) => {
                (bytes[seen..].iter().position(|&byte| byte == 0).map(|at| seen + at), bytes.len())
            }
        };
        if end.unwrap_or(seen) > self.limits.body {
            return Err(CodecError::LargeBody(self.limits.body));
        }
        let Some(end) = end else {
            let length = if let Length::UntilNul(_) = length { Length::UntilNul(seen) } else { length };
            self.state = State::Body(frame, length);
            return Ok(None);
        };
        frame.body = bytes.split_to(end).freeze();
        if bytes.get_u8() != 0 {
            return Err(CodecError::Malformed("a body goes on beyond its content-length"));
        }
        Ok(Some(Step::Whole(frame)))
    }
}

enum Step {
    Further,
    Whole(Frame),
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = CodecError;

    /// After an error the stream is lost: where the next frame begins is not known.
    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        loop {
            match self.step(bytes)? {
                Some(Step::Further) => {}
                Some(Step::Whole(frame)) => return Ok(Some(frame)),
                None => return Ok(None),
            }
        }
    }
}

impl Encoder<&Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), CodecError> {
        frame.encode(self.version, out);
        Ok(())
    }
}

/// Where the body begins: behind the first empty line.
fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let mut lines = bytes.iter().enumerate().skip(seen).filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    lines.find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

fn head(bytes: &[u8], version: Version) -> Result<Frame, CodecError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CodecError::Malformed("its head is not UTF-8"))?;
    if text.contains('\0') {
        return Err(CodecError::Malformed("a NUL stands in its head"));
    }
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut frame = Frame::new(lines.next().unwrap_or_default());
    let escapes = version.escapes(&frame.command);
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(CodecError::Malformed("a header has no colon"))?;
        let text = |text: &str| if escapes { unescape(text, version) } else { Ok(text.to_owned()) };
        frame.headers.push((text(name)?, text(value)?));
    }
    Ok(frame)
}

fn unescape(text: &str, version: Version) -> Result<String, CodecError> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('c') => ':',
                Some('r') if version == Version::V1_2 => '\r',
                _ => return Err(CodecError::Malformed("a header has an escape that there is not")),
            },
            other => other,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests;
