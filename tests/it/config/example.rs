//! `bugrelay.example.toml` is the reference of the keys: it must be true.

use super::parse;

pub(super) const EXAMPLE: &str = include_str!("../../../bugrelay.example.toml");

const SECRET: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

/// The lines `# key = value`, by their number.
fn commented() -> Vec<(usize, &'static str)> {
    let key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
    };
    EXAMPLE
        .lines()
        .enumerate()
        .filter_map(|(number, line)| Some((number, line.strip_prefix("# ").filter(|line| key(line))?)))
        .collect()
}

/// The example with a line in place of one of its own; what the line gives in another way is not given twice.
pub(super) fn with_line(number: usize, line: &str) -> String {
    let key = line.split(' ').next().unwrap_or_default();
    let secret = key.strip_suffix("_file").or_else(|| key.strip_suffix("_env"));
    let plain = secret.or((key == "connect").then_some("listen")).map(|key| format!("{key} = "));
    let section = |at: usize| EXAMPLE.lines().take(at + 1).filter(|line| line.starts_with('[')).count();
    let twice =
        |at, old: &str| plain.as_ref().is_some_and(|plain| old.starts_with(plain)) && section(at) == section(number);
    let lines = EXAMPLE.lines().enumerate().filter(|&(at, old)| !twice(at, old));
    lines.map(|(at, old)| format!("{}\n", if at == number { line } else { old })).collect()
}

#[test]
fn the_example_is_in_order_as_it_is() {
    parse(EXAMPLE, &[]).unwrap();
}

#[test]
fn what_the_example_shows_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    // What any of the keys takes, a webhook's among them.
    std::fs::write(&secret, SECRET).unwrap();
    let lines = commented();
    assert!(lines.len() > 25, "the commented keys are found");
    for (number, line) in lines {
        let (key, value) = line.split_once(" = ").unwrap();
        let line = if key.ends_with("_file") { format!("{key} = \"{}\"", secret.display()) } else { line.to_owned() };
        let line = line.replace("/run/secrets/relay-git", &secret.display().to_string());
        let name = value.trim_matches('"');
        parse(&with_line(number, &line), &[(name, SECRET)]).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
