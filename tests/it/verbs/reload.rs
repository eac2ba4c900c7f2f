//! The configuration changed while bugrelay runs: what is taken, what is kept, and what is said.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::services::{Bugrelay, SqliteBugzilla, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// A file connector; `more` are further keys.
fn connector(bugrelay: &Bugrelay, name: &str, file: &str, more: &str) -> String {
    format!("[connectors.{name}]\ntype = \"file\"\npath = \"{}\"\n{more}\n", bugrelay.path(file).display())
}

/// With the connector `out`, a token, and what else is configured.
fn running(bugzilla: &SqliteBugzilla, rest: impl FnOnce(&Bugrelay) -> String) -> Bugrelay {
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    std::fs::write(bugrelay.path("token"), "open sesame\n").unwrap();
    let token = format!("[admin]\ntoken_file = \"{}\"", bugrelay.path("token").display());
    bugrelay.replace("[admin]", &token);
    bugrelay.replace("[connectors.out]", &format!("{}[connectors.out]", rest(&bugrelay)));
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugrelay
}

/// Replaces a part of the configuration, and waits until that is said in the log.
fn change(bugrelay: &Bugrelay, part: &str, by: &str) -> Value {
    let before = said(bugrelay).len();
    bugrelay.replace(part, by);
    let read = || said(bugrelay).len() > before;
    assert!(poll(PATIENCE, read), "nobody noticed:\n{}", bugrelay.log());
    said(bugrelay).swap_remove(before)
}

/// The lines of the log that tell of a configuration that was read anew.
fn said(bugrelay: &Bugrelay) -> Vec<Value> {
    let log = bugrelay.log();
    let lines = log.lines().filter(|line| line.contains("read anew") || line.contains("configuration cannot be used"));
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn is_successful(bugrelay: &Bugrelay) -> Option<f64> {
    bugrelay.metric("bugrelay_config_reload_successful")
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[test]
fn a_bad_file_keeps_what_runs_and_is_said_with_its_line_and_key() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla, |_| String::new());
    assert_eq!(is_successful(&bugrelay), Some(1.0));
    let line = change(&bugrelay, "[connectors.out]", "[connectors.out]\nbach = 5");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("line 11: [connectors.out] bach: not known here; did you mean `batch`?"), "{error}");
    assert_eq!((line["level"].as_str(), is_successful(&bugrelay)), (Some("ERROR"), Some(0.0)));
    bugzilla.play("01_");
    bugrelay.wait_for(2);
    let line = change(&bugrelay, "bach = 5", "");
    assert_eq!((&line["changed"], is_successful(&bugrelay)), (&"".into(), Some(1.0)), "{line}");
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_is_taken_at_once() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = running(&bugzilla, |_| String::new());
    bugrelay.replace("https://bugs.example.org/", "https://bugs.example.com/");
    let more = connector(&bugrelay, "more", "more.jsonl", "");
    let line = change(&bugrelay, "[connectors.out]", &format!("{more}[connectors.out]"));
    assert_eq!((&line["added"], &line["settings"]), (&"more".into(), &"".into()), "{line}");
    assert!(bugrelay.log().contains("needs a restart") && bugrelay.log().contains("[bugzilla] base_url"));
    assert_eq!(is_successful(&bugrelay), Some(0.0));
    bugzilla.play("01_");
    bugrelay.wait_for(2);
    assert!(poll(PATIENCE, || lines(&bugrelay.path("more.jsonl")) == 2), "{}", bugrelay.log());
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    assert_eq!(is_successful(&bugrelay), Some(1.0));
}

