//! A row of the queue, and what was written to Bugzilla's tables. Holds ids, users and seconds; content is nowhere in it.

use std::sync::LazyLock;

use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, LocalTime, UserId};
use crate::changeset::{ActivityRow, RowChange};
use crate::database::Row;

/// Stands for a time that a row does not have or cannot mean: the same in every way in, so that the change keeps its id.
static NO_TIME: LazyLock<Option<LocalTime>> = LazyLock::new(|| LocalTime::new(1970, 1, 1, 0, 0, 0));

/// A row of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Rises in the order of writing. May have gaps.
    pub id: i64,
    /// What has this in common was committed together.
    pub transaction: i64,
    /// When it was written, seconds since 1970 by the server's clock.
    pub written_at: i64,
    /// None: it only tells when its transaction held the lock of its bug.
    pub change: Option<RowChange>,
}

impl Queued {
    /// From the columns id, transaction, kind, bug, key, who, at, field, attachment, comment, written_at (seconds since 1970).
    ///
    /// The kinds are letters: `b` a bug was filed, `t` a bug was touched, `a` a row of bugs_activity, `c` a comment, `f` an attachment,
    /// `d` a row of duplicates, `u` one taken out. `key` is the row's own id, of duplicates the other bug. None if the kind is unknown.
    pub fn read(row: &Row) -> Option<Self> {
        let (bug, key) = (BugId(row.int(3)), row.int(4));
        let who = UserId(row.int(5));
        let at = row.time(6).or(*NO_TIME)?;
        let change = match row.text(2).as_str() {
            "t" => None,
            "b" => Some(RowChange::BugCreated { bug, reporter: who, at }),
            "c" => Some(RowChange::CommentAdded { comment: CommentId(key), bug, who, at }),
            "f" => Some(RowChange::AttachmentAdded { attachment: AttachmentId(key), bug, who, at }),
            "d" => Some(RowChange::DuplicateMarked { bug, of: BugId(key) }),
            "u" => Some(RowChange::DuplicateUnmarked { bug, of: BugId(key) }),
            "a" => {
                let row = ActivityRow {
                    id: ActivityId(key),
                    field: FieldId(row.int(7)),
                    attachment: row.opt_int(8).map(AttachmentId),
                    comment: row.opt_int(9).map(CommentId),
                };
                Some(RowChange::Activity { bug, who, at, row })
            }
            _ => return None,
        };
        Some(Queued { id: row.int(0), transaction: row.int(1), written_at: row.int(10), change })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str) -> Option<Queued> {
        let columns = ["7", "3", kind, "1", "9", "2", "2026-11-22 05:32:10", "4", "", "", "1795000000"];
        Queued::read(&columns.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect())
    }

    #[test]
    fn every_kind_is_what_was_written() {
        let at = LocalTime::parse("2026-11-22 05:32:10").unwrap();
        let (bug, who) = (BugId(1), UserId(2));
        let row = ActivityRow { id: ActivityId(9), field: FieldId(4), attachment: None, comment: None };
        let expected = [
            ("t", None),
            ("b", Some(RowChange::BugCreated { bug, reporter: who, at })),
            ("a", Some(RowChange::Activity { bug, who, at, row })),
            ("c", Some(RowChange::CommentAdded { comment: CommentId(9), bug, who, at })),
            ("f", Some(RowChange::AttachmentAdded { attachment: AttachmentId(9), bug, who, at })),
            ("d", Some(RowChange::DuplicateMarked { bug, of: BugId(9) })),
            ("u", Some(RowChange::DuplicateUnmarked { bug, of: BugId(9) })),
        ];
        for (kind, change) in expected {
            assert_eq!(read(kind), Some(Queued { id: 7, transaction: 3, written_at: 1_795_000_000, change }), "{kind}");
        }
    }

    #[test]
    fn a_kind_of_a_newer_version_is_not_guessed() {
        assert_eq!(read("x"), None);
    }
}
