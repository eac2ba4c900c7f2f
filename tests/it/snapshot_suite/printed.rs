//! A snapshot as text, to be compared: the types themselves cannot be printed, so that nothing private slips into a log.

use bugrelay::bugzilla::LocalTime;
use bugrelay::snapshot::{Attachment, Bug, Comment, Flag, Named, Snapshot, User};

/// All objects by kind and id, a line each.
pub(super) fn objects(snapshot: &Snapshot) -> Vec<String> {
    let mut lines: Vec<(u8, i64, String)> = vec![];
    lines.extend(snapshot.bugs.values().map(|it| (0, it.id.0, bug(it))));
    lines.extend(snapshot.comments.values().map(|it| (1, it.id.0, comment(it))));
    lines.extend(snapshot.attachments.values().map(|it| (2, it.id.0, attachment(it))));
    lines.extend(snapshot.users.values().map(|it| (3, it.id.0, format!("user {}", user(it)))));
    lines.extend(
        snapshot
            .activity
            .iter()
            .map(|(id, text)| (4, id.0, format!("activity {id} {:?} -> {:?}", text.removed, text.added))),
    );
    lines.sort();
    lines.into_iter().map(|(_, _, line)| line).collect()
}

/// Changes of privacy, a line each, with their bug.
pub(super) fn privacy(snapshot: &Snapshot) -> Vec<String> {
    let mut bugs: Vec<_> = snapshot.privacy.iter().collect();
    bugs.sort_by_key(|(id, _)| **id);
    let changes = bugs.into_iter().flat_map(|(bug, changes)| changes.iter().map(move |change| (bug, change)));
    changes
        .map(|(bug, it)| {
            let (at, text) = (time(Some(it.at)), &it.text);
            format!("bug {bug} {at} {:?} {:?} -> {:?}", it.of, text.removed, text.added)
        })
        .collect()
}

fn bug(it: &Bug) -> String {
    let ends = [&it.assigned_to, &it.reporter].map(user).join(" / ");
    let names = [&it.product, &it.component, &it.version, &it.target_milestone, &it.status].map(named).join(" ");
    let words = [&it.resolution, &it.severity, &it.priority, &it.operating_system, &it.platform];
    let custom: Vec<String> = it.custom.iter().map(|it| format!("{} {:?} {:?}", it.name, it.kind, it.values)).collect();
    format!(
        "bug {} {} {} {:?} {:?} {:?} {} {names} {words:?} {ends} / {:?} groups {:?} aliases {:?} keywords {:?} {} {}",
        it.id,
        time(it.created),
        time(it.changed),
        it.summary,
        it.url,
        it.whiteboard,
        it.classification,
        it.qa_contact.as_ref().map(user),
        it.groups,
        it.aliases,
        it.keywords,
        flags(&it.flags),
        custom.join(", "),
    )
}

fn comment(it: &Comment) -> String {
    let (at, private) = (time(it.created), if it.is_private { "private " } else { "" });
    format!("comment {} of {} no. {} {at} {private}{:?}", it.id, it.bug, it.number, it.text)
}

fn attachment(it: &Attachment) -> String {
    let (created, changed) = (time(it.created), time(it.changed));
    let is = [it.is_patch, it.is_obsolete, it.is_private];
    let texts = [&it.description, &it.content_type, &it.file_name];
    format!("attachment {} of {} {created} {changed} {texts:?} {is:?} {}", it.id, it.bug, flags(&it.flags))
}

fn flags(all: &[Flag]) -> String {
    let flag = |it: &Flag| format!("{} {}{} {:?}", it.id, it.name, it.status, it.requestee.as_ref().map(user));
    format!("flags [{}]", all.iter().map(flag).collect::<Vec<_>>().join(", "))
}

fn user(it: &User) -> String {
    format!("{} {} {:?}", it.id, it.login, it.real_name)
}

fn named(it: &Named) -> String {
    format!("{:?} {}", it.id, it.name)
}

fn time(at: Option<LocalTime>) -> String {
    at.map_or("never".to_owned(), LocalTime::to_sql)
}
