//! `bugrelay.example.toml` is the reference of the keys: it must be true.

use super::parse;

const EXAMPLE: &str = include_str!("../../../bugrelay.example.toml");

/// Shown, and no defaults: absent, or of another machine.
const NOT_DEFAULTS: [&str; 22] = [
    "clients",
    "password_file",
    "password_env",
    "token_file",
    "token_env",
    "tls",
    "ca_file",
    "rotate_megabytes",
    "path",
    "passcode_file",
    "passcode_env",
    "topic_template",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password_file",
    "sasl_password_env",
    "ssl_ca_location",
    "ssl_certificate_location",
    "ssl_key_location",
    "ssl_key_password_file",
    "ssl_key_password_env",
    "transactional_id",
];

/// The lines `# key = value`, by their number.
fn commented() -> Vec<(usize, &'static str)> {
    let key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
    };
    EXAMPLE
        .lines()
        .enumerate()
        .filter_map(|(number, line)| Some((number, line.strip_prefix("# ").filter(|line| key(line))?)))
        .collect()
}

/// The example with a line in place of one of its own.
fn with_line(number: usize, line: &str) -> String {
    EXAMPLE.lines().enumerate().map(|(n, old)| format!("{}\n", if n == number { line } else { old })).collect()
}

#[test]
fn the_example_is_in_order_as_it_is() {
    parse(EXAMPLE, &[]).unwrap();
}

#[test]
fn what_the_example_calls_a_default_is_one() {
    let plain = format!("{:?}", parse(EXAMPLE, &[]).unwrap());
    let lines = commented();
    assert!(lines.len() > 25, "the commented keys are found");
    for (number, line) in lines {
        let key = line.split(' ').next().unwrap();
        if NOT_DEFAULTS.contains(&key) {
            continue;
        }
        let config = parse(&with_line(number, line), &[]).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(format!("{config:?}"), plain, "{line}");
    }
}

#[test]
fn what_the_example_shows_besides_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    for (number, line) in commented() {
        let (key, value) = line.split_once(" = ").unwrap();
        let line = if key.ends_with("_file") { format!("{key} = \"{}\"", secret.display()) } else { line.to_owned() };
        let line = line.replace("/run/secrets/relay-git", &secret.display().to_string());
        let name = value.trim_matches('"');
        parse(&with_line(number, &line), &[(name, "x")]).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
