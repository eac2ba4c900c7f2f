//! Messages of pgoutput -> committed transactions. Computes only; the stream feeds it.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::types::PgLsn;

use super::pgoutput::{Message, Relation, Unreadable};
use super::position::Stored;
use super::row::{Layout, RowError};
use crate::bugzilla::WatchedTable;
use crate::capture::CaptureError;
use crate::changeset::{RowChange, Transaction};

/// What is remembered from one look at the slot to the next.
pub(super) struct Reader {
    /// The schema that Bugzilla's tables are in.
    schema: String,
    /// How far it was read: what was committed before is passed over.
    at: Stored,
    /// Rows held at the most.
    rows_max: usize,
}

/// One look: what the server sends begins anew each time, with the tables' descriptions.
pub(super) struct Look<'a> {
    reader: &'a mut Reader,
    tables: HashMap<u32, Option<Layout>>,
    open: Option<Open>,
    /// Those with watched rows, in the order of their commits.
    pub(super) transactions: Vec<Transaction>,
}

/// A transaction whose end has not come yet.
struct Open {
    rows: Vec<RowChange>,
    unfiled: BTreeSet<i64>,
    /// It was read at an earlier look, and is not acknowledged yet.
    is_known: bool,
}

impl Reader {
    pub(super) fn new(schema: String, at: Stored, rows_max: usize) -> Self {
        Reader { schema, at, rows_max }
    }

    /// Behind the last transaction read.
    pub(super) fn at(&self) -> &Stored {
        &self.at
    }

    /// There is nothing of ours before `lsn`.
    pub(super) fn pass(&mut self, lsn: PgLsn) {
        self.at.lsn = self.at.lsn.max(lsn);
    }

    pub(super) fn look(&mut self) -> Look<'_> {
        Look { reader: self, tables: HashMap::new(), open: None, transactions: Vec::new() }
    }
}

impl Look<'_> {
    /// Takes one message.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        match Message::read(bytes).map_err(unreadable)? {
            Message::Begin { commit } => {
                let is_known = commit < self.reader.at.lsn;
                self.open = Some(Open { rows: Vec::new(), unfiled: self.reader.at.unfiled.clone(), is_known });
            }
            Message::Commit { end, committed_at } => {
                let Some(open) = self.open.take() else { return Err(out_of_order()) };
                if !open.is_known {
                    self.committed(open, end, committed_at)?;
                }
            }
            Message::Relation { id, relation } => self.table(id, &relation)?,
            Message::Insert { relation, new } => {
                self.row(relation, |layout, open| layout.inserted(&new, &mut open.unfiled, &mut open.rows))?;
            }
            Message::Update { relation, old, new } => self
                .row(relation, |layout, open| layout.updated(old.as_ref(), &new, &mut open.unfiled, &mut open.rows))?,
            Message::Delete { relation, old } => {
                self.row(relation, |layout, open| layout.deleted(&old, &mut open.unfiled, &mut open.rows))?;
            }
            Message::NoRow => {}
        }
        Ok(())
    }

    fn committed(&mut self, open: Open, end: PgLsn, committed_at: i64) -> Result<(), CaptureError> {
        self.reader.at.unfiled = open.unfiled;
        self.reader.pass(end);
        if !open.rows.is_empty() {
            let position = self.reader.at.to_position()?;
            self.transactions.push(Transaction { position, committed_at, rows: open.rows });
        }
        Ok(())
    }

    fn table(&mut self, id: u32, relation: &Relation<'_>) -> Result<(), CaptureError> {
        let table = WatchedTable::by_name(relation.name).filter(|_| relation.schema == self.reader.schema);
        let layout = table.map(|table| Layout::new(table, relation).map_err(|error| explain(error, table)));
        self.tables.insert(id, layout.transpose()?);
        Ok(())
    }

    fn row(
        &mut self,
        relation: u32,
        read: impl FnOnce(&Layout, &mut Open) -> Result<(), RowError>,
    ) -> Result<(), CaptureError> {
        let (Some(layout), Some(open)) = (self.tables.get(&relation), self.open.as_mut()) else {
            return Err(out_of_order());
        };
        match layout {
            Some(layout) if !open.is_known => read(layout, open).map_err(|error| explain(error, layout.table))?,
            _ => {}
        }
        if open.rows.len() <= self.reader.rows_max {
            return Ok(());
        }
        Err(CaptureError::too_large(self.reader.rows_max, open.rows.iter()))
    }
}

fn unreadable(error: Unreadable) -> CaptureError {
    CaptureError::misconfigured(match error {
        Unreadable::Unknown(kind) => format!(
            "the slot gives a message of a kind that is not known ({:?}), which may hold changes: this bugrelay does not know \
             the server's version; install a newer one",
            char::from(kind)
        ),
        Unreadable::Damaged(kind) => {
            format!(
                "a message of kind {:?} that the slot gives is damaged; is the slot's plug-in pgoutput?",
                char::from(kind)
            )
        }
        Unreadable::Empty => "the slot gives an empty message; is its plug-in pgoutput?".to_owned(),
    })
}

