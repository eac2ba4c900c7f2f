//! Statements that come again and again, with other ids, bounds and times: the server plans each once for a connection, which takes it longer than to
//! carry it out. Pure.
//!
//! A statement is sent as it is when its form is met first, as `PREPARE` and `EXECUTE` when it is met again, and as `EXECUTE` from then on. So
//! what never comes again is not kept.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use uuid::Uuid;

/// Forms kept for a connection, and forms remembered that were met once.
const KEPT_MAX: usize = 64;
const MET_MAX: usize = 256;

/// A form with more is one of a read of many bugs, which hardly comes again, and its plan is large.
const PARAMETERS_MAX: usize = 8;

/// How long a time is in a statement: `YYYY-MM-DD HH:MM:SS`.
const TIME: usize = 19;

/// What a connection has of it.
#[derive(Default)]
pub(super) struct Kept {
    names: HashMap<String, String>,
    met: HashSet<String>,
}

impl Kept {
    /// What to send in the place of a statement. What stands before its last `;` is sent with it each time.
    pub(super) fn call(&mut self, sql: &str) -> String {
        let bare: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
        let bare = bare.join("\n");
        let (before, last) = match bare.rsplit_once(";\n") {
            Some((before, last)) => (format!("{before};\n"), last),
            None => (String::new(), bare.as_str()),
        };
        let Form { text, types, values, .. } = Form::of(last);
        if values.len() > PARAMETERS_MAX {
            return bare;
        }
        let execute = |name: &str| format!("EXECUTE {name}{}", in_brackets(&values));
        if let Some(name) = self.names.get(&text) {
            return format!("{before}{}", execute(name));
        }
        if self.names.len() < KEPT_MAX && self.met.remove(&text) {
            let types = in_brackets(&types);
            let name = name(&types, &text);
            let call = format!("{before}PREPARE {name}{types} AS {text};\n{}", execute(&name));
            self.names.insert(text, name);
            return call;
        }
        if self.met.len() >= MET_MAX {
            self.met.clear();
        }
        self.met.insert(text);
        bare
    }

    /// Whether the server has not been told to keep anything.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Of the same name is the same statement, whoever prepared it: behind a pooler the session may be one in which somebody else did.
fn name(types: &str, text: &str) -> String {
    let content = format!("{types} {text}");
    format!("bugrelay_{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes()).simple())
}

/// A statement without its lists of ids, its bounds and its times.
struct Form<'s> {
    text: String,
    types: Vec<&'static str>,
    values: Vec<String>,
    rest: &'s str,
}

impl<'s> Form<'s> {
    fn of(sql: &'s str) -> Self {
        let mut form = Form { text: String::new(), types: vec![], values: vec![], rest: sql };
        while let Some(at) = form.rest.find([' ', '\'']) {
            form.text.push_str(&form.rest[..at]);
            form.rest = &form.rest[at..];
            if !form.list() && !form.bound() && !form.time() {
                form.text.push_str(&form.rest[..1]);
                form.rest = &form.rest[1..];
            }
        }
        form.text.push_str(form.rest);
        form
    }

    /// `IN (1,2)`.
    fn list(&mut self) -> bool {
        let inner = self.rest.strip_prefix(" IN (").and_then(|behind| behind.split_once(')'));
        let Some((ids, behind)) = inner.filter(|(ids, _)| !ids.is_empty() && ids.bytes().all(is_of_a_list)) else {
            return false;
        };
        self.put(" = ANY (", "bigint[]", format!("'{{{ids}}}'"), behind);
        self.text.push(')');
        true
    }

    /// `> 7`.
    fn bound(&mut self) -> bool {
        let Some(behind) = self.rest.strip_prefix(" > ") else { return false };
        let (bound, behind) = behind.split_at(behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len()));
        if !bound.is_empty() {
            self.put(" > ", "bigint", bound.to_owned(), behind);
        }
        !bound.is_empty()
    }

    /// `'2026-11-22 05:32:10'`.
    fn time(&mut self) -> bool {
        let inner = self.rest.strip_prefix('\'').and_then(|behind| behind.split_once('\''));
        let Some((time, behind)) = inner.filter(|(time, _)| time.len() == TIME && time.bytes().all(is_of_a_time))
        else {
            return false;
        };
        self.put("", "timestamp", format!("'{time}'"), behind);
        true
    }

