//! The contract of a reader, a sentence each.

use std::collections::BTreeSet;
use std::time::Duration;

use bugrelay::bugzilla::{ActivityId, AttachmentId, BugId, CommentId, LocalTime, UserId};
use bugrelay::changeset::Subject;
use bugrelay::failure::Class;
use bugrelay::snapshot::{Privacy, Reader, Request, Snapshot};

use super::{Site, printed};

/// The bug of each comment of the site, the first comment first.
const COMMENTS: [(i64, i64); 9] = [(1, 1), (2, 2), (3, 3), (4, 4), (4, 5), (5, 6), (6, 7), (6, 8), (6, 9)];

fn comments(pairs: &[(i64, i64)]) -> BTreeSet<(BugId, CommentId)> {
    pairs.iter().map(|&(bug, comment)| (BugId(bug), CommentId(comment))).collect()
}

/// All that the site holds.
pub(super) fn everything() -> Request {
    Request {
        bugs: (1..=6).map(BugId).collect(),
        filed: (1..=6).map(BugId).collect(),
        comments: comments(&COMMENTS),
        attachments: [1, 2].map(AttachmentId).into(),
        activity: [1, 2].map(ActivityId).into(),
        users: (1..=6).map(UserId).collect(),
        since: LocalTime::parse("2026-01-01 00:00:00"),
        bytes_max: None,
    }
}

async fn read(reader: &impl Reader, request: &Request) -> Snapshot {
    reader.read(request).await.unwrap_or_else(|error| panic!("{error}"))
}

pub(super) async fn everything_of_the_site_is_read_as_it_is(site: &impl Site) {
    let reader = site.reader();
    // A second read finds what the first one learnt.
    for _ in 0..2 {
        let snapshot = read(&reader, &everything()).await;
        let found = printed::objects(&snapshot);
        let expected: Vec<&str> = include_str!("site.txt").lines().collect();
        assert_eq!(found, expected, "\n{}\n", found.join("\n"));
        assert_eq!(printed::privacy(&snapshot), [""; 0]);
        assert!(snapshot.answers(&everything()));
    }
}

pub(super) async fn what_is_not_there_is_left_out(site: &impl Site) {
    let reader = site.reader();
    let request = Request {
        bugs: [BugId(1), BugId(99)].into(),
        // Comment 7 is another bug's.
        comments: comments(&[(1, 1), (1, 7), (99, 99)]),
        attachments: [AttachmentId(99)].into(),
        activity: [ActivityId(99)].into(),
        users: [UserId(99)].into(),
        ..Request::default()
    };
    let snapshot = read(&reader, &request).await;
    assert!(!snapshot.answers(&request));
    assert_eq!((snapshot.bugs.len(), snapshot.comments.len()), (1, 1));
    assert!(snapshot.attachments.is_empty() && snapshot.activity.is_empty() && snapshot.users.is_empty());
    assert!(read(&reader, &Request::default()).await.bugs.is_empty());
}

pub(super) async fn comments_are_numbered_by_time_private_ones_counted_and_late_ones_too(site: &impl Site) {
    let reader = site.reader();
    let number = async |comment: i64| {
        let request = Request { comments: comments(&[(6, comment)]), ..Request::default() };
        read(&reader, &request).await.comments[&CommentId(comment)].number
    };
    assert_eq!([number(7).await, number(9).await], [0, 2]);
    let comment = |id: i64, at: &str| {
        format!(
            "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES ({id}, 6, 2, '2026-01-{at}', 'More.')"
        )
    };
    site.exec(&comment(31, "13 08:00:00"));
    assert_eq!(number(31).await, 3);
    // Committed later than its elders, and earlier by the clock.
    site.exec(&comment(30, "12 14:45:00"));
    site.exec(&comment(32, "13 08:00:00"));
    assert_eq!([number(30).await, number(9).await, number(31).await, number(32).await], [2, 3, 4, 5]);
}

