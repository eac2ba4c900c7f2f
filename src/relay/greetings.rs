//! Those who have connected and not said who they are. They take nobody's seat: they are few, and for a moment. When more come, one
//! has to go: of those from whom no byte has come the oldest. A publisher's first bytes come with its connection; somebody who opens
//! connections and stays silent loses his own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::tally::{Refusal, Tally};
use crate::zmtp::{Peer, Role};

/// So many at a time; each takes 16 KiB.
const MOST: usize = 512;

/// How long a greeting may take: a round trip, in which a busy machine may have much else to do.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// Nobody has to go earlier than that: of many who come at once, each has its moment. A long one would have them wait with the system, which
/// has whom it cannot keep try again after a second.
const MOMENT: Duration = Duration::from_millis(5);

/// Nor has one that has begun to greet: the rest of it comes from as far away as publishers are.
const ROUND_TRIPS: Duration = Duration::from_millis(250);

/// A publisher that has greeted, and has not been subscribed to.
pub(super) type Greeted = (Peer<TcpStream>, SocketAddr);

/// One that has not greeted.
struct Pending {
    since: Instant,
    has_begun: Arc<AtomicBool>,
    task: AbortHandle,
}

/// See the module.
pub(super) struct Greetings {
    tally: Arc<Tally>,
    /// Bytes of a message, at the most.
    max_message_bytes: usize,
    /// At a time.
    most: usize,
    tasks: JoinSet<Option<Greeted>>,
    oldest_first: VecDeque<Pending>,
}

impl Greetings {
    pub(super) fn new(tally: Arc<Tally>, max_message_bytes: usize) -> Self {
        Greetings { tally, max_message_bytes, most: MOST, tasks: JoinSet::new(), oldest_first: VecDeque::new() }
    }

    /// When there is a place for one more: when the one that has to go has had its moment. None: now.
    pub(super) fn free_at(&mut self) -> Option<Instant> {
        if self.oldest_first.len() >= self.most {
            self.oldest_first.retain(|pending| !pending.task.is_finished());
        }
        let (_, at) = self.next_to_go()?;
        (at > Instant::now()).then_some(at)
    }

    /// Who has to go when one more comes, and not before when. None: there is a place.
    fn next_to_go(&self) -> Option<(usize, Instant)> {
        if self.oldest_first.len() < self.most {
            return None;
        }
        let is_silent = |pending: &Pending| !pending.has_begun.load(Ordering::Relaxed);
        match self.oldest_first.iter().position(is_silent) {
            Some(index) => Some((index, self.oldest_first[index].since + MOMENT)),
            None => Some((0, self.oldest_first.front()?.since + ROUND_TRIPS)),
        }
    }

    /// One has come.
    pub(super) fn begin(&mut self, stream: TcpStream, from: SocketAddr) {
        if let Some((index, _)) = self.next_to_go()
            && let Some(pending) = self.oldest_first.remove(index)
        {
            pending.task.abort();
            self.tally.refused(&"somebody who does not greet", &Refusal::Connections);
        }
        let (tally, max) = (Arc::clone(&self.tally), self.max_message_bytes);
        let has_begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&has_begun);
        let task = self.tasks.spawn(async move { greet(stream, from, &tally, max, &begins).await });
        self.oldest_first.push_back(Pending { since: Instant::now(), has_begun, task });
    }

    /// The next that has greeted; none: one has not, or nobody is there. Given up at any moment it has lost nobody.
    pub(super) async fn next(&mut self) -> Option<Greeted> {
        match self.tasks.join_next().await {
            Some(joined) => joined.ok().flatten(),
            None => std::future::pending().await,
        }
    }
}

async fn greet(stream: TcpStream, from: SocketAddr, tally: &Tally, max: usize, begins: &AtomicBool) -> Option<Greeted> {
    // What is said is short, and waited for.
    let _ = stream.set_nodelay(true);
    let met = async {
        let mut peer = Peer::hail(stream, Role::Subscriber, max).await?;
        peer.begins().await?;
        begins.store(true, Ordering::Relaxed);
        peer.recognise(Role::Subscriber).await?;
        io::Result::Ok(peer)
    };
    let refusal = match timeout(HANDSHAKE, met).await {
        Ok(Ok(peer)) => return Some((peer, from)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Refusal::Protocol(error.to_string()),
        // Gone before it said anything: a look at the port.
        Ok(Err(_)) => return None,
        Err(_) => Refusal::Slow,
    };
    tally.refused(&from, &refusal);
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::message::Endpoint;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn who_has_begun_to_greet_goes_after_all_that_are_silent() {
        let metrics = Metrics::new("test").unwrap();
        let mut greetings = Greetings::new(Arc::new(Tally::new(Endpoint::Zeromq, metrics.relay.clone())), 1_000);
        greetings.most = 3;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap();
        let mut begins = TcpStream::connect(port).await.unwrap();
        begins.write_all(&[0xff]).await.unwrap();
        let (stream, from) = listener.accept().await.unwrap();
        greetings.begin(stream, from);
        while !greetings.oldest_first[0].has_begun.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let mut silent = vec![];
        for _ in 0..3 {
            silent.push(TcpStream::connect(port).await.unwrap());
            let (stream, from) = listener.accept().await.unwrap();
            greetings.begin(stream, from);
        }
        assert!(greetings.oldest_first[0].has_begun.load(Ordering::Relaxed), "it has its place still");
        assert_eq!(greetings.oldest_first.len(), 3);
        assert_eq!(
            metrics.relay.received.with_label_values(&["zeromq", "connections"]).get(),
            1,
            "a silent one has gone"
        );
    }
}
