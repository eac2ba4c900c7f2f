//! The configuration as an operator meets it: what each key takes, and what is said where it is wrong.

mod amqp;
mod difference;
mod environment;
mod example;
mod fedmsg;
mod kafka;
mod reference;
mod relay;
mod stomp;
mod webhook;

use std::path::Path;

use bugrelay::config::Config;

const DATABASE: &str = "database = \"mysql://bugrelay@127.0.0.1/bugs\"";
const BASE_URL: &str = "base_url = \"https://bugs.example.org/\"";

/// What is said of a text, in an environment.
fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(Path::new("test.toml"), text, environment).map_err(|error| error.to_string())
}

/// A configuration in order, with `lines` in the section; keys of `[bugzilla]` replace those that are there.
fn with(section: &str, lines: &str) -> String {
    let minimal = [DATABASE, BASE_URL];
    let kept = minimal.iter().filter(|line| section != "bugzilla" || !names(lines, line));
    let bugzilla: Vec<&str> = kept.copied().collect();
    match section {
        "bugzilla" => format!("[bugzilla]\n{}\n{lines}\n", bugzilla.join("\n")),
        _ => format!("[bugzilla]\n{}\n[{section}]\n{lines}\n", bugzilla.join("\n")),
    }
}

fn names(lines: &str, line: &str) -> bool {
    let key = line.split(' ').next().unwrap();
    lines.lines().any(|other| other.split(' ').next() == Some(key))
}

/// Each must be refused with the file, its section and key, and these words.
fn assert_refused(section: &str, mistakes: &[(&str, &[&str])]) {
    for (lines, words) in mistakes {
        let text = with(section, lines);
        let error = parse(&text, &[]).expect_err(lines);
        let line = text.lines().position(|line| Some(line) == lines.lines().last()).map_or(0, |line| line + 1);
        let key = lines.lines().last().unwrap().split([' ', '=']).next().unwrap();
        for word in [&format!("test.toml: line {line}: [{section}] {key}: "), "; "].into_iter().map(|w| w as &str) {
            assert!(error.contains(word), "{lines}\nshould say {word:?}, and says\n{error}");
        }
        for word in *words {
            assert!(error.contains(word), "{lines}\nshould say {word:?}, and says\n{error}");
        }
    }
}

#[test]
fn every_mistake_in_bugzilla_is_told_with_line_key_and_remedy() {
    const URL: &str = "write \"mysql://USER@HOST:3306/DATABASE\"";
    assert_refused(
        "bugzilla",
        &[
            ("database = 7", &["wrong kind", "string"]),
            ("database = \"bugs\"", &["not a URL", URL]),
            ("database = \"oracle://h/bugs\"", &[URL]),
            ("database = \"mysql:///bugs\"", &["no host", URL]),
            ("database = \"mysql://h\"", &["no database", URL]),
            ("database = \"mysql://h/a/b\"", &["several databases", URL]),
            ("database = \"mysql://h/bugs?ssl=1\"", &["behind `?`", URL]),
            ("database = \"sqlite:\"", &["names no file", "write \"sqlite:PATH\""]),
            ("database = \"sqlite://host/bugs\"", &["no host", "write \"sqlite:PATH\""]),
            ("database = \"sqlite:bugs?mode=ro\"", &["behind `?`", "%3F"]),
            ("database = \"sqlite:bugs\"\npassword = \"x\"", &["SQLite has none", "take it out"]),
            ("database = \"sqlite:bugs\"\ntls = \"verify\"", &["SQLite is a file", "take it out"]),
            ("database = \"sqlite:bugs\"\nca_file = \"Cargo.toml\"", &["SQLite is a file", "take it out"]),
            ("database = \"sqlite:bugs\"\ncapture = \"binlog\"", &["SQLite has no log", "\"triggers\""]),
            ("database = \"sqlite:bugs\"\ncapture = \"logical\"", &["SQLite has no log", "\"triggers\""]),
            ("password = 7", &["wrong kind", "string"]),
            ("password = \"\"", &["empty", "take the key out"]),
            ("password_file = \"/not/there\"", &["/not/there cannot be read"]),
            ("password_env = \"NOT_SET\"", &["NOT_SET is not set"]),
            ("tls = \"on\"", &["\"on\" is not known", "\"verify\" or \"off\""]),
            ("ca_file = \"/not/there.pem\"", &["/not/there.pem cannot be read"]),
            ("tls = \"off\"\nca_file = \"Cargo.toml\"", &["take one of them out"]),
            ("capture = \"poll\"", &["\"poll\" is not known", "\"binlog\""]),
            ("capture = \"logical\"", &["PostgreSQL's way in", "\"binlog\""]),
            ("base_url = 7", &["wrong kind", "string"]),
            ("base_url = \"bugs.example.org\"", &["urlbase"]),
            ("base_url = \"ftp://bugs.example.org/\"", &["urlbase"]),
            ("time_zone = \"Berlin\"", &["\"Berlin\" is not a time zone", "Europe/Prague"]),
            ("require_login = \"yes\"", &["wrong kind", "true or false"]),
            ("start = \"yesterday\"", &["\"yesterday\" is neither \"now\" nor a time", "2026-11-01T00:00:00Z"]),
            ("sweep_interval_seconds = 0", &["0 is out of range", "1 to 86400"]),
            ("late_commit_window_seconds = -1", &["0 or more"]),
            ("late_commit_window_seconds = 0", &["0 is out of range", "1 to 604800"]),
            ("schema = \"bugs\"", &["Bugzilla's own database"]),
            ("schema = \"a.b\"", &["letters, digits and _"]),
            ("allow_unlimited_wal = 1", &["wrong kind", "true or false"]),
            ("time_zome = \"UTC\"", &["not known here", "did you mean `time_zone`?"]),
            ("listen = \"127.0.0.1:9464\"", &["not known here", "known are"]),
        ],
    );
}

