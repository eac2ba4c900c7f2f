//! Who gets in, and whose forms are taken.

use super::{Browser, encoded};
use crate::services::{SqliteBugzilla, poll};
use crate::verbs::connectors::{PATIENCE, connector, running};

#[test]
fn whoever_signs_in_gets_a_session_that_scripts_and_other_sites_cannot_use() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser::new(&bugrelay);
    let answer = browser.send("/sign-in", &[("token", "open sesame"), ("next", "/bugs/7")]);
    assert_eq!((answer.status, answer.header("location")), (303, "/bugs/7"));
    let cookie = answer.header("set-cookie");
    for word in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("sesame") && browser.get("/").text.contains("Sign out"));
    let by_link = browser.ask("GET", "/bugs/7", "Sec-Fetch-Site: cross-site\r\n", "");
    assert!(by_link.text.contains("Sign out"), "{by_link:?}");
    assert!(browser.order("/sign-out", &[]).header("set-cookie").contains("Max-Age=0"));
    *browser.cookie.borrow_mut() = cookie.split(';').next().unwrap().to_owned();
    assert!(!browser.get("/").text.contains("Sign out"), "the session is over, not the cookie alone");
    assert!(!bugrelay.log().contains("open sesame"));
}

#[test]
fn wrong_tokens_are_told_in_the_log_and_lock_nobody_out() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser::new(&bugrelay);
    for _ in 0..3 {
        let refused = browser.sign_in("hush");
        assert_eq!(refused.status, 401);
        refused.says("This is not the token of [admin].");
    }
    let bearer =
        |token: &str, path: &str| browser.ask("GET", path, &format!("Authorization: Bearer {token}\r\n"), "").status;
    assert_eq!((bearer("hush", "/api/status"), bearer("hush", "/log")), (401, 303));
    let told = || bugrelay.log().contains("more from there are answered late");
    assert!(poll(PATIENCE, told), "of the API, of the page and of its form alike: {}", bugrelay.log());
    assert_eq!((bearer("hush", "/api/status"), browser.sign_in("hush").status), (401, 401));
    assert_eq!((bearer("open sesame", "/api/status"), browser.sign_in("open sesame").status), (200, 303));
    assert!(!bugrelay.log().contains("hush"));
}

#[test]
fn by_a_name_that_is_no_address_nothing_is_seen_before_signing_in() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser { host: "bugrelay.example.org", ..Browser::new(&bugrelay) };
    for path in ["/", "/log", "/bugs/7?limit=2", "/connectors/out/backlog", "/tail/events", "/configuration"] {
        let answer = browser.get(path);
        let next = encoded(&[("next", path)]);
        assert_eq!((answer.status, answer.header("location")), (303, format!("/sign-in?{next}").as_str()), "{path}");
        assert!(answer.text.is_empty());
    }
    assert_eq!(browser.get("/sign-in?next=/log").value_of("next"), "/log");
    assert_eq!(browser.sign_in("open sesame").status, 303);
    assert_eq!(browser.get("/bugs/7?limit=2").status, 200);
    let api = browser.get("/api/status");
    assert_eq!(api.status, 403, "the session is the page's alone: {api:?}");
}

#[test]
fn through_a_proxy_on_this_machine_nothing_is_seen_before_signing_in() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let browser = Browser::new(&bugrelay);
    let from_elsewhere = "X-Forwarded-For: 192.0.2.7\r\n";
    assert_eq!((browser.get("/").status, browser.get("/api/status").status), (200, 200));
    assert_eq!(browser.ask("GET", "/", from_elsewhere, "").header("location"), "/sign-in?next=%2F");
    assert_eq!(browser.ask("GET", "/api/status", from_elsewhere, "").status, 401);
    browser.sign_in("open sesame");
    assert_eq!(browser.ask("GET", "/", from_elsewhere, "").status, 200);
}

#[test]
fn a_form_that_was_not_made_for_the_session_changes_nothing() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = running(&bugzilla);
    let (browser, another) = (Browser::signed_in(&bugrelay), Browser::signed_in(&bugrelay));
    let (own, foreign) = (browser.get("/").value_of("form"), another.get("/").value_of("form"));
    let path = "/connectors/out/pause";
    for fields in [&[][..], &[("form", "")], &[("form", foreign.as_str())], &[("form", "guess")]] {
        assert_eq!(browser.send(path, fields).status, 403, "{fields:?}");
    }
    for site in ["cross-site", "same-site"] {
        let foreign = browser.ask("POST", path, &format!("Sec-Fetch-Site: {site}\r\n"), &encoded(&[("form", &own)]));
        assert_eq!(foreign.status, 403, "{site}");
    }
    let signed_out = Browser::new(&bugrelay).send(path, &[("form", &own)]);
    assert_eq!((signed_out.status, signed_out.header("location")), (303, "/sign-in?next=%2F"));
    assert_eq!(browser.get(path).status, 405, "a link changes nothing");
    assert_eq!(browser.send("/sign-out", &[("form", "guess")]).status, 403);
    let with_token = "Host: localhost\r\nAuthorization: Bearer open sesame";
    assert!(!bugrelay.send("POST", path, with_token).starts_with("HTTP/1.1 2"), "the token is the API's");
    assert_eq!(connector(&bugrelay, "out")["state"], "well");
    let good = browser.ask("POST", path, "Sec-Fetch-Site: same-origin\r\n", &encoded(&[("form", &own)]));
    assert_eq!((good.status, good.header("location")), (303, "/"));
    assert_eq!(connector(&bugrelay, "out")["state"], "paused");
}

#[test]
fn without_a_token_the_page_is_for_looking() {
    let bugzilla = SqliteBugzilla::new();
    let bugrelay = crate::services::Bugrelay::running(&bugzilla.bugrelay_url());
    let browser = Browser::new(&bugrelay);
    let overview = browser.get("/");
    assert_eq!(overview.status, 200);
    overview.says("Looking only");
    assert!(!overview.text.contains("method=\"post\""));
    browser.get("/sign-in").says("There is no token");
    assert_eq!(browser.sign_in("").status, 403);
    let named = Browser { host: "bugrelay.example.org", ..browser }.get("/");
    assert_eq!(named.status, 403);
}
