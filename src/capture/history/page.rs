//! What is read at a time: a span of local time, the place in it, and what was found. Pure.

use crate::bugzilla::{BugId, LocalTime};
use crate::changeset::{ChangeSetId, RowChange};

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Span {
    /// The first second.
    pub from: LocalTime,
    /// The first second behind it; none: no end.
    pub to: Option<LocalTime>,
    /// Of these bugs alone; empty: of all.
    pub bugs: Vec<BugId>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The second.
    pub at: LocalTime,
    /// Within a crowded second: behind this bug.
    pub(super) after: Option<BugId>,
}

/// Some saves, and where to go on.
#[derive(Debug)]
pub struct Page {
    /// By time.
    pub saves: Vec<Save>,
    /// None: that was all.
    pub next: Option<Cursor>,
}

/// The rows with the same bug, user and second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Save {
    /// What they have in common.
    pub id: ChangeSetId,
    /// What was done.
    pub rows: Vec<RowChange>,
}

impl Span {
    /// Its beginning.
    pub fn begin(&self) -> Cursor {
        Cursor { at: self.from, after: None }
    }

    /// Whether there is no second in it.
    pub fn is_empty(&self) -> bool {
        self.to.is_some_and(|to| to <= self.from)
    }

    /// From one second up to another, or to the end. `{time}` is the column of the time.
    pub(super) fn between(&self, from: LocalTime, to: Option<LocalTime>) -> String {
        let to = to.or(self.to).map(|to| format!(" AND {{time}} < '{}'", to.to_sql())).unwrap_or_default();
        format!("{{time}} >= '{}'{to}{}", from.to_sql(), self.of_bugs())
    }

    /// In one second the bugs behind `after`, up to `last`.
    pub(super) fn second(&self, at: LocalTime, after: BugId, last: Option<BugId>) -> String {
        let last = last.map(|last| format!(" AND bug_id <= {last}")).unwrap_or_default();
        format!("{{time}} = '{}' AND bug_id > {after}{last}{}", at.to_sql(), self.of_bugs())
    }

    /// A range for one table.
    pub(super) fn of_column(range: &str, time: &str) -> String {
        range.replace("{time}", time)
    }

    fn of_bugs(&self) -> String {
        if self.bugs.is_empty() {
            return String::new();
        }
        let bugs: Vec<String> = self.bugs.iter().map(ToString::to_string).collect();
        format!(" AND bug_id IN ({})", bugs.join(", "))
    }
}
