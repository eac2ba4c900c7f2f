//! An open connection: frames out, frames in, heart-beats both ways. It knows no message, and never connects anew.
//!
//! Nothing moves but in [`Connection::turn`]; between two sends a [`Keeper`] turns.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::codec::Decoder as _;

use super::codec::{Codec, CodecError, Frame, Limits};
use crate::connector::SendError;
use crate::connector::broker::{Address, Stream};
use crate::connector::tls;

/// How long the broker may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much is read at once; receipts are some 40 bytes each.
const READ: usize = 8 * 1024;

/// See the module. Dropped, it is closed without a goodbye.
pub(super) struct Connection {
    pub(super) address: Address,
    /// What the broker calls itself, if it does.
    pub(super) server: String,
    pub(super) codec: Codec,
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Something was written, and TLS may hold a part of it.
    unflushed: bool,
    /// Bytes that left since the beginning.
    written: u64,
    receipts: u64,
    beats: Beats,
}

/// Heart-beats as they were agreed on, and when each side was last heard.
struct Beats {
    send_every: Option<Duration>,
    expect_every: Option<Duration>,
    sent: Instant,
    heard: Instant,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// The number that its receipt will bear.
    pub(super) receipt: u64,
    /// It has left when so many bytes are written.
    pub(super) end: u64,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, address: Address) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Connection {
            address,
            server: String::new(),
            codec: Codec::new(Limits::default()),
            reader,
            writer,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            unflushed: false,
            written: 0,
            receipts: 0,
            beats: Beats { send_every: None, expect_every: None, sent: now, heard: now },
        }
    }

    /// Takes up what both sides said of heart-beats. Ours are sent twice as often as promised, so that a late timer does not
    /// count; the broker's may take twice as long as it promised.
    pub(super) fn agree_on_beats(&mut self, ours: Duration, theirs: &str) {
        let mut theirs = theirs.split(',').map(|ms| Duration::from_millis(ms.trim().parse().unwrap_or(0)));
        let (gives, wants) = (theirs.next().unwrap_or_default(), theirs.next().unwrap_or_default());
        let agreed = |other: Duration| (!ours.is_zero() && !other.is_zero()).then(|| ours.max(other));
        self.beats.send_every = agreed(wants).map(|every| every / 2);
        self.beats.expect_every = agreed(gives).map(|every| every * 2);
        self.beats.heard = Instant::now();
    }

    /// Puts a frame into the outbox, with a `receipt` header.
    pub(super) fn queue(&mut self, frame: Frame) -> Queued {
        self.receipts += 1;
        let receipt = self.receipts;
        self.queue_plain(&frame.with("receipt", receipt.to_string()));
        Queued { receipt, end: self.written + u64::try_from(self.outbox.len()).unwrap_or(u64::MAX) }
    }

    /// The same without a receipt.
    pub(super) fn queue_plain(&mut self, frame: &Frame) {
        frame.encode(self.codec.version, &mut self.outbox);
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Bytes that left since the beginning, to compare with [`Queued::end`].
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// One step of input or output: a frame, if one is complete. Given up at any moment it has done nothing or all.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn turn(&mut self) -> Result<Option<Frame>, SendError> {
        if let Some(frame) = self.codec.decode(&mut self.inbox).map_err(|error| self.unreadable(&error))? {
            return Ok(Some(frame));
        }
        // Without it every read would be of a few bytes.
        self.inbox.reserve(READ);
        let has_output = self.unflushed || !self.outbox.is_empty();
        tokio::select! {
            read = self.reader.read_buf(&mut self.inbox) => match read {
                Ok(0) => return Err(self.closed()),
                Ok(_) => self.beats.heard = Instant::now(),
                Err(error) => return Err(tls::lost("the connection", &self.address, &error)),
            },
            written = put(&mut self.writer, &mut self.outbox), if has_output => match written {
                Ok(bytes) => {
                    self.written += u64::try_from(bytes).unwrap_or_default();
                    self.unflushed = bytes > 0;
                    self.beats.sent = Instant::now();
                }
                Err(error) => return self.last_words(&error).await,
            },
            () = until(self.beats.sent, self.beats.send_every), if !has_output => self.beat(),
            () = until(self.beats.heard, self.beats.expect_every) => return Err(self.silent()),
        }
        Ok(None)
    }

    /// A broker that refuses us says why and closes: its words may be here though nothing can be written any more.
    async fn last_words(&mut self, error: &std::io::Error) -> Result<Option<Frame>, SendError> {
        let lost = tls::lost("the connection", &self.address, error);
        loop {
            match self.codec.decode(&mut self.inbox) {
                Ok(None) => {}
                Ok(Some(frame)) => return Ok(Some(frame)),
                Err(_) => return Err(lost),
            }
            let read = tokio::time::timeout(FAREWELL, self.reader.read_buf(&mut self.inbox)).await;
            if !matches!(read, Ok(Ok(1..))) {
                return Err(lost);
            }
        }
    }

    /// Says goodbye, and waits a moment for the answer.
    pub(super) async fn close(mut self) {
        let goodbye = self.queue(Frame::new("DISCONNECT")).receipt.to_string();
        let answered = async {
            while let Ok(frame) = self.turn().await {
                if frame.is_some_and(|frame| frame.header("receipt-id") == Some(&goodbye)) {
                    break;
                }
            }
        };
        // Nothing is in flight: without an answer nothing is lost.
        let _ = tokio::time::timeout(FAREWELL, answered).await;
        let _ = tokio::time::timeout(FAREWELL, self.writer.shutdown()).await;
    }

    fn beat(&mut self) {
        self.outbox.extend_from_slice(b"\n");
    }

    fn unreadable(&self, error: &CodecError) -> SendError {
        SendError::transient(format!("{}: {error}; see whether a STOMP broker listens there", self.address))
    }

    fn closed(&self) -> SendError {
        SendError::transient(format!("{} closed the connection; the broker's log says why", self.address))
    }

    fn silent(&self) -> SendError {
        let seconds = self.beats.expect_every.unwrap_or_default().as_secs_f64();
        SendError::transient(format!(
            "{} was not heard for {seconds} s, and its heart-beats are due more often; see whether the broker hangs",
            self.address
        ))
    }
}

