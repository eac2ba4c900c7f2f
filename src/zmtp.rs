//! ZMTP 3, the protocol of ZeroMQ, as far as a SUB or a PUB without security needs it: greeting, READY, messages in and out.
//!
//! Why not a library: none limits what one peer can make it hold, and the limits are the point (rfc.zeromq.org/spec/23).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// What a command may be long: theirs are a few dozen bytes.
const COMMAND_MAX: u64 = 4096;

/// Frames of one message that are kept; fedmsg sends two, and what has more is refused.
const FRAMES_MAX: usize = 3;

/// Read at once, and held for each peer.
const BUFFER: usize = 16 << 10;

/// What a message takes without asking for room: a peer that sends a long one and stops in its midst keeps no short one out.
const FREE: usize = 16 << 10;

/// How long room is waited for before the rest of a message is thrown away.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which socket we are; the peer is the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// SUB: hears publishers.
    Subscriber,
    /// PUB: is heard.
    Publisher,
}

/// What a peer sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The frames of a message; of more than [`FRAMES_MAX`] the first.
    Message(Vec<Bytes>),
    /// Larger than is taken: it was read and thrown away.
    TooLarge,
    /// So was this one: others held all the room that there is ([`Peer::within`]).
    NoRoom,
    /// A command, a heartbeat perhaps: it was answered, and nothing need follow it.
    Command,
    /// The peer is gone.
    End,
}

/// The other end of a connection.
pub struct Peer<S> {
    stream: BufReader<S>,
    /// Bytes of a message, at the most.
    max: usize,
    held: Held,
}

/// What a message takes of the room that peers share, until the next one is asked for.
struct Held {
    room: Option<Arc<Semaphore>>,
    free: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Greets it; a subscriber subscribes to everything. `max`: bytes of a message, at the most.
    ///
    /// # Errors
    /// The connection failed, or the peer is no such socket; then the kind is `InvalidData`.
    pub async fn greet(stream: S, role: Role, max: usize) -> io::Result<Self> {
        let mut peer = Peer::hail(stream, role, max).await?;
        peer.recognise(role).await?;
        if role == Role::Subscriber {
            peer.subscribe().await?;
        }
        Ok(peer)
    }

