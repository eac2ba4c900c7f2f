//! A connector that does what a test tells it to: accept, refuse, hang, lose an answer. No configuration reaches it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bugrelay::connector::{Connector, Outcomes, SendError};
use bugrelay::message::Envelope;
use tokio::sync::watch;

/// What one `send` does.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Takes everything.
    Accept,
    /// Takes nothing, for this reason.
    Fail(SendError),
    /// Refuses the envelopes that this says, takes the others.
    Poison(Arc<dyn Fn(&Envelope) -> bool + Send + Sync>),
    /// Finds the envelopes too large that this says, takes the others.
    TooLarge(Arc<dyn Fn(&Envelope) -> bool + Send + Sync>),
    /// One fate for each envelope in order; what is beyond the list is accepted.
    Each(Vec<Fate>),
    /// Takes everything after so long.
    Slow(Duration),
    /// Takes this many, then never returns.
    HangAfter(usize),
    /// Takes this many, then panics.
    PanicAfter(usize),
}

/// What becomes of one envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Arrives, and is acknowledged.
    Accepted,
    /// Arrives, and no answer comes.
    Lost,
    /// Does not arrive, and no answer comes.
    Forgotten,
    /// Refused for now.
    Refused,
    /// Refused for good.
    Poisonous,
    /// Refused for its size.
    TooLarge,
}

/// What the connector saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// What arrived, in order.
    pub(crate) arrived: Vec<Envelope>,
    /// Sizes of the batches handed over.
    pub(crate) batches: Vec<usize>,
    /// Whether `close` was called.
    pub(crate) closed: bool,
}

#[derive(Default)]
struct Plan {
    next: VecDeque<Behaviour>,
    always: Option<Behaviour>,
    knows_its_limit: bool,
    left_at_the_end: u64,
}

/// The test's handle to a [`ScriptedConnector`].
#[derive(Clone)]
pub(crate) struct Script {
    plan: Arc<Mutex<Plan>>,
    seen: watch::Sender<Seen>,
}

/// The connector itself.
pub(crate) struct ScriptedConnector(Script);

impl Script {
    /// Accepts everything until told otherwise.
    pub(crate) fn new() -> Self {
        Script { plan: Arc::default(), seen: watch::Sender::new(Seen::default()) }
    }

    /// The connector that follows it.
    pub(crate) fn connector(&self) -> ScriptedConnector {
        ScriptedConnector(self.clone())
    }

    /// The next `send` without a behaviour of its own does this.
    #[must_use]
    pub(crate) fn then(self, behaviour: Behaviour) -> Self {
        self.plan().next.push_back(behaviour);
        self
    }

    /// Every `send` that was given nothing else does this from now on.
    pub(crate) fn always(&self, behaviour: Behaviour) {
        self.plan().always = Some(behaviour);
    }

    /// It can say beforehand what is too large.
    pub(crate) fn knows_its_limit(&self) {
        self.plan().knows_its_limit = true;
    }

    /// So many copies do not leave when it is closed.
    pub(crate) fn leaves_at_the_end(&self, copies: u64) {
        self.plan().left_at_the_end = copies;
    }

    /// What it saw until now.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until the connector has seen this.
    pub(crate) async fn until(&self, condition: impl Fn(&Seen) -> bool) -> Seen {
        let mut watching = self.seen.subscribe();
        // The sender is in `self`: it cannot be gone.
        watching.wait_for(|seen| condition(seen)).await.map(|seen| seen.clone()).unwrap_or_default()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> Behaviour {
        let mut plan = self.plan();
        plan.next.pop_front().or_else(|| plan.always.clone()).unwrap_or(Behaviour::Accept)
    }

    fn arrive(&self, envelopes: &[Envelope]) {
        self.seen.send_modify(|seen| seen.arrived.extend_from_slice(envelopes));
    }

    fn accept(&self, batch: &[Envelope], outcomes: &Outcomes) {
        self.arrive(batch);
        (0..batch.len()).for_each(|index| outcomes.sent(index));
    }

    fn decide(&self, index: usize, envelope: &Envelope, fate: Fate, outcomes: &Outcomes) {
        if matches!(fate, Fate::Accepted | Fate::Lost) {
            self.arrive(std::slice::from_ref(envelope));
        }
        match fate {
            Fate::Accepted => outcomes.sent(index),
            Fate::Refused => outcomes.failed(index, SendError::transient("refused for now")),
            Fate::Poisonous => outcomes.failed(index, SendError::poison("refused for good")),
            Fate::TooLarge => outcomes.failed(index, SendError::too_large("refused for its size")),
            Fate::Lost | Fate::Forgotten => {}
        }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Connector for ScriptedConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let script = &self.0;
        let behaviour = script.behaviour();
        script.seen.send_modify(|seen| seen.batches.push(batch.len()));
        match behaviour {
            Behaviour::Accept => script.accept(batch, outcomes),
            Behaviour::Fail(error) => outcomes.failed_from(0, &error),
            Behaviour::Poison(poisonous) => {
                for (index, envelope) in batch.iter().enumerate() {
                    let fate = if poisonous(envelope) { Fate::Poisonous } else { Fate::Accepted };
                    script.decide(index, envelope, fate, outcomes);
                }
            }
            Behaviour::TooLarge(is_too_large) => {
                for (index, envelope) in batch.iter().enumerate() {
                    let fate = if is_too_large(envelope) { Fate::TooLarge } else { Fate::Accepted };
                    script.decide(index, envelope, fate, outcomes);
                }
            }
            Behaviour::Each(fates) => {
                let fates = fates.into_iter().chain(std::iter::repeat(Fate::Accepted));
                for ((index, envelope), fate) in batch.iter().enumerate().zip(fates) {
                    script.decide(index, envelope, fate, outcomes);
                }
            }
            Behaviour::Slow(time) => {
                tokio::time::sleep(time).await;
                script.accept(batch, outcomes);
            }
            Behaviour::HangAfter(count) => {
                script.accept(&batch[..count.min(batch.len())], outcomes);
                std::future::pending().await
            }
            Behaviour::PanicAfter(count) => {
                script.accept(&batch[..count.min(batch.len())], outcomes);
                panic!("as the script says");
            }
        }
    }

    fn fits(&self, envelope: &Envelope) -> bool {
        let plan = self.0.plan();
        !(plan.knows_its_limit
            && matches!(&plan.always, Some(Behaviour::TooLarge(is_too_large)) if is_too_large(envelope)))
    }

    async fn close(&mut self) -> u64 {
        self.0.seen.send_modify(|seen| seen.closed = true);
        self.0.plan().left_at_the_end
    }
}
