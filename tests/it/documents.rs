//! The documents say what is so: the tests and pages that they name are there, and every page is found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const GUARANTEES: &str = include_str!("../../docs/guarantees.md");
const WHAT_LEAVES: &str = include_str!("../../docs/explanation/what-leaves.md");

/// The text of every source file below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut texts: Vec<String> = rust.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.extend(folders.iter().flat_map(|folder| sources(folder)));
    texts
}

/// What stands between two `` ` ``.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every page of the project, by its path: what is written for people, and not what was built or fetched.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(pages(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

/// What a page links to: `[words](target)`, outside of code.
fn links(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    let prose = prose.join("\n");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', '\n']).next());
    targets.map(str::to_owned).collect()
}

/// What a heading is called in a link.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let legal = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|heading| heading.to_lowercase().chars().filter(|&c| legal(c)).collect::<String>().replace(' ', "-"))
        .collect()
}

/// Whether there is a test of that name, or a case that is played by one.
fn is_tested(name: &str, sources: &[String]) -> bool {
    let declared = [format!("#[test]\nfn {name}("), format!("async fn {name}("), format!("fn {name}() {{")];
    let cases = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case")).unwrap();
    let mut cases = cases.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    sources.iter().any(|text| declared.iter().any(|words| text.contains(words)))
        || cases.any(|case| case.get(4..) == Some(&format!("{name}.sql")))
}

fn all_sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [sources(&root.join("src")), sources(&root.join("tests"))].concat()
}

#[test]
fn every_guarantee_names_a_test_that_exists() {
    let sources = all_sources();
    for line in GUARANTEES.lines().filter(|line| line.starts_with("- ")) {
        let (_, tests) = line.rsplit_once(": ").unwrap_or_else(|| panic!("no test: {line}"));
        let names: Vec<&str> = quoted(tests).collect();
        assert!(!names.is_empty(), "no test: {line}");
        for name in names {
            assert!(is_tested(name, &sources), "there is no test {name}");
        }
    }
}

#[test]
fn every_rule_of_what_leaves_names_a_test_that_exists_and_no_key_of_a_message_is_left_out() {
    let sources = all_sources();
    let mut rules = 0;
    for table in WHAT_LEAVES.split("\n\n").filter(|part| part.starts_with("| ")) {
        let mut rows = table.lines();
        if !rows.next().unwrap().ends_with("| Test |") {
            continue;
        }
        for row in rows.skip(1) {
            let names: Vec<&str> = quoted(row.rsplit('|').nth(1).unwrap()).collect();
            assert!(!names.is_empty(), "no test: {row}");
            for name in names {
                assert!(is_tested(name, &sources), "there is no test {name}");
            }
            rules += 1;
        }
    }
    assert!(rules > 20, "the rules are found");
    let schema: serde_json::Value = serde_json::from_str(bugrelay::message::schema::MESSAGES).unwrap();
    for object in ["private_event", "public_event", "bug", "comment", "attachment", "user", "flag", "change"] {
        for key in schema["$defs"][object]["properties"].as_object().unwrap().keys() {
            assert!(
                quoted(WHAT_LEAVES).any(|word| word == key),
                "docs/explanation/what-leaves.md does not say {key} of {object}"
            );
        }
    }
}

#[test]
fn every_fault_has_its_line() {
    let number = |line: &'static str| line.strip_prefix("- **F")?.split_once("** ")?.0.parse::<u32>().ok();
    let numbers: Vec<u32> = GUARANTEES.lines().filter_map(number).collect();
    assert_eq!(numbers, (1..=33).collect::<Vec<_>>());
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = vec![];
    for page in pages(root) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let is_there = match anchor {
                None => target.exists(),
                Some(anchor) => std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !is_there {
                wrong.push(format!("{}: {link}", page.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_stranger_finds_every_page_from_the_index() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let index = std::fs::read_to_string(docs.join("README.md")).unwrap();
    let linked: BTreeSet<PathBuf> =
        links(&index).iter().filter_map(|link| docs.join(link.split('#').next()?).canonicalize().ok()).collect();
    for page in pages(&docs).into_iter().filter(|page| !page.ends_with("docs/README.md")) {
        assert!(linked.contains(&page.canonicalize().unwrap()), "docs/README.md does not lead to {}", page.display());
    }
    assert!(
        links(include_str!("../../README.md")).iter().any(|link| link == "docs/README.md"),
        "README.md leads to the index"
    );
}
