//! Which topics scripts may use.

use std::sync::{Arc, PoisonError, RwLock};

use super::Refusal;

/// What a topic may be long, in bytes: AMQP takes 255, of which a prefix may be one's own.
const LONGEST: usize = 200;

/// What our own messages are called, behind whatever prefix.
const BUGZILLAS: [&str; 6] =
    ["bug.create", "bug.modify", "comment.create", "comment.modify", "attachment.create", "attachment.modify"];

/// Topics by name, and all that begin with something: `org.example.git`, `org.example.*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics(Vec<String>);

/// What topics begin with that connectors give to Bugzilla's messages: no script's, whatever `topics` say. Those who share it see when the
/// connectors change.
#[derive(Clone, Debug, Default)]
pub struct Reserved(Arc<RwLock<Vec<String>>>);

impl Reserved {
    /// These.
    pub fn new(beginnings: Vec<String>) -> Self {
        Reserved(Arc::new(RwLock::new(beginnings)))
    }

    /// From now on those of others.
    pub fn follow(&self, others: &Reserved) {
        let theirs = others.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = theirs;
    }

    /// `x.` stands for `x` as well.
    fn have(&self, topic: &str) -> bool {
        let is_one = |start: &String| topic.starts_with(start) || start.strip_suffix('.') == Some(topic);
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(is_one)
    }
}

impl Topics {
    /// From a configuration.
    ///
    /// # Errors
    /// Says what is wrong and how it is written.
    pub fn parse(patterns: &[String]) -> Result<Self, String> {
        const REMEDY: &str = "write topics, as \"org.example.git\", or what they begin with, as \"org.example.*\"";
        if patterns.is_empty() {
            return Err(format!("it names no topic; {REMEDY}"));
        }
        for pattern in patterns {
            let name = pattern.strip_suffix('*').map_or(pattern.as_str(), |before| before.trim_end_matches('.'));
            if !is_topic(name) && pattern != "*" {
                return Err(format!(
                    "{pattern:?} is no topic: letters, digits, . _ and -, a letter first, at most {LONGEST} bytes, and * at the \
                     end alone; {REMEDY}"
                ));
            }
        }
        Ok(Topics(patterns.to_vec()))
    }

    /// Whether a topic is one of them.
    pub fn have(&self, topic: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => topic.starts_with(beginning),
            None => topic == pattern,
        })
    }

    /// Whether all that these allow is allowed.
    pub fn include(&self, others: &Topics) -> bool {
        others.0.iter().all(|pattern| {
            self.have(pattern.strip_suffix('*').unwrap_or(pattern)) && {
                let is_wide = pattern.ends_with('*');
                !is_wide || self.0.iter().any(|own| own.strip_suffix('*').is_some_and(|own| pattern.starts_with(own)))
            }
        })
    }

    /// Whether a message of this topic is taken.
    pub(super) fn check(&self, topic: &str, reserved: &Reserved) -> Result<(), Refusal> {
        if !is_topic(topic) {
            return Err(Refusal::NoTopic);
        }
        let ends_in =
            |name: &str| topic.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        // A bare action would be one in a destination that has no target.
        let is_action = matches!(topic, "create" | "modify");
        if BUGZILLAS.into_iter().any(ends_in) || is_action || is_beneath_bugzilla(topic) || reserved.have(topic) {
            return Err(Refusal::Poses);
        }
        if self.have(topic) { Ok(()) } else { Err(Refusal::Topic) }
    }
}

/// Whether a subscriber of `PREFIX.bugzilla.bug` gets it: by ZeroMQ one subscribes to what topics begin with, wherever a segment ends.
fn is_beneath_bugzilla(topic: &str) -> bool {
    const OBJECTS: [&str; 3] = ["bug", "comment", "attachment"];
    let mut segments = topic.split('.').peekable();
    while let Some(segment) = segments.next() {
        let is_object = |next: &&str| OBJECTS.into_iter().any(|object| next.starts_with(object));
        if segment == "bugzilla" && segments.peek().is_some_and(is_object) {
            return true;
        }
    }
    false
}

/// What every bus takes as a topic, routing key or part of a destination, and what is no bug's id.
pub fn is_topic(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.len() <= LONGEST && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(patterns: &[&str]) -> Topics {
        Topics::parse(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_topic_is_taken_by_its_name_or_by_its_beginning() {
        let topics = topics(&["org.example.git", "org.example.ci.*"]);
        for (topic, taken) in [
            ("org.example.git", true),
            ("org.example.git.push", false),
            ("org.example.ci.done", true),
            ("org.example.cinema", false),
            ("com.example.git", false),
        ] {
            assert_eq!(topics.check(topic, &Reserved::default()).is_ok(), taken, "{topic}");
        }
        assert!(Topics::parse(&["*".to_owned()]).unwrap().check("anything", &Reserved::default()).is_ok());
    }

    #[test]
    fn what_a_connector_calls_bugzillas_messages_is_no_scripts() {
        let reserved = Reserved::default();
        reserved.follow(&Reserved::new(vec!["org.example.prod.bugzilla".to_owned(), "bz.bug.".to_owned()]));
        let topics = topics(&["*"]);
        for poses in ["org.example.prod.bugzilla", "org.example.prod.bugzilla.backup", "bz.bug.x", "bz.bug", "modify"] {
            assert_eq!(topics.check(poses, &reserved), Err(Refusal::Poses), "{poses}");
        }
        for honest in ["org.example.bugzilla.backup", "bz.bugs", "bz.x", "modify.x"] {
            assert_eq!(topics.check(honest, &reserved), Ok(()), "{honest}");
        }
    }

    #[test]
    fn no_topic_is_called_as_bugzillas_messages_are() {
        let all = topics(&["*"]);
        for poses in [
            "bug.create",
            "org.example.prod.bugzilla.bug.modify",
            "x.comment.create",
            "org.example.prod.bugzilla.bug.modify.x",
            "org.example.prod.bugzilla.bugs",
            "bugzilla.attachment",
        ] {
            assert_eq!(all.check(poses, &Reserved::default()), Err(Refusal::Poses), "{poses}");
        }
        for none in ["", "7", ".x", "a b", "a/b", "é", &"x".repeat(201)] {
            assert_eq!(all.check(none, &Reserved::default()), Err(Refusal::NoTopic), "{none}");
        }
        for honest in ["org.example.bugzilla.backup", "org.debug.create", "bug", "my-bugzilla.bug.new", "bugzilla"] {
            assert_eq!(all.check(honest, &Reserved::default()), Ok(()), "{honest}");
        }
    }

    #[test]
    fn a_client_cannot_have_more_than_all() {
        let all = topics(&["org.example.*", "org.test"]);
        assert!(all.include(&topics(&["org.example.git", "org.example.ci.*", "org.test"])));
        for more in ["*", "org.*", "org.test.*", "com.example"] {
            assert!(!all.include(&topics(&[more])), "{more}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["", "org.*.git", "**", "7.*", "a b"] {
            assert!(Topics::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert!(Topics::parse(&[]).is_err());
    }
}
