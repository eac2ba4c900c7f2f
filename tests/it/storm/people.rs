//! Eight people, each with a connection and a mind of their own, and somebody who cuts them off.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use fastrand::Rng;

use super::save::Save;
use super::session::Session;
use super::site::{PEOPLE, Site};
use crate::services::poll;

/// So many saves are made between two connections that are cut off.
const SAVES_PER_CUT: u64 = 50;

/// Between two looks at something that is down, or not yet there.
const BREATH: Duration = Duration::from_millis(20);

/// How long the storm may stand still: a server comes up again within it.
const STANDSTILL: Duration = Duration::from_secs(600);

/// They save until as many saves were committed as were wanted.
pub(super) struct People {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub(super) struct State {
    wanted: u64,
    stop: AtomicBool,
    pub(super) account: Account,
}

/// What became of the saves, as far as those know who made them.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) committed: AtomicU64,
    pub(super) rolled_back: AtomicU64,
    pub(super) failed: AtomicU64,
    cut: AtomicU64,
}

impl People {
    pub(super) fn start(site: &Site, wanted: u64, seed: u64) -> Self {
        let state = Arc::new(State { wanted, ..State::default() });
        let (work, url) = (Arc::clone(&state), site.web_url());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work.blow(&url, &mut Rng::with_seed(seed)));
        });
        People { state, thread: Some(thread) }
    }

    /// Waits until so many are committed.
    pub(super) fn wait_for(&self, saves: u64) {
        let reached = poll(STANDSTILL, || self.state.committed() >= saves);
        assert!(reached, "nobody can save any more: {}", self.state.account);
    }

    /// Nothing is under way when this returns.
    pub(super) fn finish(mut self) -> String {
        self.wait_for(self.state.wanted);
        self.end();
        self.state.account.to_string()
    }

    fn end(&mut self) {
        self.state.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "somebody panicked");
        }
    }
}

impl Drop for People {
    fn drop(&mut self) {
        self.end();
    }
}

impl State {
    fn committed(&self) -> u64 {
        self.account.committed.load(SeqCst)
    }

    fn is_over(&self) -> bool {
        self.stop.load(SeqCst) || self.committed() >= self.wanted
    }

    async fn blow(&self, url: &str, random: &mut Rng) {
        let people = (0..PEOPLE).map(|person| self.live(url, person, random.fork()));
        futures_util::future::join(futures_util::future::join_all(people), self.cut(url)).await;
    }

    async fn live(&self, url: &str, person: u64, mut random: Rng) {
        let mut number = 0;
        while !self.is_over() {
            let Some(mut session) = Session::open(url).await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            while !self.is_over() {
                number += 1;
                let save = Save { person, number, session: &mut session, random: &mut random };
                if save.make(&self.account).await.is_err() {
                    break;
                }
            }
        }
    }

    async fn cut(&self, url: &str) {
        let mut next = SAVES_PER_CUT;
        let mut session = None;
        while !self.is_over() {
            tokio::time::sleep(BREATH).await;
            if self.committed() < next {
                continue;
            }
            if session.is_none() {
                session = Session::open(url).await;
            }
            if let Some(open) = &mut session {
                next = self.committed() + SAVES_PER_CUT;
                match open.cut_somebody_off().await {
                    Ok(()) => _ = self.account.cut.fetch_add(1, SeqCst),
                    Err(_) => session = None,
                }
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [committed, rolled_back, failed, cut] =
            [&self.committed, &self.rolled_back, &self.failed, &self.cut].map(|count| count.load(SeqCst));
        write!(f, "{committed} saves committed, {rolled_back} rolled back, {failed} failed, {cut} connections cut off")
    }
}
