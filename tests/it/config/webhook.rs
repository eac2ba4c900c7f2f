//! `type = "webhook"`: what is refused with which words, and that neither address nor secret is told.

use super::{assert_refused, parse, with};

const SECRET: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

fn hook(lines: &str) -> String {
    format!("type = \"webhook\"\nurl = \"https://h.example.org/a\"\nsecret = \"{SECRET}\"\n{lines}")
}

#[test]
fn every_mistake_in_a_webhook_is_told_with_its_remedy() {
    let refuse = |lines: &str, words: &[&str]| assert_refused("connectors.hook", &[(&hook(lines), words)]);
    refuse("previous_secret = \"c2hvcnQ=\"", &["24 to 64 bytes", "openssl rand"]);
    refuse("headers = { webhook-id = \"1\" }", &["is set by bugrelay itself"]);
    refuse("headers = { Host = \"h\" }", &["is set by bugrelay itself"]);
    refuse("headers = { Authorization = \"x\" }", &["write `authorization`"]);
    refuse("headers = { \"a b\" = \"x\" }", &["no name of a header"]);
    refuse("headers = { a = \"x\\ny\" }", &["no header can carry"]);
    refuse("allow_addresses = [\"localhost\"]", &["no address or network"]);
    refuse("tls = { cert_file = \"x\" }", &["`key_file`"]);
    refuse("secrt = \"x\"", &["did you mean `secret`?"]);
    let missing = parse(&with("connectors.hook", "type = \"webhook\"\nurl = \"https://h\""), &[]).unwrap_err();
    assert!(missing.contains("`secret` is missing"), "{missing}");
    for (url, words) in [
        ("h.example.org", "not a URL"),
        ("ftp://h.example.org", "neither https://"),
        ("https://me:hunter2@h.example.org", "`authorization`"),
        ("https://h.example.org/#hunter2", "never sent"),
        ("http://127.0.0.1/hunter2", "`allow_addresses`"),
        ("http://2130706433/hunter2", "`allow_addresses`"),
        ("http://[::ffff:10.0.0.1]/hunter2", "`allow_addresses`"),
        ("http://169.254.169.254/latest", "`allow_addresses`"),
    ] {
        let text = with("connectors.hook", &format!("type = \"webhook\"\nurl = \"{url}\"\nsecret = \"{SECRET}\""));
        let error = parse(&text, &[]).unwrap_err();
        assert!(error.contains("[connectors.hook]") && error.contains(words), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn address_and_secrets_come_from_files_or_variables_and_are_in_no_debug_output() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("whsec_{SECRET}\n")).unwrap();
    let text = with(
        "connectors.hook",
        &format!(
            "type = \"webhook\"\nurl_env = \"HOOK\"\nsecret_file = \"{}\"\nauthorization_env = \"TOKEN\"\n\
             headers = {{ X-Key = \"hunter2\" }}",
            file.path().display()
        ),
    );
    let variables = [("HOOK", "https://h.example.org/hunter2"), ("TOKEN", "Bearer hunter2")];
    let shown = format!("{:?}", parse(&text, &variables).unwrap().connectors);
    assert!(
        shown.contains("https://h.example.org") && !shown.contains("hunter2") && !shown.contains(SECRET),
        "{shown}"
    );
}
