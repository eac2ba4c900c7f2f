//! Names of transactions, and sets of them: MariaDB's `domain-server-number`, MySQL's `uuid[:tag]:numbers`.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

/// The name of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gtid {
    MariaDb { domain: u32, server: u32, number: u64 },
    MySql { source: [u8; 16], tag: String, number: u64 },
}

/// All transactions up to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) enum GtidSet {
    /// The last one of each domain.
    MariaDb(BTreeMap<u32, (u32, u64)>),
    /// Ranges, both ends included, of each source and tag.
    MySql(BTreeMap<(Uuid, String), Vec<(u64, u64)>>),
}

impl GtidSet {
    /// From `0-1-9,5-2-3`, as `gtid_binlog_pos` has it.
    pub(super) fn parse_mariadb(text: &str) -> Option<Self> {
        let mut domains = BTreeMap::new();
        for (domain, server, number) in mariadb_list(text)? {
            domains.insert(domain, (server, number));
        }
        Some(GtidSet::MariaDb(domains))
    }

    /// From `uuid:1-9:12,uuid:tag:1-2`, as `gtid_executed` has it.
    pub(in crate::capture) fn parse_mysql(text: &str) -> Option<Self> {
        let mut sources: BTreeMap<(Uuid, String), Vec<(u64, u64)>> = BTreeMap::new();
        for source in text.split(',').map(str::trim).filter(|source| !source.is_empty()) {
            let mut parts = source.split(':').map(str::trim);
            let uuid = Uuid::parse_str(parts.next()?).ok()?;
            let mut tag = String::new();
            for part in parts {
                match range(part) {
                    Some(range) => sources.entry((uuid, tag.clone())).or_default().push(range),
                    None => tag = part.to_owned(),
                }
            }
        }
        sources.values_mut().for_each(|ranges| ranges.sort_unstable());
        Some(GtidSet::MySql(sources))
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            GtidSet::MariaDb(domains) => domains.is_empty(),
            GtidSet::MySql(sources) => sources.is_empty(),
        }
    }

    /// With one more transaction, the one behind those in the set. A name of the other kind of server changes nothing.
    pub(super) fn add(&mut self, gtid: &Gtid) {
        match (self, gtid) {
            (GtidSet::MariaDb(domains), Gtid::MariaDb { domain, server, number }) => {
                domains.insert(*domain, (*server, *number));
            }
            (GtidSet::MySql(sources), Gtid::MySql { source, tag, number }) => {
                let ranges = sources.entry((Uuid::from_bytes(*source), tag.clone())).or_default();
                if !within(ranges, *number) {
                    insert(ranges, *number);
                }
            }
            _ => {}
        }
    }

    /// Whether all transactions of another set of MySQL are in this one.
    pub(in crate::capture) fn contains_all(&self, other: &GtidSet) -> bool {
        let (GtidSet::MySql(ours), GtidSet::MySql(theirs)) = (self, other) else { return false };
        let has =
            |ranges: &[(u64, u64)], (from, to): (u64, u64)| ranges.iter().any(|range| range.0 <= from && to <= range.1);
        theirs.iter().all(|(source, wanted)| {
            ours.get(source).is_some_and(|ranges| wanted.iter().all(|range| has(ranges, *range)))
        })
    }

    /// Whether a transaction of MySQL is in the set.
    pub(super) fn contains(&self, gtid: &Gtid) -> bool {
        match (self, gtid) {
            (GtidSet::MySql(sources), Gtid::MySql { source, tag, number }) => {
                sources.get(&(Uuid::from_bytes(*source), tag.clone())).is_some_and(|ranges| within(ranges, *number))
            }
            (GtidSet::MariaDb(domains), Gtid::MariaDb { domain, server, number }) => {
                domains.get(domain) == Some(&(*server, *number))
            }
            _ => false,
        }
    }
}

/// The triples of a MariaDB list, which `gtid_binlog_state` may name a domain in more than once.
pub(in crate::capture) fn mariadb_list(text: &str) -> Option<Vec<(u32, u32, u64)>> {
    let triple = |item: &str| {
        let mut parts = item.trim().split('-');
        let triple = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(triple)
    };
    text.split(',').filter(|item| !item.trim().is_empty()).map(triple).collect()
}

fn range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn within(ranges: &[(u64, u64)], number: u64) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
}

fn insert(ranges: &mut Vec<(u64, u64)>, number: u64) {
    let at = ranges.partition_point(|(from, _)| *from < number);
    ranges.insert(at, (number, number));
    // Neighbours grow together, so that a set stays as short as the history is whole.
    ranges.dedup_by(|next, last| {
        let touch = last.1 + 1 == next.0;
        if touch {
            last.1 = next.1;
        }
        touch
    });
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        match self {
            GtidSet::MariaDb(domains) => {
                for (domain, (server, number)) in domains {
                    write!(f, "{separator}{domain}-{server}-{number}")?;
                    separator = ",";
                }
            }
            GtidSet::MySql(sources) => {
                for ((uuid, tag), ranges) in sources {
                    write!(f, "{separator}{uuid}")?;
                    if !tag.is_empty() {
                        write!(f, ":{tag}")?;
                    }
                    for (from, to) in ranges {
                        if from == to { write!(f, ":{from}")? } else { write!(f, ":{from}-{to}")? }
                    }
                    separator = ",";
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "6ccd780c-baba-1026-9564-5b8c656024db";

    fn mysql(number: u64) -> Gtid {
        Gtid::MySql { source: *Uuid::parse_str(SOURCE).unwrap().as_bytes(), tag: String::new(), number }
    }

    #[test]
    fn a_mariadb_set_holds_the_last_of_each_domain() {
        let mut set = GtidSet::parse_mariadb("0-1-9,5-7-3").unwrap();
        set.add(&Gtid::MariaDb { domain: 0, server: 2, number: 10 });
        assert_eq!(set.to_string(), "0-2-10,5-7-3");
        assert_eq!(GtidSet::parse_mariadb("0-1"), None);
    }

    #[test]
    fn a_mysql_set_grows_together() {
        let mut set = GtidSet::parse_mysql(&format!("{SOURCE}:1-3:5")).unwrap();
        set.add(&mysql(4));
        assert_eq!(set.to_string(), format!("{SOURCE}:1-5"));
        assert!(set.contains(&mysql(3)) && !set.contains(&mysql(6)));
    }

    #[test]
    fn a_mysql_set_is_in_another_if_all_its_ranges_are() {
        let set = |numbers: &str| GtidSet::parse_mysql(&format!("{SOURCE}:{numbers}")).unwrap();
        let history = set("1-9:12:tagx:1-2");
        for (read, is_in) in
            [("1-9", true), ("3-7:12", true), ("tagx:2", true), ("1-10", false), ("11", false), ("tagy:1", false)]
        {
            assert_eq!(history.contains_all(&set(read)), is_in, "{read}");
        }
    }

    #[test]
    fn tagged_transactions_are_kept_apart() {
        let text = format!("{SOURCE}:1-14,{SOURCE}:tagx:1");
        assert_eq!(GtidSet::parse_mysql(&format!("{SOURCE}:1-14:tagx:1")).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_stored_can_be_sent_to_the_server() {
        let set = GtidSet::parse_mysql(&format!("{SOURCE}:1-14:16:tagx:1-2")).unwrap().to_string();
        let sids: Vec<mysql_async::Sid<'_>> = set.split(',').map(|sid| sid.parse().unwrap()).collect();
        assert_eq!(sids.len(), 2);
    }
}
