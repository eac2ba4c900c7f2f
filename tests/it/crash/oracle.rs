//! What must have left, by what the database holds; and what did.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use crate::services::{Bugrelay, Mysqld, PostgresDatabase, poll};

/// A message of the load: in the order in which one person saves, comments before changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    number: u64,
    is_change: bool,
    bug: u64,
}

/// All that must leave, and nothing else.
#[derive(Debug)]
pub(crate) struct Committed(BTreeSet<Told>);

/// How what left differs from that.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Committed, and never left.
    pub(crate) lost: Vec<Told>,
    /// Left, and not committed or not readable, shortened for the eye.
    pub(crate) unexpected: Vec<String>,
    /// Left again in other words.
    pub(crate) altered: Vec<Told>,
    /// First left after what was saved later in the same bug.
    pub(crate) out_of_order: Vec<Told>,
    /// Lines that left before, byte for byte.
    pub(crate) repeated: usize,
}

impl Committed {
    /// As the database has it now: nobody may be saving.
    pub(crate) fn read(server: &Mysqld, database: &str) -> Self {
        let rows = server.exec(&format!(
            "SELECT SUBSTRING_INDEX(SUBSTRING(thetext, 5), ';', 1), 0, bug_id FROM {database}.longdescs WHERE thetext LIKE 'seq=%';
             SELECT SUBSTRING_INDEX(SUBSTRING(added, 3), ';', 1), 1, bug_id FROM {database}.bugs_activity WHERE added LIKE 'w=%'"
        ));
        Self::of(&rows)
    }

    /// The same on PostgreSQL.
    pub(crate) fn read_on(database: &PostgresDatabase<'_>) -> Self {
        Self::of(&database.exec(
            "SELECT split_part(substr(thetext, 5), ';', 1), 0, bug_id FROM longdescs WHERE thetext LIKE 'seq=%' UNION ALL \
             SELECT split_part(substr(added, 3), ';', 1), 1, bug_id FROM bugs_activity WHERE added LIKE 'w=%'",
        ))
    }

    /// Rows of a number, whether it is a change, and a bug.
    fn of(rows: &str) -> Self {
        let told = |row: &str| {
            let mut columns = row.split('\t').map(|column| column.parse::<u64>().unwrap());
            let (number, is_change, bug) = (columns.next()?, columns.next()? == 1, columns.next()?);
            Some(Told { number, is_change, bug })
        };
        Committed(rows.lines().map(|row| told(row).unwrap()).collect())
    }

    /// Those of saves behind this one.
    pub(crate) fn since(self, number: u64) -> Self {
        Committed(self.0.into_iter().filter(|told| told.number > number).collect())
    }

    /// How many messages they are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Compares it with lines that left.
    pub(crate) fn judge(&self, lines: &[String]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut first: BTreeMap<Told, &String> = BTreeMap::new();
        let mut last_of_bug: HashMap<u64, Told> = HashMap::new();
        for line in lines {
            let Some(told) = told(line).filter(|told| self.0.contains(told)) else {
                verdict.unexpected.push(line.chars().take(300).collect());
                continue;
            };
            match first.get(&told) {
                Some(before) if *before == line => verdict.repeated += 1,
                Some(_) => verdict.altered.push(told),
                None => {
                    first.insert(told, line);
                    if last_of_bug.insert(told.bug, told).is_some_and(|last| last > told) {
                        verdict.out_of_order.push(told);
                    }
                }
            }
        }
        verdict.lost = self.0.iter().filter(|told| !first.contains_key(told)).copied().collect();
        verdict
    }

    /// Waits until all of it left, and holds what left to the promise; gives how many lines were repeated.
    pub(crate) fn wait_for(&self, bugrelay: &Bugrelay) -> usize {
        self.wait_for_in(bugrelay, || bugrelay.lines())
    }

    /// The same, of the lines of another connector.
    pub(crate) fn wait_for_in(&self, bugrelay: &Bugrelay, lines: impl Fn() -> Vec<String>) -> usize {
        poll(Duration::from_secs(60), || lines().len() >= self.len() && self.judge(&lines()).lost.is_empty());
        self.hold(&lines(), bugrelay)
    }

    /// Holds lines that left to the promise; gives how many were repeated.
    pub(crate) fn hold(&self, lines: &[String], bugrelay: &Bugrelay) -> usize {
        let verdict = self.judge(lines);
        let Verdict { lost, unexpected, altered, out_of_order, repeated } = &verdict;
        let faithful = lost.is_empty() && unexpected.is_empty() && altered.is_empty() && out_of_order.is_empty();
        assert!(
            faithful,
            "of {} messages {} lost {:?}, {} unexpected {:?}, {} altered {:?}, {} out of order {:?}\n{}",
            self.len(),
            lost.len(),
            &lost[..lost.len().min(5)],
            unexpected.len(),
            &unexpected[..unexpected.len().min(3)],
            altered.len(),
            &altered[..altered.len().min(5)],
            out_of_order.len(),
            &out_of_order[..out_of_order.len().min(5)],
            end_of(&bugrelay.log()),
        );
        *repeated
    }
}

/// The last lines of a log that are no trace of a library.
pub(crate) fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("TRACE") && !line.contains("DEBUG")).collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// Of which save it tells; nothing for one that is not the load's, or holds its object back.
fn told(line: &str) -> Option<Told> {
    let message: Value = serde_json::from_str(line).ok()?;
    let event = &message["event"];
    let number = |text: &Value, prefix: &str| text.as_str()?.strip_prefix(prefix)?.split(';').next()?.parse().ok();
    let bug = event["bug_id"].as_u64()?;
    match event["routing_key"].as_str()? {
        "comment.create" => {
            let number = number(&message["comment"]["body"], "seq=")?;
            Some(Told { number, is_change: false, bug })
        }
        "bug.modify" => {
            let number = number(&event["changes"].as_array()?.first()?["added"], "w=")?;
            Some(Told { number, is_change: true, bug })
        }
        _ => None,
    }
}
