//! Bytes of one event -> what it means to the reader. MariaDB's own and compressed events included; rows stay undecoded.
//!
//! An event that could carry rows and is not understood is an error: skipping it would lose changes without a word.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::ZlibDecoder;
use mysql_async::binlog::{TransactionPayloadCompressionType, events};

use super::cursor::Cursor;
use super::gtid::Gtid;
use crate::capture::{CaptureError, Gap};

/// An event, as far as the reader cares.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// The log goes on in another file.
    Rotate { file: &'a [u8], pos: u64 },
    /// The head of a file; its time is the file's birth.
    Format,
    /// A group of events begins; `None`: the server gives it no name. A standalone group is one statement without a commit behind it.
    Group { gtid: Option<Gtid>, standalone: Option<bool>, prepares_xa: bool },
    /// A statement: DDL, transaction control, or (never, we hope) a change of rows told as SQL.
    Query { schema: &'a [u8], text: Cow<'a, [u8]> },
    /// An InnoDB transaction is committed.
    Commit,
    /// An XA transaction is prepared, or committed in one phase.
    XaPrepare { one_phase: bool },
    /// The table that the rows behind it belong to.
    TableMap(&'a [u8]),
    /// Rows of one table.
    Rows(Rows<'a>),
    /// Nothing of interest.
    Other,
}

/// What was done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Insert,
    Update,
    Delete,
}

/// An undecoded event of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) operation: Operation,
    /// The second version of the event has a block of extra data.
    second_version: bool,
    compressed: bool,
    /// MySQL's partial update of JSON values.
    pub(super) partial: bool,
    body: &'a [u8],
}

/// The parts of an event of rows.
#[derive(Debug)]
pub(super) struct RowImages<'a> {
    pub(super) column_count: usize,
    /// One bit a column: which of them the images before the change have. Empty for inserts.
    pub(super) before: &'a [u8],
    /// The same for the images after the change. Empty for deletes.
    pub(super) after: &'a [u8],
    /// The images, one behind the other.
    pub(super) data: Cow<'a, [u8]>,
}

/// Reads an event as the stream gives it.
pub(super) fn decode(event: &events::Event) -> Result<Event<'_>, CaptureError> {
    let kind = event.header().event_type_raw();
    match kind {
        40 => {
            let payload = event.read_event::<events::TransactionPayloadEvent<'_>>().map_err(|_| corrupt(kind))?;
            unpacks(&payload).then_some(Event::Other).ok_or_else(|| corrupt(kind))
        }
        42 => {
            let gtid = event.read_event::<events::GtidEvent>().map_err(|_| corrupt(kind))?;
            let tag = gtid.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default();
            let gtid = Gtid::MySql { source: gtid.sid(), tag, number: gtid.gno() };
            Ok(Event::Group { gtid: Some(gtid), standalone: None, prepares_xa: false })
        }
        _ => decode_body(kind, event.header().flags_raw(), event.header().server_id(), event.data()),
    }
}

/// Whether a compressed transaction of MySQL can be unpacked, and is as long as it says. The driver unpacks it once more behind us,
/// but gives an empty one in place of one that it cannot unpack: its rows would be lost without a word.
fn unpacks(payload: &events::TransactionPayloadEvent<'_>) -> bool {
    let unpacked = payload.decompressed().and_then(|mut events| io::copy(&mut events, &mut io::sink()));
    let expected = match payload.algorithm() {
        TransactionPayloadCompressionType::NONE => payload.payload_raw().len() as u64,
        TransactionPayloadCompressionType::ZSTD => payload.uncompressed_size(),
    };
    unpacked.is_ok_and(|length| length == expected)
}

