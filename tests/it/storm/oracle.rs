//! What must have left, by what the tables hold; and how what left differs from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::Telling;
use super::save::{NEEDLE, UNDONE};
use super::site::Site;

/// In the order in which the messages of one commit leave.
const KINDS: [&str; 4] = ["attachment.create", "comment.create", "bug.create", "bug.modify"];

/// What a message is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    bug: u64,
    change_set: String,
    /// Its place in [`KINDS`].
    kind: usize,
    /// The id of what was created, or the save that a change names; empty where the message is the event alone.
    what: String,
}

/// A message that must leave.
#[derive(Debug)]
struct Due {
    told: Told,
    /// Which one of its bug's saves it tells, in the order of the commits.
    number: u64,
    second: i64,
}

/// All that must leave, and nothing else, by bug and in the order of the commits.
pub(super) struct Expected {
    telling: Telling,
    due: BTreeMap<u64, Vec<Due>>,
    saves: usize,
}

/// What is wrong, a line for each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    lost: Vec<String>,
    unexpected: Vec<String>,
    repeated: Vec<String>,
    out_of_order: Vec<String>,
}

/// The times that the commits of a change set had, as a place among the saves of its bug, and its second.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    last: u64,
    second: i64,
}

impl Expected {
    /// As the tables are now: nobody may be saving.
    pub(super) fn read(site: &Site) -> Self {
        let lines = |sql: &str| -> Vec<Vec<String>> {
            site.exec(sql).lines().map(|line| line.split('\t').map(ToOwned::to_owned).collect()).collect()
        };
        let hidden: BTreeSet<String> =
            lines("SELECT bug_id FROM bug_group_map").into_iter().map(|mut row| row.remove(0)).collect();
        let saves: HashMap<(String, String), u64> = lines("SELECT bug_id, save, number FROM storm_saves")
            .into_iter()
            .map(|row| ((row[0].clone(), row[1].clone()), row[2].parse().unwrap()))
            .collect();
        let mut due: BTreeMap<u64, Vec<Due>> = BTreeMap::new();
        for row in lines(&rows(site)) {
            let [kind, text, bug, id, is_private, who, second] = row.try_into().unwrap();
            let save = saved_by(&text).unwrap();
            // A row of a save that is not there, or not of this bug, would be the storm's fault.
            let number = saves[&(bug.clone(), save.clone())];
            let kind = kind.parse().unwrap();
            let told = if KINDS[kind] == "bug.modify" { save } else { id };
            let what = if is_private == "1" || hidden.contains(&bug) { String::new() } else { told };
            let told = Told { bug: bug.parse().unwrap(), change_set: format!("{who}.{second}.{bug}"), kind, what };
            due.entry(told.bug).or_default().push(Due { told, number, second: second.parse().unwrap() });
        }
        due.values_mut().for_each(|due| due.sort_by_key(|due| (due.number, due.told.kind)));
        Expected { telling: site.telling, due, saves: saves.len() }
    }

    /// How many saves were committed, those of two bugs twice.
    pub(super) fn saves(&self) -> usize {
        self.saves
    }

    /// How many messages they are, each save told by itself.
    pub(super) fn len(&self) -> usize {
        self.due.values().map(Vec::len).sum()
    }

    /// The same, everything merged that may be.
    pub(super) fn fewest(&self) -> usize {
        let all = || self.due.values().flatten().map(|due| &due.told);
        let changes: BTreeSet<_> = all().filter(|told| told.is_change()).map(|told| &told.change_set).collect();
        let others = all().filter(|told| !told.is_change()).count();
        if self.telling == Telling::EachSave { self.len() } else { others + changes.len() }
    }

    /// Compares it with lines that left.
    pub(super) fn judge(&self, lines: &[String]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut left: BTreeMap<u64, Vec<Told>> = BTreeMap::new();
        for line in lines {
            match told(line) {
                Some(told) => left.entry(told.bug).or_default().push(told),
                None => verdict.unexpected.push(line.chars().take(300).collect()),
            }
        }
        let bugs: BTreeSet<&u64> = self.due.keys().chain(left.keys()).collect();
        for bug in bugs {
            let due = self.due.get(bug).map_or(&[][..], Vec::as_slice);
            self.judge_bug(due, left.get(bug).map_or(&[], Vec::as_slice), &mut verdict);
        }
        verdict
    }

