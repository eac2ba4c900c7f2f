//! Rust source as far as the rules need it: code without comments, strings and tests; its imports, functions and calls.
//!
//! No parser: it relies on rustfmt's layout, and on code that is not written to deceive it.

use std::path::Path;

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// From the root of the repository.
    pub(super) path: String,
    /// All of them, tests and comments too.
    pub(super) lines: usize,
    pub(super) opens_with_a_comment: bool,
    /// Without comments, the contents of strings and code for tests; lines stay where they are.
    code: String,
    /// The same with the contents of strings.
    pub(super) with_strings: String,
    /// With the code for tests.
    code_and_tests: String,
}

/// From one byte of a file to another.
type Place = std::ops::Range<usize>;

/// All Rust files below a folder of the repository.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(root).unwrap().display().to_string();
                found.push(Source::parse(&path, &std::fs::read_to_string(&entry).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "there are Rust files in {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    pub(super) fn parse(path: &str, text: &str) -> Self {
        let code_and_tests = blank(text, true);
        // A file of tests is one attribute away from its module, and shows it by its name.
        let all_tests = path.ends_with("/tests.rs") || path.contains("/tests/");
        let tests = if all_tests { vec![Place { start: 0, end: text.len() }] } else { test_items(&code_and_tests) };
        Source {
            path: path.to_owned(),
            lines: text.lines().count(),
            // A file of one line has nothing to tell yet.
            opens_with_a_comment: text.lines().count() < 2 || text.starts_with("//!"),
            code: without(&code_and_tests, &tests),
            with_strings: without(&blank(text, false), &tests),
            code_and_tests,
        }
    }

    /// The path below `crate`: `src/queue/sqlite.rs` is `queue`, `sqlite`.
    pub(super) fn module_path(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    /// The module right below `crate`.
    pub(super) fn module(&self) -> &str {
        self.module_path()[0]
    }

    /// The paths below `crate` that it names, by `crate::`, `super::` or the library's own name.
    pub(super) fn imports(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for (start, _) in self.code.match_indices("::") {
            let head = word_before(&self.code[..start]);
            let rest = &self.code[start + 2..];
            match head {
                "crate" | "bugrelay" => expand(rest, &mut vec![], &mut found),
                // Only the first of `super::super::`: the others follow it.
                "super" if !self.code[..start - "super".len()].ends_with("super::") => {
                    let mut base = self.module_path();
                    base.pop();
                    let mut rest = rest;
                    while let Some(further) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = further;
                    }
                    expand(rest, &mut base.into_iter().map(str::to_owned).collect(), &mut found);
                }
                _ => {}
            }
        }
        found
    }

    /// Whether the word occurs as a word of its own.
    pub(super) fn says(&self, word: &str) -> bool {
        words(&self.code, word).next().is_some()
    }

    /// Whether a function or constructor of this name is called, or taken apart; not a variant of an enum (`Verdict::Public(..)`).
    pub(super) fn calls(&self, name: &str) -> bool {
        let is_variant = |end: usize| {
            let owner = self.code[..end - name.len()].strip_suffix("::").map_or("", word_before);
            owner.starts_with(char::is_uppercase)
        };
        words(&self.code, name).any(|end| self.code[end..].starts_with('(') && !is_variant(end))
    }

    /// Name and length in lines of each function with a body.
    pub(super) fn functions(&self) -> Vec<(String, usize)> {
        let lines: Vec<&str> = self.code_and_tests.lines().collect();
        let starts = lines.iter().enumerate().filter_map(|(number, line)| {
            let (before, name) = line.split_once("fn ")?;
            let qualifiers = before.split_whitespace().all(|word| {
                word.starts_with("pub")
                    || matches!(word, "async" | "const" | "unsafe" | "extern")
                    || word.ends_with(')')
            });
            qualifiers.then(|| (number, name.split(['(', '<']).next().unwrap_or_default().to_owned()))
        });
        starts.filter_map(|(start, name)| Some((name, length(&lines[start..])?))).collect()
    }

    /// The first strings given to whatever makes a metric.
    pub(super) fn metric_names(&self) -> Vec<String> {
        let makers =
            ["Gauge::new(", "GaugeVec::new(", "Counter::new(", "Opts::new(", "counters(", "gauges(", "seconds("];
        let after =
            makers.iter().flat_map(|maker| self.with_strings.match_indices(maker).map(|(at, maker)| at + maker.len()));
        let first = after.filter_map(|end| self.with_strings[end..].trim_start().strip_prefix('"'));
        first.filter_map(|text| text.split('"').next().map(str::to_owned)).collect()
    }
}

/// How many lines the function that begins here has; `None` if it has no body.
fn length(lines: &[&str]) -> Option<usize> {
    let (mut depth, mut opened) = (0_i32, false);
    for (number, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => (depth, opened) = (depth + 1, true),
                '}' => depth -= 1,
                // Not the one of an array's type: those stand in brackets, and no rustfmt'd line ends with them.
                ';' if !opened && line.trim_end().ends_with(';') => return None,
                _ => {}
            }
        }
        if opened && depth <= 0 {
            return Some(number + 1);
        }
    }
    None
}

