//! Those who have connected and not said who they are. They take nobody's seat: they are few, and for a moment. When more come, the oldest
//! has to go: somebody who opens connections and stays silent loses his own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::tally::{Refusal, Tally};
use crate::zmtp::{Peer, Role};

/// So many at a time.
const MOST: usize = 128;

/// How long a greeting may take: a round trip, in which a busy machine may have much else to do.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// Nobody has to go earlier than that: of many who come at once, each has its moment. A long one would have them wait with the system, which
/// has whom it cannot keep try again after a second.
const MOMENT: Duration = Duration::from_millis(5);

/// A publisher that has greeted, and has not been subscribed to.
pub(super) type Greeted = (Peer<TcpStream>, SocketAddr);

/// See the module.
pub(super) struct Greetings {
    tally: Arc<Tally>,
    /// Bytes of a message, at the most.
    max_message_bytes: usize,
    tasks: JoinSet<Option<Greeted>>,
    oldest_first: VecDeque<(Instant, AbortHandle)>,
}

impl Greetings {
    pub(super) fn new(tally: Arc<Tally>, max_message_bytes: usize) -> Self {
        Greetings { tally, max_message_bytes, tasks: JoinSet::new(), oldest_first: VecDeque::new() }
    }

    /// When there is a place for one more: when the oldest has had its moment. None: now.
    pub(super) fn free_at(&mut self) -> Option<Instant> {
        self.oldest_first.retain(|(_, task)| !task.is_finished());
        let oldest = self.oldest_first.front().filter(|_| self.oldest_first.len() >= MOST);
        oldest.map(|(since, _)| *since + MOMENT).filter(|at| *at > Instant::now())
    }

    /// One has come.
    pub(super) fn begin(&mut self, stream: TcpStream, from: SocketAddr) {
        if self.oldest_first.len() >= MOST
            && let Some((_, oldest)) = self.oldest_first.pop_front()
        {
            oldest.abort();
            self.tally.refused(&"somebody who does not greet", &Refusal::Connections);
        }
        let (tally, max) = (Arc::clone(&self.tally), self.max_message_bytes);
        let task = self.tasks.spawn(async move { greet(stream, from, &tally, max).await });
        self.oldest_first.push_back((Instant::now(), task));
    }

    /// The next that has greeted; none: one has not, or nobody is there. Given up at any moment it has lost nobody.
    pub(super) async fn next(&mut self) -> Option<Greeted> {
        match self.tasks.join_next().await {
            Some(joined) => joined.ok().flatten(),
            None => std::future::pending().await,
        }
    }
}

async fn greet(stream: TcpStream, from: SocketAddr, tally: &Tally, max: usize) -> Option<Greeted> {
    // What is said is short, and waited for.
    let _ = stream.set_nodelay(true);
    let refusal = match timeout(HANDSHAKE, Peer::meet(stream, Role::Subscriber, max)).await {
        Ok(Ok(peer)) => return Some((peer, from)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Refusal::Protocol(error.to_string()),
        // Gone before it said anything: a look at the port.
        Ok(Err(_)) => return None,
        Err(_) => Refusal::Slow,
    };
    tally.refused(&from, &refusal);
    None
}
