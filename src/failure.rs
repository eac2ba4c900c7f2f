//! How a failure is answered: the one classification that every component's error maps itself to.
//!
//! A component classifies its errors once, where they arise; whoever drives the component (the
//! pipeline, the delivery) decides by the class alone and never looks into the error.

/// What may be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Will probably pass by itself: connection lost, timeout, disk full. Wait and try again.
    Transient,
    /// Will not pass until somebody changes something: permission, missing topic, wrong setting.
    /// Say so loudly, and try again after a long while.
    Misconfigured,
    /// This one item is at fault and will never be accepted. Set it aside, go on with the rest.
    Poison,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 3] = [Class::Transient, Class::Misconfigured, Class::Poison];

    /// The word for logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Transient => "transient",
            Class::Misconfigured => "misconfigured",
            Class::Poison => "poison",
        }
    }
}