/// Follows `a::b::{c, d::e}` behind a `::`, and adds each path in full.
fn expand(rest: &str, base: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if let Some(list) = rest.strip_prefix('{') {
        for item in items(list) {
            expand(item.trim(), &mut base.clone(), found);
        }
        return;
    }
    let word: &str = &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())];
    if word.is_empty() {
        return;
    }
    base.push(word.to_owned());
    match rest[word.len()..].strip_prefix("::") {
        Some(further) if !further.starts_with('<') && !further.starts_with('*') => expand(further, base, found),
        _ => found.push(base.clone()),
    }
}

/// The items of a list up to its closing brace.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_before(code: &str) -> &str {
    let start =
        code.rfind(|c: char| !is_word(c)).map_or(0, |at| at + code[at..].chars().next().map_or(1, char::len_utf8));
    &code[start..]
}

/// Where the word ends, each time that it stands alone.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let alone = move |(at, found): (usize, &str)| {
        let end = at + found.len();
        let free = !code[..at].ends_with(is_word) && !code[end..].starts_with(is_word);
        free.then_some(end)
    };
    code.match_indices(word).filter_map(alone)
}

/// The same text with blanks for comments and, if wanted, for what stands in strings and characters.
fn blank(text: &str, strings: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (length, hide) = match token(rest, text[..at].ends_with(is_word)) {
            Token::Comment(length) => (length, true),
            Token::Text(length) => (length, strings),
            Token::Code(length) => (length, false),
        };
        let piece = &rest[..length];
        if hide {
            // As many bytes as before, so that places in both texts are the same.
            piece.chars().for_each(|c| {
                if c == '\n' { out.push('\n') } else { out.extend(std::iter::repeat_n(' ', c.len_utf8())) }
            });
        } else {
            out.push_str(piece);
        }
        at += length;
    }
    out
}

enum Token {
    Comment(usize),
    Text(usize),
    Code(usize),
}

/// What the text begins with, and its length. `in_word`: it goes on a word, so that an `r` or `'` begins nothing.
fn token(rest: &str, in_word: bool) -> Token {
    let to = |end: Option<usize>| end.unwrap_or(rest.len());
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        return Token::Comment(to(rest.find('\n')));
    }
    if rest.starts_with("/*") {
        return Token::Comment(to(rest.find("*/").map(|at| at + 2)));
    }
    let hashes =
        rest.trim_start_matches('b').strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    if let (Some(hashes), false) = (hashes, in_word) {
        let start = rest.len() - rest.trim_start_matches('b').len() + 1 + hashes;
        if rest[start..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            return Token::Text(to(rest[start + 1..].find(&close).map(|at| start + 1 + at + close.len())));
        }
    }
    if rest.starts_with('"') {
        return Token::Text(to(quoted(rest, '"')));
    }
    // A character, and no lifetime: closed after one, or begun by a backslash.
    let inner = rest.strip_prefix('\'').and_then(|inner| inner.chars().next().map(|c| (c, inner)));
    match inner {
        Some(('\\', _)) => Token::Text(to(quoted(rest, '\''))),
        Some((c, inner)) if inner[c.len_utf8()..].starts_with('\'') => Token::Text(c.len_utf8() + 2),
        _ => Token::Code(first),
    }
}

/// The length up to the closing quote, which no backslash stands before.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The places of items under `#[cfg(test)]`.
fn test_items(code: &str) -> Vec<Place> {
    let starts = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
    starts.map(|start| Place { start, end: item_end(code, start) }).collect()
}

fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[start..].char_indices() {
        match c {
            ';' if depth == 0 => return start + at + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return start + at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn without(code: &str, places: &[Place]) -> String {
    let keep = |(at, c): (usize, char)| {
        let hidden = c != '\n' && places.iter().any(|place| place.contains(&at));
        if hidden { ' ' } else { c }
    };
    code.char_indices().map(keep).collect()
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    let text = "// a::b\nlet s = \"crate::queue\"; let c = '\"'; /* crate::app */ let r = r#\"crate::cli\"#;\n\
                #[cfg(test)]\nmod tests {\n    use crate::relay::X;\n}\nuse crate::admin::Y;";
    let imports = Source::parse("src/app.rs", text).imports();
    assert_eq!(imports, [["admin", "Y"]]);
}

#[test]
fn imports_are_found_in_lists_and_through_super() {
    let text =
        "use crate::{a::b, c::{d, e::f}};\nuse super::super::g;\nuse super::h::i;\nimpl<'a> X<'a> for crate::k::L {}";
    let imports = Source::parse("src/x/y.rs", text).imports();
    let joined: Vec<String> = imports.iter().map(|path| path.join("::")).collect();
    assert_eq!(joined, ["a::b", "c::d", "c::e::f", "g", "x::h::i", "k::L"]);
}

#[test]
fn functions_are_counted_from_signature_to_closing_brace() {
    let text = "pub(crate) async fn one(\n    a: u8,\n) {\n    if a > 0 {\n    }\n}\n\ntrait T {\n    fn none(&self);\n    fn two(&self) {}\n}\n";
    assert_eq!(Source::parse("src/x.rs", text).functions(), [("one".to_owned(), 6), ("two".to_owned(), 1)]);
}

#[test]
fn a_constructor_is_told_from_names_that_begin_like_it() {
    let calls = |text| Source::parse("src/x.rs", text).calls("Public");
    assert!(calls("let p = Public(bug);") && calls("f(crate::visibility::Public(bug))"));
    assert!(!calls("fn f(p: Public<Bug>) {}") && !calls("NotPublic(x)") && !calls("PublicBug(x)"));
    assert!(!calls("match v { Verdict::Public(bug) => {} }"));
}