fn out_of_order() -> CaptureError {
    CaptureError::misconfigured(
        "the slot gives rows outside of a transaction or of an unknown table; is its plug-in pgoutput?",
    )
}

fn explain(error: RowError, table: WatchedTable) -> CaptureError {
    let table = table.name();
    CaptureError::misconfigured(match error {
        RowError::Absent(column) => format!(
            "the publication leaves out column {column} of table {table}; make it anew (sql/postgresql/logical.sql), \
             and let bugrelay begin anew from the present end: the history tables tell what was missed"
        ),
        RowError::Damaged => format!("a row of table {table} that the slot gives does not fit its table"),
        RowError::NotAnId(column) => {
            format!("column {column} of table {table} holds something else than numbers; is it a Bugzilla's?")
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bugzilla::{BugId, LocalTime, UserId};

    const BUGS: &[u8] = b"R\0\0\0\x01public\0bugs\0d\0\x03\x01bug_id\0\0\0\0\x17\0\0\0\0\0reporter\0\0\0\0\x17\0\0\0\0\0creation_ts\0\0\0\0\x17\0\0\0\0";
    const INSERTED: &[u8] = b"I\0\0\0\x01N\0\x03t\0\0\0\x017t\0\0\0\x013n";
    const FILED: &[u8] = b"U\0\0\0\x01N\0\x03t\0\0\0\x017t\0\0\0\x013t\0\0\0\x132026-11-22 05:32:10";

    fn begin(commit: u64) -> Vec<u8> {
        [b"B".as_slice(), &commit.to_be_bytes(), &[0; 12]].concat()
    }

    fn commit(end: u64) -> Vec<u8> {
        [b"C".as_slice(), &[0; 9], &end.to_be_bytes(), &[0; 8]].concat()
    }

    fn reader(lsn: u64) -> Reader {
        Reader::new("public".to_owned(), Stored::new("1".to_owned(), 1, PgLsn::from(lsn), BTreeSet::new()), 9)
    }

    fn told(reader: &mut Reader, messages: &[&[u8]]) -> Vec<Vec<RowChange>> {
        let mut look = reader.look();
        for message in messages {
            look.take(message).unwrap();
        }
        look.transactions.into_iter().map(|transaction| transaction.rows).collect()
    }

    fn filed() -> RowChange {
        let at = LocalTime::parse("2026-11-22 05:32:10").unwrap();
        RowChange::BugCreated { bug: BugId(7), reporter: UserId(3), at }
    }

    #[test]
    fn a_bug_is_told_when_its_creation_time_is_set_and_not_again() {
        let mut reader = reader(0);
        let messages: [&[u8]; 6] = [&begin(10), BUGS, INSERTED, FILED, FILED, &commit(20)];
        assert_eq!(told(&mut reader, &messages), [vec![filed()]]);
        assert!(reader.at().unfiled.is_empty());
    }

    #[test]
    fn a_bug_that_is_filed_by_a_later_transaction_is_remembered_in_the_position() {
        let mut first = reader(0);
        assert!(told(&mut first, &[&begin(10), BUGS, INSERTED, &commit(20)]).is_empty());
        let position = first.at().to_position().unwrap();
        let mut later = Reader::new("public".to_owned(), Stored::parse(&position).unwrap(), 9);
        assert_eq!(told(&mut later, &[&begin(30), BUGS, FILED, &commit(40)]), [vec![filed()]]);
    }

    #[test]
    fn what_was_read_before_is_passed_over_without_a_trace() {
        let mut reader = reader(20);
        assert!(told(&mut reader, &[&begin(10), BUGS, INSERTED, &commit(20)]).is_empty());
        assert!(reader.at().unfiled.is_empty(), "the position remembers it already, or it was filed since");
    }

    #[test]
    fn tables_of_the_same_name_elsewhere_are_none_of_our_business() {
        let mut reader = Reader::new("bugzilla".to_owned(), reader(0).at.clone(), 9);
        let messages: [&[u8]; 5] = [&begin(10), BUGS, INSERTED, FILED, &commit(20)];
        assert!(told(&mut reader, &messages).is_empty());
    }

    #[test]
    fn a_publication_without_a_needed_column_is_named() {
        let mut reader = reader(0);
        let bare = b"R\0\0\0\x01public\0duplicates\0d\0\x01\x01dupe\0\0\0\0\x17\0\0\0\0";
        let error = reader.look().take(bare).unwrap_err().to_string();
        assert!(error.contains("dupe_of") && error.contains("duplicates"), "{error}");
    }

    proptest! {
        #[test]
        fn no_order_of_messages_makes_it_panic(order in proptest::collection::vec(0..6_usize, 0..30)) {
            let messages = [begin(10), BUGS.to_vec(), INSERTED.to_vec(), FILED.to_vec(), commit(20), b"D\0\0\0\x01K\0\x03t\0\0\0\x017nn".to_vec()];
            let mut reader = reader(0);
            let mut look = reader.look();
            for index in order {
                let _ = look.take(&messages[index]);
            }
        }
    }
}