#[test]
fn every_mistake_in_the_other_sections_is_told_with_line_key_and_remedy() {
    assert_refused(
        "queue",
        &[
            ("store = 7", &["wrong kind"]),
            ("store = \"bugrelay.db\"", &["sqlite:PATH"]),
            ("store = \"sqlite:\"", &["sqlite:PATH"]),
            ("max_megabytes = \"4 GB\"", &["wrong kind", "whole number"]),
            ("max_megabytes = 15", &["15 is out of range", "16 to"]),
            ("sent_retention_hours = 9223372036854775807", &["out of range"]),
            ("sent_retention_hours = true", &["wrong kind", "whole number"]),
            ("parked_retention_days = 1.5", &["wrong kind", "whole number"]),
            ("parked_retention_days = 3651", &["0 to 3650"]),
            ("max_megabyte = 16", &["did you mean `max_megabytes`?"]),
        ],
    );
    assert_refused("fields", &[("allow = \"*\"", &["a list"]), ("deny = 7", &["a list"]), ("alow = []", &["`allow`"])]);
    assert_refused(
        "messages",
        &[
            ("identity = \"none\"", &["\"none\" is not known", "local_part"]),
            ("identity = \"fulll\"", &["did you mean `full`?"]),
            ("comment_id = 7", &[]),
            ("identiti = \"full\"", &["did you mean `identity`?"]),
        ],
    );
    assert_refused(
        "shutdown",
        &[
            ("grace_seconds = \"20\"", &["wrong kind"]),
            ("grace_seconds = 3601", &["0 to 3600"]),
            ("grace = 20", &["not known here", "grace_seconds"]),
        ],
    );
    assert_refused(
        "admin",
        &[
            ("listen = 9464", &["wrong kind"]),
            ("listen = \"localhost\"", &["an address with a port", "127.0.0.1:9464"]),
            ("token = 7", &["wrong kind"]),
            ("token = \"\"", &["empty"]),
            ("token_file = \"/not/there\"", &["/not/there cannot be read"]),
            ("token_env = \"NOT_SET\"", &["NOT_SET is not set"]),
            ("listn = \"127.0.0.1:9464\"", &["did you mean `listen`?"]),
        ],
    );
}