pub(super) async fn a_read_of_more_than_may_be_held_gives_nothing(site: &impl Site) {
    let reader = site.reader();
    let request = |bytes_max| Request { bytes_max, comments: comments(&[(6, 7), (6, 9)]), ..Request::default() };
    let too_much = read(&reader, &request(Some(40))).await;
    assert!(too_much.is_too_much && too_much.comments.is_empty());
    for bytes_max in [Some(1 << 20), None] {
        let whole = read(&reader, &request(bytes_max)).await;
        assert!(!whole.is_too_much);
        assert_eq!([7, 9].map(|id| whole.comments[&CommentId(id)].number), [0, 2]);
    }
}

pub(super) async fn comments_that_are_gone_are_not_counted_any_more(site: &impl Site) {
    let reader = site.reader();
    let number = async |comment: i64| {
        let request = Request { comments: comments(&[(6, comment)]), ..Request::default() };
        read(&reader, &request).await.comments[&CommentId(comment)].number
    };
    assert_eq!([number(7).await, number(9).await], [0, 2]);
    // Deleted by hand, or lost with the end of the server's log.
    site.exec("DELETE FROM longdescs WHERE comment_id = 8");
    assert_eq!(number(9).await, 1);
    site.exec(
        "INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext) VALUES (33, 6, 2, '2026-01-14 08:00:00', 'More.')",
    );
    site.exec("DELETE FROM longdescs WHERE comment_id = 9");
    assert_eq!([number(33).await, number(7).await], [1, 0]);
}

pub(super) async fn changes_of_privacy_are_read_from_a_time_on_in_their_order(site: &impl Site) {
    site.exec(
        "INSERT INTO bugs_activity (id, bug_id, who, bug_when, fieldid, attach_id, comment_id, removed, added) VALUES
           (21, 6, 4, '2026-02-01 10:00:00', 48, NULL, NULL, 'security', ''),
           (22, 6, 4, '2026-02-01 09:00:00', 43, NULL, 8, '1', '0'),
           (23, 6, 4, '2026-02-01 09:00:00', 37, 2, NULL, '1', '0'),
           (24, 4, 4, '2026-02-01 09:00:00', 48, NULL, NULL, NULL, 'cellar'),
           (25, 4, 4, '2026-02-01 09:00:00', 12, NULL, NULL, 'a summary', 'another'),
           (26, 6, 4, '2026-02-01 08:59:59', 48, NULL, NULL, '', 'security')",
    );
    let request = Request { bugs: [BugId(4), BugId(6)].into(), ..Request::default() };
    let since = Request { since: LocalTime::parse("2026-02-01 09:00:00"), ..request.clone() };
    let reader = site.reader();
    let expected = [
        "bug 4 2026-02-01 09:00:00 Groups \"\" -> \"cellar\"",
        "bug 6 2026-02-01 09:00:00 Comment(CommentId(8)) \"1\" -> \"0\"",
        "bug 6 2026-02-01 09:00:00 Attachment(AttachmentId(2)) \"1\" -> \"0\"",
        "bug 6 2026-02-01 10:00:00 Groups \"security\" -> \"\"",
    ];
    assert_eq!(printed::privacy(&read(&reader, &since).await), expected);
    assert!(read(&reader, &request).await.privacy.is_empty(), "not asked for");
}

pub(super) async fn what_decides_about_privacy_is_told_in_the_order_asked(site: &impl Site) {
    site.exec("UPDATE bugs SET creation_ts = NULL WHERE bug_id = 3");
    let asked = [
        Subject::Comment(BugId(6), CommentId(8)),
        Subject::Bug(BugId(5)),
        Subject::Attachment(BugId(6), AttachmentId(2)),
        Subject::Attachment(BugId(4), AttachmentId(1)),
        Subject::Comment(BugId(5), CommentId(6)),
        Subject::Bug(BugId(3)),
        Subject::Bug(BugId(1)),
        Subject::Bug(BugId(99)),
        Subject::Comment(BugId(1), CommentId(8)),
    ];
    let public = Privacy { exists: true, bug_is_filed: true, bug_in_groups: false, own: false };
    let expected = [
        Privacy { own: true, ..public },
        Privacy { bug_in_groups: true, ..public },
        Privacy { own: true, ..public },
        public,
        Privacy { bug_in_groups: true, ..public },
        Privacy { bug_is_filed: false, ..public },
        public,
        // Not there, and there under another bug: nothing is known of it.
        Privacy::default(),
        Privacy::default(),
    ];
    let reader = site.reader();
    assert_eq!(reader.privacy(&asked).await.unwrap(), expected);
    assert_eq!(reader.privacy(&[]).await.unwrap(), []);
}

