//! Rows of the queue -> whole transactions, in the order of their commits. Pure.
//!
//! Every save writes its last row of a bug while it holds the lock of that bug: so of two saves of one bug the one whose last row has the
//! lower id was committed first. A look takes the first rows by id, up to some id; a transaction with rows behind that id waits for a
//! longer look, for others that end before it may be there by then.

use std::collections::BTreeSet;

use super::queued::Queued;
use crate::changeset::RowChange;

/// A transaction, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// All its rows in the queue.
    pub(super) ids: Vec<i64>,
    /// When its last row was written, seconds since 1970.
    pub(super) written_at: i64,
    pub(super) rows: Vec<RowChange>,
}

/// The transactions that end within a look: not those in `unfinished`, of which there are rows behind it.
pub(super) fn whole(mut look: Vec<Queued>, unfinished: &BTreeSet<i64>) -> Vec<Whole> {
    look.retain(|row| !unfinished.contains(&row.transaction));
    look.sort_unstable_by_key(|row| (row.transaction, row.id));
    let mut whole: Vec<Whole> = Vec::new();
    // Cut off from the end, and not copied: one transaction may be all of a large look.
    while let Some(&Queued { transaction, written_at, .. }) = look.last() {
        let rows = look.split_off(look.partition_point(|row| row.transaction < transaction));
        let ids = rows.iter().map(|row| row.id).collect();
        whole.push(Whole { ids, written_at, rows: rows.into_iter().filter_map(|row| row.change).collect() });
    }
    whole.sort_unstable_by_key(|whole| whole.ids.last().copied());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::BugId;

    fn row(id: i64, transaction: i64) -> Queued {
        let change = Some(RowChange::DuplicateMarked { bug: BugId(id), of: BugId(1) });
        Queued { id, transaction, written_at: 1_000 + id, change }
    }

    fn ids(look: &[(i64, i64)], unfinished: &[i64]) -> Vec<Vec<i64>> {
        let look = look.iter().map(|&(id, transaction)| row(id, transaction)).collect();
        whole(look, &unfinished.iter().copied().collect()).into_iter().map(|whole| whole.ids).collect()
    }

    #[test]
    fn transactions_come_in_the_order_of_their_last_rows() {
        assert_eq!(ids(&[(1, 5), (2, 4), (3, 4), (4, 5), (5, 3)], &[]), [vec![2, 3], vec![1, 4], vec![5]]);
    }

    #[test]
    fn one_with_rows_behind_the_look_waits() {
        assert_eq!(ids(&[(1, 5), (2, 4), (3, 4)], &[5]), [vec![2, 3]]);
    }

    #[test]
    fn a_row_that_only_holds_the_place_is_forgotten_with_the_others_and_tells_nothing() {
        let touched = Queued { change: None, ..row(2, 5) };
        let whole = whole(vec![row(1, 5), touched], &BTreeSet::new());
        assert_eq!((whole[0].ids.clone(), whole[0].rows.len(), whole[0].written_at), (vec![1, 2], 1, 1_002));
    }
}
