//! Messages -> what is put at once: the size of a put is bounded, whatever one transaction tells. Pure.

use crate::message::Message;

/// Bytes of the bodies of one put, at the most; a larger message is a put of its own.
const PUT_BYTES_MAX: usize = 8 << 20;

/// In order; always one at least, which may be empty.
pub(super) fn of(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for message in messages {
        let more = message.body.bytes.len();
        match parts.last_mut() {
            Some(part) if part.is_empty() || bytes + more <= PUT_BYTES_MAX => part.push(message),
            _ => {
                parts.push(vec![message]);
                bytes = 0;
            }
        }
        bytes += more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugzilla::{BugId, LocalTime};
    use crate::changeset::{Kind, Subject};
    use crate::message::{Body, MessageId};

    fn message(number: i64, bytes: usize) -> Message {
        Message {
            id: MessageId::of("https://bugs.example.org/", "bug.modify", &number.to_string()),
            subject: Subject::Bug(BugId(number)),
            kind: Kind::Modify,
            change_set: String::new(),
            product: None,
            committed_at_ms: 0,
            facts: vec![],
            saved_at: LocalTime::new(2026, 11, 22, 5, 0, 0).unwrap(),
            withheld: None,
            body: Body { bytes: vec![0; bytes].into(), event_bytes: None },
        }
    }

    fn parts(megabytes: &[usize]) -> Vec<Vec<i64>> {
        let messages = (0..).zip(megabytes).map(|(number, megabytes)| message(number, megabytes << 20)).collect();
        of(messages).iter().map(|part| part.iter().map(|message| message.subject.bug().0).collect()).collect()
    }

    #[test]
    fn a_put_is_bounded_and_keeps_the_order() {
        assert_eq!(parts(&[]), [Vec::<i64>::new()]);
        assert_eq!(parts(&[1, 2, 3]), [vec![0, 1, 2]]);
        assert_eq!(parts(&[3, 4, 1, 1, 7, 1]), [vec![0, 1, 2], vec![3, 4], vec![5]]);
        assert_eq!(parts(&[20, 1, 20]), [vec![0], vec![1], vec![2]]);
    }
}