    /// Says who we are, and waits for nothing. It goes out in one piece with READY: a publisher that lives for a moment need not be woken
    /// twice before it knows that somebody listens.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn hail(stream: S, role: Role, max: usize) -> io::Result<Self> {
        let held = Held { room: None, free: FREE, taken: None };
        let mut peer = Peer { stream: BufReader::with_capacity(BUFFER, stream), max, held };
        let mut hello = greeting().to_vec();
        hello.extend(command("READY", &[property("Socket-Type", role.name()), property("Identity", "")].concat()));
        peer.send(&hello).await?;
        Ok(peer)
    }

    /// Hears who it is, after [`Peer::hail`] with the same role, and asks for nothing yet.
    ///
    /// # Errors
    /// As [`Peer::greet`]'s.
    pub async fn recognise(&mut self, role: Role) -> io::Result<()> {
        let mut theirs = [0; 64];
        self.stream.read_exact(&mut theirs[..11]).await?;
        // Signature, then the version's first number; older ones have other frames.
        if theirs[0] != 0xff || theirs[9] & 1 == 0 || theirs[10] < 3 {
            return Err(refuse("it does not speak ZMTP 3, which libzmq does since 4.0"));
        }
        self.stream.read_exact(&mut theirs[11..]).await?;
        if &theirs[12..32] != mechanism() {
            return Err(refuse("it wants a security mechanism, and only NULL is spoken"));
        }
        let (flags, size) = self.header().await?;
        let ready = if flags & COMMAND == 0 { vec![] } else { self.command_body(size).await? };
        if !socket_of(&ready).is_some_and(|socket| role.peers().contains(&socket)) {
            return Err(refuse(match role {
                Role::Subscriber => "it is no PUB or XPUB socket",
                Role::Publisher => "it is no SUB or XSUB socket",
            }));
        }
        Ok(())
    }

    /// Has it send everything: a subscription is a message of 1 and what the topic begins with. Before a publisher has said READY it
    /// must not be sent: libzmq would close the connection.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn subscribe(&mut self) -> io::Result<()> {
        self.send(&[0, 1, 1]).await
    }

    /// From now on what it sends is held only as far as there is room, in bytes, among all those to whom the same was given. Beside it each
    /// takes 32 KiB: for what is read at once, and for a short message.
    #[must_use]
    pub fn within(mut self, room: Arc<Semaphore>) -> Self {
        self.held.room = Some(room);
        self
    }

    /// What it is connected by.
    pub fn connection(&self) -> &S {
        self.stream.get_ref()
    }

    /// Returns as soon as it begins to send something, or is gone. Given up at any moment it has lost nothing. The message before it counts
    /// as taken: its room is free again.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn begins(&mut self) -> io::Result<()> {
        self.held.release();
        self.stream.fill_buf().await.map(drop)
    }

    /// The next message, whole, or a command that came before one. Given up, it may have lost a part of one: the connection is of no use then.
    ///
    /// # Errors
    /// The connection failed, or what comes is no ZMTP.
    pub async fn next(&mut self) -> io::Result<Incoming> {
        self.held.release();
        let (mut frames, mut bytes, mut refused) = (Vec::with_capacity(2), 0, None);
        loop {
            let (flags, size) = match self.header().await {
                Ok(header) => header,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Incoming::End),
                Err(error) => return Err(error),
            };
            if flags & COMMAND != 0 {
                let body = self.command_body(size).await?;
                self.answer(&body).await?;
                if frames.is_empty() && refused.is_none() {
                    return Ok(Incoming::Command);
                }
                continue;
            }
            let length = usize::try_from(size).unwrap_or(usize::MAX);
            if length.saturating_add(bytes) > self.max {
                refused.get_or_insert(Incoming::TooLarge);
            }
            if refused.is_some() || frames.len() == FRAMES_MAX {
                self.discard(size).await?;
            } else if let Some(frame) = self.frame(length).await? {
                bytes += length;
                frames.push(frame);
            } else {
                refused = Some(Incoming::NoRoom);
            }
            if refused.is_some() {
                frames.clear();
                self.held.release();
            }
            if flags & MORE == 0 {
                return Ok(refused.unwrap_or(Incoming::Message(frames)));
            }
        }
    }

    /// What is held of it grows as its bytes come, whatever length it claims. `None`: there was no room for them, and the rest of it was
    /// thrown away.
    async fn frame(&mut self, length: usize) -> io::Result<Option<Bytes>> {
        let mut frame = Vec::new();
        while frame.len() < length {
            let (there, left) = (self.stream.fill_buf().await?.len(), length - frame.len());
            let piece = there.min(left);
            if piece == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if frame.len() + piece > frame.capacity() {
                let step = frame.len().max(piece).min(left);
                if !self.held.grow(step).await {
                    drop(frame);
                    self.held.release();
                    self.discard(left as u64).await?;
                    return Ok(None);
                }
                frame.reserve_exact(step);
            }
            frame.extend_from_slice(&self.stream.buffer()[..piece]);
            self.stream.consume(piece);
        }
        Ok(Some(frame.into()))
    }

    async fn header(&mut self) -> io::Result<(u8, u64)> {
        let flags = self.stream.read_u8().await?;
        if flags & !(MORE | LONG | COMMAND) != 0 || flags & (MORE | COMMAND) == MORE | COMMAND {
            return Err(refuse("it sends what is no frame"));
        }
        let size = if flags & LONG == 0 { self.stream.read_u8().await?.into() } else { self.stream.read_u64().await? };
        Ok((flags, size))
    }

    async fn command_body(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > COMMAND_MAX {
            return Err(refuse("it sends a command without end"));
        }
        let mut body = vec![0; usize::try_from(size).unwrap_or_default()];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }

    /// It may ask whether we are there: PING with a time, and up to 16 bytes that come back.
    async fn answer(&mut self, body: &[u8]) -> io::Result<()> {
        let Some(context) = body.strip_prefix(b"\x04PING").and_then(|rest| rest.get(2..)) else { return Ok(()) };
        self.send(&command("PONG", context.get(..16).unwrap_or(context))).await
    }

    async fn discard(&mut self, mut size: u64) -> io::Result<()> {
        while size > 0 {
            let there = self.stream.fill_buf().await?.len();
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = there.min(usize::try_from(size).unwrap_or(usize::MAX));
            self.stream.consume(taken);
            size -= taken as u64;
        }
        Ok(())
    }

    /// Sends messages that were encoded.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await?;
        stream.flush().await
    }
}

impl Held {
    /// `false`: so many bytes more were not free for a while.
    async fn grow(&mut self, bytes: usize) -> bool {
        let given = bytes.min(self.free);
        self.free -= given;
        let Some(room) = self.room.as_ref().filter(|_| bytes > given) else { return true };
        let more = u32::try_from(bytes - given).unwrap_or(u32::MAX);
        let Ok(Ok(more)) = timeout(PATIENCE, Arc::clone(room).acquire_many_owned(more)).await else { return false };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        true
    }

