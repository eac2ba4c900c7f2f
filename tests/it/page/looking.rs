//! What is seen: every view, whole and guarded; the life of a message and of a bug; nothing private, nothing as markup.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::Browser;
use crate::services::{Bugrelay, SqliteBugzilla, poll};
use crate::verbs::connectors::{PATIENCE, json, running, said, wait_for_backlog};

const MARKUP: &str = "<script>alert(1)</script>\"'&<b>";

/// The id of a message that waits for `down`.
fn message_id(bugrelay: &Bugrelay, index: usize) -> String {
    json(bugrelay, &["backlog", "show", "down"])["entries"][index]["message_id"].as_str().unwrap().to_owned()
}

#[test]
fn every_view_is_whole_without_scripts_loads_nothing_of_others_and_is_kept_by_nobody() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let message = format!("/messages/{}", message_id(&bugrelay, 0));
    let views = [
        "/",
        "/log",
        "/tail",
        "/configuration",
        "/connectors/down",
        "/connectors/down/backlog",
        "/connectors/down/parked",
        "/connectors/down/backlog/confirm?do=drop&all=true",
        "/connectors/down/backlog/confirm?do=skip&seq=1",
        "/bugs/7",
        &message,
        "/sign-in",
        "/nowhere",
        "/connectors/nobody",
        "/find?q=x",
    ];
    for browser in [Browser::new(&bugrelay), Browser::signed_in(&bugrelay)] {
        for path in views {
            let answer = browser.get(path);
            if answer.status == 303 {
                assert!(path.contains("confirm") && answer.header("location").starts_with("/sign-in"), "{path}");
                continue;
            }
            assert_eq!(answer.text.matches("<h1").count(), 1, "{path}");
            for part in ["<!DOCTYPE html>", "<html lang=\"en\">", "<main", "<title>", "width=device-width"] {
                assert!(answer.text.contains(part), "{path}: {part}");
            }
            for inline in ["<style", " style=", "<script>", " onclick=", "javascript:", "src=\"http", "<iframe"] {
                assert!(!answer.text.contains(inline), "{path}: {inline}");
            }
            let policy = answer.header("content-security-policy");
            for directive in [
                "default-src 'none'",
                "script-src 'self'",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
            ] {
                assert!(policy.contains(directive) && !policy.contains("unsafe"), "{path}: {policy}");
            }
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        }
    }
    for (asset, kind) in
        [("/page/page.css", "text/css"), ("/page/page.js", "text/javascript"), ("/page/icon.svg", "image/svg+xml")]
    {
        let answer = Browser::new(&bugrelay).get(asset);
        assert!(answer.status == 200 && answer.header("content-type").starts_with(kind), "{answer:?}");
    }
}

#[test]
fn what_is_not_there_is_said_and_not_found() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser::signed_in(&bugrelay);
    let unknown = "/messages/6f1ed002-ab59-5e21-9ba4-2d6c1b2a7f0e";
    for (path, status, words) in [
        ("/nowhere", 404, "There is no such page."),
        ("/connectors/nobody", 404, "known are down, out"),
        ("/connectors/nobody/backlog", 404, "known are down, out"),
        ("/connectors/out/backlog/confirm?do=fly&all=true", 404, "There is no such page."),
        ("/connectors/out/backlog/confirm?do=drop", 400, "No message was chosen."),
        ("/connectors/out/backlog?limit=x", 400, "write ?after="),
        (unknown, 404, "Nothing is known of this message"),
        ("/messages/7", 400, "is no message's id"),
        ("/bugs/seven", 400, "is no bug's id"),
        ("/bugs/4711", 200, "No message about it is known."),
        ("/find?q=%3Cb%3E", 404, "is neither a bug"),
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(
            answer.text.contains("<h1") && answer.words().replace("&#39;", "'").contains(words),
            "{path}: {}",
            answer.words()
        );
    }
    assert_eq!(browser.get("/find?q=%237").header("location"), "/bugs/7");
    assert_eq!(browser.get(&format!("/find?q={}", &unknown[10..])).header("location"), unknown);
}

#[test]
fn a_summary_that_is_markup_is_only_text() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    let quoted = MARKUP.replace('\'', "''");
    let edit = crate::services::sample::action("03_")
        .replace("COMMIT;", &format!("UPDATE bugs SET short_desc = '{quoted}' WHERE bug_id = 7; COMMIT;"));
    bugzilla.exec(&edit);
    wait_for_backlog(&bugrelay, 4);
    said(&bugrelay, &["backlog", "skip", "down", "1", "--reason", MARKUP]);
    let browser = Browser::signed_in(&bugrelay);
    let entries = json(&bugrelay, &["backlog", "show", "down"]);
    let ids = entries["entries"].as_array().unwrap().iter().map(|entry| entry["message_id"].as_str().unwrap());
    let mut paths: Vec<String> = ids.map(|id| format!("/messages/{id}")).collect();
    paths.extend(
        ["/connectors/down/parked", "/bugs/7", "/log", "/", "/find?q=%3Cscript%3Ealert(1)%3C/script%3E"]
            .map(str::to_owned),
    );
    let mut told = 0;
    for path in &paths {
        let answer = browser.get(path);
        assert!(!answer.text.contains("<script>") && !answer.text.contains("&<b>"), "{path}: {}", answer.text);
        told += answer.text.matches("&lt;script&gt;alert").count();
    }
    assert!(told >= 3, "it is shown, in a message, as a reason and in what was looked for: {told}");
}

