//! What fedmsg's publishers send -> a message, as fedmsg-relay would have forwarded it. Pure.
//!
//! Two frames: the topic, and a JSON object that has the topic once more. The bytes of such an object are kept. As fedmsg-relay did it,
//! what is another JSON value or no JSON at all, and an object without a topic, is wrapped into `{"topic": ..., "msg": ...}`; what is not
//! UTF-8, and what has no two frames, is dropped.

use bytes::Bytes;

use super::json::{Mistake, scan};
use super::{Refusal, Reserved, Topics};
use crate::message::{Body, Endpoint, MessageId, Relayed};

/// The message in these frames, if it is taken: as it is stored it has `max` bytes at the most. `chance` is its id if it has none of its own.
pub(super) fn read(
    frames: &[Bytes],
    topics: &Topics,
    reserved: &Reserved,
    max: usize,
    received_at_ms: i64,
    chance: MessageId,
) -> Result<Relayed, Refusal> {
    let (topic, body) = match frames {
        [topic, body] => (&topic[..], &body[..]),
        // The form of old: both in one frame.
        [both] => {
            let end = both.iter().position(|byte| *byte == 0).ok_or(Refusal::Frames)?;
            (&both[..end], &both[end + 1..])
        }
        _ => return Err(Refusal::Frames),
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Refusal::NotUtf8);
    let (topic, body) = (text(topic)?, text(body)?);
    topics.check(topic, reserved)?;
    let (wrapped, msg_id) = match scan(body) {
        Ok(sketch) if sketch.is_bugzillas => return Err(Refusal::Poses),
        Ok(sketch) if sketch.is_object && !sketch.topics.is_empty() => {
            // Whoever reads the body believes this one.
            sketch.topics.iter().flatten().try_for_each(|topic| topics.check(topic, reserved))?;
            (None, sketch.msg_id)
        }
        Ok(_) => (Some(wrap(topic, body.trim())), None),
        Err(Mistake::NoJson(_)) => (Some(wrap(topic, &serde_json::Value::from(body).to_string())), None),
        Err(Mistake::TooDeep) => return Err(Refusal::TooDeep),
    };
    let body: Vec<u8> = wrapped.map_or_else(|| body.as_bytes().into(), String::into_bytes);
    if body.len() > max {
        return Err(Refusal::TooLarge(max));
    }
    Ok(Relayed {
        id: msg_id.and_then(|msg_id| MessageId::of_fedmsg(&msg_id)).unwrap_or(chance),
        endpoint: Endpoint::Zeromq,
        topic: topic.to_owned(),
        received_at_ms,
        body: Body::relayed(body),
        is_repeatable: false,
    })
}

/// A topic needs no escapes.
fn wrap(topic: &str, json: &str) -> String {
    format!("{{\"topic\": \"{topic}\", \"msg\": {json}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frames: &[&[u8]]) -> Result<(String, String), Refusal> {
        let frames: Vec<Bytes> = frames.iter().map(|frame| Bytes::copy_from_slice(frame)).collect();
        let topics = Topics::parse(&["raw.*".to_owned(), "org.*".to_owned()]).unwrap();
        let reserved = Reserved::new(vec!["org.example.prod.bugzilla".to_owned()]);
        let relayed = super::read(&frames, &topics, &reserved, 1_000, 5, MessageId::of_chance([1; 16]))?;
        Ok((relayed.topic, String::from_utf8(relayed.body.bytes.to_vec()).unwrap()))
    }

    #[test]
    fn an_object_with_a_topic_keeps_every_byte() {
        let odd = "{\"z\" : 1,  \"a\":[1, 2.50, 1e3, \"é\", \"\\u2603\"], \"topic\":\"org.example.other\", \"n\":NaN, \"z\":2}";
        let (topic, body) = read(&[b"raw.one", odd.as_bytes()]).unwrap();
        assert_eq!((topic.as_str(), body.as_str()), ("raw.one", odd));
    }

    #[test]
    fn what_has_no_topic_inside_is_wrapped_as_the_relay_did_it() {
        for (body, wrapped) in [
            ("plain \"text\"\n", r#"{"topic": "raw.x", "msg": "plain \"text\"\n"}"#),
            (" [1, 2]\n", r#"{"topic": "raw.x", "msg": [1, 2]}"#),
            ("\"s\"", r#"{"topic": "raw.x", "msg": "s"}"#),
            ("{\"a\":1}", r#"{"topic": "raw.x", "msg": {"a":1}}"#),
            ("", r#"{"topic": "raw.x", "msg": ""}"#),
        ] {
            assert_eq!(read(&[b"raw.x", body.as_bytes()]).unwrap().1, wrapped);
        }
    }

    #[test]
    fn what_the_relay_dropped_is_refused_with_a_reason() {
        assert_eq!(read(&[b"raw.x", b"\xff\xfe"]), Err(Refusal::NotUtf8));
        assert_eq!(read(&[b"\xff", b"{}"]), Err(Refusal::NotUtf8));
        assert_eq!(read(&[b"single"]), Err(Refusal::Frames));
        assert_eq!(read(&[b"a", b"b", b"c"]), Err(Refusal::Frames));
        assert_eq!(read(&[b"raw.x\0[1]"]).unwrap().1, r#"{"topic": "raw.x", "msg": [1]}"#, "the form of old");
    }

    #[test]
    fn what_is_too_large_when_it_is_wrapped_is_refused() {
        let quotes = [b'"'; 600];
        assert_eq!(read(&[b"raw.x", &quotes[..300]]).unwrap().1.len(), 300 * 2 + 29);
        assert_eq!(read(&[b"raw.x", &quotes]), Err(Refusal::TooLarge(1_000)));
    }

    #[test]
    fn neither_topic_can_be_anothers_or_bugzillas() {
        assert_eq!(read(&[b"com.example", b"{}"]), Err(Refusal::Topic));
        assert_eq!(read(&[b"raw.x", br#"{"topic":"com.example"}"#]), Err(Refusal::Topic));
        assert_eq!(read(&[b"raw.x", br#"{"topic":"raw.x","topic":"org.bugzilla.bug.create"}"#]), Err(Refusal::Poses));
        assert_eq!(read(&[b"org.bugzilla.bug.create", b"{}"]), Err(Refusal::Poses));
        assert_eq!(read(&[b"org.example.prod.bugzilla.x", b"{}"]), Err(Refusal::Poses));
        assert_eq!(read(&[b"raw.x", br#"{"topic":"org.example.prod.bugzilla.x"}"#]), Err(Refusal::Poses));
        assert_eq!(
            read(&[b"raw.x", br#"{"topic":"raw.x","event":{"routing_key":"bug.modify"}}"#]),
            Err(Refusal::Poses)
        );
        assert_eq!(
            read(&[b"raw.x", br#"{"topic":"raw.x","msg":{"event":{"routing_key":"bug.modify"}}}"#]),
            Err(Refusal::Poses)
        );
        assert!(read(&[b"", br#"{"topic":"raw.x"}"#]).is_err());
    }
}
