//! [`Envelope`] -> fedmsg's two frames: the topic, and the message in fedmsg's envelope, byte for byte as its signer writes it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Frames;
use super::json::{self, NotJson};
use super::sign::Signer;
use crate::connector::SendError;
use crate::message::{Endpoint, Envelope, Origin};

/// Who publishes, for people: Bugzilla's messages, and what came by HTTP.
const USERNAME: &str = "bugrelay";
const RELAYED: &str = "relay";

/// See the module.
pub(super) struct Wrapper {
    /// What the topics of Bugzilla's messages begin with.
    topic_start: String,
    signer: Option<Signer>,
    /// How many it has wrapped.
    count: AtomicU64,
}

impl Wrapper {
    pub(super) fn new(topic_start: String, signer: Option<Signer>) -> Self {
        Wrapper { topic_start, signer, count: AtomicU64::new(0) }
    }

    /// # Errors
    /// It cannot be carried: it is parked.
    pub(super) fn frames(&self, envelope: &Envelope) -> Result<Frames, SendError> {
        let topic = match envelope.origin {
            // What fedmsg's own publisher wrote leaves as it came, and its signature stays true.
            Origin::Relay(Endpoint::Zeromq) => {
                let topic = Bytes::from(envelope.routing_key.clone());
                return Ok(Frames { topic, body: Bytes::from_owner(envelope.body.bytes.clone()) });
            }
            Origin::Relay(Endpoint::Http) => envelope.routing_key.clone(),
            Origin::Bugzilla(_) => format!("{}{}", self.topic_start, envelope.routing_key),
        };
        let body = self.wrap(envelope, &topic).map_err(|what| SendError::poison(what.to_string()))?;
        Ok(Frames { topic: topic.into(), body: body.into() })
    }

    fn wrap(&self, envelope: &Envelope, topic: &str) -> Result<String, Box<dyn std::error::Error>> {
        let text = std::str::from_utf8(&envelope.body.bytes).map_err(|_| NotJson)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let time = Timestamp::from_millisecond(envelope.committed_at_ms).unwrap_or_default();
        let mut tail = format!(r#""i":{number},"msg":"#);
        json::write(text, &mut tail)?;
        let year = time.to_zoned(TimeZone::UTC).year();
        // The keys in their order, as all of it is sorted.
        let id = format!(r#","msg_id":"{year}-{}""#, envelope.id);
        let mut end = format!(r#","timestamp":{},"topic":"#, time.as_second());
        json::write_string(topic, &mut end);
        let username = if envelope.origin.subject().is_some() { USERNAME } else { RELAYED };
        end.push_str(&format!(r#","username":"{username}"}}"#));
        let Some(signer) = &self.signer else { return Ok(format!("{{{tail}{id}{end}")) };
        let signature = signer.sign(&format!(r#"{{"crypto":"x509",{tail}{id}{end}"#))?;
        let mut whole = String::from(r#"{"certificate":"#);
        json::write_string(&signer.certificate, &mut whole);
        whole.push_str(r#","crypto":"x509","#);
        whole.push_str(&tail);
        whole.push_str(&id);
        whole.push_str(r#","signature":"#);
        json::write_string(&signature, &mut whole);
        whole.push_str(&end);
        Ok(whole)
    }
}
