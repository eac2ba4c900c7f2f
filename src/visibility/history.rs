//! What was private when a save was committed: the state of now, with later changes of privacy undone.
//!
//! A change of the same second that is not the save's own may have come before or after it, and so may one of the same hour
//! where the zone repeats that hour; the save then counts as private if it would be in either case.

use std::collections::BTreeSet;

use super::Object;
use crate::bugzilla::Zone;
use crate::changeset::ChangeSet;
use crate::snapshot::{PrivacyChange, PrivacyOf, Snapshot};

/// The privacy of one bug around one save.
pub(super) struct History<'a> {
    /// Later than the save, newest first.
    later: Vec<&'a PrivacyChange>,
    /// Perhaps later: of the save's second and not its own, or of its repeated hour. Newest first.
    tied: Vec<&'a PrivacyChange>,
    /// The save's own, newest first.
    own: Vec<&'a PrivacyChange>,
    groups: BTreeSet<&'a str>,
}

impl<'a> History<'a> {
    pub(super) fn new(set: &ChangeSet, snapshot: &'a Snapshot, zone: &Zone) -> Self {
        let groups = snapshot.bugs.get(&set.id.bug).map(|bug| bug.groups.iter().map(String::as_str).collect());
        let mut history = History { later: vec![], tied: vec![], own: vec![], groups: groups.unwrap_or_default() };
        let changes = snapshot.privacy.get(&set.id.bug).map(Vec::as_slice).unwrap_or_default();
        let is_repeated = set.id.at.is_repeated(zone);
        for change in changes.iter().rev() {
            let in_doubt = change.at == set.id.at || (is_repeated && change.at.is_repeated(zone));
            if set.activity.iter().any(|row| row.id == change.id) {
                history.own.push(change);
            } else if in_doubt {
                history.tied.push(change);
            } else if change.at > set.id.at {
                history.later.push(change);
            }
        }
        history
    }

    /// Whether the bug was, or may have been, in a group when the save was committed.
    pub(super) fn bug_then_private(&self) -> bool {
        let mut groups = self.groups.clone();
        undo(&mut groups, &self.later);
        !groups.is_empty()
            || self.tied.iter().any(|change| {
                undo(&mut groups, &[change]);
                !groups.is_empty()
            })
    }

    /// Whether it was, or may have been, before the save.
    pub(super) fn bug_before_private(&self) -> bool {
        let mut groups = self.groups.clone();
        undo(&mut groups, &self.later);
        let mut without_ties = groups.clone();
        undo(&mut without_ties, &self.own);
        undo(&mut groups, &self.tied);
        undo(&mut groups, &self.own);
        !groups.is_empty() || !without_ties.is_empty()
    }

    /// Whether a comment or attachment itself was, or may have been, private: before the save, and when it was committed.
    pub(super) fn own(&self, object: Object<'_>) -> (bool, bool) {
        let (of, mut private) = match object {
            Object::Bug(_) => return (false, false),
            Object::Comment(comment, _) => (PrivacyOf::Comment(comment.id), comment.is_private),
            Object::Attachment(attachment, _) => (PrivacyOf::Attachment(attachment.id), attachment.is_private),
        };
        let undone = |changes: &[&PrivacyChange], mut private: bool| {
            let mut ever = private;
            for change in changes.iter().filter(|change| change.of == of) {
                private = change.text.removed != "0";
                ever |= private;
            }
            (private, ever)
        };
        (private, _) = undone(&self.later, private);
        let (before_ties, then) = undone(&self.tied, private);
        let before = undone(&self.own, private).0 || undone(&self.own, before_ties).0;
        (before, then)
    }
}

