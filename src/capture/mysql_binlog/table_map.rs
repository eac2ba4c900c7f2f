//! TABLE_MAP events, and how the images of a table's rows are laid out. Every type's size is known here, so that a column that
//! nobody needs is passed over and not decoded.

use super::cursor::Cursor;
use crate::bugzilla::WatchedTable;
use crate::capture::CaptureError;

/// Most columns that a watched table needs.
pub(super) const MOST_NEEDED: usize = 7;

/// What a table map says of every table: enough to pass over those that are not watched.
pub(super) struct TableName<'a> {
    pub(super) id: u64,
    pub(super) schema: &'a [u8],
    pub(super) table: &'a [u8],
    definition: &'a [u8],
}

/// The columns of a table as the log has them.
pub(super) struct TableMap<'a> {
    columns: Vec<LoggedColumn>,
    /// Only with binlog_row_metadata=FULL.
    pub(super) names: Option<Vec<&'a str>>,
}

#[derive(Clone, Copy)]
struct LoggedColumn {
    /// The type's number; of a string column the real one, which may be an ENUM.
    kind: u8,
    size: Size,
}

/// How many bytes a value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Always so many.
    Fixed(usize),
    /// A length of so many bytes in front of it says how many.
    Prefixed(usize),
}

/// How to read the rows of a watched table.
pub(super) struct Layout {
    pub(super) table: WatchedTable,
    pub(super) columns: Vec<Column>,
}

/// One column of a row image.
pub(super) struct Column {
    pub(super) size: Size,
    /// What to do with a value that is needed, and its place in [`WatchedTable::columns`].
    pub(super) needed: Option<(usize, Reading)>,
}

/// How a needed value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Ids are never negative: read as unsigned they are right with and without the metadata that says so.
    Id,
    /// DATETIME as MariaDB 10.1 and MySQL 5.6 and later store it.
    Time,
    /// DATETIME as older servers stored it, in tables that were never rebuilt since.
    OldTime,
}

impl<'a> TableName<'a> {
    /// The names of a table map event; `None` if it is damaged.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        let id = cursor.number(6)?;
        cursor.take(2)?;
        let schema = cursor.prefixed(1)?;
        cursor.take(1)?;
        let table = cursor.prefixed(1)?;
        cursor.take(1)?;
        Some(TableName { id, schema, table, definition: cursor.0 })
    }

    /// The columns; an error names the table and what of it cannot be read.
    pub(super) fn map(&self, table: WatchedTable) -> Result<TableMap<'a>, CaptureError> {
        self.columns().map_err(|kind| {
            let what = match kind {
                Some(kind) => format!("has a column of type {kind}, which this version of bugrelay does not know"),
                None => "is damaged or cut off".to_owned(),
            };
            CaptureError::misconfigured(format!("the binlog's description of table {} {what}", table.name()))
        })
    }

    fn columns(&self) -> Result<TableMap<'a>, Option<u8>> {
        let mut cursor = Cursor(self.definition);
        let count = cursor.length().ok_or(None)?;
        let kinds = cursor.take(count).ok_or(None)?;
        let metadata_length = cursor.length().ok_or(None)?;
        let mut metadata = Cursor(cursor.take(metadata_length).ok_or(None)?);
        cursor.take(count.div_ceil(8)).ok_or(None)?;
        let columns = kinds.iter().map(|kind| LoggedColumn::read(*kind, &mut metadata)).collect::<Result<_, _>>()?;
        Ok(TableMap { columns, names: names(cursor) })
    }
}

/// The names out of the optional metadata, which are tagged blocks.
fn names(mut cursor: Cursor<'_>) -> Option<Vec<&str>> {
    const COLUMN_NAME: u8 = 4;
    loop {
        let tag = cursor.byte()?;
        let length = cursor.length()?;
        let block = cursor.take(length)?;
        if tag == COLUMN_NAME {
            let mut block = Cursor(block);
            let mut names = Vec::new();
            while !block.0.is_empty() {
                let length = block.length()?;
                names.push(std::str::from_utf8(block.take(length)?).ok()?);
            }
            return Some(names);
        }
    }
}

impl LoggedColumn {
    /// An error is the number of an unknown type, or nothing when the metadata ends too early.
    fn read(kind: u8, metadata: &mut Cursor<'_>) -> Result<Self, Option<u8>> {
        let fixed = |bytes| Ok(LoggedColumn { kind, size: Size::Fixed(bytes) });
        let mut meta = || metadata.byte().map(usize::from).ok_or(None);
        let fraction = |digits: usize| digits.div_ceil(2);
        match kind {
            1 | 13 => fixed(1),
            2 => fixed(2),
            9 | 10 | 11 | 14 => fixed(3),
            3 | 7 => fixed(4),
            8 | 12 => fixed(8),
            6 => fixed(0),
            // The metadata of FLOAT and DOUBLE is their size.
            4 | 5 => fixed(meta()?),
            17 => fixed(4 + fraction(meta()?)),
            18 => fixed(5 + fraction(meta()?)),
            19 => fixed(3 + fraction(meta()?)),
            16 => {
                let (bits, bytes) = (meta()?, meta()?);
                fixed(bytes + usize::from(bits > 0))
            }
            246 => {
                let (precision, scale) = (meta()?, meta()?);
                fixed(decimal_size(precision, scale).ok_or(None)?)
            }
            // VARCHAR, VAR_STRING and MariaDB's compressed VARCHAR: their longest length, in bytes.
            15 | 253 | 141 => {
                let longest = meta()? | meta()? << 8;
                Ok(LoggedColumn { kind, size: Size::Prefixed(if longest > 255 { 2 } else { 1 }) })
            }
            // Texts, blobs (140: MariaDB's compressed), JSON, vectors and geometry: the size of their length.
            140 | 242 | 245 | 249..=252 | 255 => Ok(LoggedColumn { kind, size: Size::Prefixed(meta()?) }),
            247 | 248 | 254 => {
                let (real, low) = (meta()?, meta()?);
                Ok(string(kind, real, low))
            }
            unknown => Err(Some(unknown)),
        }
    }
}

