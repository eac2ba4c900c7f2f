//! [`Envelope`] -> a SEND frame: where it goes and what stands beside the body.

use bytes::Bytes;

use super::codec::Frame;
use super::config::StompConfig;
use crate::message::Envelope;

/// Static headers that call a message Bugzilla's.
const BUGZILLAS: [&str; 2] = ["esbMessageType", "esbSourceSystem"];

/// The frame, but for its receipt.
pub(super) fn send(envelope: &Envelope, config: &StompConfig) -> Frame {
    let template = &config.destination_template;
    let destination = template.replace("{target}", envelope.target()).replace("{action}", envelope.action());
    let mut frame = Frame::new("SEND")
        .with("destination", destination)
        .with("content-type", "application/json")
        .with("persistent", "true")
        .with("correlation-id", envelope.id.to_string())
        .with("timestamp", envelope.committed_at_ms.to_string());
    for (name, value) in envelope.properties() {
        frame = frame.with(name, value);
    }
    let is_relayed = envelope.origin.subject().is_none();
    for (name, value) in config.headers.iter().filter(|(name, _)| !is_relayed || !BUGZILLAS.contains(&name.as_str())) {
        frame = frame.with(name, value);
    }
    if config.send_content_length {
        frame = frame.with("content-length", envelope.body.bytes.len().to_string());
    }
    frame.body = Bytes::from_owner(envelope.body.bytes.clone());
    frame
}

/// The bytes of the frame on the wire, about: escapes and the receipt are not counted.
pub(super) fn size(frame: &Frame) -> usize {
    let headers: usize = frame.headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    frame.command.len() + headers + frame.body.len() + 3
}
