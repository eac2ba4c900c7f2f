//! The texts of activity rows -> what changed: pieces of long values joined again.

use crate::bugzilla::{Field, MAX_LINE_LENGTH};

/// The texts of one row of bugs_activity. May be private: it goes nowhere but through `visibility`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ActivityText {
    /// `bugs_activity.removed`, null as `""`.
    pub removed: String,
    /// `bugs_activity.added`, null as `""`.
    pub added: String,
}

/// One changed field of a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Change {
    /// As in fielddefs; `flag.<type>` for flags.
    pub field: String,
    /// What it was, `""` for nothing.
    pub removed: String,
    /// What it is, `""` for nothing.
    pub added: String,
}

/// All rows of one field in one change set, in id order -> one removed and one added value.
///
/// Bugzilla cuts a value longer than [`MAX_LINE_LENGTH`] over several rows; rows are one value exactly if
/// cutting their concatenation gives these rows again (its own reader guesses, and puts blanks into values
/// cut at a hyphen). What then are several values comes from several calls in one transaction, or from saves
/// that were merged: lists are joined, of anything else the first removed and the last added stand.
pub fn join(field: &Field, rows: &[ActivityText]) -> ActivityText {
    let mut values = whole_values(rows).into_iter();
    let Some(mut told) = values.next() else { return ActivityText::default() };
    for next in values {
        if field.is_list() {
            append(&mut told.removed, &next.removed);
            append(&mut told.added, &next.added);
        } else {
            told.added = next.added;
        }
    }
    told
}

fn append(list: &mut String, more: &str) {
    if !list.is_empty() && !more.is_empty() {
        list.push_str(", ");
    }
    list.push_str(more);
}

fn whole_values(rows: &[ActivityText]) -> Vec<ActivityText> {
    let mut values = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let length = run_length(rest);
        let (run, after) = rest.split_at(length);
        values.push(ActivityText {
            removed: run.iter().map(|row| row.removed.as_str()).collect(),
            added: run.iter().map(|row| row.added.as_str()).collect(),
        });
        rest = after;
    }
    values
}

/// How many of the leading rows are pieces of one value: the longest run that cutting gives again.
fn run_length(rows: &[ActivityText]) -> usize {
    let mut longest = 1;
    let (mut removed, mut added) = (String::new(), String::new());
    for (index, row) in rows.iter().enumerate() {
        removed.push_str(&row.removed);
        added.push_str(&row.added);
        if index == 0 {
            continue;
        }
        let pieces = |whole: &str, side: fn(&ActivityText) -> &str| is_cut_into(whole, rows[..=index].iter().map(side));
        if pieces(&removed, |row| &row.removed) && pieces(&added, |row| &row.added) {
            longest = index + 1;
        } else if cannot_go_on(&removed, &rows[0].removed) || cannot_go_on(&added, &rows[0].added) {
            break;
        }
    }
    longest
}

