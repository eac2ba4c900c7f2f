//! What is written into the lock of a store: what became of it. That file stays when the store is moved.

/// What the lock says of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: there was none yet, or an older version made it.
    None,
    /// It was made.
    Made,
    /// It was damaged, and what is left of it is there.
    Aside(String),
}

const MADE: &str = "a store was made";
const ASIDE: &str = "the store was damaged and set aside as ";

impl Mark {
    pub(super) fn read(text: &str) -> Self {
        match text.trim_end() {
            MADE => Mark::Made,
            text => text.strip_prefix(ASIDE).map_or(Mark::None, |path| Mark::Aside(path.to_owned())),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Mark::None => String::new(),
            Mark::Made => format!("{MADE}\n"),
            Mark::Aside(path) => format!("{ASIDE}{path}\n"),
        }
    }
}
