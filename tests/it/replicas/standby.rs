//! An instance that stands by: what it answers, and what it does with its configuration until it leads.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use bugrelay::database::Server as _;
use bugrelay::database::mysql::Mysql;

use super::{Site, instance, stands_by, started_of, wait_until_it_leads};
use crate::crash::oracle::end_of;
use crate::services::{Bugrelay, Publisher, free_port, poll};

const PATIENCE: Duration = Duration::from_secs(30);

/// What everybody reads who asks it something that it cannot know.
const REFERRED: &str = "this instance stands by; ask the leader, whose session comes from ";

/// A leader, and one that stands by, with a token each.
fn two(site: &Site) -> (Bugrelay, Bugrelay) {
    let start = || {
        let mut bugrelay = instance(site);
        bugrelay.replace("[admin]", "[admin]\ntoken = \"open sesame\"");
        bugrelay.start();
        bugrelay.wait_until_ready();
        bugrelay
    };
    let (first, second) = (start(), start());
    assert!(stands_by(&second));
    (first, second)
}

fn whoever_asks_is_sent_to_the_leader(site: &Site) {
    let (first, second) = two(site);
    for path in [
        "/api/connectors",
        "/api/connectors/out",
        "/api/backlog/out",
        "/api/backlog/out?bodies=true",
        "/api/parked/out",
        "/api/bugs/1",
        "/api/messages/7",
        "/api/identity",
        "/api/log",
        "/api/configuration",
        "/api/tail",
    ] {
        let answer = second.get(path);
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(REFERRED), "{path}: {answer}");
    }
    for verb in [
        &["connector", "list"][..],
        &["connector", "pause", "out"],
        &["backlog", "list"],
        &["backlog", "retry", "out"],
        &["parked", "list"],
        &["adopt", "--yes"],
        &["replay", "--since", "2026-02-01"],
        &["tail"],
    ] {
        let ended = second.verb(verb);
        assert!(ended.code == 69 && ended.err.contains(REFERRED) && ended.out.is_empty(), "{verb:?}: {ended:?}");
        assert!(!ended.err.contains("HTTP"), "it is said plainly: {}", ended.err);
    }
    for path in ["/livez", "/readyz", "/metrics", "/api/openapi.json"] {
        assert!(second.get(path).starts_with("HTTP/1.1 200"), "{path}");
    }
    let status = |bugrelay: &Bugrelay| -> serde_json::Value {
        let answer = bugrelay.get("/api/status");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1)
            .unwrap_or_else(|error| panic!("{error}: {answer}"))
    };
    let page = second.get("/");
    assert!(page.contains("This instance stands by.") && !page.contains("Sign out"), "{page}");
    for path in ["/connectors/out", "/bugs/1", "/log", "/tail/events"] {
        let page = second.get(path);
        assert!(page.starts_with("HTTP/1.1 503") && page.contains("<h1>") && page.contains(REFERRED), "{path}: {page}");
    }
    assert!(second.get("/configuration").starts_with("HTTP/1.1 200"));
    let (leading, standing_by) = (status(&first), status(&second));
    assert_eq!((&leading["stands_by"], &leading["leader"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!((&standing_by["stands_by"], &standing_by["ready"]), (&true.into(), &true.into()));
    assert_eq!(standing_by["connectors"][0]["state"], "well", "{standing_by:#}");
    let leader = standing_by["leader"].as_str().unwrap();
    assert!(leader.starts_with("127.0.0.1:") || leader.starts_with("localhost:"), "{leader}");
    assert!(first.verb(&["connector", "list"]).out.contains("well"), "and the leader answers");
}

#[test]
fn whoever_asks_a_standby_is_sent_to_the_leader() {
    whoever_asks_is_sent_to_the_leader(&Site::on_mariadb());
}

#[test]
fn on_postgresql_whoever_asks_a_standby_is_sent_to_the_leader() {
    whoever_asks_is_sent_to_the_leader(&Site::on_postgresql());
}

#[test]
fn a_standby_follows_its_configuration_and_takes_over_with_it() {
    let site = Site::on_mariadb();
    let mut first = started_of(&site);
    let second = started_of(&site);
    assert!(stands_by(&second));
    let more = format!("[connectors.more]\ntype = \"file\"\npath = \"{}\"\n", second.path("more.jsonl").display());
    second.replace("[connectors.out]", &format!("{more}[connectors.out]"));
    let taken = || second.log().contains("\"added\":\"more\"");
    assert!(poll(PATIENCE, taken), "it is not looked at:\n{}", end_of(&second.log()));
    assert!(stands_by(&second));
    second.replace("[connectors.more]", "[connectors.more]\nno_such_key = 1");
    let is_said =
        || second.log().contains("no_such_key") && second.metric("bugrelay_config_reload_successful") == Some(0.0);
    assert!(poll(PATIENCE, is_said), "{}", end_of(&second.log()));
    first.kill9();
    wait_until_it_leads(&second, PATIENCE);
    site.says("for both");
    second.wait_for(1);
    let of_more = || std::fs::read_to_string(second.path("more.jsonl")).unwrap_or_default().lines().count();
    assert!(poll(PATIENCE, || of_more() > 0), "{}", end_of(&second.log()));
}

#[test]
fn a_standby_lets_no_publisher_believe_that_it_listens_and_is_heard_from_when_it_leads() {
    let site = Site::on_mariadb();
    let started = || {
        let (mut bugrelay, port) = (instance(&site), free_port());
        let relay = format!("[relay]\nzeromq = \"tcp://127.0.0.1:{port}\"\ntopics = [\"org.*\"]\n[queue]");
        bugrelay.replace("[queue]", &relay);
        bugrelay.start();
        bugrelay.wait_until_ready();
        (bugrelay, port)
    };
    let ((mut first, _), (second, port)) = (started(), started());
    assert!(stands_by(&second));
    let is_closed = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
    };
    assert!(is_closed() && is_closed());
    let counted = "bugrelay_relay_received_total{endpoint=\"zeromq\",result=\"standby\"}";
    assert!(poll(PATIENCE, || second.metric(counted) == Some(2.0)), "{}", end_of(&second.log()));
    first.kill9();
    wait_until_it_leads(&second, PATIENCE);
    // As libzmq does: until somebody listens.
    let is_heard = || {
        Publisher::try_connect(port).is_some_and(|mut publisher| {
            publisher.send(&[b"org.x", b"{\"topic\":\"org.x\"}"]);
            true
        })
    };
    assert!(poll(PATIENCE, is_heard), "{}", end_of(&second.log()));
    second.wait_for(1);
}

#[test]
fn from_now_is_not_followed_by_a_standby_which_goes_on_where_the_leader_stood() {
    let site = Site::on_mariadb();
    let mut first = started_of(&site);
    site.says("before");
    first.wait_for(1);
    let mut second = instance(&site);
    second.start_with(&["run", "--from-now"]);
    second.wait_until_ready();
    assert!(stands_by(&second));
    assert!(poll(PATIENCE, || second.log().contains("--from-now is not followed")), "{}", end_of(&second.log()));
    // Nobody reads it before the other one leads.
    first.signal("STOP");
    site.says("meanwhile");
    first.kill9();
    wait_until_it_leads(&second, PATIENCE);
    let meanwhile = || second.lines().iter().any(|line| line.contains("meanwhile"));
    assert!(poll(PATIENCE, meanwhile), "what came between is not told:\n{}", end_of(&second.log()));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_now_is_followed_by_one_that_finds_but_the_session_of_a_dead_one() {
    let site = Site::on_mariadb();
    let mut bugrelay = started_of(&site);
    site.says("before");
    bugrelay.wait_for(1);
    bugrelay.kill9();
    // As the server keeps it of an instance whose machine was cut off.
    let ours = Mysql::new(mysql_async::Opts::from_url(&site.our_url).unwrap());
    let mut left = ours.session().await.unwrap();
    let lock = format!("SELECT GET_LOCK(CONCAT('bugrelay-', SHA1('{}/{}')), 10)", site.schema, site.name());
    assert_eq!(left.run(&[lock]).await.unwrap()[0][0].int(0), 1);
    site.says("between");
    bugrelay.start_with(&["run", "--from-now"]);
    bugrelay.wait_until_ready();
    assert!(stands_by(&bugrelay));
    drop(left);
    wait_until_it_leads(&bugrelay, PATIENCE);
    let reads = || bugrelay.metric("bugrelay_source_connected") == Some(1.0);
    assert!(poll(PATIENCE, reads), "{}", end_of(&bugrelay.log()));
    site.says("behind");
    let told = |text: &str| bugrelay.lines().iter().any(|line| line.contains(text));
    assert!(poll(PATIENCE, || told("behind")), "{}", end_of(&bugrelay.log()));
    assert!(told("before") && !told("between"), "{}", end_of(&bugrelay.log()));
}
