//! The webhook connector and a receiver: what arrives signed how, what each answer means, and where it never goes.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bugrelay::connector::{Connector, Kind, Outcome, Outcomes, SendError};
use bugrelay::failure::Class;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Bus, bodies, conforms, deliver, envelope, send};
use crate::services::{Answer, Certificates, Mode, Proxy, Receiver, Taken};

/// The deadline that delivery would set; here nobody watches it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Two secrets: base64 of 32 letters each.
const SECRET: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
const FORMER: &str = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";

/// A receiver behind a proxy.
struct Hook {
    receiver: Receiver,
    proxy: Proxy,
}

impl Hook {
    async fn start() -> Self {
        let receiver = Receiver::start().await;
        let proxy = Proxy::before(receiver.port()).await;
        Hook { receiver, proxy }
    }

    fn with(&self, further: &str, timeout: Duration) -> Box<dyn Connector> {
        let url = format!("http://127.0.0.1:{}/hook?token=needle", self.proxy.port());
        build(&url, &format!("allow_addresses = [\"127.0.0.1\"]\n{further}"), timeout)
    }
}

fn kind(url: &str, further: &str) -> Kind {
    let table = toml::from_str(&format!("url = \"{url}\"\nsecret = \"whsec_{SECRET}\"\n{further}")).unwrap();
    Kind::parse("webhook", table).expect("a type").unwrap_or_else(|error| panic!("{error}"))
}

fn build(url: &str, further: &str, timeout: Duration) -> Box<dyn Connector> {
    kind(url, further).build(timeout)
}

/// The one message's fate.
async fn fate(connector: &mut dyn Connector) -> Outcome {
    send(connector, 1..=1).await.swap_remove(0)
}

#[async_trait]
impl Bus for Hook {
    fn connector(&self) -> Box<dyn Connector> {
        self.with("", TIMEOUT)
    }

    /// Bugs overtake each other; the messages of one do not.
    async fn arrived(&self) -> Vec<String> {
        let taken = self.receiver.taken();
        let mut last: HashMap<&str, i64> = HashMap::new();
        let mut numbered: Vec<(i64, String)> = taken
            .iter()
            .map(|taken| {
                let number: i64 = taken.header("bugrelay-sequence").parse().unwrap();
                let before = last.insert(taken.header("bugrelay-bug-id"), number);
                assert!(before < Some(number), "{number} came after {before:?}");
                (number, taken.body.clone())
            })
            .collect();
        numbered.sort();
        numbered.into_iter().map(|(_, body)| body).collect()
    }

    async fn break_down(&self) {
        self.proxy.set(Mode::Refuse);
    }

    async fn mend(&self) {
        self.proxy.set(Mode::Pass);
    }
}

/// Whether one of the signatures is by this secret.
fn is_signed_by(taken: &Taken, secret: &str) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    let (id, time) = (taken.header("webhook-id"), taken.header("webhook-timestamp"));
    mac.update(format!("{id}.{time}.{}", taken.body).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    taken.header("webhook-signature").split(' ').any(|one| one == signature)
}

#[tokio::test]
async fn the_webhook_connector_conforms() {
    conforms(&Hook::start().await).await;
}

#[tokio::test]
async fn a_post_is_signed_by_both_secrets_of_a_rotation_and_a_retry_keeps_its_id() {
    let hook = Hook::start().await;
    let further =
        format!("previous_secret = \"{FORMER}\"\nauthorization = \"Bearer t\"\nheaders = {{ X-Site = \"a\" }}");
    let mut connector = hook.with(&further, TIMEOUT);
    let mut answers = [503, 204].into_iter();
    hook.receiver.answers(move |_| Answer::Status(answers.next().unwrap()));
    assert_eq!(fate(&mut *connector).await.unwrap_err().class, Class::Transient);
    assert!(fate(&mut *connector).await.is_ok());

    let taken = hook.receiver.taken();
    assert_eq!(taken.len(), 2);
    let id = envelope(1).id.to_string();
    for taken in &taken {
        assert!(is_signed_by(taken, SECRET) && is_signed_by(taken, FORMER) && !is_signed_by(taken, "eA=="));
        let time: i64 = taken.header("webhook-timestamp").parse().unwrap();
        assert!((jiff::Timestamp::now().as_second() - time).abs() < 300, "receivers refuse what is older");
        let expected = [
            ("webhook-id", &*id),
            ("content-type", "application/json"),
            ("authorization", "Bearer t"),
            ("x-site", "a"),
            ("bugrelay-routing-key", "bug.modify"),
            ("bugrelay-bug-id", "2"),
            ("bugrelay-change-set", "1.1.1"),
            ("bugrelay-sequence", "1"),
            ("bugrelay-is-private", "true"),
        ];
        for (name, value) in expected {
            assert_eq!(taken.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn each_answer_is_understood_and_told_without_what_it_says() {
    let hook = Hook::start().await;
    let mut connector = hook.with("", TIMEOUT);
    let table = [
        (400, Class::Poison, "refuses this message"),
        (401, Class::Misconfigured, "does not let us in"),
        (404, Class::Misconfigured, "see `url`"),
        (410, Class::Misconfigured, "wants no more messages"),
        (413, Class::Poison, "too large"),
        (422, Class::Poison, "refuses this message"),
        (500, Class::Transient, "its log says more"),
    ];
    for (code, class, words) in table {
        hook.receiver.answers(move |_| Answer::With(code, [("x-needle", "needle")]));
        let error = fate(&mut *connector).await.unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (class, false), "{code}: {error}");
        assert!(error.message.contains(words) && error.message.contains(&code.to_string()), "{error}");
        assert!(!error.message.contains("needle"), "{error}");
    }
    hook.receiver.answers(|_| Answer::With(429, [("retry-after", "77")]));
    assert_eq!(fate(&mut *connector).await.unwrap_err().retry_after, Some(Duration::from_secs(77)));
}

#[tokio::test]
async fn a_message_that_is_refused_holds_up_no_other_and_a_failure_stops_what_follows() {
    let hook = Hook::start().await;
    let mut connector = hook.with("", TIMEOUT);
    hook.receiver.answers(|taken| Answer::Status(if taken.body.contains(":3}") { 400 } else { 200 }));
    let outcomes = send(&mut *connector, 1..=20).await;
    let refused: Vec<_> = (1..).zip(&outcomes).filter(|(_, outcome)| outcome.is_err()).map(|(n, _)| n).collect();
    assert_eq!(refused, [3]);

    let before = hook.receiver.taken().len();
    hook.receiver.answers(|_| Answer::Status(503));
    let outcomes = send(&mut *connector, 21..=400).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|error| !error.perhaps_delivered)));
    assert!(hook.receiver.taken().len() - before <= 8, "one of each lane at the most");
}

