//! [`Envelope`] -> what AMQP carries beside the body, and the routing key.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::config::{AmqpConfig, Format};
use crate::connector::SendError;
use crate::message::{Envelope, Origin};

/// Kept on the broker's disk.
const PERSISTENT: u8 = 2;
/// Fedora Messaging's INFO.
const INFO: i32 = 20;
/// Fedora Messaging's schema for what has none of its own: any JSON object.
const ANY_OBJECT: &str = "base.message";

/// # Errors
/// Nobody would take it: it is parked.
pub(super) fn routing_key(envelope: &Envelope, config: &AmqpConfig) -> Result<ShortString, SendError> {
    let key = match envelope.origin {
        Origin::Bugzilla(_) => format!("{}{}", config.routing_prefix, envelope.routing_key),
        Origin::Relay(_) => envelope.routing_key.clone(),
    };
    ShortString::try_new(key)
        .map_err(|_| SendError::poison("its routing key is longer than the 255 bytes that AMQP has"))
}

/// # Errors
/// Nobody would take it: it is parked.
pub(super) fn properties(envelope: &Envelope, config: &AmqpConfig) -> Result<BasicProperties, SendError> {
    let text = |value: String| AMQPValue::LongString(LongString::from(value));
    let mut headers = FieldTable::default();
    for (name, value) in envelope.properties() {
        headers.insert(name.into(), text(value));
    }
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(envelope.id.to_string().into())
        .with_timestamp(u64::try_from(envelope.committed_at_ms / 1000).unwrap_or_default())
        .with_app_id("bugrelay".into());
    if config.format == Format::FedoraMessaging {
        let first = envelope.body.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') {
            return Err(SendError::poison("its body is no JSON object, and Fedora Messaging knows nothing else"));
        }
        headers.insert("fedora_messaging_schema".into(), text(ANY_OBJECT.to_owned()));
        headers.insert("fedora_messaging_severity".into(), AMQPValue::LongInt(INFO));
        headers.insert("sent-at".into(), text(sent_at(envelope)));
        headers.insert("priority".into(), AMQPValue::LongInt(0));
        properties = properties.with_priority(0);
    }
    Ok(properties.with_headers(headers))
}

/// The save's time, as Fedora Messaging writes times: with an offset, and no fractions.
fn sent_at(envelope: &Envelope) -> String {
    let time = Timestamp::from_millisecond(envelope.committed_at_ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
