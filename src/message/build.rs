//! Change sets and a snapshot -> messages.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::changes::changes;
use super::event::{Event, WireUser};
use super::wording::Wording;
use super::{Body, Fact, Message, MessageId, json, object};
use crate::bugzilla::BugId;
use crate::changeset::{ChangeSet, Deed, Kind, Subject};
use crate::snapshot::{Bug, Snapshot};
use crate::visibility::{Object, Public, Rules, Verdict};

/// Builds the messages of one snapshot; a bug that several of them hold is written once.
pub struct Builder<'a> {
    wording: &'a Wording,
    rules: &'a Rules,
    snapshot: &'a Snapshot,
    bugs: HashMap<BugId, Box<RawValue>>,
}

impl<'a> Builder<'a> {
    /// For change sets that `snapshot` was read for.
    pub fn new(wording: &'a Wording, rules: &'a Rules, snapshot: &'a Snapshot) -> Self {
        Builder { wording, rules, snapshot, bugs: HashMap::new() }
    }

    /// The messages of one change set, in the order they leave.
    pub fn build(&mut self, set: &ChangeSet, committed_at_ms: i64) -> Vec<Message> {
        let mut deeds = set.deeds(&self.snapshot.fields);
        // Comments leave by their number, which is known only now.
        let number = |deed: &Deed| match (deed.kind, deed.subject) {
            (Kind::Create, Subject::Comment(_, id)) => self.snapshot.comments.get(&id).map_or(usize::MAX, |c| c.number),
            _ => 0,
        };
        deeds.sort_by_key(|deed| (rank(deed), number(deed)));
        deeds.retain(|deed| self.rules.is_news(deed, set, self.snapshot));
        deeds.iter().map(|deed| self.message(deed, set, committed_at_ms)).collect()
    }

    fn message(&mut self, deed: &Deed, set: &ChangeSet, committed_at_ms: i64) -> Message {
        let routing_key = format!("{}.{}", deed.subject.target(), deed.kind);
        let change_set = set.id.to_wire(&self.wording.zone);
        let mut bytes = Vec::with_capacity(2048);
        self.event(&mut bytes, deed, set, &routing_key, &change_set);
        let event_bytes = bytes.len();
        let (event_bytes, product, withheld) = match self.rules.judge(deed, set, self.snapshot) {
            Verdict::Private(reason) => {
                bytes.extend_from_slice(b"}}");
                (None, None, Some(reason))
            }
            Verdict::Public(object, told) => {
                if deed.kind == Kind::Modify {
                    let changes = changes(deed, set, self.snapshot, &told, self.wording);
                    if !changes.is_empty() {
                        bytes.extend_from_slice(b",\"changes\":");
                        json::write(&mut bytes, &changes);
                    }
                }
                bytes.extend_from_slice(format!("}},\"{}\":", deed.subject.target()).as_bytes());
                self.object(&mut bytes, &object);
                bytes.push(b'}');
                (Some(event_bytes), Some(object.bug().get().product.name.clone()), None)
            }
        };
        Message {
            id: MessageId::of(&self.wording.base_url, &routing_key, &what(deed, set)),
            subject: deed.subject,
            kind: deed.kind,
            change_set,
            product,
            committed_at_ms,
            facts: facts(deed, set),
            saved_at: set.id.at,
            withheld,
            body: Body { bytes: bytes.into(), event_bytes },
        }
    }

    /// `{"event":{...` without the brackets that close it.
    fn event(&self, bytes: &mut Vec<u8>, deed: &Deed, set: &ChangeSet, routing_key: &str, change_set: &str) {
        let event = Event {
            routing_key,
            target: deed.subject.target(),
            action: deed.kind.as_str(),
            bug_id: set.id.bug.0,
            change_set,
            time: set.id.at.to_utc(&self.wording.zone).to_string(),
            user: WireUser::new(&self.snapshot.user(set.id.who), self.wording.identity),
        };
        bytes.extend_from_slice(b"{\"event\":");
        json::write(bytes, &event);
        bytes.pop();
    }

    fn object(&mut self, bytes: &mut Vec<u8>, object: &Public<Object<'_>>) {
        let bug: Public<&Bug> = object.bug();
        let wording = self.wording;
        let written = self.bugs.entry(bug.get().id).or_insert_with(|| {
            let text = String::from_utf8(json::raw(&object::bug(&bug, wording))).unwrap_or_default();
            RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
        });
        object::write(bytes, object, written, wording);
    }
}

/// Place of a deed within its change set.
fn rank(deed: &Deed) -> u8 {
    match (deed.subject, deed.kind) {
        (Subject::Attachment(..), Kind::Create) => 0,
        (Subject::Comment(..), Kind::Create) => 1,
        (Subject::Comment(..), Kind::Modify) => 2,
        (Subject::Bug(_), Kind::Create) => 3,
        (Subject::Bug(_), Kind::Modify) => 4,
        (Subject::Attachment(..), Kind::Modify) => 5,
    }
}

/// What tells a deed from all others of the site: see [`MessageId::of`].
fn what(deed: &Deed, set: &ChangeSet) -> String {
    match (deed.kind, deed.subject, deed.first_activity()) {
        (Kind::Create, Subject::Bug(id), _) => id.to_string(),
        (Kind::Create, Subject::Comment(_, id), _) => id.to_string(),
        (Kind::Create, Subject::Attachment(_, id), _) => id.to_string(),
        (Kind::Modify, Subject::Comment(_, id), Some(activity)) => format!("{id}/{activity}"),
        (Kind::Modify, _, Some(activity)) => activity.to_string(),
        // A bug whose duplicate changed without any other field: by the comment that Bugzilla writes with it.
        (Kind::Modify, _, None) => {
            let comment = set.comments.first().map(ToString::to_string).unwrap_or_default();
            format!("{}/duplicate/{comment}", set.id.bug)
        }
    }
}

fn facts(deed: &Deed, set: &ChangeSet) -> Vec<Fact> {
    match (deed.kind, deed.subject) {
        (Kind::Create, Subject::Bug(id)) => vec![Fact::Bug(id)],
        (Kind::Create, Subject::Comment(_, id)) => vec![Fact::Comment(id)],
        (Kind::Create, Subject::Attachment(_, id)) => vec![Fact::Attachment(id)],
        (Kind::Modify, _) if deed.activity.is_empty() => {
            set.comments.first().map(|&id| Fact::Duplicate(id)).into_iter().collect()
        }
        (Kind::Modify, _) => deed.activity.iter().map(|row| Fact::Activity(row.id)).collect(),
    }
}
