//! AMQP, a webhook and fedmsg beside a file: each gets everything, one that is down or refuses delays no other, and the log tells of no
//! message, whatever libraries would say.

use std::time::Duration;

use crate::services::{Answer, Bugrelay, Client, RabbitMq, Receiver, SqliteBugzilla, free_port, poll};

const PATIENCE: Duration = Duration::from_secs(60);

/// Base64 of 32 letters.
const SECRET: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

fn configuration(broker: &RabbitMq, hook: u16, fedmsg: u16) -> String {
    let [login, passcode] = RabbitMq::account();
    let amqp = |prefix: &str| {
        format!(
            "type = \"amqp\"\nurl = \"amqp://127.0.0.1:{}\"\nusername = \"{login}\"\npassword = \"{passcode}\"\n\
             routing_prefix = \"{prefix}.\"\n",
            broker.amqp_port()
        )
    };
    let webhook = |path: &str| {
        format!(
            "type = \"webhook\"\nurl = \"http://127.0.0.1:{hook}/{path}\"\nsecret = \"{SECRET}\"\n\
             allow_addresses = [\"127.0.0.1\"]\n"
        )
    };
    format!(
        "[connectors.amqp]\n{}[connectors.unbound]\n{}backoff_seconds = [1]\n[connectors.hook]\n{}[connectors.down]\n{}\
         [connectors.fedmsg]\ntype = \"fedmsg\"\nlisten = \"tcp://127.0.0.1:{fedmsg}\"\ntopic_prefix = \"org.example\"\n",
        amqp("together"),
        amqp("nowhere"),
        webhook("needle-of-a-path"),
        webhook("down"),
    )
}

#[test]
fn each_of_the_newer_buses_gets_everything_and_one_in_trouble_delays_no_other_and_the_log_tells_of_no_message() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (broker, port) = (RabbitMq::shared(), free_port());
    runtime.block_on(broker.bind("together", "together.#"));
    let receiver = runtime.block_on(Receiver::start());
    receiver.answers(|taken| Answer::Status(if taken.path == "/down" { 503 } else { 204 }));
    let bugzilla = SqliteBugzilla::new();
    let rest = configuration(broker, receiver.port(), port);
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let subscriber = Client::listening("frames.py", &["connect", &format!("tcp://127.0.0.1:{port}"), "120"]);
    let is_there = || bugrelay.log().contains("has subscribed");
    assert!(poll(PATIENCE, is_there), "the subscriber has come");
    bugzilla.play("01_");
    bugzilla.play("02_");
    bugzilla.play("03_");
    bugrelay.wait_for(5);
    let sorted = |mut bodies: Vec<String>| {
        bodies.sort();
        bodies
    };
    let expected = || sorted(bugrelay.lines());
    let hooked = || {
        let taken = receiver.taken().into_iter().filter(|taken| taken.path != "/down");
        sorted(taken.map(|taken| taken.body).collect())
    };
    assert!(poll(PATIENCE, || hooked() == expected()), "{:?}", hooked());
    let mut taken = vec![];
    let by_amqp = poll(PATIENCE, || {
        let more = runtime.block_on(broker.take("together"));
        taken.extend(more.into_iter().map(|message| message.body));
        sorted(taken.clone()) == expected()
    });
    assert!(by_amqp, "{taken:?}");
    subscriber.wait_to_hear("all came", |heard| heard.len() >= expected().len());

    let metric = |name: &str, connector: &str| {
        bugrelay.metric(&format!("bugrelay_{name}{{connector=\"{connector}\"}}")).unwrap_or(f64::NAN)
    };
    for connector in ["down", "unbound"] {
        let waits = || metric("backlog_messages", connector) > 0.5 && metric("connector_up", connector) < 0.5;
        assert!(poll(PATIENCE, waits), "{connector} is in trouble, and what it did not get waits");
    }
    assert!(poll(PATIENCE, || bugrelay.log().contains("no queue bound")), "what came back is told");
    bugrelay.terminate();
    let log = bugrelay.log();
    let words = ["\"event\"", "needle-of-a", SECRET, "summary", "real_name"];
    let told: Vec<&str> = words.into_iter().filter(|word| log.contains(word)).collect();
    assert!(told.is_empty(), "the log tells {told:?}");
}
