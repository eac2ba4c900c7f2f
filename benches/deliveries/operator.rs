//! What an operator tells a bugrelay that runs: the token, and the calls that ask for it.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use crate::services::Bugrelay;

const TOKEN: &str = "open sesame";

/// Lets us tell it something, from its next start on.
pub(crate) fn give_token(bugrelay: &Bugrelay) {
    let token = bugrelay.path("token");
    std::fs::write(&token, TOKEN).expect("the token is written");
    bugrelay.replace("[admin]", &format!("[admin]\ntoken_file = \"{}\"", token.display()));
}

/// `pause`, `resume` or `retry` for a connector.
pub(crate) fn tell(bugrelay: &Bugrelay, connector: &str, what: &str) {
    let head = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}");
    let answer = bugrelay.send("POST", &format!("/api/connectors/{connector}/{what}"), &head);
    assert!(answer.starts_with("HTTP/1.1 200"), "{what} {connector}: {answer}");
}

/// A metric of one connector.
pub(crate) fn metric(bugrelay: &Bugrelay, name: &str, labels: &str) -> f64 {
    bugrelay.metric(&format!("bugrelay_{name}{{{labels}}}")).unwrap_or(0.0)
}
