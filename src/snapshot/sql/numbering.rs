//! Comment -> its number: the place among all comments of its bug by time, then id, private ones counted.
//!
//! A bug's comments are read once and then only those that came since: a bug with a thousand comments is not read
//! a thousand times. What is known is compared with how many the server counts in the same read, which it does without looking at any of
//! them: where a comment was committed late, under a lower id, was deleted, or lost with the end of the server's log, the bug is read
//! anew. Of a bug that is asked for again and again, those before the ones asked for are only counted.

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
    /// How many comments the server counts, of each bug that was known when it was asked.
    counted: BTreeMap<BugId, usize>,
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
        self.counted.clear();
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
                    wanted.push((bug, above));
                    self.counted.insert(bug, 0);
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
                self.add();
                self.coming = Some((bug, vec![(at, comment)]));
            }
        }
    }

    /// How many comments the server counts of a bug that was known.
    pub(super) fn count(&mut self, bug: BugId, comments: usize) {
        self.counted.insert(bug, comments);
    }

    /// All that was asked for was read.
    pub(super) fn learnt(&mut self) {
        self.add();
        for (bug, comments) in std::mem::take(&mut self.counted) {
            if self.young.bugs.get(&bug).is_some_and(|known| known.count() != comments) {
                self.young.remove(bug);
            }
        }
    }

    fn add(&mut self) {
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

    fn count(&self) -> usize {
        self.before + self.ids.len()
    }

    /// Looks for the comments that are asked for, ids in order, and only counts those before the first of them. `None`: one
    /// of them ought to be here and is not, the bug must be read; else the id above which all are news.
    fn has_until(&mut self, asked: &[CommentId]) -> Option<i64> {
        let news = asked.partition_point(|id| id.0 <= self.highest);
        let places: Option<Vec<usize>> = asked[..news].iter().map(|&id| self.place(id)).collect();
        let first = places?.into_iter().min().unwrap_or(self.ids.len());
        self.before += first;
        self.ids.drain(..first);
        if self.ids.capacity() > 2 * self.ids.len() + 8 {
            self.ids.shrink_to_fit();
        }
        Some(self.highest)
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

    /// Those that were read, and how many there are in all.
    fn learn_of(numbering: &mut Numbering, comments: &[(i64, u8)], count: usize) {
        for &(id, second) in comments {
            numbering.learn(BugId(7), CommentId(id), at(second));
        }
        if numbering.counted.contains_key(&BugId(7)) {
            numbering.count(BugId(7), count);
        }
        numbering.learnt();
    }

    /// All that there are.
    fn learn(numbering: &mut Numbering, comments: &[(i64, u8)]) {
        learn_of(numbering, comments, comments.len());
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
        assert_eq!(numbering.unknown(&asked(&[5])), [(BugId(7), 2)]);
        learn_of(&mut numbering, &[(5, 3)], 3);
        assert_eq!(numbering.number(BugId(7), CommentId(5)), Some(2));
    }

    #[test]
    fn a_bug_of_which_comments_were_lost_is_read_anew() {
        // 2 was deleted. Asked for is one that was known, or one that came since.
        for (asked_for, came, left) in [(3, &[][..], &[(1, 1), (3, 3)][..]), (4, &[(4, 4)], &[(1, 1), (3, 3), (4, 4)])]
        {
            let mut numbering = Numbering::default();
            learn(&mut numbering, &[(1, 1), (2, 2), (3, 3)]);
            assert_eq!(numbering.unknown(&asked(&[asked_for])), [(BugId(7), 3)]);
            learn_of(&mut numbering, came, left.len());
            assert_eq!(numbering.number(BugId(7), CommentId(asked_for)), None, "it is not known any more");
            assert_eq!(numbering.unknown(&asked(&[asked_for])), [(BugId(7), 0)]);
            learn(&mut numbering, left);
            assert_eq!(numbering.number(BugId(7), CommentId(asked_for)), Some(left.len() - 1));
        }
    }

    #[test]
    fn a_bug_that_has_no_comment_any_more_is_known_no_more() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1)]);
        assert_eq!(numbering.unknown(&asked(&[1])), [(BugId(7), 1)]);
        numbering.learnt();
        assert_eq!(numbering.number(BugId(7), CommentId(1)), None);
    }

    #[test]
    fn one_committed_late_that_nobody_asks_for_is_counted_all_the_same() {
        let mut numbering = Numbering::default();
        learn(&mut numbering, &[(1, 1), (3, 3)]);
        assert_eq!(numbering.unknown(&asked(&[4])), [(BugId(7), 3)]);
        learn_of(&mut numbering, &[(4, 4)], 4);
        assert_eq!(numbering.unknown(&asked(&[4])), [(BugId(7), 0)], "2 was committed meanwhile");
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
        assert_eq!(numbering.unknown(&asked(&[3])), [(BugId(7), 4)]);
        learn_of(&mut numbering, &[], 4);
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
            again += numbering.unknown(&bug(1)).iter().filter(|(_, above)| *above == 0).count();
            numbering.count(BugId(1), 1);
            numbering.learnt();
        }
        assert_eq!(again, 0, "the bug that is always asked for is always known");
        assert_eq!(numbering.unknown(&bug(2)), [(BugId(2), 0)]);
        assert!(numbering.young.words + numbering.old.words <= 2 * GENERATION_MAX + 100);
    }
}
