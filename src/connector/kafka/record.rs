//! Envelope -> record: its topic, its key and its headers. Sends nothing.

use std::collections::BTreeSet;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use crate::message::Envelope;

/// The lengths of a name and a value, as a record has them.
const AROUND: usize = 10;

/// Kafka's limit to a topic's name.
const LONGEST_TOPIC: usize = 249;

/// A topic's name, in which `{target}` and `{action}` stand for the message's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics(String);

impl Topics {
    /// From the keys `topic` and `topic_template`, of which one may be given.
    pub(super) fn parse(topic: Option<&str>, template: Option<&str>) -> Result<Self, String> {
        let (key, text) = match (topic, template) {
            (Some(_), Some(_)) => {
                return Err("`topic_template`: `topic` is given too; keep one of them".to_owned());
            }
            (Some(topic), None) => ("topic", topic),
            (None, template) => ("topic_template", template.unwrap_or("bugzilla")),
        };
        let name = if key == "topic" { text.to_owned() } else { fill(text, "bug", "modify") };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > LONGEST_TOPIC || !name.chars().all(legal) || name == "." || name == ".." {
            return Err(format!(
                "`{key}`: it is no topic's name; write letters, digits, . _ and - (in topic_template also {{target}} and {{action}})"
            ));
        }
        Ok(Topics(text.to_owned()))
    }

    /// Where this message goes.
    pub(super) fn of(&self, envelope: &Envelope) -> String {
        fill(&self.0, envelope.target(), envelope.action())
    }

    /// Whether a script chose the topic that this message goes to: what is wrong with that is the message's own matter.
    pub(super) fn are_chosen_by(&self, envelope: &Envelope) -> bool {
        envelope.origin.subject().is_none() && self.0.contains('{')
    }

    /// Where messages of a batch go that no script chose.
    pub(super) fn needed(&self, batch: &[Envelope]) -> BTreeSet<String> {
        batch.iter().filter(|envelope| !self.are_chosen_by(envelope)).map(|envelope| self.of(envelope)).collect()
    }

    /// Where messages of a batch go, each topic once.
    pub(super) fn of_batch(&self, batch: &[Envelope]) -> BTreeSet<String> {
        batch.iter().map(|envelope| self.of(envelope)).collect()
    }

    /// All that Bugzilla's own messages can go to.
    pub(super) fn all(&self) -> BTreeSet<String> {
        let targets = ["bug", "comment", "attachment"].into_iter();
        targets.flat_map(|target| ["create", "modify"].map(|action| fill(&self.0, target, action))).collect()
    }
}

fn fill(template: &str, target: &str, action: &str) -> String {
    template.replace("{target}", target).replace("{action}", action)
}

/// The key by which Kafka chooses the partition: all messages of a bug, or of a script's topic, meet in one, in order.
pub(super) fn key(envelope: &Envelope) -> String {
    envelope.lane().to_string()
}

/// The record; `index` comes back with its delivery report.
pub(super) fn record<'a>(
    envelope: &'a Envelope,
    topic: &'a str,
    key: &'a str,
    index: usize,
) -> BaseRecord<'a, str, [u8], usize> {
    let properties = envelope.properties();
    let headers =
        properties.iter().fold(OwnedHeaders::new_with_capacity(properties.len()), |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value) })
        });
    BaseRecord::with_opaque_to(topic, index).key(key).payload(&*envelope.body.bytes).headers(headers)
}

/// Bytes of the record, at the most: what stands around keys, values and headers is a few bytes each.
pub(super) fn size(envelope: &Envelope) -> usize {
    let headers: usize = envelope.properties().iter().map(|(name, value)| name.len() + value.len() + AROUND).sum();
    envelope.body.bytes.len() + key(envelope).len() + headers + 4 * AROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_a_topic_for_each_target_and_action() {
        let topics = Topics::parse(None, Some("bugzilla.{target}.{action}")).unwrap();
        assert_eq!(topics.all().len(), 6);
        assert!(topics.all().contains("bugzilla.comment.create"));
        assert_eq!(Topics::parse(None, None).unwrap().all().into_iter().collect::<Vec<_>>(), ["bugzilla"]);
    }

    #[test]
    fn what_kafka_takes_for_no_name_is_refused() {
        for wrong in ["", "..", "a b", "bugs/{target}", "{product}"] {
            assert!(Topics::parse(None, Some(wrong)).is_err(), "{wrong}");
        }
        assert!(Topics::parse(Some("{target}"), None).is_err(), "a topic is no template");
        assert!(Topics::parse(Some("a"), Some("b")).is_err());
    }
}
