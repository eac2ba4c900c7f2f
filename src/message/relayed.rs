//! What a script dropped at the relay, and the ids of such messages. Pure: chance comes from outside.

use uuid::Uuid;

use super::{Body, Endpoint, MessageId};

/// A message that is not Bugzilla's: its topic and body are the script's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Where it stands on every bus.
    pub id: MessageId,
    /// How it came.
    pub endpoint: Endpoint,
    /// Where it belongs: its routing key.
    pub topic: String,
    /// Milliseconds since 1970.
    pub received_at_ms: i64,
    /// Unchanged.
    pub body: Body,
    /// Whoever sent it may send it again under the same id, and means the same message.
    pub is_repeatable: bool,
}

impl Relayed {
    /// What tells its body from another one under the same id.
    pub fn digest(&self) -> Uuid {
        Uuid::new_v5(&self.id.0, &self.body.bytes)
    }
}

impl MessageId {
    /// Of a request that bears an `Idempotency-Key`: the same for the same client, topic and key.
    pub fn of_request(client: &str, topic: &str, key: &str) -> Self {
        let relay = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"bugrelay:relay");
        // A client's name and a topic hold no line end.
        let id = Uuid::new_v5(&relay, format!("{client}\n{topic}\n{key}").as_bytes());
        // Of the version that is anybody's own: those of the fifth are Bugzilla's.
        MessageId(uuid::Builder::from_custom_bytes(id.into_bytes()).into_uuid())
    }

    /// One that nobody has: made by chance.
    pub fn of_chance(bytes: [u8; 16]) -> Self {
        MessageId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// That of a fedmsg `msg_id`, which is `<year>-<uuid4>`. `None`: it is none; those of Bugzilla's messages are of another version, so
    /// that nobody can give a message the id of one of them.
    pub fn of_fedmsg(msg_id: &str) -> Option<Self> {
        let (year, uuid) = msg_id.split_once('-')?;
        let uuid = Uuid::try_parse(uuid).ok().filter(|_| year.parse::<u16>().is_ok())?;
        (uuid.get_version_num() == 4).then_some(MessageId(uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fedmsg_message_keeps_its_id_and_can_have_none_of_bugzillas() {
        let id = MessageId::of_fedmsg("2026-db317591-7b6f-4972-821b-2fbe40f9d077").unwrap();
        assert_eq!(id.to_string(), "db317591-7b6f-4972-821b-2fbe40f9d077");
        let bugzillas = MessageId::of("https://bugzilla.example.org/", "bug.modify", "1");
        for wrong in [&format!("2026-{bugzillas}"), "2026-1", "", "db317591-7b6f-4972-821b-2fbe40f9d077"] {
            assert_eq!(MessageId::of_fedmsg(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_the_clients_own_and_the_topics() {
        let id = MessageId::of_request("git", "org.example.push", "1");
        assert_eq!(id, MessageId::of_request("git", "org.example.push", "1"));
        assert_eq!(id.0.get_version_num(), 8, "none of Bugzilla's");
        assert_ne!(id, MessageId::of_request("ci", "org.example.push", "1"));
        assert_ne!(id, MessageId::of_request("git", "org.example.pull", "1"));
    }
}