#[test]
fn a_connector_that_is_taken_out_keeps_its_backlog_and_one_that_is_back_goes_on_from_now() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay =
        running(&bugzilla, |bugrelay| connector(bugrelay, "late", "later/out.jsonl", "backoff_seconds = [600]"));
    let late = connector(&bugrelay, "late", "later/out.jsonl", "backoff_seconds = [600]");
    let waiting = || bugrelay.metric("bugrelay_backlog_messages{connector=\"late\"}");
    bugzilla.play("01_");
    assert!(poll(PATIENCE, || waiting() == Some(2.0)));
    let line = change(&bugrelay, &late, "");
    assert_eq!(line["removed"], "late", "{line}");
    assert_eq!(bugrelay.metric("bugrelay_connector_up{connector=\"late\"}"), None);
    bugzilla.play("02_");
    bugrelay.wait_for(3);
    let list = bugrelay.verb(&["connector", "list", "--json"]).out;
    let list: Value = serde_json::from_str(&list).unwrap();
    let gone = list.as_array().unwrap().iter().find(|view| view["name"] == "late").unwrap();
    assert_eq!((&gone["state"], &gone["messages"]), (&"gone".into(), &2.into()), "{list:#}");
    std::fs::create_dir(bugrelay.path("later")).unwrap();
    change(&bugrelay, "[connectors.out]", &format!("{late}[connectors.out]"));
    bugzilla.play("03_");
    // The comment in between is not its own.
    let all = bugrelay.wait_for(5);
    let expected = [&all[..2], &all[3..]].concat().join("\n") + "\n";
    let got = || std::fs::read_to_string(bugrelay.path("later/out.jsonl")).unwrap_or_default();
    // What had failed waits for its time; who puts a connector back has no reason to.
    assert!(bugrelay.verb(&["backlog", "retry", "late"]).code == 0);
    assert!(poll(PATIENCE, || got() == expected), "{}\n{}", got(), bugrelay.log());
}

#[test]
fn a_connector_that_is_mended_in_the_configuration_is_tried_at_once() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay =
        running(&bugzilla, |bugrelay| connector(bugrelay, "late", "later/out.jsonl", "backoff_seconds = [600]"));
    bugzilla.play("01_");
    assert!(poll(PATIENCE, || bugrelay.metric("bugrelay_backlog_messages{connector=\"late\"}") == Some(2.0)));
    let line = change(&bugrelay, "later/out.jsonl", "mended.jsonl");
    assert_eq!(line["changed"], "late", "{line}");
    assert!(poll(PATIENCE, || lines(&bugrelay.path("mended.jsonl")) == 2), "{}", bugrelay.log());
}

#[test]
fn a_new_admin_token_takes_the_place_of_the_old_one() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla, |_| String::new());
    let pause = |token: &str| {
        let head = format!("Host: localhost\r\nAuthorization: Bearer {token}");
        bugrelay.send("POST", "/api/connectors/out/pause", &head).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(pause("open sesame"), "HTTP/1.1 200 OK");
    std::fs::write(bugrelay.path("token"), "abracadabra\n").unwrap();
    bugrelay.signal("HUP");
    assert!(poll(PATIENCE, || pause("abracadabra") == "HTTP/1.1 200 OK"), "{}", bugrelay.log());
    assert_eq!(pause("open sesame"), "HTTP/1.1 401 Unauthorized");
    // The token counts before the line that says so is written.
    let settings = || said(&bugrelay).first().map(|line| line["settings"].clone());
    assert!(poll(PATIENCE, || settings() == Some("[admin] token".into())), "{}", bugrelay.log());
    for secret in ["sesame", "abracadabra"] {
        assert!(!bugrelay.log().contains(secret));
    }
}

#[test]
fn a_configuration_that_kubernetes_mounts_is_followed_through_its_links() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla, |_| String::new());
    let text = std::fs::read_to_string(bugrelay.path("bugrelay.toml")).unwrap();
    let mount = |version: &str, text: &str| {
        std::fs::create_dir(bugrelay.path(version)).unwrap();
        std::fs::write(bugrelay.path(version).join("bugrelay.toml"), text).unwrap();
        std::os::unix::fs::symlink(version, bugrelay.path("..tmp")).unwrap();
        std::fs::rename(bugrelay.path("..tmp"), bugrelay.path("..data")).unwrap();
    };
    mount("..one", &text);
    std::fs::remove_file(bugrelay.path("bugrelay.toml")).unwrap();
    std::os::unix::fs::symlink("..data/bugrelay.toml", bugrelay.path("bugrelay.toml")).unwrap();
    let more = connector(&bugrelay, "more", "more.jsonl", "");
    mount("..two", &format!("{text}{more}"));
    assert!(
        poll(PATIENCE, || said(&bugrelay).last().is_some_and(|line| line["added"] == "more")),
        "{}",
        bugrelay.log()
    );
    bugzilla.play("01_");
    assert!(poll(PATIENCE, || lines(&bugrelay.path("more.jsonl")) == 2), "{}", bugrelay.log());
}
