//! In what bugrelay differs from Push on purpose: what is different only so is the same.

use super::stream::{Change, Message};

/// A difference that is known, and meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Known {
    LastChangeTime,
    CommentId,
    PrivateObject,
    HeldBack,
    Crossing,
    FlagsTwice,
    SeveralFlags,
    FlagsOfTheSave,
    CustomFields,
    Newer,
    NoChange,
    OtherSide,
    Repeated,
    Ignored,
}

impl Known {
    /// All of them; docs/how-to/migrate-from-push.md has them in this order.
    pub(super) const ALL: [Known; 14] = [
        Known::LastChangeTime,
        Known::CommentId,
        Known::PrivateObject,
        Known::HeldBack,
        Known::Crossing,
        Known::FlagsTwice,
        Known::SeveralFlags,
        Known::FlagsOfTheSave,
        Known::CustomFields,
        Known::Newer,
        Known::NoChange,
        Known::OtherSide,
        Known::Repeated,
        Known::Ignored,
    ];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Known::LastChangeTime => "last_change_time",
            Known::CommentId => "comment_id",
            Known::PrivateObject => "private_object",
            Known::HeldBack => "held_back",
            Known::Crossing => "crossing",
            Known::FlagsTwice => "flags_twice",
            Known::SeveralFlags => "several_flags",
            Known::FlagsOfTheSave => "flags_of_the_save",
            Known::CustomFields => "custom_fields",
            Known::Newer => "newer",
            Known::NoChange => "no_change",
            Known::OtherSide => "other_side",
            Known::Repeated => "repeated",
            Known::Ignored => "ignored",
        }
    }

    /// Why it is so.
    pub(super) fn why(self) -> &'static str {
        match self {
            Known::LastChangeTime => "Push tells the time of the save before",
            Known::CommentId => "only bugrelay tells a comment's own id",
            Known::PrivateObject => "of what is not public bugrelay sends the event alone, without changes",
            Known::HeldBack => "groups and time tracking never leave bugrelay",
            Known::Crossing => {
                "a bug that turns private or public is two messages of Push and one of bugrelay, without old values"
            }
            Known::FlagsTwice => "Push tells flags in a message of their own, too",
            Known::SeveralFlags => "of several flags of one type in a save Push tells the last",
            Known::FlagsOfTheSave => "Push's objects have the flags as they stood in the middle of the save",
            Known::CustomFields => "Push orders and writes what the save sets as the form had it",
            Known::Newer => "bugrelay shows the object as committed, and a later message of Push's has the same",
            Known::NoChange => "Push's message tells nothing that changed",
            Known::OtherSide => "only bugrelay tells the other side of a dependency",
            Known::Repeated => "the stream has the very same message before",
            Known::Ignored => "--ignore",
        }
    }

    /// Why a message stands in one stream alone: in Push's (0) or in bugrelay's (1).
    pub(super) fn alone(side: usize, message: &Message) -> Option<Self> {
        if message.action != "modify" {
            return None;
        }
        let all = |is_so: fn(&Change) -> bool| message.changes.iter().all(is_so);
        match side {
            0 if message.changes.is_empty() && message.is_public => Some(Known::NoChange),
            0 if message.changes.is_empty() => None,
            0 if message.target == "comment"
                && all(|change| matches!(change.field.as_str(), "extra_data" | "type")) =>
            {
                Some(Known::NoChange)
            }
            0 if all(is_held_back) => Some(Known::HeldBack),
            1 if !message.changes.is_empty()
                && all(|change| matches!(change.field.as_str(), "dependson" | "blocked")) =>
            {
                Some(Known::OtherSide)
            }
            _ => None,
        }
    }
}

/// What never leaves bugrelay among `changes`.
pub(super) fn is_held_back(change: &Change) -> bool {
    matches!(
        change.field.as_str(),
        "bug_group" | "estimated_time" | "remaining_time" | "work_time" | "actual_time" | "percentage_complete"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_coming_from_push_has_every_known_difference_in_this_order() {
        let page = include_str!("../../../docs/how-to/migrate-from-push.md");
        let (_, table) = page.split_once("| Name | What differs |").unwrap();
        let named: Vec<&str> = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(named, Known::ALL.map(Known::name));
    }
}
