//! Which rows belong together, where the server tells no number of a transaction. Pure.
//!
//! A row has the number of the connection that wrote it, and one connection writes many transactions. What follows each other on a
//! connection and is of one user and one second is a *save*: two transactions of a user in one second become one, which `message_id`
//! allows, and one transaction is split at most between two users or seconds, which no message spans.
//! A save that has touched a bug (it held the lock of the bug then) is over as soon as another connection writes about that bug.

use std::collections::HashMap;

use crate::bugzilla::{BugId, LocalTime};
use crate::capture::triggers::Queued;

/// Who wrote a row and when by the row's own word. Some rows do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) who: Option<i64>,
    pub(super) at: Option<LocalTime>,
}

impl Stamp {
    /// Whether both can be of one save: what is not said contradicts nothing.
    pub(super) fn agrees(self, other: Stamp) -> bool {
        let agree = |one: Option<i64>, two: Option<i64>| one.zip(two).is_none_or(|(one, two)| one == two);
        agree(self.who, other.who) && self.at.zip(other.at).is_none_or(|(one, two)| one == two)
    }

    fn and(self, other: Stamp) -> Stamp {
        Stamp { who: self.who.or(other.who), at: self.at.or(other.at) }
    }
}

/// A row as it was read: `transaction` is the connection still.
pub(super) struct Written {
    pub(super) queued: Queued,
    pub(super) bug: BugId,
    pub(super) stamp: Stamp,
}

/// A save that may go on behind the last row that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The id of its first row.
    pub(super) save: i64,
    pub(super) stamp: Stamp,
}

/// What the rows so far tell of those to come.
#[derive(Default)]
pub(super) struct Saves {
    /// What may go on, by connection.
    pub(super) open: HashMap<i64, Open>,
    /// Which connection holds the lock of a bug.
    touched: HashMap<BugId, i64>,
}

impl Saves {
    /// Gives a row the number of its save as its transaction. Rows come in the order of their ids.
    pub(super) fn number(&mut self, row: Written) -> Queued {
        let Written { mut queued, bug, stamp } = row;
        let connection = queued.transaction;
        if let Some(other) = self.touched.get(&bug).filter(|other| **other != connection) {
            self.open.remove(other);
            self.touched.remove(&bug);
        }
        let save = match self.open.get(&connection) {
            Some(open) if open.stamp.agrees(stamp) => Open { save: open.save, stamp: open.stamp.and(stamp) },
            _ => Open { save: queued.id, stamp },
        };
        self.open.insert(connection, save);
        if queued.change.is_none() {
            self.touched.insert(bug, connection);
        }
        queued.transaction = save.save;
        queued
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changeset::RowChange;

    /// A row of a comment; without a user it only says that its bug was touched.
    fn row(id: i64, connection: i64, bug: i64, who: Option<i64>, second: u8) -> Written {
        let bug = BugId(bug);
        let change = who.map(|_| RowChange::DuplicateMarked { bug, of: BugId(9) });
        let stamp = Stamp { who, at: LocalTime::new(2026, 11, 22, 5, 32, second) };
        Written { queued: Queued { id, transaction: connection, written_at: 0, change }, bug, stamp }
    }

    fn numbers(rows: Vec<Written>) -> Vec<i64> {
        let mut saves = Saves::default();
        rows.into_iter().map(|row| saves.number(row).transaction).collect()
    }

    #[test]
    fn a_save_ends_with_its_second_and_its_user() {
        let rows = vec![
            row(1, 7, 1, Some(2), 10),
            row(2, 7, 1, None, 10),
            row(3, 7, 1, Some(2), 11),
            row(4, 7, 1, Some(3), 11),
            row(5, 8, 2, Some(3), 11),
        ];
        assert_eq!(numbers(rows), [1, 1, 3, 4, 5]);
    }

    #[test]
    fn a_row_that_does_not_say_when_belongs_to_what_its_connection_does() {
        let mut silent = row(3, 7, 1, Some(2), 10);
        silent.stamp = Stamp::default();
        assert_eq!(numbers(vec![row(1, 7, 1, Some(2), 10), row(2, 8, 2, Some(2), 10), silent]), [1, 2, 1]);
    }

    #[test]
    fn a_save_of_the_same_bug_by_another_connection_parts_two_of_one_second() {
        let rows = vec![
            row(1, 7, 1, Some(2), 10),
            row(2, 7, 1, None, 10),
            row(3, 8, 1, Some(3), 10),
            row(4, 8, 1, None, 10),
            row(5, 7, 1, Some(2), 10),
        ];
        assert_eq!(numbers(rows), [1, 1, 3, 3, 5]);
    }

    #[test]
    fn what_may_go_on_is_the_last_of_each_connection() {
        let mut saves = Saves::default();
        for row in [row(1, 7, 1, Some(2), 10), row(2, 7, 1, Some(2), 11), row(3, 8, 2, None, 12)] {
            saves.number(row);
        }
        let open = saves.open;
        assert_eq!((open[&7].save, open[&8].save, open.len()), (2, 3, 2));
        assert!(open[&8].stamp.agrees(row(4, 8, 2, Some(5), 12).stamp));
        assert!(!open[&8].stamp.agrees(row(4, 8, 2, Some(5), 13).stamp));
    }
}
