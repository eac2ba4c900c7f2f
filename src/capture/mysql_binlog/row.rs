//! Row images -> [`RowChange`]s: the needed values alone, without an allocation a row.

use std::sync::LazyLock;

use super::cursor::Cursor;
use super::event::{Operation, RowImages};
use super::table_map::{Layout, MOST_NEEDED, Reading, Size};
use crate::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, FieldId, LocalTime, UserId, WatchedTable};
use crate::capture::CaptureError;
use crate::changeset::{ActivityRow, RowChange};

/// Stands for a time that a row does not have or cannot mean (NULL, `0000-00-00`): only rows written by hand are so. It is the same in
/// every way of capture and at every reading, so that the change keeps its id; and nobody takes it for a real time.
static NO_TIME: LazyLock<Option<LocalTime>> = LazyLock::new(|| LocalTime::new(1970, 1, 1, 0, 0, 0));

/// Why rows cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowError {
    /// The image ends too early or does not fit its table map.
    Damaged,
    /// A needed column is not in the image: binlog_row_image is not FULL.
    Absent(&'static str),
}

impl RowError {
    /// For the operator.
    pub(super) fn explain(&self, table: WatchedTable) -> CaptureError {
        CaptureError::misconfigured(match self {
            RowError::Damaged => {
                format!("a row of table {} in the binlog is damaged or does not fit its table map", table.name())
            }
            RowError::Absent(column) => format!(
                "a row of table {} came without its column {column}: a session has binlog_row_image other than FULL; \
             SET GLOBAL binlog_row_image = 'FULL', find what sets it otherwise in its own session, \
             and let bugrelay begin anew from the present end: the history tables tell what was missed",
                table.name()
            ),
        })
    }
}

/// A needed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Absent,
    Null,
    Id(i64),
    Time(Option<LocalTime>),
}

/// The needed values of one row, in the order of [`WatchedTable::columns`].
#[derive(Clone, Copy)]
struct Image {
    table: WatchedTable,
    cells: [Cell; MOST_NEEDED],
}

/// Whether an operation on a table can be news at all; if not, its rows are not even looked at.
pub(super) fn can_be_news(table: WatchedTable, operation: Operation) -> bool {
    match table {
        WatchedTable::Bugs => operation != Operation::Delete,
        WatchedTable::Duplicates => true,
        WatchedTable::Activity | WatchedTable::Comments | WatchedTable::Attachments => operation == Operation::Insert,
    }
}

/// Adds to `news` what the rows of one event tell.
pub(super) fn read(
    layout: &Layout,
    operation: Operation,
    images: &RowImages<'_>,
    news: &mut Vec<RowChange>,
) -> Result<(), RowError> {
    if images.column_count != layout.columns.len() {
        return Err(RowError::Damaged);
    }
    let mut data = Cursor(&images.data);
    while !data.0.is_empty() {
        let mut image = |present| Image::read(layout, present, &mut data).ok_or(RowError::Damaged);
        match operation {
            Operation::Insert => inserted(&image(images.after)?, news)?,
            Operation::Delete => deleted(&image(images.before)?, news)?,
            Operation::Update => {
                let before = image(images.before)?;
                updated(&before, &image(images.after)?, news)?;
            }
        }
    }
    Ok(())
}

fn inserted(row: &Image, news: &mut Vec<RowChange>) -> Result<(), RowError> {
    match row.table {
        WatchedTable::Bugs => {
            if row.cell("creation_ts")? != Cell::Null {
                news.push(created(row)?);
            }
        }
        WatchedTable::Activity => news.push(RowChange::Activity {
            bug: BugId(row.id("bug_id")?),
            who: UserId(row.id("who")?),
            at: row.time("bug_when")?,
            row: ActivityRow {
                id: ActivityId(row.id("id")?),
                field: FieldId(row.id("fieldid")?),
                attachment: row.optional("attach_id")?.map(AttachmentId),
                comment: row.optional("comment_id")?.map(CommentId),
            },
        }),
        WatchedTable::Comments => news.push(RowChange::CommentAdded {
            comment: CommentId(row.id("comment_id")?),
            bug: BugId(row.id("bug_id")?),
            who: UserId(row.id("who")?),
            at: row.time("bug_when")?,
        }),
        WatchedTable::Attachments => news.push(RowChange::AttachmentAdded {
            attachment: AttachmentId(row.id("attach_id")?),
            bug: BugId(row.id("bug_id")?),
            who: UserId(row.id("submitter_id")?),
            at: row.time("creation_ts")?,
        }),
        WatchedTable::Duplicates => {
            news.push(RowChange::DuplicateMarked { bug: BugId(row.id("dupe")?), of: BugId(row.id("dupe_of")?) });
        }
    }
    Ok(())
}

fn deleted(row: &Image, news: &mut Vec<RowChange>) -> Result<(), RowError> {
    if row.table == WatchedTable::Duplicates {
        news.push(RowChange::DuplicateUnmarked { bug: BugId(row.id("dupe")?), of: BugId(row.id("dupe_of")?) });
    }
    Ok(())
}

