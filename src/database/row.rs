//! A row as a server prints it, each column a text or null.

use crate::bugzilla::LocalTime;

/// The columns in the order of the statement.
pub struct Row(Vec<Option<String>>);

impl FromIterator<Option<String>> for Row {
    fn from_iter<T: IntoIterator<Item = Option<String>>>(columns: T) -> Self {
        Row(columns.into_iter().collect())
    }
}

impl Row {
    /// What its texts take.
    pub fn bytes(&self) -> usize {
        self.0.iter().flatten().map(String::len).sum()
    }

    fn column(&self, column: usize) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// A text, or null.
    pub fn opt_text(&self, column: usize) -> Option<String> {
        self.column(column).map(str::to_owned)
    }

    /// Null as `""`.
    pub fn text(&self, column: usize) -> String {
        self.opt_text(column).unwrap_or_default()
    }

    /// A whole number; none if it is null or no number.
    pub fn opt_int(&self, column: usize) -> Option<i64> {
        self.column(column)?.parse().ok()
    }

    /// Null as 0: asked only of columns that cannot be null.
    pub fn int(&self, column: usize) -> i64 {
        self.opt_int(column).unwrap_or_default()
    }

    /// Anything but 0 is true: an unreadable value counts as private.
    pub fn truth(&self, column: usize) -> bool {
        self.opt_int(column) != Some(0)
    }

    /// Zero dates as none.
    pub fn time(&self, column: usize) -> Option<LocalTime> {
        LocalTime::parse(self.column(column)?)
    }
}
