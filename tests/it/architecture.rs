//! The rules of the house, held by tests: who may import whom, what pure code may not do, how long a file may be.
//!
//! ARCHITECTURE.md says why. A rule that turns out wrong is changed here and there, never worked around.

mod graph;
mod source;

use std::collections::BTreeSet;

use source::{Source, sources};

/// A module may import those of the lines above its own, and none of its own line or of those below.
const LAYERS: &[&[&str]] = &[
    &["backoff", "bugzilla", "failure", "metrics", "secret", "shutdown", "tls", "zmtp"],
    &["changeset", "database"],
    &["snapshot", "capture"],
    &["visibility"],
    &["message"],
    // Connectors know no queue, the queue knows no connector.
    &["queue", "connector"],
    &["delivery", "pipeline", "relay"],
    &["admin"],
    &["config"],
    &["app"],
    &["cli"],
    &["main"],
];

/// Modules that only compute: the same input gives the same output, and a test needs nothing but values.
const PURE: &[&str] = &["backoff", "bugzilla", "changeset", "message", "visibility"];

/// What pure code does not say: waiting, time, databases.
const IMPURE: &[&str] =
    &["async", "await", "tokio", "Instant", "SystemTime", "mysql_async", "rusqlite", "tokio_postgres", "reqwest"];

/// The same, as pieces of code. `std::io` is fine: its traits write into memory too, and all else of it begins here.
const IMPURE_PIECES: &[&str] =
    &["std::fs", "std::net", "std::process", "std::env", "stdin()", "stdout()", "now()", ".sql\""];

/// With their blank behind them, so that prose passes.
const SQL: &[&str] = &["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE "];

const LONGEST_FILE: usize = 700;
const LONG_FILE: usize = 420;
const LONGEST_FUNCTION: usize = 70;

/// Names that say nothing: whatever is put there belongs somewhere else.
const NO_NAMES: &[&str] = &["util", "utils", "common", "misc", "helper", "helpers", "types"];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Imports against the order of the layers, as `where: what`.
fn wrong_way(source: &Source) -> Vec<String> {
    let own = source.module();
    let Some(from) = layer(own) else { return vec![format!("{}: {own} is in no layer", source.path)] };
    let imports: BTreeSet<String> =
        source.imports().into_iter().filter_map(|import| import.into_iter().next()).collect();
    let wrong = imports.into_iter().filter(|name| name != own && layer(name).is_none_or(|to| to >= from));
    wrong.map(|name| format!("{}: {own} imports {name}", source.path)).collect()
}

fn impurities(source: &Source) -> Vec<String> {
    let mut found: Vec<String> = IMPURE.iter().filter(|word| source.says(word)).map(ToString::to_string).collect();
    let pieces = IMPURE_PIECES.iter().chain(SQL).filter(|piece| source.with_strings.contains(*piece));
    found.extend(pieces.map(|piece| format!("`{piece}`")));
    found.into_iter().map(|what| format!("{}: {what}", source.path)).collect()
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn imports_run_one_way() {
    assert_none(sources("src").iter().filter(|source| source.path != "src/lib.rs").flat_map(wrong_way).collect());
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    assert_none(graph::circles(&sources("src")));
}

#[test]
fn pure_modules_neither_wait_nor_read_a_clock_nor_do_input_or_output() {
    let all = sources("src");
    assert_none(all.iter().filter(|source| PURE.contains(&source.module())).flat_map(impurities).collect());
}

#[test]
fn only_visibility_makes_something_public() {
    let all = sources("src");
    let elsewhere = all.iter().filter(|source| source.module() != "visibility" && source.calls("Public"));
    assert_none(elsewhere.map(|source| source.path.clone()).collect());
}

#[test]
fn files_can_be_read_in_one_go() {
    let all = [sources("src"), sources("tests")].concat();
    assert_none(all.iter().filter(|source| source.lines > LONGEST_FILE).map(|source| source.path.clone()).collect());
    let long: Vec<String> =
        all.iter().filter(|source| source.lines > LONG_FILE).map(|source| source.path.clone()).collect();
    assert!(long.len() * 10 <= all.len(), "more than a tenth of the files are over {LONG_FILE} lines: {long:?}");
}

#[test]
fn functions_fit_a_screen() {
    let all = [sources("src"), sources("tests")].concat();
    let long = all.iter().flat_map(|source| {
        let functions = source.functions().into_iter().filter(|(_, lines)| *lines > LONGEST_FUNCTION);
        functions.map(|(name, lines)| format!("{}: {name} has {lines} lines", source.path)).collect::<Vec<_>>()
    });
    assert_none(long.collect());
}

#[test]
fn names_say_what_is_inside() {
    let all = [sources("src"), sources("tests")].concat();
    let nameless = |source: &&Source| source.path.split(['/', '.']).any(|part| NO_NAMES.contains(&part));
    assert_none(all.iter().filter(nameless).map(|source| source.path.clone()).collect());
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    let all = [sources("src"), sources("tests")].concat();
    let silent = all.iter().filter(|source| !source.opens_with_a_comment && source.module() != "main");
    assert_none(silent.map(|source| source.path.clone()).collect());
}

#[test]
fn every_metric_carries_the_prefix() {
    let metrics: Vec<Source> = sources("src").into_iter().filter(|source| source.module() == "metrics").collect();
    let names: Vec<String> = metrics.iter().flat_map(Source::metric_names).collect();
    assert!(names.len() > 15, "the names are found: {names:?}");
    assert_none(names.into_iter().filter(|name| !name.starts_with("bugrelay_")).collect());
}

#[test]
fn an_import_against_the_order_is_found() {
    let found = |path, text| wrong_way(&Source::parse(path, text));
    assert!(found("src/queue/sqlite.rs", "use crate::message::Message;").is_empty());
    assert_eq!(found("src/queue/sqlite.rs", "use crate::connector::Connector;").len(), 1);
    assert_eq!(found("src/message/build.rs", "use crate::{bugzilla::BugId, queue::{Queue, Stats}};").len(), 1);
    assert_eq!(found("src/bugzilla/id.rs", "fn f() -> crate::changeset::Kind { todo!() }").len(), 1);
    assert_eq!(found("src/novelty.rs", "").len(), 1, "a module must be given its place");
}

#[test]
fn a_clock_and_sql_in_pure_code_are_found() {
    let found = |text| impurities(&Source::parse("src/message/build.rs", text));
    assert!(found("// SELECT the instant now\nfn knows() {}").is_empty());
    assert_eq!(found("let t = std::time::Instant::now();").len(), 2);
    assert_eq!(found(r#"let q = "SELECT 1";"#).len(), 1);
}
