//! The keys of a Kafka connector: what is refused, with which words, and that no secret is shown.

use super::{assert_refused, parse, with};

const SECTION: &str = "connectors.bus";

fn keys(more: &str) -> String {
    format!("type = \"kafka\"\nbootstrap_servers = \"k:9092\"\n{more}")
}

#[test]
fn every_mistake_in_a_kafka_connector_is_told_with_its_remedy() {
    let refuse = |more: &str, words: &[&str]| assert_refused(SECTION, &[(&keys(more), words)]);
    refuse("topc = \"bugs\"", &["topc", "did you mean `topic`?"]);
    refuse("topic = \"a b\"", &["no topic's name"]);
    refuse("topic_template = \"bugs.{product}\"", &["{target} and {action}"]);
    refuse("topic = \"a\"\ntopic_template = \"b\"", &["keep one of them"]);
    refuse("security_protocol = \"tls\"", &["does not take this value"]);
    refuse("compression = \"zip\"", &["does not take this value"]);
    refuse("sasl_username = \"me\"\nsecurity_protocol = \"ssl\"", &["keys for SASL", "sasl_ssl"]);
    refuse("ssl_ca_location = \"/ca.pem\"\nsecurity_protocol = \"plaintext\"", &["keys for SSL", "\"ssl\""]);
    refuse("transactional_id = \"a\"\nbatch = 501", &["at most 500 at once"]);
    parse(&with(SECTION, &keys("transactional_id = \"a\"\nbatch = 500")), &[]).unwrap();
    let missing = parse(&with(SECTION, "type = \"kafka\""), &[]).unwrap_err();
    assert!(missing.contains("[connectors.bus] `bootstrap_servers` is missing"), "{missing}");
    assert_refused(SECTION, &[("type = \"kafka\"\nbootstrap_servers = \" \"", &["host:port"])]);
}

#[test]
fn an_option_that_could_lose_or_reorder_messages_is_refused() {
    let options = |line: &str| keys(&format!("[connectors.bus.options]\n{line}"));
    let refuse = |key: &str, value: &str, words: &str| {
        let error = parse(&with(SECTION, &options(&format!("\"{key}\" = {value}"))), &[]).unwrap_err();
        let place = format!("line 8: [connectors.bus] options.{key}: ");
        assert!(error.contains(&place) && error.contains(words), "{error}");
    };
    refuse("enable.idempotence", "false", "must stay as it is");
    refuse("acks", "1", "must stay as it is");
    refuse("request.required.acks", "0", "must stay as it is");
    refuse("partitioner", "\"random\"", "must stay as it is");
    refuse("delivery.report.only.error", "true", "must stay as it is");
    refuse("allow.auto.create.topics", "true", "must stay as it is");
    refuse("message.timeout.ms", "0", "write `timeout_seconds`");
    refuse("transaction.timeout.ms", "900000", "write `timeout_seconds`");
    refuse("topic.metadata.propagation.max.ms", "30000", "write `timeout_seconds`");
    refuse("sasl.password", "\"x\"", "write `sasl_password`");
    refuse("linger.msec", "5", "not known to librdkafka");
    parse(&with(SECTION, &options("\"linger.ms\" = 20\nacks = \"all\"")), &[]).unwrap();
}

#[test]
fn the_password_comes_from_one_of_three_places_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2\n").unwrap();
    let sasl = |line: &str| with(SECTION, &keys(&format!("security_protocol = \"sasl_ssl\"\n{line}")));
    let ways = [
        "sasl_password = \"hunter2\"".to_owned(),
        format!("sasl_password_file = \"{}\"", file.display()),
        "sasl_password_env = \"SECRET\"".to_owned(),
    ];
    let shown: Vec<String> = ways
        .iter()
        .map(|way| format!("{:?}", parse(&sasl(way), &[("SECRET", "hunter2")]).unwrap().connectors))
        .collect();
    assert!(shown.iter().all(|text| text.contains("sasl.password") && !text.contains("hunter2")), "{shown:?}");
    let two = parse(&sasl(&format!("{}\n{}", ways[0], ways[1])), &[]).unwrap_err();
    assert!(two.contains("sasl_password: it is given in several ways"), "{two}");
    let number = parse(&sasl("sasl_password = 4711"), &[]).unwrap_err();
    assert!(number.contains("string") && !number.contains("4711"), "{number}");
    // Nobody writes quotes in the environment.
    parse(&sasl(""), &[("BUGRELAY_CONNECTORS__BUS__SASL_PASSWORD", "4711")]).unwrap();
    let option = parse(&with(SECTION, &keys("[connectors.bus.options]\n\"ssl.keystore.password\" = \"hunter2\"")), &[]);
    assert!(!format!("{option:?}").contains("hunter2"));
}
