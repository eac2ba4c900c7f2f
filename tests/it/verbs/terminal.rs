//! What only somebody at a terminal sees, by `script`, which gives a program one; and what is said to whoever misspelt something.

use std::process::Command;

use super::connectors::running;
use super::{NOBODY, program};
use crate::services::{Bugrelay, SqliteBugzilla};

const COLOUR: &str = "\u{1b}[";

/// What a verb shows on a terminal.
fn on_a_terminal(bugrelay: &Bugrelay, verb: &str, environment: &[(&str, &str)]) -> String {
    let (program, config) = (env!("CARGO_BIN_EXE_bugrelay"), bugrelay.path("bugrelay.toml"));
    let line = format!("{program} -c {} {verb}", config.display());
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(std::process::Stdio::null());
    let output = command.envs(environment.iter().copied()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_is_in_colour_on_a_terminal_alone_and_not_where_no_color_forbids_it() {
    // Nobody wants what comes by the relay: a warning, with the line that mends it.
    let relay = "targets = [\"bug\"]\n[relay]\nzeromq = \"tcp://127.0.0.1:2003\"\ntopics = [\"*\"]";
    let bugrelay = Bugrelay::configured(NOBODY, "", relay);
    let shown = on_a_terminal(&bugrelay, "check --offline", &[]);
    for part in [
        "\u{1b}[32mgood   \u{1b}[0m  configuration: ",
        "\u{1b}[33mwarning\u{1b}[0m  relay_targets: ",
        "mend it with:  \u{1b}[1mtargets = ",
    ] {
        assert!(shown.contains(part), "{part:?}: {shown:?}");
    }
    for plain in [
        on_a_terminal(&bugrelay, "check --offline", &[("NO_COLOR", "1")]),
        on_a_terminal(&bugrelay, "check --offline", &[("TERM", "dumb")]),
        on_a_terminal(&bugrelay, "check --offline --json", &[]),
        bugrelay.verb(&["check", "--offline"]).out,
    ] {
        assert!(plain.contains("relay_targets") && !plain.contains(COLOUR), "{plain:?}");
    }
}

#[test]
fn who_misspells_a_verb_an_option_or_a_connector_is_told_what_was_probably_meant() {
    for (arguments, meant) in
        [(&["chek"][..], "'check'"), (&["check", "--ofline"], "'--offline'"), (&["backlog", "lst"], "'list'")]
    {
        let ended = program(arguments);
        assert!(ended.code == 2 && ended.err.contains(meant), "{arguments:?}: {}", ended.err);
    }
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for verb in [
        &["backlog", "show", "donw"][..],
        &["connector", "pause", "donw"],
        &["parked", "drop", "donw", "--all", "--yes"],
    ] {
        let ended = bugrelay.verb(verb);
        assert!(ended.code == 1 && ended.err.contains("did you mean `down`?"), "{verb:?}: {}", ended.err);
    }
}