#[test]
fn every_mistake_in_a_connector_is_told_with_line_key_and_remedy() {
    let own = |line: &str| format!("type = \"file\"\npath = \"-\"\n{line}");
    let mistakes: [(&str, &[&str]); 19] = [
        ("enabled = \"yes\"", &["true or false"]),
        ("targets = \"bug\"", &["a list"]),
        ("targets = [\"bugs\"]", &["\"bugs\" is not known", "did you mean `bug`?"]),
        ("targets = []", &["nothing would be sent"]),
        ("actions = [\"delete\"]", &["\"delete\" is not known", "create, modify"]),
        ("products = []", &["nothing would be sent"]),
        ("products = [7]", &["wrong kind"]),
        ("private_events = true", &["wrong kind", "string"]),
        ("private_events = \"keep\"", &["\"keep\" is not known", "\"send\" or \"drop\""]),
        ("oversize = \"cut\"", &["\"cut\" is not known", "\"park\" or \"event_only\""]),
        ("timeout_seconds = 0", &["0 is out of range", "1 to 3600"]),
        ("batch = 0", &["0 is out of range", "1 to 10000"]),
        ("batch = \"many\"", &["wrong kind", "whole number"]),
        ("backoff_seconds = []", &["empty", "at least one"]),
        ("backoff_seconds = [0]", &["0 is out of range"]),
        ("backoff_seconds = 5", &["a list"]),
        ("rotate_megabytes = \"1\"", &["wrong kind", "whole number"]),
        ("bach = 7", &["not known here", "did you mean `batch`?"]),
        ("topic = \"bugs\"", &["not known here"]),
    ];
    for (line, words) in mistakes {
        assert_refused("connectors.log", &[(&own(line), words)]);
    }
    assert_refused(
        "connectors.log",
        &[
            ("type = \"pigeon\"", &["\"pigeon\" is not known", "file"]),
            ("type = 7", &["not a string"]),
            ("type = \"file\"\npath = 7", &["wrong kind", "string"]),
        ],
    );
}

#[test]
fn what_is_missing_is_named() {
    let error = |text: &str| parse(text, &[]).unwrap_err();
    assert!(error("").contains("test.toml: [bugzilla] is missing; write at least its `database` and `base_url`"));
    for (line, missing) in [(DATABASE, "`base_url` is missing"), (BASE_URL, "`database` is missing")] {
        let error = error(&format!("\n[bugzilla]\n{line}"));
        assert!(error.contains("test.toml: line 2: [bugzilla] ") && error.contains(missing), "{error}");
    }
    let no_type = error(&with("connectors.log", "path = \"-\""));
    assert!(no_type.contains("line 4: [connectors.log] `type` is missing; write type = \"file\""), "{no_type}");
    let no_path = error(&with("connectors.log", "type = \"file\""));
    assert!(no_path.contains("[connectors.log] `path` is missing"), "{no_path}");
}

