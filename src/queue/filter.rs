//! Which messages a connector wants.

use crate::message::Message;

/// The filters of one connector's configuration. All must let a message pass.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Filter {
    /// `bug`, `comment`, `attachment`, `relay`.
    pub targets: Vec<String>,
    /// `create`, `modify`; `update` is understood as `modify`.
    pub actions: Vec<String>,
    /// Names of products, `*` for any.
    pub products: Vec<String>,
    /// Whether event-only messages are wanted at all.
    pub private_events: bool,
}

impl Default for Filter {
    /// Wants everything.
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect();
        Filter {
            targets: words(&["bug", "comment", "attachment", "relay"]),
            actions: words(&["create", "modify"]),
            products: words(&["*"]),
            private_events: true,
        }
    }
}

impl Filter {
    /// Whether the connector wants this message.
    pub fn wants(&self, message: &Message) -> bool {
        self.targets.iter().any(|target| target == message.subject.target())
            && self.actions.iter().any(|action| {
                action == message.kind.as_str() || (action == "update" && message.kind.as_str() == "modify")
            })
            && match &message.product {
                Some(product) => self.any_product() || self.products.contains(product),
                None => self.wants_private(),
            }
    }

    /// Whether the connector wants what scripts drop at the relay: actions and products are Bugzilla's.
    pub fn wants_relayed(&self) -> bool {
        self.targets.iter().any(|target| target == "relay")
    }

    /// Whether it wants messages that are the event alone. With a filter on products it cannot: the product would be told.
    pub fn wants_private(&self) -> bool {
        self.private_events && self.any_product()
    }

    fn any_product(&self) -> bool {
        self.products.iter().any(|product| product == "*")
    }
}