/// Writes some bytes, or flushes when there are none.
async fn put(writer: &mut WriteHalf<Box<dyn Stream>>, outbox: &mut BytesMut) -> std::io::Result<usize> {
    if outbox.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write_buf(outbox).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        bytes => Ok(bytes),
    }
}

/// `every` after `since`; never, if there is none.
async fn until(since: Instant, every: Option<Duration>) {
    match every {
        Some(every) => sleep_until(since + every).await,
        None => std::future::pending().await,
    }
}

/// Holds a connection while nothing is sent: beats, listens, and lets go of one that died.
pub(super) struct Keeper {
    /// Dropped, the task ends and the connection with it.
    call: oneshot::Sender<()>,
    task: JoinHandle<Option<Connection>>,
}

impl Keeper {
    pub(super) fn keep(mut connection: Connection) -> Self {
        let (call, mut called) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    // What came already is heard first: a connection that has ended is not handed out.
                    biased;
                    turned = connection.turn() => match turned {
                        Ok(None) => {}
                        // Nothing was asked: this can only be an ERROR, and the broker closes after it.
                        Ok(Some(frame)) => {
                            tracing::debug!(broker = %connection.address, frame = known(&frame.command), "unasked for");
                            return None;
                        }
                        Err(error) => {
                            tracing::debug!(broker = %connection.address, error = error.message, "lost while idle");
                            return None;
                        }
                    },
                    called = &mut called => return called.ok().map(|()| connection),
                }
            }
        });
        Keeper { call, task }
    }

    /// The connection, if it still lives.
    pub(super) async fn release(self) -> Option<Connection> {
        // The task is gone if the connection is.
        let _ = self.call.send(());
        self.task.await.ok().flatten()
    }
}

/// A broker's words are not logged as they are.
fn known(command: &str) -> &str {
    if matches!(command, "ERROR" | "RECEIPT" | "MESSAGE" | "CONNECTED") { command } else { "unknown" }
}