    fn put(&mut self, before: &str, kind: &'static str, value: String, behind: &'s str) {
        self.types.push(kind);
        self.values.push(value);
        // Writing to a text cannot fail.
        let _ = write!(self.text, "{before}${}", self.types.len());
        self.rest = behind;
    }
}

fn is_of_a_list(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b','
}

fn is_of_a_time(byte: u8) -> bool {
    byte.is_ascii_digit() || b"- :".contains(&byte)
}

/// In brackets, if there is something.
fn in_brackets(items: &[impl AsRef<str>]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    if items.is_empty() { String::new() } else { format!("({})", items.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_with_other_ids_is_planned_once() {
        let mut kept = Kept::default();
        let sql = |ids: &str| {
            format!("-- Why; this.\nLOCK TABLE bugs;\nSELECT a FROM bugs WHERE bug_id IN ({ids}) AND a = ''")
        };
        assert_eq!(kept.call(&sql("1")), "LOCK TABLE bugs;\nSELECT a FROM bugs WHERE bug_id IN (1) AND a = ''");
        assert!(kept.is_empty());
        let text = "SELECT a FROM bugs WHERE bug_id = ANY ($1) AND a = ''";
        let name = name("(bigint[])", text);
        let prepared = format!("LOCK TABLE bugs;\nPREPARE {name}(bigint[]) AS {text};\nEXECUTE {name}('{{2,3}}')");
        assert_eq!(kept.call(&sql("2,3")), prepared);
        assert_eq!(kept.call(&sql("4")), format!("LOCK TABLE bugs;\nEXECUTE {name}('{{4}}')"));
    }

    #[test]
    fn lists_bounds_and_times_are_parameters_and_nothing_else_is() {
        let sql = "SELECT '{}', 1 FROM t WHERE a IN (1,2) AND b IN (SELECT 1) AND at >= '2026-11-22 05:32:10' AND (c IN (3) AND d > 4)";
        let form = Form::of(sql);
        let expected =
            "SELECT '{}', 1 FROM t WHERE a = ANY ($1) AND b IN (SELECT 1) AND at >= $2 AND (c = ANY ($3) AND d > $4)";
        assert_eq!(form.text, expected);
        assert_eq!(form.types, ["bigint[]", "timestamp", "bigint[]", "bigint"]);
        assert_eq!(form.values, ["'{1,2}'", "'2026-11-22 05:32:10'", "'{3}'", "4"]);
    }

    #[test]
    fn what_never_comes_again_is_not_kept_and_what_is_kept_is_bounded() {
        let mut kept = Kept::default();
        for number in 0..1_000 {
            let sql = format!("SELECT {number}");
            assert_eq!(kept.call(&sql), sql);
        }
        assert!(kept.is_empty() && kept.met.len() <= MET_MAX);
        for number in 0..1_000 {
            kept.call(&format!("SELECT 'a', {number}"));
            kept.call(&format!("SELECT 'a', {number}"));
        }
        assert_eq!(kept.names.len(), KEPT_MAX);
    }

    #[test]
    fn a_name_means_the_same_in_whatever_order_statements_came() {
        let calls = |order: [&str; 2]| {
            let mut kept = Kept::default();
            order.map(|table| {
                let sql = format!("SELECT 1 FROM {table} WHERE a IN (1)");
                kept.call(&sql);
                (kept.call(&sql), kept.call(&sql)).1
            })
        };
        let ([a, b], [c, d]) = (calls(["t", "u"]), calls(["u", "t"]));
        assert_eq!((&a, &b), (&d, &c));
        assert_ne!(a, b);
    }

    #[test]
    fn what_has_a_part_for_each_of_many_bugs_is_not_kept() {
        let mut kept = Kept::default();
        let sql = format!("SELECT 1 FROM t WHERE {}", ["(a IN (1) AND b > 2)"; 5].join(" OR "));
        for _ in 0..3 {
            assert_eq!(kept.call(&sql), sql);
        }
    }
}