    fn release(&mut self) {
        (self.free, self.taken) = (FREE, None);
    }
}

/// A message of these frames.
pub fn encode(frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames.iter().map(|frame| frame.len() + 9).sum());
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        match u8::try_from(frame.len()) {
            Ok(length) => bytes.extend([more, length]),
            Err(_) => {
                bytes.push(more | LONG);
                bytes.extend((frame.len() as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(frame);
    }
    bytes
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Subscriber => "SUB",
            Role::Publisher => "PUB",
        }
    }

    /// The sockets that it speaks with.
    fn peers(self) -> [&'static [u8]; 2] {
        match self {
            Role::Subscriber => [b"PUB", b"XPUB"],
            Role::Publisher => [b"SUB", b"XSUB"],
        }
    }
}

fn refuse(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Padded with zeros.
fn mechanism() -> &'static [u8] {
    b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
}

/// Version 3.0: every publisher of libzmq 4 speaks it.
fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12..32].copy_from_slice(mechanism());
    greeting
}

/// A short command frame.
fn command(name: &str, body: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).unwrap_or(u8::MAX);
    let mut frame = vec![COMMAND, length(1 + name.len() + body.len()), length(name.len())];
    frame.extend_from_slice(name.as_bytes());
    frame.extend_from_slice(body);
    frame
}

fn property(name: &str, value: &str) -> Vec<u8> {
    let mut property = vec![u8::try_from(name.len()).unwrap_or(u8::MAX)];
    property.extend_from_slice(name.as_bytes());
    property.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    property.extend_from_slice(value.as_bytes());
    property
}

