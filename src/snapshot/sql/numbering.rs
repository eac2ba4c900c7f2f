//! Comment -> its number: the place among all comments of its bug by time, then id, private ones counted.
//!
//! A bug's comments are read once and then only those that came since: a bug with a thousand comments is not read
//! a thousand times. Comments are never deleted but with their bug, and every new one comes by the stream; one that is
//! missing here although its bug is known was committed late, under a lower id: then the bug is read anew. Of a bug that
//! is asked for again and again, those before the ones asked for are only counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bugzilla::{BugId, CommentId, LocalTime};

/// Words of eight bytes that one generation of bugs may take, of which there are two.
const GENERATION_MAX: usize = 250_000;

/// What is known of the comments of bugs.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Bugs asked for lately.
    young: Generation,
    /// Those asked for before: forgotten when the young ones are old, unless they are asked for again.
    old: Generation,
    /// The bug whose comments are just coming.
    coming: Option<(BugId, Vec<Key>)>,
}

/// The order of comments.
type Key = (Option<LocalTime>, CommentId);

#[derive(Debug, Default)]
struct Generation {
    bugs: HashMap<BugId, Known>,
    words: usize,
}

/// The comments of one bug.
#[derive(Debug, Default)]
struct Known {
    /// How many come before `ids`.
    before: usize,
    /// In order.
    ids: Vec<CommentId>,
    /// The last in order.
    last: Option<Key>,
    highest: i64,
}

impl Numbering {
    /// The bugs to read for these comments, each with the comment id above which is news (0: all are).
    pub(super) fn unknown(&mut self, comments: &BTreeSet<(BugId, CommentId)>) -> Vec<(BugId, i64)> {
        self.coming = None;
        if self.young.words > GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        let mut of_bugs: BTreeMap<BugId, Vec<CommentId>> = BTreeMap::new();
        for &(bug, comment) in comments {
            of_bugs.entry(bug).or_default().push(comment);
        }
        let mut wanted = Vec::new();
        for (bug, comments) in of_bugs {
            // A bug that must be read whole is not put back.
            match self.take(bug).map(|mut known| (known.has_until(&comments), known)) {
                None | Some((None, _)) => wanted.push((bug, 0)),
                Some((Some(above), known)) => {
                    wanted.extend(above.map(|above| (bug, above)));
                    self.young.insert(bug, known);
                }
            }
        }
        wanted
    }

    /// A comment that was read, as [`Numbering::unknown`] asked; those of one bug come together.
    pub(super) fn learn(&mut self, bug: BugId, comment: CommentId, at: Option<LocalTime>) {
        match &mut self.coming {
            Some((coming, keys)) if *coming == bug => keys.push((at, comment)),
            _ => {
                self.learnt();
                self.coming = Some((bug, vec![(at, comment)]));
            }
        }
    }

    /// All comments that were asked for were read.
    pub(super) fn learnt(&mut self) {
        let Some((bug, keys)) = self.coming.take() else { return };
        let mut known = self.take(bug).unwrap_or_default();
        // One that belongs before those that are known: the whole bug is read anew.
        if known.append(keys) {
            self.young.insert(bug, known);
        }
    }

    /// The number of a comment that was asked for and learnt.
    pub(super) fn number(&self, bug: BugId, comment: CommentId) -> Option<usize> {
        self.young.bugs.get(&bug)?.number(comment)
    }

    fn take(&mut self, bug: BugId) -> Option<Known> {
        self.young.remove(bug).or_else(|| self.old.remove(bug))
    }
}

impl Generation {
    fn insert(&mut self, bug: BugId, known: Known) {
        self.words += known.words();
        self.bugs.insert(bug, known);
    }

    fn remove(&mut self, bug: BugId) -> Option<Known> {
        let known = self.bugs.remove(&bug)?;
        self.words -= known.words();
        Some(known)
    }
}

impl Known {
    /// About what it takes in memory.
    fn words(&self) -> usize {
        12 + self.ids.capacity()
    }