#[test]
fn a_misspelt_section_is_told_with_what_was_probably_meant() {
    for (given, meant) in [("bugzila", "bugzilla"), ("queu", "queue"), ("connector.log", "connectors")] {
        let error = parse(&format!("[{given}]\nx = 1\n"), &[]).unwrap_err();
        let words = [format!("test.toml: line 1: [{}] not known here", given.split('.').next().unwrap())];
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        assert!(error.contains(&format!("did you mean `{meant}`?")), "{error}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line_and_not_its_text() {
    let error = parse("[bugzilla]\ndatabase = \"mysql://b:hunter2@h/bugs\npassword = hunter3\n", &[]).unwrap_err();
    assert!(error.starts_with("test.toml: line 2: "), "{error}");
    assert!(!error.contains("hunter"), "{error}");
}

#[test]
fn a_connectors_name_must_be_a_metric_label() {
    let error = parse(&with("connectors.\"a b\"", "type = \"file\""), &[]).unwrap_err();
    assert!(error.contains("[connectors.a b] its name is no metric label"), "{error}");
}

#[test]
fn a_start_in_the_past_is_a_time_with_or_without_quotes_and_in_bugzillas_zone_without_an_offset() {
    let start = |line: &str| {
        parse(&with("bugzilla", &format!("{line}\ntime_zone = \"Europe/Prague\"")), &[])
            .unwrap()
            .bugzilla()
            .unwrap()
            .start
    };
    for line in ["start = 2026-11-22T05:00:00Z", "start = \"2026-11-22 06:00:00\"", "start = 2026-11-22T06:00:00"] {
        assert_eq!(start(line), Some(1_795_323_600), "{line}");
    }
    assert_eq!((start("start = \"now\""), start("")), (None, None));
}

#[test]
fn a_secret_is_given_in_one_of_three_ways() {
    use secrecy::ExposeSecret as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2\n").unwrap();
    let file = format!("\"{}\"", file.display());
    let environment = [("SECRET", "hunter2")];
    for (section, key) in [("bugzilla", "password"), ("admin", "token")] {
        let ways = [format!("{key} = \"hunter2\""), format!("{key}_file = {file}"), format!("{key}_env = \"SECRET\"")];
        for way in &ways {
            let config = parse(&with(section, way), &environment).unwrap();
            let secret = if section == "admin" {
                config.admin.token.clone()
            } else {
                config.bugzilla().unwrap().password.clone()
            };
            assert_eq!(secret.get().unwrap().expose_secret(), "hunter2", "{way}");
        }
        for two in [[0, 1], [1, 2], [0, 2]] {
            let lines = two.map(|way| ways[way].clone()).join("\n");
            let error = parse(&with(section, &lines), &environment).unwrap_err();
            assert!(error.contains(&format!("[{section}] {key}: it is given in several ways; keep one")), "{error}");
        }
    }
    let in_url = "database = \"mysql://b:hunter%232@h/bugs\"";
    let config = parse(&with("bugzilla", in_url), &[]).unwrap();
    assert_eq!(config.bugzilla().unwrap().password.get().unwrap().expose_secret(), "hunter#2");
    let twice = parse(&with("bugzilla", &format!("{in_url}\npassword = \"x\"")), &[]).unwrap_err();
    assert!(twice.contains("in `database` as well"), "{twice}");
}

#[test]
fn no_secret_is_in_an_error_or_in_the_debug_output() {
    let in_url = "database = \"mysql://b:hunter2@h/bugs\"";
    let config = parse(&with("bugzilla", in_url), &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let config = parse(&with("admin", "token = \"hunter2\""), &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    for wrong in [
        "database = \"mysql://b:hunter2@h/\"",
        "database = \"b:hunter2@h/bugs\"",
        "database = \"mysql://b:hunter2@h:x/bugs\"",
        "database = \"hunter2://h/bugs\"",
        "database = [\"hunter2\"]",
        "password = [\"hunter2\"]",
        "password = { x = \"hunter2\" }",
    ] {
        let error = parse(&with("bugzilla", wrong), &[]).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let number = parse(&with("bugzilla", "password = 4711"), &[]).unwrap_err();
    assert!(!number.contains("4711"), "{number}");
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_way_to_name_another() {
    let error = Config::load(Some(Path::new("/not/there.toml")), std::iter::empty()).unwrap_err().to_string();
    assert!(error.contains("/not/there.toml: cannot be read") && error.contains("-c FILE"), "{error}");
}

#[test]
fn tls_is_off_only_on_this_machine_unless_it_is_said() {
    use bugrelay::config::Tls;
    let tls = |lines: &str| parse(&with("bugzilla", lines), &[]).unwrap().bugzilla().unwrap().tls.clone();
    let verified = Tls::Verify { ca_file: None };
    assert_eq!(tls("database = \"mysql://localhost/bugs\""), Tls::Off);
    assert_eq!(tls("database = \"mysql://[::1]/bugs\""), Tls::Off);
    assert_eq!(tls("database = \"mysql://db.example.org/bugs\""), verified);
    assert_eq!(tls("database = \"mysql://localhost/bugs\"\ntls = \"verify\""), verified);
    assert_eq!(tls("database = \"mysql://db.example.org/bugs\"\ntls = \"off\""), Tls::Off);
}

#[test]
fn a_file_that_is_far_too_large_is_named_and_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    // It has no blocks: whoever reads it whole finds a TiB of zeros.
    std::fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let error = Config::load(Some(&large), std::iter::empty()).unwrap_err().to_string();
    assert!(error.contains("large: cannot be read: it is larger than 1024 KiB"), "{error}");
    let text = format!(
        "[bugzilla]\ndatabase = \"mysql://a@127.0.0.1/b\"\nbase_url = \"https://b.example/\"\npassword_file = \"{}\"\n",
        large.display()
    );
    let error = Config::parse(&large, &text, std::iter::empty()).unwrap_err().to_string();
    assert!(error.contains("[bugzilla] password_file") && error.contains("it is larger than 64 KiB"), "{error}");
}