#[tokio::test]
async fn of_a_receiver_that_does_not_answer_it_is_known_what_was_handed_over() {
    let hook = Hook::start().await;
    let mut connector = hook.with("", Duration::from_secs(2));
    hook.receiver.answers(|taken| if taken.body.contains(":1}") { Answer::Status(204) } else { Answer::Silence });
    let batch: Vec<_> = (1..=300).map(envelope).collect();
    let outcomes = Outcomes::new(batch.len());
    tokio::time::timeout(TIMEOUT, connector.send(&batch, &outcomes)).await.expect("it keeps its deadline");
    let outcomes = outcomes.take();
    assert!(matches!(outcomes[0], Some(Ok(_))));
    let errors: Vec<&SendError> = outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(errors.len(), 299, "each is told");
    let perhaps = errors.iter().filter(|error| error.perhaps_delivered).count();
    assert!(
        (hook.receiver.taken().len() - 1..=8).contains(&perhaps),
        "what reached it, one of each lane at the most: {perhaps}"
    );
    assert!(
        errors.iter().all(|error| error.class == Class::Transient && error.message.contains("before the deadline"))
    );
    hook.receiver.answers(|_| Answer::Status(204));
    assert!(send(&mut *connector, 2..=300).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let hook = Hook::start().await;
    let other = Receiver::start().await;
    let place: &'static str = format!("http://127.0.0.1:{}/", other.port()).leak();
    hook.receiver.answers(move |_| Answer::With(307, [("location", place)]));
    let error = fate(&mut *hook.with("", TIMEOUT)).await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert!(error.message.contains("leads elsewhere") && !error.message.contains("needle"), "{error}");
    assert!(other.taken().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_refused_unless_it_is_listed() {
    let hook = Hook::start().await;
    let url = format!("http://localhost:{}/", hook.proxy.port());
    let error = fate(&mut *build(&url, "", TIMEOUT)).await.unwrap_err();
    assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
    assert!(error.message.contains("localhost leads to") && error.message.contains("`allow_addresses`"), "{error}");
    let checked = kind(&url, "").check().await.unwrap_err();
    assert_eq!(checked.class, Class::Misconfigured, "{checked}");
    assert_eq!(hook.proxy.connections(), 0);

    let listed = "allow_addresses = [\"127.0.0.0/8\", \"::1\"]";
    assert!(fate(&mut *build(&url, listed, TIMEOUT)).await.is_ok());
    let found = kind(&url, listed).check().await.unwrap();
    assert!(found.contains(&format!("http://localhost:{} can be reached", hook.proxy.port())), "{found}");
    assert_eq!(hook.receiver.taken().len(), 1, "a check sends nothing");
}

#[tokio::test]
async fn certificates_of_both_sides_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, certificates) = (Receiver::start().await, Certificates::make(folder.path()));
    let file = |name: &str| certificates.path(name).display().to_string();
    let tls = format!(
        "tls = {{ ca_file = \"{}\", cert_file = \"{}\", key_file = \"{}\" }}",
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    let (good, expired) =
        (receiver.with_tls(&certificates, "server").await, receiver.with_tls(&certificates, "expired").await);
    let keys = |tls: &str| format!("allow_addresses = [\"127.0.0.1\"]\n{tls}");
    let url = |port: u16| format!("https://127.0.0.1:{port}/");
    assert!(fate(&mut *build(&url(good), &keys(&tls), TIMEOUT)).await.is_ok());
    assert!(kind(&url(good), &keys(&tls)).check().await.is_ok());
    let nobody = "tls = { ca_file = \"/nowhere/ca.pem\" }";
    for (port, tls) in [(expired, &*tls), (good, ""), (good, nobody)] {
        let error = fate(&mut *build(&url(port), &keys(tls), TIMEOUT)).await.unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (Class::Misconfigured, false), "{error}");
    }
    assert_eq!(receiver.taken().len(), 1);
}

#[tokio::test]
async fn one_of_several_that_cannot_be_reached_says_where_and_never_the_path() {
    let hook = Hook::start().await;
    let mut connector = hook.with("", TIMEOUT);
    hook.proxy.set(Mode::Refuse);
    let error = fate(&mut *connector).await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
    assert!(error.message.contains(&format!("http://127.0.0.1:{}", hook.proxy.port())), "{error}");
    assert!(
        !error.message.contains("needle") && !format!("{:?}", kind("https://h.example/needle", "")).contains("needle")
    );
    hook.proxy.set(Mode::Pass);
    assert!(deliver(&mut *connector, &[envelope(1)]).await[0].is_ok());
    assert_eq!(hook.arrived().await, bodies(1..=1));
}
