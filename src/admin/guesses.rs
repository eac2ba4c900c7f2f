//! Wrong tokens, given to the API or the page: whoever goes on with them is answered late.
//!
//! The right one is neither refused nor delayed, whatever came from its address before: behind a proxy all have the same, and whoever
//! guesses would lock the operator out. So it is the token's length that keeps guessers out. This slows down those that wait for their answers,
//! and has the log tell of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// Wrong tokens of one address that are answered at once, until there was none for [`FORGOTTEN`].
const AT_ONCE: u32 = 5;
const FORGOTTEN: Duration = Duration::from_secs(60);

/// How long the answer to each further one takes.
const LATE: Duration = Duration::from_secs(2);

/// Answers that are late at a time, few of the port's connections: whoever guesses on more of them takes no place from others.
const LATE_MAX: usize = 32;

/// Addresses that are remembered; beyond it the one that was quiet for longest is forgotten.
const PEERS_MAX: usize = 1_000;

/// Who gave some lately.
#[derive(Debug)]
pub struct Guesses {
    /// How many, and when the last.
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    late: Semaphore,
}

impl Default for Guesses {
    fn default() -> Self {
        Guesses { wrong: Mutex::default(), late: Semaphore::new(LATE_MAX) }
    }
}

impl Guesses {
    /// One was given; ends when it is to be answered.
    pub(super) async fn answer_wrong(&self, peer: SocketAddr) {
        let tries = self.count(peer.ip());
        if tries < AT_ONCE {
            tracing::warn!(%peer, "a wrong token was given to the admin port");
        } else if tries == AT_ONCE {
            tracing::warn!(%peer, tries, "wrong tokens were given to the admin port; more from there are answered late, and not logged");
        } else if let Ok(_late) = self.late.try_acquire() {
            sleep(LATE).await;
        }
    }

    /// How many it gave by now.
    fn count(&self, peer: IpAddr) -> u32 {
        let (place, now) = (place(peer), Instant::now());
        // Nothing in here can be half done.
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, (_, last)| now - *last < FORGOTTEN);
        if wrong.len() >= PEERS_MAX
            && !wrong.contains_key(&place)
            && let Some(oldest) = wrong.iter().min_by_key(|(_, (_, last))| *last).map(|(place, _)| *place)
        {
            wrong.remove(&oldest);
        }
        let (tries, last) = wrong.entry(place).or_insert((0, now));
        (*tries, *last) = (tries.saturating_add(1), now);
        *tries
    }
}

/// An address; of IPv6 the /64 that one host can take all addresses of.
fn place(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 1)
    }

    /// How long the answer takes; the clock goes on by itself.
    async fn wait(guesses: &Guesses, address: &str) -> Duration {
        let since = Instant::now();
        guesses.answer_wrong(peer(address)).await;
        since.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_on_guessing_is_answered_late_and_nobody_else_is() {
        let guesses = Guesses::default();
        for (guesser, same, other) in [
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("2001:db8:0:1::7", "2001:db8:0:1:ffff::8", "2001:db8:0:2::7"),
        ] {
            for _ in 0..AT_ONCE {
                assert!(wait(&guesses, guesser).await < LATE);
            }
            assert!(wait(&guesses, guesser).await >= LATE && wait(&guesses, same).await >= LATE, "{guesser}");
            assert!(wait(&guesses, other).await < LATE, "{other}");
            tokio::time::advance(FORGOTTEN).await;
            assert!(wait(&guesses, guesser).await < LATE, "{guesser}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_guess_few_answers_are_late_and_few_addresses_remembered() {
        let guesses = Guesses::default();
        for host in 0..u32::try_from(PEERS_MAX).unwrap() + 1 {
            assert_eq!(guesses.count(std::net::Ipv4Addr::from_bits(host).into()), 1);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(guesses.count(peer("0.0.0.1").ip()), 2, "it is remembered");
        assert_eq!(guesses.count(peer("0.0.0.0").ip()), 1, "it was quiet for longest");
        for _ in 0..AT_ONCE {
            guesses.count(peer("192.0.2.7").ip());
        }
        let late: Vec<_> = (0..LATE_MAX).map(|_| guesses.late.try_acquire().unwrap()).collect();
        assert!(wait(&guesses, "192.0.2.7").await < LATE);
        drop(late);
        assert!(wait(&guesses, "192.0.2.7").await >= LATE);
    }
}
