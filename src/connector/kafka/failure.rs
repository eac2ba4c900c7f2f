//! What librdkafka says -> [`SendError`]. The one place that classifies Kafka's errors; sends nothing.

use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::SendError;
use crate::failure::Class;

/// What became of a record that was not acknowledged.
///
/// What no broker has answered was perhaps delivered; what is in this list was refused, and surely was not.
pub(super) fn of_record(code: Code, place: &str) -> SendError {
    let refused = |what: &str| SendError::misconfigured(format!("{place}: {what}"));
    match code {
        Code::MessageSizeTooLarge => SendError::too_large(
            "larger than Kafka takes; raise the topic's max.message.bytes and options.\"message.max.bytes\"",
        ),
        Code::InvalidRecord | Code::InvalidMessage => SendError::poison(format!(
            "the broker calls it invalid ({code:?}); see the broker's log and the topic's settings"
        )),
        Code::UnsupportedForMessageFormat => {
            refused("the topic's message format is too old for headers and idempotence; raise message.format.version")
        }
        Code::InvalidTimestamp => refused(
            "the topic takes no message of now; set the clocks right, or raise the topic's message.timestamp.before.max.ms \
             and message.timestamp.after.max.ms",
        ),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::UnknownTopicId => {
            refused("the topic does not exist; create it, or correct `topic`")
        }
        Code::InvalidTopic => refused("the topic's name is not allowed; correct `topic`"),
        Code::TopicAuthorizationFailed => {
            refused("not authorised for the topic; allow the user to Describe and Write it")
        }
        Code::ClusterAuthorizationFailed => refused(
            "not authorised to send idempotently; allow the user IdempotentWrite on the cluster, or Write on the topic",
        ),
        Code::TransactionalIdAuthorizationFailed => {
            refused("not authorised for `transactional_id`; allow the user to Describe and Write it")
        }
        Code::GroupAuthorizationFailed => {
            refused("not authorised for the group that has the name of `transactional_id`; allow the user to Read it")
        }
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            refused("the login is refused; correct sasl_mechanism, sasl_username and sasl_password")
        }
        Code::PolicyViolation | Code::InvalidRequiredAcks | Code::InvalidConfig => {
            refused(&format!("the broker's policy forbids it ({code:?}); see the topic's settings"))
        }
        Code::InvalidTransactionTimeout => {
            refused("the transaction may take longer than the broker allows; lower `timeout_seconds`")
        }
        Code::QueueFull => {
            SendError::transient(format!("{place}: the brokers take less than is sent; see how busy they are"))
        }
        // The one at fault is reported beside it.
        Code::InvalidDifferentRecord => {
            SendError::transient(format!("{place}: another message of those sent together was refused"))
        }
        Code::NotEnoughReplicas => SendError::transient(format!("{place}: too few replicas of the topic are in sync")),
        Code::ProducerFenced | Code::Fenced | Code::InvalidProducerEpoch => {
            SendError::transient(format!("{place}: another producer uses this `transactional_id`; give each its own"))
        }
        code => SendError::unanswered(format!("{place}: no acknowledgement came ({code:?})")),
    }
}

/// Whether it is the topic that is at fault, and none other.
pub(super) fn is_of_topic(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::UnknownTopicId
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed
    )
}

/// The same where a script chose it: the message is parked alone.
pub(super) fn of_chosen_topic(place: &str) -> SendError {
    SendError::poison(format!(
        "{place}: the topic of this relayed message does not exist, or we may not write it; create it, or take \"relay\" out of `targets`"
    ))
}

/// Whether this poison may be the topic's doing as well as the record's: then it is poison only if the broker takes others.
pub(super) fn is_doubtful(code: Code) -> bool {
    matches!(code, Code::InvalidRecord | Code::InvalidMessage)
}

/// The same before anything was handed over, or of a transaction as a whole: it is no single message's fault, and nothing of
/// it arrived.
pub(super) fn of_nothing_sent(code: Code, place: &str) -> SendError {
    let told = of_record(code, place);
    if told.class == Class::Poison {
        return SendError::transient(format!("{place}: the brokers refuse it ({code:?}); see their log"));
    }
    SendError { perhaps_delivered: false, ..told }
}

/// Why the brokers cannot be reached, by the last trouble of a connection.
pub(super) fn of_connection(code: Code, reason: &str, servers: &str) -> SendError {
    let reason = reason.lines().next().unwrap_or_default();
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
    // A handshake also fails when a broker goes down in its midst.
    let is_certificate = code == Code::SSL
        && ["certificate", "alert", "wrong version", "no shared cipher"].iter().any(|word| reason.contains(word));
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            SendError::misconfigured(format!(
                "{servers}: the login is refused: {reason}; correct sasl_mechanism, sasl_username and sasl_password"
            ))
        }
        _ if is_certificate => SendError::misconfigured(format!(
            "{servers}: TLS fails: {reason}; see to the certificates, or correct the keys ssl_*"
        )),
        _ => SendError::transient(format!(
            "no broker answers at {servers}: {reason}; see whether Kafka runs and is reachable, or correct `bootstrap_servers`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_told_from_what_perhaps_arrived() {
        let fate = |code| (of_record(code, "k:9092").class, of_record(code, "k:9092").perhaps_delivered);
        assert_eq!(fate(Code::MessageSizeTooLarge), (Class::Poison, false));
        assert_eq!(fate(Code::TopicAuthorizationFailed), (Class::Misconfigured, false));
        assert_eq!(fate(Code::UnknownTopic), (Class::Misconfigured, false));
        assert_eq!(fate(Code::UnsupportedForMessageFormat), (Class::Misconfigured, false));
        assert_eq!(fate(Code::NotEnoughReplicas), (Class::Transient, false));
        for unknown in [Code::MessageTimedOut, Code::PurgeInflight, Code::NotEnoughReplicasAfterAppend, Code::Fatal] {
            assert_eq!(fate(unknown), (Class::Transient, true), "{unknown:?}");
        }
    }

    #[test]
    fn where_no_record_was_sent_nothing_is_poison_and_nothing_arrived() {
        for code in [Code::MessageSizeTooLarge, Code::InvalidRecord, Code::LeaderNotAvailable, Code::Fail] {
            let told = of_nothing_sent(code, "k:9092");
            assert_eq!((told.class, told.perhaps_delivered), (Class::Transient, false), "{code:?}");
        }
    }

    #[test]
    fn a_bad_certificate_is_for_a_person_and_a_broken_handshake_passes() {
        let class = |reason| of_connection(Code::SSL, reason, "k:9092").class;
        assert_eq!(class("SSL handshake failed: certificate verify failed: broker certificate"), Class::Misconfigured);
        assert_eq!(class("SSL handshake failed: Disconnected"), Class::Transient);
    }
}