pub(super) async fn a_custom_field_that_comes_is_read_from_then_on_and_one_that_goes_is_not(site: &impl Site) {
    let reader = site.reader();
    let custom = async || {
        let snapshot = read(&reader, &everything()).await;
        let custom = &snapshot.bugs[&BugId(4)].custom;
        custom.iter().map(|it| format!("{}={}", it.name, it.values.join("+"))).collect::<Vec<_>>()
    };
    assert_eq!(custom().await[..2], ["cf_cups=3", "cf_follows=1"]);
    site.exec("ALTER TABLE bugs ADD cf_brew varchar(64) DEFAULT 'slow'");
    site.exec("INSERT INTO fielddefs (id, name, type, custom, description, sortkey) VALUES (90, 'cf_brew', 1, 1, 'Brew', 7000)");
    assert_eq!(custom().await[..2], ["cf_brew=slow", "cf_cups=3"]);
    site.exec("DELETE FROM fielddefs WHERE name = 'cf_cups'");
    site.exec("ALTER TABLE bugs DROP COLUMN cf_cups");
    // Its own statement fails once: the column is gone. Then it looks anew.
    if let Err(error) = reader.read(&everything()).await {
        assert_eq!(error.class, Class::Transient, "{error}");
    }
    assert_eq!(custom().await[..2], ["cf_brew=slow", "cf_follows=1"]);
}

/// The tables without whose grant nothing can be read.
const TABLES: [&str; 19] = [
    "attachments",
    "bug_group_map",
    "bug_status",
    "bugs",
    "bugs_activity",
    "bugs_aliases",
    "classifications",
    "components",
    "fielddefs",
    "flags",
    "flagtypes",
    "groups",
    "keyworddefs",
    "keywords",
    "longdescs",
    "milestones",
    "products",
    "profiles",
    "versions",
];

pub(super) async fn without_any_one_grant_it_says_which_and_goes_on_when_it_is_back(site: &impl Site) {
    let reader = site.reader();
    for table in TABLES {
        site.grant(table, false);
        let Err(error) = reader.read(&everything()).await else { panic!("{table} is read without a grant") };
        let said = error.to_string();
        assert_eq!(error.class, Class::Misconfigured, "{said}");
        assert!(said.contains(table) && said.contains("grants.sql"), "{table}: {said}");
        site.grant(table, true);
        assert!(read(&reader, &everything()).await.answers(&everything()), "{table}");
    }
}

pub(super) async fn a_table_that_is_away_for_a_while_is_waited_for(site: &impl Site) {
    let reader = site.reader();
    site.exec("ALTER TABLE bugs_aliases RENAME TO bugs_aliases_old");
    let Err(error) = reader.read(&everything()).await else { panic!("it is away") };
    assert_eq!(error.class, Class::Transient, "{error}");
    assert!(error.to_string().contains("is it being upgraded"), "{error}");
    site.exec("ALTER TABLE bugs_aliases_old RENAME TO bugs_aliases");
    assert!(read(&reader, &everything()).await.answers(&everything()));
}

/// Reads until it goes well again; what fails meanwhile must be said to pass by itself.
pub(super) async fn heals(reader: &impl Reader) {
    let healed = tokio::time::timeout(Duration::from_secs(30), async {
        while let Err(error) = reader.read(&everything()).await {
            assert_eq!(error.class, Class::Transient, "{error}");
            tokio::task::yield_now().await;
        }
    });
    healed.await.expect("it heals");
}
