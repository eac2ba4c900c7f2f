//! Where a message comes from: Bugzilla, or a script that dropped it at the relay.

use std::fmt;

use crate::bugzilla::BugId;
use crate::changeset::Subject;

/// Who tells it. Nothing that comes by the relay can be taken for Bugzilla's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Bugzilla; what it is about. The routing key is `<target>.<action>`.
    Bugzilla(Subject),
    /// A script; by which endpoint it came. The routing key is its topic, and the body is the script's own, byte for byte.
    Relay(Endpoint),
}

/// Where scripts drop messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// ZeroMQ, as fedmsg's publishers speak it: the body is the JSON object that fedmsg wraps a message in.
    Zeromq,
    /// `POST /relay/TOPIC`: the body is any JSON.
    Http,
}

/// What keeps its order: messages of one bug, or of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane<'a> {
    /// All of a bug and of its parts.
    Bug(BugId),
    /// All that scripts drop under a topic.
    Topic(&'a str),
}

impl Origin {
    /// What it is about, if it is Bugzilla's.
    pub fn subject(self) -> Option<Subject> {
        match self {
            Origin::Bugzilla(subject) => Some(subject),
            Origin::Relay(_) => None,
        }
    }

    /// The bug that it is about, or about a part of.
    pub fn bug(self) -> Option<BugId> {
        self.subject().map(Subject::bug)
    }

    /// `bug`, `comment`, `attachment` or `relay`.
    pub fn target(self) -> &'static str {
        self.subject().map_or("relay", Subject::target)
    }

    /// What stands behind the target in a routing key of Bugzilla's; of what was relayed the whole topic.
    pub fn action(self, routing_key: &str) -> &str {
        match self {
            Origin::Bugzilla(_) => routing_key.split_once('.').map_or("", |(_, action)| action),
            Origin::Relay(_) => routing_key,
        }
    }
}

impl From<Subject> for Origin {
    fn from(subject: Subject) -> Self {
        Origin::Bugzilla(subject)
    }
}

impl Endpoint {
    /// Each of them.
    pub const ALL: [Endpoint; 2] = [Endpoint::Zeromq, Endpoint::Http];

    /// The word of metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Endpoint::Zeromq => "zeromq",
            Endpoint::Http => "http",
        }
    }
}

/// The key by which a bus keeps an order: the bug's id, or the topic.
impl fmt::Display for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lane::Bug(bug) => bug.fmt(f),
            Lane::Topic(topic) => topic.fmt(f),
        }
    }
}
