//! The bytes of PostgreSQL's plug-in pgoutput (protocol version 1) -> [`Message`]s. Pure; knows no table and copies no value.
//!
//! The form is the one of "Logical Replication Message Formats" in PostgreSQL's documentation. What cannot be read is an error and never
//! a guess: a kind that is not known might carry rows.

use tokio_postgres::types::PgLsn;

/// Seconds from 1970 to 2000, where PostgreSQL's clock begins.
const TO_UNIX: i64 = 946_684_800;

/// One message of the plug-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// A committed transaction follows; `commit` is where the record of its commit begins.
    Begin { commit: PgLsn },
    /// It is complete; `end` is the place right behind its commit, `committed_at` seconds since 1970.
    Commit { end: PgLsn, committed_at: i64 },
    /// The table that later messages name by `id`; sent before the first of its rows, and again after a change.
    Relation { id: u32, relation: Relation<'a> },
    /// A row written.
    Insert { relation: u32, new: Tuple<'a> },
    /// A row changed. `old` is there where the table's replica identity is FULL, or the key changed.
    Update { relation: u32, old: Option<Old<'a>>, new: Tuple<'a> },
    /// A row taken out.
    Delete { relation: u32, old: Old<'a> },
    /// Carries no row: a type's name, an origin, a message of another program, tables emptied at once.
    NoRow,
}

/// A table as the plug-in describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation<'a> {
    /// Its schema.
    pub(super) schema: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// The published columns, in the order of the values.
    pub(super) columns: Vec<&'a str>,
}

/// What is known of a row before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Old<'a> {
    /// The columns of the replica identity alone; the others look like null.
    Key(Tuple<'a>),
    /// All.
    Row(Tuple<'a>),
}

/// The values of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tuple<'a>(pub(super) Vec<Value<'a>>);

/// A value in the server's text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// SQL's null.
    Null,
    /// Stored elsewhere and not changed: not told.
    Unchanged,
    /// As the server prints it.
    Text(&'a [u8]),
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A kind that no version of the protocol that we ask for has.
    Unknown(u8),
    /// It ends too early, or something stands behind its end.
    Damaged(u8),
    /// Nothing at all.
    Empty,
}

impl<'a> Message<'a> {
    /// Reads one message, which must fill `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let (&kind, rest) = bytes.split_first().ok_or(Unreadable::Empty)?;
        let mut cursor = Cursor(rest);
        let message = match kind {
            b'B' => cursor.begin(),
            b'C' => cursor.commit(),
            b'R' => cursor.relation(),
            b'I' => cursor.insert(),
            b'U' => cursor.update(),
            b'D' => cursor.delete(),
            // Origin, Type, Message, Truncate: what they hold is no row.
            b'O' | b'Y' | b'M' | b'T' => return Ok(Message::NoRow),
            other => return Err(Unreadable::Unknown(other)),
        };
        message.filter(|_| cursor.0.is_empty()).ok_or(Unreadable::Damaged(kind))
    }
}

/// What is left to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn lsn(&mut self) -> Option<PgLsn> {
        self.array().map(u64::from_be_bytes).map(PgLsn::from)
    }

    fn oid(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(i16::from_be_bytes(self.array()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(self.take(end)?).ok()?;
        self.take(1)?;
        Some(text)
    }

    fn begin(&mut self) -> Option<Message<'a>> {
        let commit = self.lsn()?;
        // The time is in the commit as well; the transaction's number is nothing to us.
        self.take(8 + 4)?;
        Some(Message::Begin { commit })
    }

    fn commit(&mut self) -> Option<Message<'a>> {
        // Flags, and where the record begins.
        self.take(1 + 8)?;
        let end = self.lsn()?;
        let microseconds = i64::from_be_bytes(self.array()?);
        Some(Message::Commit { end, committed_at: microseconds.div_euclid(1_000_000) + TO_UNIX })
    }

    fn relation(&mut self) -> Option<Message<'a>> {
        let id = self.oid()?;
        let (schema, name) = (self.text()?, self.text()?);
        let _replica_identity = self.byte()?;
        let count = self.count()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let _is_key = self.byte()?;
            columns.push(self.text()?);
            // Type and its modifier: values come as text.
            self.take(4 + 4)?;
        }
        Some(Message::Relation { id, relation: Relation { schema, name, columns } })
    }

    fn insert(&mut self) -> Option<Message<'a>> {
        let relation = self.oid()?;
        let new = self.new_tuple()?;
        Some(Message::Insert { relation, new })
    }

    fn update(&mut self) -> Option<Message<'a>> {
        let relation = self.oid()?;
        let old = if self.0.first() == Some(&b'N') { None } else { Some(self.old_tuple()?) };
        let new = self.new_tuple()?;
        Some(Message::Update { relation, old, new })
    }

    fn delete(&mut self) -> Option<Message<'a>> {
        let relation = self.oid()?;
        let old = self.old_tuple()?;
        Some(Message::Delete { relation, old })
    }

    fn new_tuple(&mut self) -> Option<Tuple<'a>> {
        if self.byte()? == b'N' { self.tuple() } else { None }
    }

    fn old_tuple(&mut self) -> Option<Old<'a>> {
        match self.byte()? {
            b'K' => self.tuple().map(Old::Key),
            b'O' => self.tuple().map(Old::Row),
            _ => None,
        }
    }

    fn tuple(&mut self) -> Option<Tuple<'a>> {
        let count = self.count()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(match self.byte()? {
                b'n' => Value::Null,
                b'u' => Value::Unchanged,
                b't' => {
                    let bytes = usize::try_from(i32::from_be_bytes(self.array()?)).ok()?;
                    Value::Text(self.take(bytes)?)
                }
                _ => return None,
            });
        }
        Some(Tuple(values))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DUPLICATES: &[u8] =
        b"R\0\0\0\x07public\0duplicates\0f\0\x02\x01dupe\0\0\0\0\x17\xff\xff\xff\xff\x01dupe_of\0\0\0\0\x17\xff\xff\xff\xff";

    #[test]
    fn a_table_is_told_with_the_order_of_its_columns() {
        let relation = Relation { schema: "public", name: "duplicates", columns: vec!["dupe", "dupe_of"] };
        assert_eq!(Message::read(DUPLICATES), Ok(Message::Relation { id: 7, relation }));
    }

    #[test]
    fn a_changed_row_is_told_with_as_much_of_the_old_one_as_there_is() {
        let new = || Tuple(vec![Value::Text(b"12"), Value::Unchanged]);
        let read = |bytes: &'static [u8]| Message::read(bytes);
        let (alone, key, row) = (
            read(b"U\0\0\0\x07N\0\x02t\0\0\0\x0212u"),
            read(b"U\0\0\0\x07K\0\x02t\0\0\0\x019nN\0\x02t\0\0\0\x0212u"),
            read(b"U\0\0\0\x07O\0\x01nN\0\x02t\0\0\0\x0212u"),
        );
        assert_eq!(alone, Ok(Message::Update { relation: 7, old: None, new: new() }));
        let old = Some(Old::Key(Tuple(vec![Value::Text(b"9"), Value::Null])));
        assert_eq!(key, Ok(Message::Update { relation: 7, old, new: new() }));
        let old = Some(Old::Row(Tuple(vec![Value::Null])));
        assert_eq!(row, Ok(Message::Update { relation: 7, old, new: new() }));
    }

    #[test]
    fn a_commit_has_its_end_and_its_second() {
        let mut bytes = b"C\0\0\0\0\0\0\0\0\x10\0\0\0\x01\0\0\0\x20".to_vec();
        bytes.extend(1_999_999_i64.to_be_bytes());
        let commit = Message::Commit { end: PgLsn::from((1 << 32) + 0x20), committed_at: TO_UNIX + 1 };
        assert_eq!(Message::read(&bytes), Ok(commit));
    }

    #[test]
    fn a_kind_that_nobody_knows_stops_us() {
        assert_eq!(Message::read(b"S\0\0\0\x01\x01"), Err(Unreadable::Unknown(b'S')));
        assert_eq!(Message::read(b""), Err(Unreadable::Empty));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_damaged() {
        for end in 1..DUPLICATES.len() {
            assert_eq!(Message::read(&DUPLICATES[..end]), Err(Unreadable::Damaged(b'R')), "{end} bytes");
        }
        assert_eq!(Message::read(&[DUPLICATES, b"!"].concat()), Err(Unreadable::Damaged(b'R')));
        assert_eq!(Message::read(b"I\0\0\0\x07N\xff\xff"), Err(Unreadable::Damaged(b'I')));
        assert_eq!(Message::read(b"I\0\0\0\x07N\0\x01t\xff\xff\xff\xff"), Err(Unreadable::Damaged(b'I')));
    }

    proptest! {
        #[test]
        fn no_bytes_whatever_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::read(&bytes);
        }

        #[test]
        fn no_damage_to_a_real_message_makes_it_panic(
            kind in proptest::sample::select(b"BCRIUDOYMT".to_vec()),
            at in 0..DUPLICATES.len(), byte in any::<u8>(), cut in 0..DUPLICATES.len(),
        ) {
            let mut bytes = DUPLICATES.to_vec();
            bytes[at] = byte;
            bytes[0] = kind;
            bytes.truncate(cut);
            let _ = Message::read(&bytes);
        }
    }
}