/// Reads the body of an event of type `kind`.
fn decode_body(kind: u8, flags: u16, server_id: u32, body: &[u8]) -> Result<Event<'_>, CaptureError> {
    /// Set by MySQL on events that a reader may pass over when it does not know them.
    const IGNORABLE: u16 = 0x80;
    let read = match kind {
        2 => query(body, 0, false),
        18 => query(body, 13, false),
        165 => return query(body, 0, true).map_or_else(|| Err(corrupt(kind)), Ok),
        4 => rotate(body),
        15 => Some(Event::Format),
        16 => Some(Event::Commit),
        19 => Some(Event::TableMap(body)),
        23..=25 | 30..=32 | 39 | 166..=171 => rows(kind, body),
        26 => {
            return Err(CaptureError::gap(
                Gap::Unlogged,
                "the server wrote an INCIDENT into its binlog: changes are missing from it",
            ));
        }
        33 | 34 => mysql_gtid(kind, body),
        38 => body.first().map(|first| Event::XaPrepare { one_phase: *first != 0 }),
        162 => mariadb_gtid(server_id, body),
        // Unknown, start, stop, the pieces of LOAD DATA whose statement is event 18, the variables of a statement, heartbeats, the server's own notes,
        // and of MariaDB: the SQL text of row changes, checkpoint, list of GTIDs, start of encryption (the server decrypts what it sends).
        0 | 1 | 3 | 5 | 9 | 11 | 13 | 14 | 17 | 27 | 28 | 29 | 35 | 36 | 37 | 41 | 160 | 161 | 163 | 164 => {
            Some(Event::Other)
        }
        _ if flags & IGNORABLE != 0 => Some(Event::Other),
        _ => {
            return Err(CaptureError::misconfigured(format!(
                "the binlog holds an event of type {kind}, which this version of bugrelay does not know and which may carry rows; \
                 upgrade bugrelay, or switch off the server's option that writes such events"
            )));
        }
    };
    read.ok_or_else(|| corrupt(kind))
}

fn corrupt(kind: u8) -> CaptureError {
    CaptureError::misconfigured(format!(
        "an event of type {kind} in the binlog cannot be read: it is damaged or cut off; look into the server's error log and verify the file with mariadb-binlog or mysqlbinlog --verify-binlog-checksum"
    ))
}

fn rotate(body: &[u8]) -> Option<Event<'_>> {
    let mut cursor = Cursor(body);
    let pos = cursor.number(8)?;
    Some(Event::Rotate { file: cursor.0, pos })
}

fn mariadb_gtid(server: u32, body: &[u8]) -> Option<Event<'_>> {
    const STANDALONE: u8 = 0x01;
    const PREPARED_XA: u8 = 0x40;
    let mut cursor = Cursor(body);
    let number = cursor.number(8)?;
    let domain = u32::try_from(cursor.number(4)?).ok()?;
    let flags = cursor.byte()?;
    Some(Event::Group {
        gtid: Some(Gtid::MariaDb { domain, server, number }),
        standalone: Some(flags & STANDALONE != 0),
        prepares_xa: flags & PREPARED_XA != 0,
    })
}

fn mysql_gtid(kind: u8, body: &[u8]) -> Option<Event<'_>> {
    let mut cursor = Cursor(body);
    cursor.byte()?;
    let source = <[u8; 16]>::try_from(cursor.take(16)?).ok()?;
    let number = cursor.number(8)?;
    let gtid = (kind == 33).then_some(Gtid::MySql { source, tag: String::new(), number });
    Some(Event::Group { gtid, standalone: None, prepares_xa: false })
}

/// `extra`: bytes that the event's head has more than a plain QUERY.
fn query(body: &[u8], extra: usize, compressed: bool) -> Option<Event<'_>> {
    let mut cursor = Cursor(body);
    cursor.take(8)?;
    let schema_length = usize::from(cursor.byte()?);
    cursor.take(2)?;
    let status_length = usize::try_from(cursor.number(2)?).ok()?;
    cursor.take(extra + status_length)?;
    let schema = cursor.take(schema_length)?;
    cursor.take(1)?;
    let text = if compressed { Cow::Owned(inflate(cursor.0)?) } else { Cow::Borrowed(cursor.0) };
    Some(Event::Query { schema, text })
}

fn rows(kind: u8, body: &[u8]) -> Option<Event<'_>> {
    let operation = match kind {
        23 | 30 | 166 | 169 => Operation::Insert,
        25 | 32 | 168 | 171 => Operation::Delete,
        _ => Operation::Update,
    };
    let second_version = matches!(kind, 30..=32 | 39 | 169..=171);
    Some(Event::Rows(Rows { operation, second_version, compressed: kind >= 166, partial: kind == 39, body }))
}

impl<'a> Rows<'a> {
    /// The id that the table map before it gave the table.
    pub(super) fn table_id(&self) -> Result<u64, CaptureError> {
        Cursor(self.body).number(6).ok_or_else(|| corrupt(self.kind()))
    }

