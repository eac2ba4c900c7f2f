//! A publisher of ZeroMQ, byte by byte, for what the real ones do not send: odd frames, half messages, silence.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Connected to a bound SUB, and subscribed to.
pub(crate) struct Publisher(TcpStream);

impl Publisher {
    /// As libzmq greets; returns when it has been subscribed to, which it waits for as long as a test may take.
    pub(crate) fn connect(port: u16) -> Self {
        Publisher::try_connect(port).expect("it is subscribed to")
    }

    /// The same; none: the connection was refused or closed.
    pub(crate) fn try_connect(port: u16) -> Option<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        let mut hello = vec![0; 64];
        (hello[0], hello[9], hello[10]) = (0xff, 0x7f, 3);
        hello[12..16].copy_from_slice(b"NULL");
        hello.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB");
        stream.write_all(&hello).ok()?;
        // Greeting, then READY with two properties, then the subscription to everything.
        let mut theirs = vec![0; 64 + 40 + 3];
        stream.read_exact(&mut theirs).ok()?;
        assert_eq!(theirs[theirs.len() - 3..], [0, 1, 1], "the subscription");
        Some(Publisher(stream))
    }

    /// One message.
    pub(crate) fn send(&mut self, frames: &[&[u8]]) {
        self.write(&Publisher::encode(frames));
    }

    /// A message of these frames.
    pub(crate) fn encode(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            bytes.push(2 | u8::from(index + 1 < frames.len()));
            bytes.extend((frame.len() as u64).to_be_bytes());
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    /// The bare connection.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.0
    }

    /// As it is.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("it is read");
    }

    /// Whether the other end has closed it.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]), Ok(0))
    }
}
