//! Reading again what was told before: from where a prepared XA transaction begins up to the stored position.

use std::collections::BTreeMap;

use super::gtid::{Gtid, GtidSet};
use super::position::{FilePlace, Place};

/// What still lies between the stream and the place where it was left.
pub(super) enum Replay {
    /// Nothing: all that comes is new.
    Over,
    /// The last transaction to pass over, by domain.
    MariaDb(BTreeMap<u32, (u32, u64)>),
    /// These were told.
    MySql(GtidSet),
    /// All before this place was told.
    File(FilePlace),
}

impl Replay {
    /// Reading begins at `from`, and was left at `target`.
    pub(super) fn new(from: &Place, target: &Place) -> Self {
        match (&from.gtids, &target.gtids) {
            _ if from == target => Replay::Over,
            _ if from.gtids.is_empty() => Replay::File(target.file.clone()),
            (GtidSet::MariaDb(from), GtidSet::MariaDb(target)) => Replay::MariaDb(
                target
                    .iter()
                    .filter(|(domain, last)| from.get(domain) != Some(last))
                    .map(|(d, last)| (*d, *last))
                    .collect(),
            ),
            (_, target) => Replay::MySql(target.clone()),
        }
    }

    /// Whether the group that begins here was told before.
    pub(super) fn is_told(&self, gtid: Option<&Gtid>, at: &FilePlace) -> bool {
        match (self, gtid) {
            (Replay::MariaDb(last), Some(Gtid::MariaDb { domain, .. })) => last.contains_key(domain),
            (Replay::MySql(told), Some(gtid)) => told.contains(gtid),
            (Replay::File(target), _) => at.name != target.name || at.pos < target.pos,
            _ => false,
        }
    }

    /// A group that was told before has ended.
    pub(super) fn passed(&mut self, gtid: Option<&Gtid>, at: &FilePlace) {
        match (&mut *self, gtid) {
            (Replay::MariaDb(last), Some(Gtid::MariaDb { domain, server, number })) => {
                if last.get(domain) == Some(&(*server, *number)) {
                    last.remove(domain);
                }
                if last.is_empty() {
                    *self = Replay::Over;
                }
            }
            (Replay::File(target), _) if at.name == target.name && at.pos >= target.pos => *self = Replay::Over,
            _ => {}
        }
    }
}
