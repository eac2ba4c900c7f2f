//! Whether what waits may leave: told by whoever reads the source, asked by whoever sends.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::Server;

/// Shared by the capture, the deliveries and the admin port.
#[derive(Debug)]
pub struct Admission {
    state: watch::Sender<State>,
    /// Another server answered than the one that is admitted.
    doubts: Notify,
}

#[derive(Clone, Debug)]
enum State {
    /// No server has answered yet, or since the one that was read broke off.
    Unknown,
    /// The server is ours; which of all it is, see [`super::Found::instance`].
    Admitted(Arc<str>),
    /// It may be a copy of Bugzilla.
    Refused(Arc<Refusal>),
    /// Somebody has said that it is ours; it is to be begun with.
    Adopted(Server),
}

/// Why nothing is read, told or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The server that was read before; none: it was read by a version that did not say.
    pub known: Option<Server>,
    /// The one that is there now.
    pub found: Server,
    /// For the operator.
    pub message: String,
}

impl Refusal {
    /// `why`: what speaks against it.
    pub fn new(known: Option<Server>, found: Server, why: &str) -> Self {
        let before = known.as_ref().map_or("another server".to_owned(), ToString::to_string);
        let message = format!(
            "{found} is not what was read before, {before}: {why}. It may be a copy of Bugzilla, as for staging: nothing of it is told, and \
             nothing that waits is sent. If it is the right one, `bugrelay adopt` goes on with it; if it is a copy, give the copy's bugrelay \
             a base_url, a store and buses of its own"
        );
        Refusal { known, found, message }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Admission { state: watch::Sender::new(State::Unknown), doubts: Notify::new() }
    }
}

impl Admission {
    /// The server is ours; `instance` tells it from every other.
    pub fn admit(&self, instance: &str) {
        self.state.send_if_modified(|state| {
            let is_news = !matches!(state, State::Admitted(admitted) if **admitted == *instance);
            if is_news {
                *state = State::Admitted(instance.into());
            }
            is_news
        });
    }

    /// Nobody reads the server any more: whoever answers next is to be known again first. What was refused or adopted stays so.
    pub fn forget(&self) {
        self.state.send_if_modified(|state| {
            let was_admitted = matches!(state, State::Admitted(_));
            if was_admitted {
                *state = State::Unknown;
            }
            was_admitted
        });
    }

    /// Which server is admitted, as soon as one is.
    pub async fn recognised(&self) -> Arc<str> {
        let mut states = self.state.subscribe();
        loop {
            if let State::Admitted(instance) = &*states.borrow_and_update() {
                return Arc::clone(instance);
            }
            // The sender is here: it does not go away.
            let _ = states.changed().await;
        }
    }

    /// Another server answered than that one: whoever reads the source looks who it is.
    pub fn doubt(&self) {
        self.doubts.notify_one();
    }

    /// Returns when somebody doubts, or has since this was last asked.
    pub async fn doubted(&self) {
        self.doubts.notified().await;
    }

    /// The server may be a copy. What somebody has said meanwhile counts more.
    pub fn refuse(&self, refusal: Arc<Refusal>) {
        self.state.send_if_modified(|state| {
            let is_open = !matches!(state, State::Adopted(_));
            if is_open {
                *state = State::Refused(refusal);
            }
            is_open
        });
    }

    /// Somebody has said that this server is ours: whoever reads the source begins with it anew.
    pub fn adopt(&self, server: &Server) {
        self.state.send_replace(State::Adopted(server.adopted()));
    }

    /// Returns when somebody has, with the server.
    pub async fn adopted(&self) -> Server {
        let mut states = self.state.subscribe();
        loop {
            if let State::Adopted(server) = &*states.borrow_and_update() {
                return server.clone();
            }
            // The sender is here: it does not go away.
            let _ = states.changed().await;
        }
    }

    /// Waits until a server has answered and was known again; or says why nothing may leave.
    pub async fn admitted(&self) -> Result<(), Arc<Refusal>> {
        let mut states = self.state.subscribe();
        loop {
            match &*states.borrow_and_update() {
                State::Admitted(_) => return Ok(()),
                State::Refused(refusal) => return Err(Arc::clone(refusal)),
                State::Unknown | State::Adopted(_) => {}
            }
            let _ = states.changed().await;
        }
    }

    /// Whether the server is ours, as far as is known at this moment.
    pub fn is_admitted(&self) -> bool {
        matches!(*self.state.borrow(), State::Admitted(_))
    }

    /// Why nothing may leave at this moment, if a server was refused.
    pub fn refusal(&self) -> Option<Arc<Refusal>> {
        match &*self.state.borrow() {
            State::Refused(refusal) => Some(Arc::clone(refusal)),
            _ => None,
        }
    }
}