/// Whether Bugzilla would write `whole` as these rows (empty ones behind the last piece).
fn is_cut_into<'a>(whole: &str, rows: impl Iterator<Item = &'a str>) -> bool {
    let mut rest = whole;
    for row in rows {
        let (piece, after) = rest.split_at(cut_point(rest));
        if piece != row {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// Where a cut looks no further than [`MAX_LINE_LENGTH`]: once that much is there, the first piece is settled.
fn cannot_go_on(whole: &str, first: &str) -> bool {
    whole.chars().nth(MAX_LINE_LENGTH + 1).is_some() && cut_point(whole) != first.len()
}

/// The byte at which `LogActivityEntry` cuts (Bugzilla/Util.pm `find_wrap_point`): before the last comma, else the
/// last blank, else behind the last hyphen, else after [`MAX_LINE_LENGTH`] characters.
fn cut_point(value: &str) -> usize {
    // Found: the value has more than MAX_LINE_LENGTH characters, and this is the one behind the limit.
    let Some((limit, beyond)) = value.char_indices().nth(MAX_LINE_LENGTH) else { return value.len() };
    // A separator may stand right there: it then begins the next piece.
    let window = &value[..limit + beyond.len_utf8()];
    let last = |separator: char| window.rfind(separator).filter(|&at| at > 0);
    last(',').or_else(|| last(' ')).or_else(|| last('-').map(|at| at + 1)).unwrap_or(limit)
}

/// The flags of a value of [`Field::FLAGS`], in order: type, and status with the requestee in brackets behind it.
///
/// `needinfo?(a@b), review+` -> `("needinfo", "? (a@b)"), ("review", "+")`. What does not read as a flag is left out.
fn flags(value: &str) -> Vec<(String, String)> {
    value.split(',').filter_map(|token| flag(token.trim())).collect()
}

fn flag(token: &str) -> Option<(String, String)> {
    let (head, requestee) = match token.strip_suffix(')').and_then(|t| t.split_once('(')) {
        Some((head, login)) => (head, Some(login)),
        None => (token, None),
    };
    let status = head.chars().next_back().filter(|c| matches!(c, '?' | '+' | '-'))?;
    let name = head.strip_suffix(status).filter(|name| !name.is_empty())?;
    let value = requestee.map_or_else(|| status.to_string(), |login| format!("{status} ({login})"));
    Some((name.to_owned(), value))
}

impl ActivityText {
    /// One change per flag: the flags of one type that went and came are paired in order.
    pub fn flag_changes(&self) -> Vec<Change> {
        let (removed, added) = (flags(&self.removed), flags(&self.added));
        let mut left: Vec<Option<(String, String)>> = added.into_iter().map(Some).collect();
        let mut changes = Vec::new();
        for (name, value) in removed {
            let partner = left.iter_mut().find(|flag| flag.as_ref().is_some_and(|(n, _)| *n == name));
            let added = partner.and_then(Option::take).map_or_else(String::new, |(_, value)| value);
            changes.push(Change { field: format!("flag.{name}"), removed: value, added });
        }
        for (name, value) in left.into_iter().flatten() {
            changes.push(Change { field: format!("flag.{name}"), removed: String::new(), added: value });
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bugzilla::FieldType;

    fn field(name: &str) -> Field {
        Field { name: name.to_owned(), kind: FieldType::Text, custom: false, obsolete: false }
    }

    fn text(removed: &str, added: &str) -> ActivityText {
        ActivityText { removed: removed.to_owned(), added: added.to_owned() }
    }

    /// As LogActivityEntry writes it.
    fn cut(removed: &str, added: &str) -> Vec<ActivityText> {
        let (mut removed, mut added, mut rows) = (removed, added, vec![]);
        while !removed.is_empty() || !added.is_empty() {
            let (r, r_rest) = removed.split_at(cut_point(removed));
            let (a, a_rest) = added.split_at(cut_point(added));
            rows.push(text(r, a));
            (removed, added) = (r_rest, a_rest);
        }
        rows
    }

    fn joined(name: &str, rows: &[ActivityText]) -> (String, String) {
        let ActivityText { removed, added } = join(&field(name), rows);
        (removed, added)
    }

    #[test]
    fn a_value_within_the_limit_is_one_row() {
        let value = "x".repeat(MAX_LINE_LENGTH);
        assert_eq!(cut("", &value).len(), 1);
        assert_eq!(cut("", &format!("{value}x")).len(), 2);
    }

    #[test]
    fn a_value_cut_at_a_hyphen_gets_no_blank() {
        let value = format!("{}-{}", "a".repeat(200), "b".repeat(200));
        let rows = cut("", &value);
        assert_eq!(rows[0].added.len(), 201);
        assert_eq!(joined("status_whiteboard", &rows).1, value);
    }

    #[test]
    fn several_values_of_a_list_are_joined_by_comma() {
        let rows = [text("", "71"), text("", "72"), text("3", "")];
        assert_eq!(joined("dependson", &rows), ("3".to_owned(), "71, 72".to_owned()));
    }

    #[test]
    fn of_several_values_the_first_removed_and_the_last_added_stand() {
        let rows = [text("NEW", "ASSIGNED"), text("ASSIGNED", "RESOLVED")];
        assert_eq!(joined("bug_status", &rows), ("NEW".to_owned(), "RESOLVED".to_owned()));
    }

    #[test]
    fn every_flag_is_a_change_of_its_own() {
        let changes = text("needinfo?(a@b.c), review?", "needinfo+, needinfo?(d@e.f), fedora-review-").flag_changes();
        let told: Vec<_> = changes.iter().map(|c| (c.field.as_str(), c.removed.as_str(), c.added.as_str())).collect();
        assert_eq!(
            told,
            [
                ("flag.needinfo", "? (a@b.c)", "+"),
                ("flag.review", "?", ""),
                ("flag.needinfo", "", "? (d@e.f)"),
                ("flag.fedora-review", "", "-"),
            ]
        );
    }

    proptest! {
        #[test]
        fn what_bugzilla_cuts_is_joined_again(removed in "[ab, \u{e9}\u{1f600}-]{0,900}", added in "[a-d, -]{0,900}") {
            let rows = cut(&removed, &added);
            prop_assert_eq!(joined("short_desc", &rows), (removed, added));
        }

        #[test]
        fn short_values_are_never_taken_for_pieces(values in proptest::collection::vec("[a-z]{1,8}", 1..40)) {
            let rows: Vec<_> = values.iter().map(|value| text("", value)).collect();
            prop_assert_eq!(joined("cc", &rows).1, values.join(", "));
        }
    }
}