#[test]
fn what_happened_to_a_bug_is_told_with_the_rule_that_decided() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for action in ["01_", "06_"] {
        bugzilla.play(action);
    }
    bugrelay.wait_for(4);
    wait_for_backlog(&bugrelay, 4);
    let browser = Browser::new(&bugrelay);
    // The line is there before it is known that it arrived.
    assert!(poll(PATIENCE, || browser.get("/bugs/7").words().matches("out sent ").count() == 2));
    let open = browser.get("/bugs/7");
    for words in [
        "comment.create public the bug is filed and in no group, and the comment is not marked as private",
        "Grouped into change set",
        "down waiting after 1 attempt",
        "out sent ",
    ] {
        open.says(words);
    }
    let secret = browser.get("/bugs/8");
    secret.says("bug.create private the bug is in a group, or is not filed yet");
    let message = browser.get(&format!("/messages/{}", message_id(&bugrelay, 3)));
    message.says("When it was stored private the bug is in a group, or is not filed yet. bug_private");
    message.says("Now private the bug is in a group, or is not filed yet. bug_private");
    for answer in [secret, message] {
        assert!(!answer.text.contains("hush"), "{}", answer.text);
    }
    let log = browser.get("/log?connector=down");
    log.says("failed");
    assert!(log.text.contains("later") && !log.words().contains(" sent "), "the error in full: {}", log.words());
}

#[test]
fn what_turned_private_while_it_waits_is_not_shown_any_more() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    bugzilla.play("01_");
    wait_for_backlog(&bugrelay, 2);
    let browser = Browser::new(&bugrelay);
    let path = format!("/messages/{}", message_id(&bugrelay, 1));
    assert!(browser.get(&path).text.contains("The whistle is flat"));
    bugzilla.exec("INSERT INTO bug_group_map (bug_id, group_id) VALUES (7, 2)");
    let hidden = browser.get(&path);
    assert!(!hidden.text.contains("whistle") && hidden.text.contains("bug.create"), "{}", hidden.text);
    hidden.says("When it was stored public the bug is filed and in no group.");
    hidden.says("Now private the bug is in a group, or is not filed yet. bug_private");
}

#[test]
fn lists_are_turned_page_by_page_and_narrowed() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    for action in ["01_", "02_", "06_"] {
        bugzilla.play(action);
    }
    wait_for_backlog(&bugrelay, 5);
    let browser = Browser::signed_in(&bugrelay);
    let rows = |path: &str| browser.get(path).text.matches("name=\"seq\"").count();
    let path = "/connectors/down/backlog";
    assert_eq!(rows(path), 5);
    assert_eq!(rows(&format!("{path}?bug=8")), 2);
    assert_eq!(rows(&format!("{path}?bug=7&target=comment&action=")), 2);
    assert_eq!(rows(&format!("{path}?target=attachment")), 0);
    let is_for_all = |path: &str| browser.get(path).text.contains("all=true");
    assert!(
        is_for_all(path)
            && is_for_all(&format!("{path}?bug=&target=&action="))
            && is_for_all(&format!("{path}?after=4"))
    );
    for narrowed in ["bug=8", "target=comment", "action=create", "bug=7&limit=2"] {
        assert!(!is_for_all(&format!("{path}?{narrowed}")), "it would be more than is seen: {narrowed}");
    }
    let (mut next, mut pages) = (Some(format!("{path}?limit=2&target=comment")), vec![]);
    while let Some(this) = next {
        pages.push(rows(&this));
        let page = browser.get(&this).text;
        next =
            page.split_once("\">Next page").map(|(before, _)| before.rsplit('"').next().unwrap().replace("&amp;", "&"));
        assert!(pages.len() < 9, "it ends");
    }
    assert_eq!(pages[..2], [2, 1]);
    browser.get(&format!("{path}?after=4")).says("First page");
    assert_eq!(rows(&format!("{path}?after=4")), 1);
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let bugzilla = SqliteBugzilla::new();
    let mut bugrelay = running(&bugzilla);
    assert!(bugrelay.terminate().success());
    bugrelay.replace(
        "[connectors.out]",
        "[connectors.hook]\ntype = \"webhook\"\nenabled = false\nurl = \"https://hooks.example.org/hush\"\nsecret = \"whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo\"\nheaders = { X-Key = \"hush\" }\n[connectors.out]",
    );
    bugrelay.start();
    bugrelay.wait_until_ready();
    let browser = Browser::new(&bugrelay);
    let shown = browser.get("/configuration");
    for words in ["[connectors.hook]", "X-Key", "(hidden)", "base_url", "token_file"] {
        shown.says(words);
    }
    assert!(
        !shown.text.contains("hush") && !shown.text.contains("sesame") && !shown.text.contains("whsec"),
        "{}",
        shown.text
    );
    assert!(!bugrelay.get("/api/configuration").contains("hush"));
    bugrelay.replace("enabled = false", "enabled = maybe");
    assert!(poll(PATIENCE, || browser.get("/configuration").text.contains("cannot be used")), "{}", bugrelay.log());
}

#[test]
fn the_live_tail_needs_no_script_and_ends_with_the_page() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    assert!(Browser::new(&bugrelay).get("/tail").text.contains("href=\"/tail/text\""));
    let mut stream = TcpStream::connect(("127.0.0.1", bugrelay.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    stream.write_all(b"GET /tail/text HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    let mut is_played = false;
    let come = poll(PATIENCE, || {
        let read = stream.read(&mut part).unwrap_or(0);
        text.extend_from_slice(&part[..read]);
        let so_far = String::from_utf8_lossy(&text);
        // Whoever reads the first line misses nothing from there on.
        if so_far.contains(": listening") && !is_played {
            is_played = true;
            bugzilla.play("01_");
        }
        so_far.contains("event: bug.create")
    });
    let text = String::from_utf8_lossy(&text);
    assert!(
        come && text.contains("content-type: text/plain; charset=utf-8") && text.contains("The whistle is flat"),
        "{text}"
    );
}