/// Which socket it is, if the command is READY.
fn socket_of(command: &[u8]) -> Option<&[u8]> {
    let mut rest = command.strip_prefix(b"\x05READY")?;
    while let Some((&name_length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(name_length.into())?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (value, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return Some(value);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// The two ends after the handshake; the publisher's is bare.
    async fn connected(max: usize) -> (Peer<DuplexStream>, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut hello = greeting().to_vec();
        hello.extend(command("READY", &property("Socket-Type", "PUB")));
        theirs.write_all(&hello).await.unwrap();
        let peer = Peer::greet(ours, Role::Subscriber, max).await.unwrap();
        let mut ours = vec![0; 64 + 40 + 3];
        theirs.read_exact(&mut ours).await.unwrap();
        assert_eq!(ours[ours.len() - 3..], [0, 1, 1], "the subscription");
        (peer, theirs)
    }

    fn frames(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let more = if index + 1 < parts.len() { MORE } else { 0 };
            bytes.push(more | LONG);
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    fn message(parts: &[&[u8]]) -> Incoming {
        Incoming::Message(parts.iter().map(|part| Bytes::copy_from_slice(part)).collect())
    }

    #[tokio::test]
    async fn messages_come_frame_by_frame_and_what_is_too_large_takes_no_other_with_it() {
        let (mut peer, mut theirs) = connected(10).await;
        theirs.write_all(&[MORE, 1, b'a', 0, 2, b'b', b'c']).await.unwrap();
        theirs.write_all(&frames(&[b"topic", &[b'x'; 100_000]])).await.unwrap();
        theirs.write_all(&frames(&[b"a", b"b", b"c", b"d", b"e"])).await.unwrap();
        theirs.write_all(&frames(&[b"last"])).await.unwrap();
        drop(theirs);
        assert_eq!(peer.next().await.unwrap(), message(&[b"a", b"bc"]));
        assert_eq!(peer.next().await.unwrap(), Incoming::TooLarge);
        assert_eq!(peer.next().await.unwrap(), message(&[b"a", b"b", b"c"]), "three are as wrong as five");
        assert_eq!(peer.next().await.unwrap(), message(&[b"last"]));
        assert_eq!(peer.next().await.unwrap(), Incoming::End);
    }

    #[tokio::test]
    async fn a_publisher_and_a_subscriber_of_ours_understand_each_other() {
        let (one, other) = tokio::io::duplex(1 << 20);
        let (subscriber, publisher) =
            tokio::join!(Peer::greet(one, Role::Subscriber, 1000), Peer::greet(other, Role::Publisher, 1000));
        let (mut subscriber, mut publisher) = (subscriber.unwrap(), publisher.unwrap());
        assert_eq!(publisher.next().await.unwrap(), message(&[b"\x01"]), "everything is subscribed to");
        let long = [b'x'; 300];
        publisher.send(&encode(&[b"topic", &long])).await.unwrap();
        publisher.send(&encode(&[b"topic", b""])).await.unwrap();
        assert_eq!(subscriber.next().await.unwrap(), message(&[b"topic", &long]));
        assert_eq!(subscriber.next().await.unwrap(), message(&[b"topic", b""]));
        let (one, other) = tokio::io::duplex(1 << 20);
        let two = tokio::join!(Peer::greet(one, Role::Publisher, 10), Peer::greet(other, Role::Publisher, 10));
        assert!(two.0.is_err() && two.1.is_err(), "two publishers have nothing to say to each other");
    }

    #[tokio::test]
    async fn a_heartbeat_is_answered_whether_anything_follows_it_or_not() {
        let (mut peer, mut theirs) = connected(10).await;
        theirs.write_all(&command("PING", b"\x00\x64hello")).await.unwrap();
        assert_eq!(peer.next().await.unwrap(), Incoming::Command, "though nothing follows it");
        theirs.write_all(&[MORE, 1, b'a']).await.unwrap();
        theirs.write_all(&command("PING", b"\x00\x64hello")).await.unwrap();
        theirs.write_all(&[0, 1, b'b']).await.unwrap();
        assert_eq!(peer.next().await.unwrap(), message(&[b"a", b"b"]), "nor does one in its midst end a message");
        let mut pong = [0; 12];
        theirs.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong[..], command("PONG", b"hello"));
    }

    #[tokio::test]
    async fn who_does_not_speak_it_is_refused() {
        let mut of_old = greeting();
        of_old[10] = 1;
        let mut secured = greeting();
        secured[12..17].copy_from_slice(b"CURVE");
        let mut subscriber = greeting().to_vec();
        subscriber.extend(command("READY", &property("Socket-Type", "SUB")));
        let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
        for (hello, what) in
            [(of_old.to_vec(), "ZMTP 3"), (secured.to_vec(), "NULL"), (subscriber, "PUB"), (http, "ZMTP 3")]
        {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            theirs.write_all(&hello).await.unwrap();
            let error = Peer::greet(ours, Role::Subscriber, 10).await.err().unwrap();
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_all_hold_together_is_bounded_and_a_short_message_is_never_kept_out() {
        let room = Arc::new(Semaphore::new(100_000));
        let long = frames(&[b"topic", &[b'x'; 90_000]]);
        let (peer, mut stalls) = connected(1 << 20).await;
        let mut holder = peer.within(Arc::clone(&room));
        // It claims 90,000 bytes, and sends most of them.
        stalls.write_all(&long[..80_000]).await.unwrap();
        assert!(timeout(PATIENCE / 2, holder.next()).await.is_err(), "it is not whole");
        assert!(room.available_permits() < 50_000);
        let (peer, mut theirs) = connected(1 << 20).await;
        let mut peer = peer.within(Arc::clone(&room));
        theirs.write_all(&long).await.unwrap();
        theirs.write_all(&frames(&[b"topic", b"short"])).await.unwrap();
        assert_eq!(peer.next().await.unwrap(), Incoming::NoRoom);
        assert_eq!(peer.next().await.unwrap(), message(&[b"topic", b"short"]));
        drop(holder);
        theirs.write_all(&long).await.unwrap();
        assert_eq!(peer.next().await.unwrap(), message(&[b"topic", &[b'x'; 90_000]]));
        assert!(room.available_permits() < 30_000, "it is held until it is taken");
        assert!(timeout(PATIENCE, peer.begins()).await.is_err());
        assert_eq!(room.available_permits(), 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_frame_claims_to_be_takes_nothing_before_it_comes() {
        let room = Arc::new(Semaphore::new(1 << 20));
        let (peer, mut theirs) = connected(1 << 20).await;
        let mut peer = peer.within(Arc::clone(&room));
        theirs.write_all(&frames(&[&[b'x'; 1 << 20]])[..9]).await.unwrap();
        assert!(timeout(PATIENCE, peer.next()).await.is_err());
        assert_eq!(room.available_permits(), 1 << 20);
    }

    #[tokio::test]
    async fn a_frame_that_says_it_is_endless_is_not_held() {
        let (mut peer, mut theirs) = connected(10).await;
        theirs.write_all(&[LONG, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]).await.unwrap();
        drop(theirs);
        assert!(peer.next().await.is_err());
        let (mut peer, mut theirs) = connected(10).await;
        theirs.write_all(&[COMMAND | LONG, 0, 0, 1, 0, 0, 0, 0, 0]).await.unwrap();
        assert!(peer.next().await.is_err());
    }
}
