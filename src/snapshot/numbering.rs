//! Comment -> its number: the place among all comments of its bug by time, then id, private ones counted.
//!
//! A bug's comments are read once and then only those that came since: a bug with a thousand comments is not read
//! a thousand times. Comments are never deleted but with their bug, and every new one comes by the stream; one that is
//! missing here although its bug is known was committed late, under a lower id: then the bug is read anew.

use std::collections::{BTreeSet, HashMap};

use crate::bugzilla::{BugId, CommentId, LocalTime};

/// Keys kept at the most, about 24 bytes each; beyond it everything is read anew.
const KEYS_MAX: usize = 200_000;

/// What is known of the comments of bugs.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    bugs: HashMap<BugId, Known>,
    keys: usize,
}

#[derive(Debug, Default)]
struct Known {
    /// In order.
    keys: Vec<(Option<LocalTime>, CommentId)>,
    highest: i64,
}

impl Numbering {
    /// The bugs to read for these comments, each with the comment id above which is news (0: all are).
    pub(super) fn unknown(&mut self, comments: &BTreeSet<(BugId, CommentId)>) -> Vec<(BugId, i64)> {
        if self.keys > KEYS_MAX {
            *self = Numbering::default();
        }
        let mut wanted: HashMap<BugId, i64> = HashMap::new();
        for &(bug, comment) in comments {
            match self.bugs.get(&bug) {
                Some(known) if comment.0 > known.highest => {
                    wanted.entry(bug).or_insert(known.highest);
                }
                Some(known) if known.number(comment).is_some() => {}
                _ => {
                    self.forget(bug);
                    wanted.insert(bug, 0);
                }
            }
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort_unstable();
        wanted
    }

    /// Comments that were read, as [`Numbering::unknown`] asked.
    pub(super) fn learn(&mut self, comments: impl IntoIterator<Item = (BugId, CommentId, Option<LocalTime>)>) {
        let mut changed: BTreeSet<BugId> = BTreeSet::new();
        for (bug, comment, at) in comments {
            let known = self.bugs.entry(bug).or_default();
            known.keys.push((at, comment));
            known.highest = known.highest.max(comment.0);
            self.keys += 1;
            changed.insert(bug);
        }
        for bug in changed {
            if let Some(known) = self.bugs.get_mut(&bug) {
                known.keys.sort_unstable();
            }
        }
    }

    /// The number of a comment that was asked for and learnt.
    pub(super) fn number(&self, bug: BugId, comment: CommentId) -> Option<usize> {
        self.bugs.get(&bug)?.number(comment)
    }

    fn forget(&mut self, bug: BugId) {
        if let Some(known) = self.bugs.remove(&bug) {
            self.keys -= known.keys.len();
        }
    }
}

impl Known {
    fn number(&self, comment: CommentId) -> Option<usize> {
        // Nearly always asked for a recent one.
        self.keys.iter().rposition(|&(_, id)| id == comment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u8) -> Option<LocalTime> {
        LocalTime::new(2026, 11, 22, 5, 0, second)
    }

    fn asked(comments: &[i64]) -> BTreeSet<(BugId, CommentId)> {
        comments.iter().map(|&id| (BugId(7), CommentId(id))).collect()
    }

    fn learn(numbering: &mut Numbering, comments: &[(i64, u8)]) {
        numbering.learn(comments.iter().map(|&(id, second)| (BugId(7), CommentId(id), at(second))));
    }

    #[test]
    fn numbers_go_by_time_then_id() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.unknown(&asked(&[3])), [(BugId(7), 0)]);
        learn(&mut numbering, &[(1, 1), (2, 9), (3, 5), (4, 5)]);
        let numbers: Vec<_> = [1, 3, 4, 2].map(|id| numbering.number(BugId(7), CommentId(id)).unwrap()).into();
        assert_eq!(numbers, [0, 1, 2, 3]);
    }

    #[test]
    fn only_what_came_since_is_read() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1), (2, 2)]);
        assert_eq!(numbering.unknown(&asked(&[2])), []);
        assert_eq!(numbering.unknown(&asked(&[5])), [(BugId(7), 2)]);
        learn(&mut numbering, &[(5, 3)]);
        assert_eq!(numbering.number(BugId(7), CommentId(5)), Some(2));
    }

    #[test]
    fn a_comment_committed_late_has_its_bug_read_anew() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1), (3, 3)]);
        assert_eq!(numbering.unknown(&asked(&[2])), [(BugId(7), 0)]);
        learn(&mut numbering, &[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(numbering.number(BugId(7), CommentId(3)), Some(2));
    }
}