    /// Looks for the comments that are asked for, ids in order, and only counts those before the first of them. `None`: one
    /// of them ought to be here and is not, the bug must be read; else the id above which all are news, if one of them is.
    fn has_until(&mut self, asked: &[CommentId]) -> Option<Option<i64>> {
        let news = asked.partition_point(|id| id.0 <= self.highest);
        let places: Option<Vec<usize>> = asked[..news].iter().map(|&id| self.place(id)).collect();
        let first = places?.into_iter().min().unwrap_or(self.ids.len());
        self.before += first;
        self.ids.drain(..first);
        if self.ids.capacity() > 2 * self.ids.len() + 8 {
            self.ids.shrink_to_fit();
        }
        Some((news < asked.len()).then_some(self.highest))
    }

    /// Adds comments at the end; false if that is not their place.
    fn append(&mut self, mut keys: Vec<Key>) -> bool {
        keys.sort_unstable();
        if keys.first().copied() <= self.last {
            return false;
        }
        self.last = keys.last().copied();
        self.highest = keys.iter().fold(self.highest, |highest, (_, id)| highest.max(id.0));
        self.ids.extend(keys.iter().map(|&(_, id)| id));
        true
    }

    fn number(&self, comment: CommentId) -> Option<usize> {
        Some(self.before + self.place(comment)?)
    }

    fn place(&self, comment: CommentId) -> Option<usize> {
        // Nearly always asked for a recent one.
        self.ids.iter().rposition(|&id| id == comment)
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
        for &(id, second) in comments {
            numbering.learn(BugId(7), CommentId(id), at(second));
        }
        numbering.learnt();
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

    #[test]
    fn a_comment_dated_back_has_its_bug_read_anew() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1), (2, 5)]);
        assert_eq!(numbering.unknown(&asked(&[3])), [(BugId(7), 2)]);
        learn(&mut numbering, &[(3, 4)]);
        assert_eq!(numbering.number(BugId(7), CommentId(3)), None, "its place is not known yet");
        assert_eq!(numbering.unknown(&asked(&[3])), [(BugId(7), 0)]);
        learn(&mut numbering, &[(1, 1), (2, 5), (3, 4)]);
        assert_eq!(numbering.number(BugId(7), CommentId(3)), Some(1));
    }

    #[test]
    fn comments_before_those_asked_for_are_counted_and_read_anew_when_asked_for() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(numbering.unknown(&asked(&[3])), []);
        assert_eq!(numbering.number(BugId(7), CommentId(3)), Some(2));
        assert_eq!(numbering.number(BugId(7), CommentId(4)), Some(3));
        assert_eq!(numbering.unknown(&asked(&[2, 4])), [(BugId(7), 0)]);
        learn(&mut numbering, &[(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(numbering.number(BugId(7), CommentId(2)), Some(1));
    }

    #[test]
    fn a_read_that_broke_off_teaches_nothing() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.unknown(&asked(&[1, 2])), [(BugId(7), 0)]);
        numbering.learn(BugId(7), CommentId(1), at(1));
        assert_eq!(numbering.unknown(&asked(&[1, 2])), [(BugId(7), 0)]);
        learn(&mut numbering, &[(1, 1), (2, 2)]);
        assert_eq!(numbering.number(BugId(7), CommentId(2)), Some(1));
    }

    #[test]
    fn only_bugs_asked_for_long_ago_are_forgotten() {
        let mut numbering = Numbering::default();
        let bug = |id| BTreeSet::from([(BugId(id), CommentId(id))]);
        let mut again = 0;
        for id in 1..=3 * i64::try_from(GENERATION_MAX / 12).unwrap() {
            for (bug, _) in numbering.unknown(&bug(id)) {
                numbering.learn(bug, CommentId(bug.0), at(1));
            }
            numbering.learnt();
            again += numbering.unknown(&bug(1)).len();
        }
        assert_eq!(again, 0, "the bug that is always asked for is always known");
        assert_eq!(numbering.unknown(&bug(2)), [(BugId(2), 0)]);
        assert!(numbering.young.words + numbering.old.words <= 2 * GENERATION_MAX + 100);
    }
}
