//! One connection, as it is waited for: a request must have come whole, and an answer must be read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use super::seats::{Seats, Wait};

/// How long the body of a request may take, whatever its size, which whoever reads it limits.
const BODY: Duration = Duration::from_secs(20);

/// How long nothing may be taken of an answer.
const UNREAD: Duration = Duration::from_secs(30);

/// Whom a connection leads to.
pub(super) struct Client {
    seats: Arc<Seats>,
    away: Arc<Notify>,
    /// While the next request is waited for.
    silent: Mutex<Option<Wait>>,
}

impl Client {
    /// One that has said nothing yet.
    pub(super) fn new(seats: &Arc<Seats>) -> Self {
        let client = Client { seats: Arc::clone(seats), away: Arc::default(), silent: Mutex::default() };
        client.falls_silent();
        client
    }

    /// Waits until somebody else is to have its seat.
    pub(super) async fn called_away(&self) {
        self.away.notified().await;
    }

    fn keeps_waiting(&self) -> Wait {
        self.seats.wait(&self.away)
    }

    fn falls_silent(&self) {
        let wait = self.keeps_waiting();
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(wait);
    }

    fn speaks(&self) -> Option<Wait> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The body of a request, which is waited for so long.
pub(super) struct Asked {
    body: Incoming,
    wait: Option<Wait>,
    until: Pin<Box<Sleep>>,
}

impl Asked {
    /// Its head has come.
    pub(super) fn new(body: Incoming, client: &Client) -> Self {
        let wait = client.speaks().filter(|_| !body.is_end_stream());
        Asked { body, wait, until: Box::pin(sleep(BODY)) }
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.until.as_mut().poll(cx));
            let text = format!("the body of a request did not come within {} s", BODY.as_secs());
            return Poll::Ready(Some(Err(text.into())));
        };
        if self.body.is_end_stream() {
            self.wait = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; when it is given, the next request is waited for.
pub(super) struct Answer {
    body: Body,
    client: Arc<Client>,
}

impl Answer {
    pub(super) fn new(body: Body, client: Arc<Client>) -> Self {
        Answer { body, client }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.client.falls_silent();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Its bytes. One that takes nothing of an answer keeps us waiting, and is given up after [`UNREAD`].
pub(super) struct Stream {
    stream: TcpStream,
    client: Arc<Client>,
    unread: Option<(Pin<Box<Sleep>>, Wait)>,
}

impl Stream {
    pub(super) fn new(stream: TcpStream, client: &Arc<Client>) -> Self {
        Stream { stream, client: Arc::clone(client), unread: None }
    }

    fn read<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let (until, _) = self.unread.get_or_insert_with(|| (Box::pin(sleep(UNREAD)), self.client.keeps_waiting()));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.read(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.read(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