/// CHAR, ENUM and SET share a type; two bits of a CHAR's length are hidden, inverted, in the byte of the real type.
fn string(kind: u8, real: usize, low: usize) -> LoggedColumn {
    match real {
        247 | 248 => LoggedColumn { kind: if real == 247 { 247 } else { 248 }, size: Size::Fixed(low) },
        _ => {
            let longest = low | ((real & 0x30) ^ 0x30) << 4;
            LoggedColumn { kind, size: Size::Prefixed(if longest > 255 { 2 } else { 1 }) }
        }
    }
}

/// Nine digits take four bytes, on each side of the point; what is left over takes as many as it needs.
fn decimal_size(precision: usize, scale: usize) -> Option<usize> {
    const LEFT_OVER: [usize; 9] = [0, 1, 1, 2, 2, 3, 3, 4, 4];
    let side = |digits: usize| digits / 9 * 4 + LEFT_OVER[digits % 9];
    Some(side(precision.checked_sub(scale)?) + side(scale))
}

impl TableMap<'_> {
    /// One letter a column, its family of types: what the log and information_schema can both tell.
    pub(super) fn families(&self) -> String {
        self.columns.iter().map(|column| family(column.kind)).collect()
    }

    /// How to read rows whose first columns have these names. `Err`: the needed column that is missing or of a strange type.
    pub(super) fn layout(&self, table: WatchedTable, names: &[&str]) -> Result<Layout, &'static str> {
        let mut columns: Vec<Column> =
            self.columns.iter().map(|column| Column { size: column.size, needed: None }).collect();
        for (place, needed) in table.columns().iter().enumerate() {
            let at = names.iter().position(|name| name.eq_ignore_ascii_case(needed)).ok_or(*needed)?;
            let reading = match self.columns.get(at).ok_or(*needed)?.kind {
                1 | 2 | 3 | 8 | 9 => Reading::Id,
                18 => Reading::Time,
                12 => Reading::OldTime,
                _ => return Err(needed),
            };
            columns[at].needed = Some((place, reading));
        }
        Ok(Layout { table, columns })
    }
}

/// The letter of a type's number.
fn family(kind: u8) -> char {
    match kind {
        1 => '1',
        2 => '2',
        9 => '3',
        3 => '4',
        8 => '8',
        4 => 'f',
        5 => 'd',
        0 | 246 => 'n',
        10 | 14 => 'D',
        11 | 19 => 'T',
        12 | 18 => 't',
        7 | 17 => 's',
        13 => 'y',
        16 => 'i',
        15 | 253 | 141 => 'v',
        247 | 248 | 254 => 'c',
        _ => 'b',
    }
}

/// The letter of a type as information_schema.columns names it; `?` fits any.
pub(super) fn family_of(data_type: &str) -> char {
    match data_type.to_ascii_lowercase().as_str() {
        "tinyint" => '1',
        "smallint" => '2',
        "mediumint" => '3',
        "int" => '4',
        "bigint" => '8',
        "float" => 'f',
        "double" => 'd',
        "decimal" => 'n',
        "date" => 'D',
        "time" => 'T',
        "datetime" => 't',
        "timestamp" => 's',
        "year" => 'y',
        "bit" => 'i',
        "varchar" | "varbinary" => 'v',
        "char" | "binary" | "enum" | "set" => 'c',
        text if text.ends_with("text") || text.ends_with("blob") || text == "json" => 'b',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_every_type_is_known() {
        let size = |kind, meta: &[u8]| LoggedColumn::read(kind, &mut Cursor(meta)).map(|column| column.size);
        assert_eq!(size(9, &[]), Ok(Size::Fixed(3)));
        assert_eq!(size(18, &[6]), Ok(Size::Fixed(8)));
        assert_eq!(size(246, &[7, 2]), Ok(Size::Fixed(4)));
        assert_eq!(size(246, &[18, 9]), Ok(Size::Fixed(8)));
        assert_eq!(size(15, &[0xfd, 2]), Ok(Size::Prefixed(2)));
        assert_eq!(size(254, &[254, 40]), Ok(Size::Prefixed(1)));
        assert_eq!(size(254, &[247, 2]), Ok(Size::Fixed(2)));
        assert_eq!(size(16, &[2, 1]), Ok(Size::Fixed(2)));
        assert_eq!(size(18, &[]), Err(None));
        assert_eq!(size(99, &[]), Err(Some(99)));
    }

    #[test]
    fn no_watched_table_needs_more_columns_than_an_image_has_room_for() {
        assert!(WatchedTable::ALL.iter().all(|table| table.columns().len() <= MOST_NEEDED));
    }
}
