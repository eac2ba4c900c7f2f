//! The documents say what is so: the tests, keys and metrics that they name are there, and none is missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const GUARANTEES: &str = include_str!("../../docs/guarantees.md");
const CONFIGURATION: &str = include_str!("../../docs/reference/configuration.md");
const METRICS: &str = include_str!("../../docs/reference/metrics.md");
const EXAMPLE: &str = include_str!("../../bugrelay.example.toml");

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

/// Everything that begins like a metric of ours.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("bugrelay_")).collect()
}

#[test]
fn every_guarantee_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = [sources(&root.join("src")), sources(&root.join("tests"))].concat();
    for line in GUARANTEES.lines().filter(|line| line.starts_with("- ")) {
        let (_, tests) = line.rsplit_once(": ").unwrap_or_else(|| panic!("no test: {line}"));
        let names: Vec<&str> = quoted(tests).collect();
        assert!(!names.is_empty(), "no test: {line}");
        for name in names {
            let declared = [format!("#[test]\nfn {name}("), format!("async fn {name}("), format!("fn {name}() {{")];
            let exists = sources.iter().any(|text| declared.iter().any(|words| text.contains(words)));
            assert!(exists, "there is no test {name}");
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
fn the_reference_has_every_key_of_the_example_and_no_other() {
    let key = |line: &'static str| line.trim_start_matches("# ").split_once(" = ").map(|(key, _)| key);
    let is_key = |key: &&str| key.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    let of_example: BTreeSet<&str> = EXAMPLE.lines().filter_map(key).filter(is_key).collect();
    let rows = CONFIGURATION.lines().filter(|line| line.starts_with("| `"));
    let of_reference: BTreeSet<&str> = rows.filter_map(|row| quoted(row).next()).collect();
    assert_eq!(of_reference, of_example);
}

#[test]
fn the_reference_has_every_metric_and_no_other() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let source = sources.iter().find(|text| text.starts_with("//! Every metric's name")).unwrap();
    assert_eq!(metrics(METRICS), metrics(source));
}