    fn judge_bug(&self, due: &[Due], left: &[Told], verdict: &mut Verdict) {
        let before = verdict.lost.len() + verdict.unexpected.len() + verdict.repeated.len();
        let mut open: BTreeMap<&Told, usize> = BTreeMap::new();
        for due in due {
            *open.entry(&due.told).or_default() += 1;
        }
        let mut last_told: HashMap<&str, &Told> = HashMap::new();
        for told in left {
            match open.get_mut(told) {
                None => verdict.unexpected.push(told.to_string()),
                Some(0) => verdict.repeated.push(told.to_string()),
                Some(count) => *count -= 1,
            }
            if told.is_change() {
                last_told.insert(&told.change_set, told);
            }
        }
        let last_due: HashMap<&str, &Told> = due
            .iter()
            .map(|due| &due.told)
            .filter(|told| told.is_change())
            .map(|told| (&*told.change_set, told))
            .collect();
        let may_merge = |told: &Told| self.telling != Telling::EachSave && told.is_change();
        for (told, count) in open.into_iter().filter(|(_, count)| *count > 0) {
            // A change may be told by a later one of its change set, if that has the last word.
            let cs = &*told.change_set;
            let is_merged = may_merge(told) && last_told.contains_key(cs) && last_told.get(cs) == last_due.get(cs);
            if !is_merged {
                verdict.lost.extend(std::iter::repeat_n(told.to_string(), count));
            }
        }
        if verdict.lost.len() + verdict.unexpected.len() + verdict.repeated.len() == before {
            match self.telling {
                Telling::EachSave => in_order_of_saves(due, left, verdict),
                Telling::MergedInOrder | Telling::MergedByTime => self.in_order_of_change_sets(due, left, verdict),
            }
        }
    }

    /// What is told late although its change set was over before another began; by time, if it has the earlier time as well.
    fn in_order_of_change_sets(&self, due: &[Due], left: &[Told], verdict: &mut Verdict) {
        let mut spans: HashMap<&str, Span> = HashMap::new();
        for Due { told, number, second } in due {
            let span = Span { first: *number, last: *number, second: *second };
            spans.entry(&told.change_set).or_insert(span).last = *number;
        }
        let mut before: Vec<Span> = vec![];
        for told in left {
            let span = spans[&*told.change_set];
            let is_passed = |other: &Span| {
                other.first > span.last && (self.telling == Telling::MergedInOrder || other.second > span.second)
            };
            if before.iter().any(is_passed) {
                verdict.out_of_order.push(told.to_string());
            }
            before.push(span);
        }
    }
}

fn in_order_of_saves(due: &[Due], left: &[Told], verdict: &mut Verdict) {
    let wrong = due.iter().zip(left).find(|(due, left)| due.told != **left);
    verdict.out_of_order.extend(wrong.map(|(due, left)| format!("{left} is told before {}", due.told)));
}

/// Everything that the storm wrote, with what [`Expected::read`] asks of it.
fn rows(site: &Site) -> String {
    [
        (0, "description, bug_id, attach_id, isprivate, submitter_id", "creation_ts", "attachments WHERE description"),
        (1, "thetext, bug_id, comment_id, isprivate, who", "bug_when", "longdescs WHERE thetext"),
        (2, "short_desc, bug_id, bug_id, 0, reporter", "creation_ts", "bugs WHERE short_desc"),
        (3, "added, bug_id, id, 0, who", "bug_when", "bugs_activity WHERE added"),
    ]
    .map(|(kind, columns, time, place)| {
        format!("SELECT {kind}, {columns}, {} FROM {place} LIKE 's=%';\n", site.epoch(time))
    })
    .concat()
}

/// The save that wrote a text.
fn saved_by(text: &str) -> Option<String> {
    Some(text.strip_prefix("s=")?.split_once(';')?.0.to_owned())
}

/// What a line tells; nothing if it is not of the storm's making.
fn told(line: &str) -> Option<Told> {
    let message: Value = serde_json::from_str(line).ok()?;
    let event = &message["event"];
    let (key, target) = (event["routing_key"].as_str()?, event["target"].as_str()?);
    let object = &message[target];
    let what = match (object.is_null(), key) {
        (true, _) => String::new(),
        (false, "bug.modify") => saved_by(event["changes"].as_array()?.first()?["added"].as_str()?)?,
        (false, "comment.create") => object["comment_id"].to_string(),
        (false, _) => object["id"].to_string(),
    };
    let kind = KINDS.iter().position(|kind| *kind == key)?;
    Some(Told { bug: event["bug_id"].as_u64()?, change_set: event["change_set"].as_str()?.to_owned(), kind, what })
}

/// Nothing secret, and nothing that was taken back, is in any byte of a file.
pub(super) fn is_silent(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    for word in [NEEDLE, UNDONE] {
        let is_there = bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!is_there, "\"{word}\" is in {}", file.display());
    }
}

impl Told {
    fn is_change(&self) -> bool {
        KINDS[self.kind] == "bug.modify"
    }
}

impl Verdict {
    pub(super) fn is_whole(&self) -> bool {
        self.lost.is_empty()
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.what.is_empty() { "(event alone)" } else { &self.what };
        write!(f, "{} {} {what}", KINDS[self.kind], self.change_set)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [&self.lost, &self.unexpected, &self.repeated, &self.out_of_order].map(Vec::len);
        let [lost, unexpected, repeated, out_of_order] = counts;
        write!(f, "lost {lost}, unexpected {unexpected}, repeated {repeated}, out of order {out_of_order}")
    }
}
