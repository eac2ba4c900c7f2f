//! Metrics, dashboards, alerts, their tests and runbooks speak of the same: no name that is not there, none that is left out.
//! What Prometheus makes of the queries is tried by scripts/dashboards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Held to the source by `documents`.
const METRICS: &str = include_str!("../../docs/reference/metrics.md");
const ALERTS: &str = include_str!("../../dashboards/alerts.yaml");
const RECORDING: &str = include_str!("../../dashboards/recording.yaml");
const ALERTS_TEST: &str = include_str!("../../dashboards/alerts_test.yaml");
const README: &str = include_str!("../../dashboards/README.md");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each dashboard by the name of its file.
fn boards() -> Vec<(String, Value)> {
    ["overview", "connector"]
        .map(|name| (name.to_owned(), serde_json::from_str(&read(&folder().join(format!("{name}.json")))).unwrap()))
        .into()
}

fn panels(board: &Value) -> &Vec<Value> {
    board["panels"].as_array().unwrap()
}

/// Names of metrics in a text, those of a histogram's parts as the histogram's. Recorded ones (`bugrelay:...`) are none.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_name(c) && c != ':');
    let ours = words.filter(|word| word.starts_with("bugrelay_") || word.starts_with("process_"));
    let whole =
        |word: &str| ["_bucket", "_sum", "_count"].iter().find_map(|part| word.strip_suffix(part)).map(str::to_owned);
    ours.map(|word| whole(word).unwrap_or_else(|| word.to_owned())).collect()
}

/// The list under a heading of the README.
fn listed(heading: &str) -> BTreeSet<String> {
    let (_, rest) = README.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = rest.split("\n## ").next().unwrap();
    metrics(&section.lines().filter(|line| line.starts_with("- ")).collect::<Vec<_>>().join("\n"))
}

/// Everything that is asked of Prometheus, and who asks.
fn queries() -> Vec<(String, String)> {
    let mut queries = vec![];
    for (name, board) in boards() {
        for panel in panels(&board) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                queries.push((format!("{name}, {}", panel["title"]), target["expr"].as_str().unwrap().to_owned()));
            }
        }
        let annotations = board["annotations"]["list"].as_array().unwrap();
        let variables = board["templating"]["list"].as_array().unwrap();
        let texts =
            annotations.iter().map(|one| &one["expr"]).chain(variables.iter().map(|one| &one["query"]["query"]));
        queries.extend(texts.filter_map(Value::as_str).map(|text| (name.clone(), text.to_owned())));
    }
    queries.extend([ALERTS, RECORDING].map(|text| ("the rules".to_owned(), text.to_owned())));
    queries
}

/// What stands behind this word at the beginning of a line of YAML.
fn yaml<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).map(str::trim).collect()
}

#[test]
fn dashboards_and_rules_name_only_metrics_that_there_are() {
    let known = metrics(METRICS);
    for (who, text) in queries() {
        for name in metrics(&text) {
            assert!(known.contains(&name), "{who}: there is no metric {name}");
        }
    }
}

#[test]
fn every_metric_is_shown_or_it_is_said_why_not() {
    let shown: BTreeSet<String> = queries().iter().flat_map(|(_, text)| metrics(text)).collect();
    let left_out = listed("## What no panel shows");
    for name in metrics(METRICS) {
        assert!(
            shown.contains(&name) != left_out.contains(&name),
            "{name} is shown nowhere, or in spite of dashboards/README.md"
        );
    }
}

#[test]
fn recorded_names_are_recorded_and_used() {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let used: BTreeSet<&str> = ALERTS.split(|c| !is_name(c)).filter(|word| word.starts_with("bugrelay:")).collect();
    assert_eq!(used, yaml(RECORDING, "- record:").into_iter().collect());
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_takes_the_prometheus_that_was_chosen() {
    for (name, board) in boards() {
        assert_eq!(board["uid"], format!("bugrelay-{name}"));
        assert_eq!(board["templating"]["list"][0]["type"], "datasource", "{name}: the first variable");
        let mut ids = BTreeSet::new();
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            assert!(!title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()), "{name}, {title}: its id or title");
            if panel["type"] == "row" {
                continue;
            }
            assert!(
                panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}, {title}: no description"
            );
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}, {title}: no unit");
            let targets = panel["targets"].as_array().unwrap().iter();
            for place in targets.chain([panel]) {
                assert_eq!(
                    place["datasource"]["uid"], "${datasource}",
                    "{name}, {title}: it has a datasource of its own"
                );
            }
        }
    }
}

#[test]
fn every_alert_has_a_severity_a_runbook_and_tests_of_its_firing_and_its_end() {
    let names = yaml(ALERTS, "- alert:");
    let count: BTreeMap<&str, usize> = ["critical", "warning", "info"]
        .map(|severity| (severity, ALERTS.matches(&format!("          severity: {severity}\n")).count()))
        .into();
    assert_eq!(count.values().sum::<usize>(), names.len(), "{count:?}");
    let runbooks: Vec<String> = names.iter().map(|name| format!("dashboards/runbooks/{name}.md")).collect();
    assert_eq!(yaml(ALERTS, "runbook_url:"), runbooks);
    for name in &names {
        let text = read(&folder().join(format!("runbooks/{name}.md")));
        assert!(text.starts_with(&format!("# {name}\n")), "{name}: the title of its runbook");
        for heading in ["## What it costs", "## Where to look", "## What mends it"] {
            assert!(text.contains(heading), "{name}: its runbook lacks {heading}");
        }
        assert!(ALERTS_TEST.contains(&format!("        alertname: {name}\n")), "{name}: no test fires it");
        assert!(ALERTS_TEST.contains(&format!("alertname: {name}, exp_alerts: []}}")), "{name}: no test ends it");
    }
    let there = std::fs::read_dir(folder().join("runbooks")).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> = there.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(there, names.iter().map(|name| format!("{name}.md")).collect(), "a runbook for each, and no other");
}