    /// Takes it apart, and inflates it.
    pub(super) fn images(&self) -> Result<RowImages<'a>, CaptureError> {
        self.split().ok_or_else(|| corrupt(self.kind()))
    }

    fn split(&self) -> Option<RowImages<'a>> {
        let mut cursor = Cursor(self.body);
        cursor.take(8)?;
        if self.second_version {
            let length = usize::try_from(cursor.number(2)?).ok()?;
            cursor.take(length.checked_sub(2)?)?;
        }
        let column_count = cursor.length()?;
        let bitmap = column_count.div_ceil(8);
        let before = if self.operation == Operation::Insert { &[][..] } else { cursor.take(bitmap)? };
        let after = if self.operation == Operation::Delete { &[][..] } else { cursor.take(bitmap)? };
        let data = if self.compressed { Cow::Owned(inflate(cursor.0)?) } else { Cow::Borrowed(cursor.0) };
        Some(RowImages { column_count, before, after, data })
    }

    /// The number for messages; the plain form's, as the parts tell it.
    fn kind(&self) -> u8 {
        let base = match (self.compressed, self.second_version) {
            (false, false) => 23,
            (false, true) => 30,
            (true, false) => 166,
            (true, true) => 169,
        };
        base + self.operation as u8
    }
}

/// MariaDB's log_bin_compress: one byte (mark, algorithm, size of the length), the length, a zlib stream.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    const FIRST_RESERVATION: usize = 1 << 20;
    let mut cursor = Cursor(bytes);
    let head = cursor.byte()?;
    let (marked, algorithm, length_bytes) = (head & 0x80 != 0, head >> 4 & 0x07, usize::from(head & 0x07));
    if !marked || algorithm != 0 || !(1..=4).contains(&length_bytes) {
        return None;
    }
    let length = cursor.big_endian(length_bytes)?;
    // A damaged length must not make us reserve gigabytes, nor a stream that never ends fill the memory.
    let mut inflated = Vec::with_capacity(usize::try_from(length).ok()?.min(FIRST_RESERVATION));
    ZlibDecoder::new(cursor.0).take(length + 1).read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 == length).then_some(inflated)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(vec![0x81, text.len() as u8], flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn compressed_query(text: &[u8]) -> Vec<u8> {
        let mut body = vec![0; 13];
        body[8] = 4;
        body.extend_from_slice(b"bugs\0");
        body.extend(deflated(text));
        body
    }

    #[test]
    fn a_compressed_statement_is_read() {
        let body = compressed_query(b"ALTER TABLE bugs ADD x INT");
        let Ok(Event::Query { schema, text }) = decode_body(165, 0, 1, &body) else { panic!() };
        assert_eq!((schema, &*text), (&b"bugs"[..], &b"ALTER TABLE bugs ADD x INT"[..]));
    }

    #[test]
    fn a_damaged_compressed_event_is_an_error_and_never_skipped() {
        let whole = compressed_query(b"ALTER TABLE bugs ADD x INT");
        for cut in 0..whole.len() - 1 {
            assert!(decode_body(165, 0, 1, &whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_compressed_transaction_that_cannot_be_unpacked_is_an_error_and_never_skipped() {
        // A zstd frame of one block, stored as it is: five letters.
        const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, b'e', b'v', b'e', b'n', b't'];
        let payload = |bytes: &[u8], length| {
            let zstd = TransactionPayloadCompressionType::ZSTD;
            unpacks(&events::TransactionPayloadEvent::new(bytes.len() as u64, zstd, length, bytes.to_vec()))
        };
        assert!(payload(FRAME, 5));
        assert!(!payload(FRAME, 4) && !payload(FRAME, 6));
        assert!((1..FRAME.len()).all(|cut| !payload(&FRAME[..cut], 5)));
    }

    #[test]
    fn an_unknown_event_that_may_carry_rows_stops_the_capture_by_its_number() {
        for kind in [20, 21, 22, 172, 200] {
            let error = decode_body(kind, 0, 1, &[]).unwrap_err();
            assert!(error.to_string().contains(&format!("type {kind},")), "{error}");
        }
        assert!(matches!(decode_body(200, 0x80, 1, &[]), Ok(Event::Other)));
    }

    #[test]
    fn an_incident_is_a_gap() {
        assert_eq!(decode_body(26, 0, 1, &[]).unwrap_err().gap, Some(Gap::Unlogged));
    }

    #[test]
    fn a_mariadb_group_is_named_by_domain_server_and_number() {
        let mut body = vec![9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0x01];
        body.resize(19, 0);
        let Ok(Event::Group { gtid, standalone, .. }) = decode_body(162, 0, 7, &body) else { panic!() };
        assert_eq!(gtid, Some(Gtid::MariaDb { domain: 5, server: 7, number: 9 }));
        assert_eq!(standalone, Some(true));
    }
}
