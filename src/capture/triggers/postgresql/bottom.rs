//! Up to which number the queue is empty for good: no look need walk there again. Pure.
//!
//! A row that was deleted stays in the table and its index until VACUUM takes it, and VACUUM takes none that an old snapshot may still
//! see. A dump that runs for hours leaves hundreds of thousands of them, and a look that begins with the first number walks over them all.
//!
//! This is no mark of what was read: numbers are drawn when a row is written, and whoever drew a low one may commit late. It is known from
//! the server's transactions. Whoever drew a number lower than one that we have seen had its transaction's number by then (a trigger is
//! called after a row was written), and so a lower one than any transaction that begins later: our own, in which we delete. As soon
//! as a look finds that no transaction before that one runs any more, it sees all that there will ever be up to the number that we had
//! seen. A transaction that writes for hours holds this up, and a snapshot that only reads does not.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Bottom {
    empty_to: i64,
    /// The highest number seen.
    seen: i64,
    /// What had been seen when we deleted, and the transaction of that: waits for those before it to end.
    deleted: Option<(i64, i64)>,
}

impl Bottom {
    /// The queue is empty up to this number, and stays so.
    pub(super) fn get(&self) -> i64 {
        self.empty_to
    }

    /// Of a look at all that lies above: its first and its last number, and the oldest transaction that ran when it was taken.
    pub(super) fn looked(&mut self, first: i64, last: i64, oldest: i64) {
        if let Some((seen, _)) = self.deleted.take_if(|(_, transaction)| oldest >= *transaction) {
            self.empty_to = seen.min(first - 1);
        }
        self.seen = self.seen.max(last);
    }

    /// Some of what was seen was deleted, in this transaction.
    pub(super) fn forgot(&mut self, transaction: i64) {
        self.deleted.get_or_insert((self.seen, transaction));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_empty_once_all_that_wrote_before_have_ended() {
        let mut bottom = Bottom::default();
        bottom.looked(3, 9, 100);
        bottom.forgot(105);
        bottom.looked(10, 12, 104);
        assert_eq!(bottom.get(), 0, "the transaction 104 may have drawn a lower number");
        bottom.forgot(107);
        bottom.looked(10, 14, 105);
        assert_eq!(bottom.get(), 9, "what was seen at the first deletion, and not what was seen since");
    }

    #[test]
    fn what_is_still_there_is_above_it() {
        let mut bottom = Bottom::default();
        bottom.looked(3, 9, 100);
        bottom.forgot(105);
        bottom.looked(5, 12, 110);
        assert_eq!(bottom.get(), 4);
    }
}