/// Groups as they were before these changes, newest first.
fn undo<'a>(groups: &mut BTreeSet<&'a str>, changes: &[&'a PrivacyChange]) {
    for change in changes.iter().filter(|change| change.of == PrivacyOf::Groups) {
        for added in names(&change.text.added) {
            groups.remove(added);
        }
        groups.extend(names(&change.text.removed));
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bugzilla::{ActivityId, BugId, CommentId, FieldId, LocalTime, UserId};
    use crate::changeset::{ActivityRow, ActivityText, ChangeSetId};
    use crate::snapshot::{Bug, Comment, Named, User};

    const GROUPS: [&str; 3] = ["cellar", "insiders", "security"];

    /// What a user does in one save: leaves the groups alone, or sets them.
    #[derive(Clone, Debug)]
    struct Save {
        /// Seconds since the save before it; none is a tie.
        later: u8,
        groups: Option<BTreeSet<&'static str>>,
    }

    fn save() -> impl Strategy<Value = Save> {
        let groups = proptest::option::of(proptest::sample::subsequence(GROUPS.to_vec(), 0..=2));
        (0..3u8, groups).prop_map(|(later, groups)| Save { later, groups: groups.map(|g| g.into_iter().collect()) })
    }

    /// A save as the database shows it, with the groups that were true before and after it.
    struct Played {
        set: ChangeSet,
        before: BTreeSet<&'static str>,
        after: BTreeSet<&'static str>,
    }

    fn list<'a>(names: impl Iterator<Item = &'a &'a str>) -> String {
        names.copied().collect::<Vec<_>>().join(", ")
    }

    /// Plays saves; what a reader finds afterwards is the last groups and the rows of activity.
    fn play(saves: &[Save]) -> (Vec<Played>, Snapshot) {
        let (mut groups, mut second, mut played, mut changes) = (BTreeSet::new(), 0, vec![], vec![]);
        for (number, save) in saves.iter().enumerate() {
            second += save.later;
            let at = LocalTime::new(2026, 11, 22, 5, 0, second).unwrap();
            let id = ActivityId(i64::try_from(number).unwrap());
            let mut set = ChangeSet::new(ChangeSetId { who: UserId(1), at, bug: BugId(7) });
            let before = groups.clone();
            groups = save.groups.clone().unwrap_or(groups);
            if groups != before {
                let text =
                    ActivityText { removed: list(before.difference(&groups)), added: list(groups.difference(&before)) };
                changes.push(PrivacyChange { id, at, of: PrivacyOf::Groups, text });
                set.activity.push(ActivityRow { id, field: FieldId(1), attachment: None, comment: None });
            }
            played.push(Played { set, before, after: groups.clone() });
        }
        let mut snapshot = Snapshot::default();
        let bug = Bug { groups: groups.iter().map(|&name| name.to_owned()).collect(), ..blank() };
        snapshot.bugs.insert(BugId(7), bug);
        snapshot.privacy.insert(BugId(7), changes);
        (played, snapshot)
    }

    fn blank() -> Bug {
        let text = String::new;
        let user = || User { id: UserId(1), login: text(), real_name: text() };
        let named = || Named { id: None, name: text() };
        Bug {
            id: BugId(7),
            created: None,
            changed: None,
            groups: vec![],
            aliases: vec![],
            assigned_to: user(),
            reporter: user(),
            qa_contact: None,
            classification: text(),
            product: named(),
            component: named(),
            version: named(),
            target_milestone: named(),
            status: named(),
            resolution: text(),
            severity: text(),
            priority: text(),
            operating_system: text(),
            platform: text(),
            summary: text(),
            url: text(),
            whiteboard: text(),
            keywords: vec![],
            flags: vec![],
            custom: vec![],
        }
    }

    fn at(played: &Played) -> LocalTime {
        played.set.id.at
    }

    proptest! {
        /// The rule of catching up: whatever happened later, it is known what was private then.
        #[test]
        fn what_was_private_then_is_never_taken_for_public(saves in proptest::collection::vec(save(), 1..20)) {
            let (played, snapshot) = play(&saves);
            for save in &played {
                let history = History::new(&save.set, &snapshot, &Zone::utc());
                let ties = played.iter().filter(|other| at(other) == at(save)).count() - 1;
                if !save.after.is_empty() {
                    prop_assert!(history.bug_then_private());
                }
                if ties == 0 {
                    prop_assert_eq!(history.bug_then_private(), !save.after.is_empty());
                    prop_assert_eq!(history.bug_before_private(), !save.before.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_comment_of_the_second_in_which_a_bug_hides_or_opens_is_private() {
        let hide = Save { later: 1, groups: Some(BTreeSet::from(["security"])) };
        let open = Save { later: 1, groups: Some(BTreeSet::new()) };
        let comment = Save { later: 0, groups: None };
        for saves in [[hide.clone(), comment.clone(), open.clone()], [hide, open, comment]] {
            let (played, snapshot) = play(&saves);
            let comment = played.iter().find(|save| save.set.activity.is_empty()).unwrap();
            assert!(History::new(&comment.set, &snapshot, &Zone::utc()).bug_then_private());
        }
    }

    #[test]
    fn in_the_hour_that_a_zone_repeats_nobody_knows_whether_the_bug_was_opened_already() {
        let at = |minute| LocalTime::new(2026, 10, 25, 2, minute, 0).unwrap();
        let (_, mut snapshot) = play(&[]);
        // Opened at 02:20, the second time that the clock showed it; commented at 02:30, the first time.
        let text = ActivityText { removed: "security".to_owned(), added: String::new() };
        let opened = PrivacyChange { id: ActivityId(1), at: at(20), of: PrivacyOf::Groups, text };
        snapshot.privacy.insert(BugId(7), vec![opened]);
        let comment = ChangeSet::new(ChangeSetId { who: UserId(1), at: at(30), bug: BugId(7) });
        let private = |zone: &str| History::new(&comment, &snapshot, &Zone::named(zone).unwrap()).bug_then_private();
        assert_eq!((private("Europe/Prague"), private("UTC")), (true, false));
    }

    #[test]
    fn a_group_that_was_renamed_since_hides_what_it_hid() {
        let hide = Save { later: 1, groups: Some(BTreeSet::from(["security"])) };
        let (played, mut snapshot) = play(&[Save { later: 1, groups: None }, hide]);
        snapshot.bugs.get_mut(&BugId(7)).unwrap().groups = vec!["safety".to_owned()];
        assert!(History::new(&played[0].set, &snapshot, &Zone::utc()).bug_then_private(), "in doubt: not public");
    }

    fn comment(private: bool) -> Comment {
        Comment { id: CommentId(3), bug: BugId(7), created: None, is_private: private, text: String::new(), number: 0 }
    }

    #[test]
    fn a_comment_is_judged_by_its_own_changes_alone() {
        let (played, mut snapshot) = play(&[Save { later: 1, groups: None }]);
        let change = |id: i64, of: i64, second: u8, removed: &str, added: &str| PrivacyChange {
            id: ActivityId(id),
            at: LocalTime::new(2026, 11, 22, 5, 0, second).unwrap(),
            of: PrivacyOf::Comment(CommentId(of)),
            text: ActivityText { removed: removed.to_owned(), added: added.to_owned() },
        };
        let own = |snapshot: &Snapshot, private| {
            let (bug, comment) = (&snapshot.bugs[&BugId(7)], comment(private));
            History::new(&played[0].set, snapshot, &Zone::utc()).own(Object::Comment(&comment, bug))
        };
        let mut with = |changes| {
            snapshot.privacy.insert(BugId(7), changes);
            own(&snapshot, false)
        };
        assert_eq!(with(vec![]), (false, false));
        assert_eq!(with(vec![change(90, 4, 9, "1", "0")]), (false, false), "another comment's");
        assert_eq!(with(vec![change(90, 3, 9, "1", "0")]), (true, true), "private until later");
        assert_eq!(with(vec![change(90, 3, 1, "1", "0")]), (true, true), "a tie");
        assert_eq!(with(vec![change(90, 3, 9, "", "0")]), (true, true), "unreadable counts as private");
    }
}
