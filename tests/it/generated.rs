//! The reference is what the program says of itself: keys, verbs and metrics are written from the code, and a difference fails.
//! `BLESS=1 make test ARGS=reference` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use bugrelay::metrics::Metrics;
use clap::builder::StyledStr;
use clap::{Arg, Command};

/// Holds the part of a page of docs/reference that is called `name` to what the code says.
pub(crate) fn hold(page: &str, name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- from the code: {name} -->\n"), "<!-- until here -->\n");
    let Some((before, rest)) = text.split_once(&begin) else { panic!("{page} has no part {name}") };
    let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{page}: the part {name} has no end"));
    let wanted = format!("\n{}\n\n", wanted.trim());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        return;
    }
    let line = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "docs/reference/{page} is not what the code says; BLESS=1 writes it anew:\n{line:#?}, {} and {} lines",
        found.lines().count(),
        wanted.lines().count()
    );
}

/// What the pages of the how-tos are called in a reference.
pub(crate) fn linked(text: &str) -> String {
    let mut parts = text.split("docs/how-to/");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(".md").unwrap();
        linked += &format!("[{name}](../how-to/{name}.md){rest}");
    }
    linked
}

/// A row of a table.
pub(crate) fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Its first rows.
pub(crate) fn head(cells: &[&str]) -> String {
    format!("{}|{}\n", row(cells), "---|".repeat(cells.len()))
}

#[test]
fn the_reference_of_metrics_is_what_the_code_says() {
    let mut table = head(&["Name", "Kind", "Labels", "Meaning"]);
    for metric in Metrics::new("").unwrap().described() {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        table += &row(&[&format!("`{}`", metric.name), metric.kind, &labels.join(", "), &format!("{}.", metric.help)]);
    }
    hold("metrics.md", "metrics", &table);
}

#[test]
fn the_reference_of_metrics_says_what_each_label_may_be() {
    let text = include_str!("../../docs/reference/metrics.md");
    for metric in Metrics::new("").unwrap().described() {
        for label in metric.labels.iter().filter(|label| !matches!(label.as_str(), "connector" | "version")) {
            let row = format!("| `{}` | `{label}` | `", metric.name);
            assert!(
                text.contains(&row),
                "docs/reference/metrics.md does not say what {label} of {} may be",
                metric.name
            );
        }
    }
}

#[test]
fn the_reference_of_commands_is_what_the_code_says() {
    let mut program = bugrelay::cli::command();
    program.build();
    let mut text = String::from("| Verb | What it does |\n|---|---|\n");
    let mut leaves = vec![];
    for verb in verbs(&program) {
        text += &row(&[&format!("[`{0}`](#{0})", verb.get_name()), &sentence(verb.get_about())]);
        leaves.push(verb);
    }
    for verb in leaves {
        write_verb(&mut text, verb, "###");
    }
    hold("commands.md", "verbs", &text);
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set())
}

/// With the full stop that clap takes away.
fn sentence(text: Option<&StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    if text.is_empty() || text.ends_with('.') { text } else { format!("{text}.") }
}

fn write_verb(text: &mut String, verb: &Command, level: &str) {
    let name = verb.get_bin_name().unwrap().split_once(' ').unwrap().1;
    let _ = write!(text, "\n{level} {name}\n\n{}\n", linked(&sentence(verb.get_long_about().or(verb.get_about()))));
    let usage = verb.clone().render_usage().to_string();
    let _ = write!(text, "\n    {}\n", usage.trim_start_matches("Usage: ").trim());
    let arguments: Vec<&Arg> = verb.get_arguments().filter(|arg| !is_everywhere(arg)).collect();
    if !arguments.is_empty() {
        *text += "\n";
        *text += &head(&["Argument or option", "Default", "Meaning"]);
    }
    for arg in arguments {
        *text += &argument(arg);
    }
    for inner in verbs(verb) {
        write_verb(text, inner, &format!("{level}#"));
    }
}

/// What every verb has is said once, by hand.
fn is_everywhere(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version" | "config") || arg.is_hide_set()
}

fn argument(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let takes = arg.get_action().takes_values();
    let name = match (arg.get_long(), takes) {
        (Some(long), true) => format!("`--{long} {}`", values.join(" ")),
        (Some(long), false) => format!("`--{long}`"),
        (None, _) => format!("`{}`", values.join(" ")),
    };
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .filter(|_| takes)
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    let mut meaning = sentence(arg.get_long_help().or(arg.get_help()));
    let choices: Vec<String> =
        arg.get_possible_values().iter().filter(|_| takes).map(|value| format!("`{}`", value.get_name())).collect();
    if !choices.is_empty() {
        let _ = write!(meaning, " One of {}.", choices.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(meaning, " Also by the variable `{}`.", variable.to_string_lossy());
    }
    row(&[&name, &defaults.join(", "), &meaning])
}

#[test]
fn every_verb_has_a_man_page_and_every_shell_its_completions() {
    let program = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_bugrelay")).args(arguments).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert_eq!(program(&["man", "--all", pages.to_str().unwrap()]).0, 0);
    let mut command = bugrelay::cli::command();
    command.build();
    let mut left: Vec<&Command> = vec![&command];
    while let Some(verb) = left.pop() {
        let name = verb.get_display_name().unwrap_or(verb.get_name());
        let page =
            std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{name}");
        left.extend(verbs(verb));
    }
    let (code, page, _) = program(&["man", "backlog", "skip"]);
    assert!(code == 0 && page.contains("bugrelay\\-backlog\\-skip"), "{page}");
    let (code, _, said) = program(&["man", "fly"]);
    assert!(code == 2 && said.contains("\"fly\""), "{said}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, text, _) = program(&["completions", shell]);
        assert!(code == 0 && text.contains("bugrelay") && text.contains("from-now"), "{shell}");
    }
    assert_eq!(program(&["completions", "csh"]).0, 2);
}
