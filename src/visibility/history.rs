//! What was private when a save was committed: the state of now, with later changes of privacy undone.
//!
//! A change of the same second that is not the save's own may have come before or after it; the save then counts as
//! private if it would be in either case.

use std::collections::BTreeSet;

use super::Object;
use crate::changeset::ChangeSet;
use crate::snapshot::{PrivacyChange, PrivacyOf, Snapshot};

/// The privacy of one bug around one save.
pub(super) struct History<'a> {
    /// Later than the save, newest first.
    later: Vec<&'a PrivacyChange>,
    /// Of the save's second and not its own, newest first.
    tied: Vec<&'a PrivacyChange>,
    /// The save's own, newest first.
    own: Vec<&'a PrivacyChange>,
    groups: BTreeSet<&'a str>,
}

impl<'a> History<'a> {
    pub(super) fn new(set: &ChangeSet, snapshot: &'a Snapshot) -> Self {
        let groups = snapshot.bugs.get(&set.id.bug).map(|bug| bug.groups.iter().map(String::as_str).collect());
        let mut history = History { later: vec![], tied: vec![], own: vec![], groups: groups.unwrap_or_default() };
        let changes = snapshot.privacy.get(&set.id.bug).map(Vec::as_slice).unwrap_or_default();
        for change in changes.iter().rev() {
            if set.activity.iter().any(|row| row.id == change.id) {
                history.own.push(change);
            } else if change.at > set.id.at {
                history.later.push(change);
            } else if change.at == set.id.at {
                history.tied.push(change);
            }
        }
        history
    }

    /// Whether the bug was, or may have been, in a group when the save was committed.
    pub(super) fn bug_then_private(&self) -> bool {
        let mut groups = self.groups.clone();
        undo(&mut groups, &self.later);
        !groups.is_empty()
            || self.tied.iter().any(|change| {
                undo(&mut groups, &[change]);
                !groups.is_empty()
            })
    }

    /// Whether it was, or may have been, before the save.
    pub(super) fn bug_before_private(&self) -> bool {
        let mut groups = self.groups.clone();
        undo(&mut groups, &self.later);
        let mut without_ties = groups.clone();
        undo(&mut without_ties, &self.own);
        undo(&mut groups, &self.tied);
        undo(&mut groups, &self.own);
        !groups.is_empty() || !without_ties.is_empty()
    }

    /// Whether a comment or attachment itself was, or may have been, private: before the save, and when it was committed.
    pub(super) fn own(&self, object: Object<'_>) -> (bool, bool) {
        let (of, mut private) = match object {
            Object::Bug(_) => return (false, false),
            Object::Comment(comment, _) => (PrivacyOf::Comment(comment.id), comment.is_private),
            Object::Attachment(attachment, _) => (PrivacyOf::Attachment(attachment.id), attachment.is_private),
        };
        let undone = |changes: &[&PrivacyChange], mut private: bool| {
            let mut ever = private;
            for change in changes.iter().filter(|change| change.of == of) {
                private = change.text.removed != "0";
                ever |= private;
            }
            (private, ever)
        };
        (private, _) = undone(&self.later, private);
        let (before_ties, then) = undone(&self.tied, private);
        let before = undone(&self.own, private).0 || undone(&self.own, before_ties).0;
        (before, then)
    }
}

/// Groups as they were before these changes, newest first.
fn undo<'a>(groups: &mut BTreeSet<&'a str>, changes: &[&'a PrivacyChange]) {
    for change in changes.iter().filter(|change| change.of == PrivacyOf::Groups) {
        for added in names(&change.text.added) {
            groups.remove(added);
        }
        groups.extend(names(&change.text.removed));
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}
