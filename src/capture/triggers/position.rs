//! Where the capture is: how many transactions were handed over, and from which queue. The queue itself knows what is still to be told.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::capture::{CaptureError, Gap};
use crate::changeset::Position;

/// What a position says. The JSON is ours alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    way: Way,
    /// See [`super::QueueTable::installation`].
    pub(super) installation: String,
    /// The number of the last transaction handed over; rises by one with each.
    pub(super) handed: u64,
}

/// Tells these positions from those of other ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Triggers,
}

impl Stored {
    /// Before anything was handed over. Begins at the microsecond: whatever an earlier beginning issued is lower, and acknowledged late it
    /// deletes nothing that this one has handed over.
    pub(super) fn first(installation: String) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let handed = u64::try_from(since.as_micros()).unwrap_or_default();
        Stored { way: Way::Triggers, installation, handed }
    }

    /// Reads a stored position.
    pub(super) fn parse(position: &Position) -> Result<Self, CaptureError> {
        serde_json::from_str(&position.0).map_err(|_| {
            CaptureError::gap(
                Gap::AnotherWay,
                "the stored position was not issued by the trigger capture: `capture` was changed in the configuration; Bugzilla's history \
                 has what lies between",
            )
        })
    }

    /// As the checkpoint stores it.
    pub(super) fn to_position(&self) -> Result<Position, CaptureError> {
        let text = serde_json::to_string(self).map_err(|error| CaptureError::transient(error.to_string()))?;
        Ok(Position(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let first = Stored::first("1,2".to_owned());
        let stored = Stored { handed: 4711, ..first };
        let position = stored.to_position().unwrap();
        assert_eq!(position.0, r#"{"way":"triggers","installation":"1,2","handed":4711}"#);
        assert_eq!(Stored::parse(&position).unwrap(), stored);
        let older = r#"{"way":"triggers","server":"7/5","installation":"1,2","handed":4711}"#;
        assert_eq!(Stored::parse(&Position(older.to_owned())).unwrap(), stored);
    }

    #[test]
    fn a_position_of_another_way_in_is_a_gap() {
        for other in [r#"{"server":"1","at":{"gtid":"0-1-9"},"columns":{}}"#, "17", ""] {
            let error = Stored::parse(&Position(other.to_owned())).unwrap_err();
            assert_eq!(error.gap, Some(Gap::AnotherWay), "{other}");
        }
    }
}