fn updated(before: &Image, after: &Image, news: &mut Vec<RowChange>) -> Result<(), RowError> {
    match after.table {
        WatchedTable::Bugs => {
            // Bugzilla files a bug without creation_ts and sets it as the last step of the same transaction.
            if before.cell("creation_ts")? == Cell::Null && after.cell("creation_ts")? != Cell::Null {
                news.push(created(after)?);
            }
        }
        WatchedTable::Duplicates => {
            deleted(before, news)?;
            inserted(after, news)?;
        }
        WatchedTable::Activity | WatchedTable::Comments | WatchedTable::Attachments => {}
    }
    Ok(())
}

fn created(row: &Image) -> Result<RowChange, RowError> {
    let bug = BugId(row.id("bug_id")?);
    Ok(RowChange::BugCreated { bug, reporter: UserId(row.id("reporter")?), at: row.time("creation_ts")? })
}

impl Image {
    fn read(layout: &Layout, present: &[u8], data: &mut Cursor<'_>) -> Option<Self> {
        let mut cells = [Cell::Absent; MOST_NEEDED];
        let count: u32 = present.iter().map(|byte| byte.count_ones()).sum();
        let nulls = data.take(usize::try_from(count).ok()?.div_ceil(8))?;
        let mut stored = 0;
        for (at, column) in layout.columns.iter().enumerate() {
            if !bit(present, at) {
                continue;
            }
            let null = bit(nulls, stored);
            stored += 1;
            let value = match column.size {
                _ if null => None,
                Size::Fixed(bytes) => Some(data.take(bytes)?),
                Size::Prefixed(prefix) => Some(data.prefixed(prefix)?),
            };
            if let Some((place, reading)) = column.needed {
                *cells.get_mut(place)? = value.map_or(Cell::Null, |value| Cell::read(reading, value));
            }
        }
        Some(Image { table: layout.table, cells })
    }

    fn cell(&self, name: &'static str) -> Result<Cell, RowError> {
        let place = self.table.columns().iter().position(|column| *column == name);
        match place.and_then(|place| self.cells.get(place)) {
            Some(Cell::Absent) | None => Err(RowError::Absent(name)),
            Some(cell) => Ok(*cell),
        }
    }

    fn optional(&self, name: &'static str) -> Result<Option<i64>, RowError> {
        Ok(match self.cell(name)? {
            Cell::Id(id) => Some(id),
            _ => None,
        })
    }

    /// An id that Bugzilla's schema does not let be NULL; where a site's does, 0, which is nobody and nothing.
    fn id(&self, name: &'static str) -> Result<i64, RowError> {
        Ok(self.optional(name)?.unwrap_or_else(|| {
            tracing::warn!(table = self.table.name(), column = name, "a row without an id: read as 0");
            0
        }))
    }

    fn time(&self, name: &'static str) -> Result<LocalTime, RowError> {
        if let Cell::Time(Some(time)) = self.cell(name)? {
            return Ok(time);
        }
        let key = self.table.columns().first().copied().unwrap_or_default();
        let row = self.optional(key)?.unwrap_or_default();
        tracing::warn!(
            table = self.table.name(),
            column = name,
            row,
            "a row without a possible time: read as 1970-01-01"
        );
        NO_TIME.ok_or(RowError::Damaged)
    }
}

impl Cell {
    fn read(reading: Reading, value: &[u8]) -> Self {
        match reading {
            Reading::Id => {
                Cell::Id(Cursor(value).number(value.len()).and_then(|id| i64::try_from(id).ok()).unwrap_or(0))
            }
            Reading::Time => Cell::Time(packed_time(value)),
            Reading::OldTime => Cell::Time(decimal_time(value)),
        }
    }
}

/// 17 bits of 13 x year + month, 5 of the day, 5, 6 and 6 of the time; the highest bit of the five bytes is the sign.
fn packed_time(value: &[u8]) -> Option<LocalTime> {
    let packed = Cursor(value).big_endian(5)?.checked_sub(1 << 39)?;
    let part = |shift: u32, bits: u32| u8::try_from(packed >> shift & ((1 << bits) - 1)).ok();
    let months = packed >> 22;
    let (year, month) = (u16::try_from(months / 13).ok()?, u8::try_from(months % 13).ok()?);
    LocalTime::new(year, month, part(17, 5)?, part(12, 5)?, part(6, 6)?, part(0, 6)?)
}

/// The decimal digits YYYYMMDDHHMMSS as one number.
fn decimal_time(value: &[u8]) -> Option<LocalTime> {
    let number = Cursor(value).number(8)?;
    let two = |divisor: u64| u8::try_from(number / divisor % 100).ok();
    let year = u16::try_from(number / 10_000_000_000).ok()?;
    LocalTime::new(year, two(100_000_000)?, two(1_000_000)?, two(10_000)?, two(100)?, two(1)?)
}

fn bit(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_times_are_read_alike() {
        let expected = LocalTime::parse("2026-11-22 05:32:10");
        let packed: u64 = ((2026 * 13 + 11) << 22) | (22 << 17) | (5 << 12) | (32 << 6) | 10 | (1 << 39);
        assert_eq!(packed_time(&packed.to_be_bytes()[3..]), expected);
        assert_eq!(decimal_time(&20_261_122_053_210_u64.to_le_bytes()), expected);
    }

    #[test]
    fn the_zero_date_is_no_time() {
        assert_eq!(packed_time(&[0x80, 0, 0, 0, 0]), None);
        assert_eq!(decimal_time(&[0; 8]), None);
    }
}
