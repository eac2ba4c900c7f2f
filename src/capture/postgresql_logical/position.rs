//! The stored position: a place in the write-ahead log of one server, and what must be remembered from before it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tokio_postgres::types::PgLsn;

use crate::capture::{CaptureError, Gap};
use crate::changeset::Position;

/// The word that tells positions of this way in from others'.
const WAY: &str = "logical";

/// What a [`Position`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) way: String,
    /// The server's `system_identifier`; its standbys have the same.
    pub(super) system: String,
    /// Goes up when a standby takes over.
    pub(super) timeline: u32,
    /// Everything that was committed before it is told.
    #[serde(with = "printed")]
    pub(super) lsn: PgLsn,
    /// Bugs that were inserted without `creation_ts`: the update that sets it files them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unfiled: BTreeSet<i64>,
}

impl Stored {
    pub(super) fn new(system: String, timeline: u32, lsn: PgLsn, unfiled: BTreeSet<i64>) -> Self {
        Stored { way: WAY.to_owned(), system, timeline, lsn, unfiled }
    }

    /// Refuses what another way in has stored.
    pub(super) fn parse(position: &Position) -> Result<Self, CaptureError> {
        match serde_json::from_str::<Stored>(&position.0) {
            Ok(stored) if stored.way == WAY => Ok(stored),
            _ => Err(CaptureError::gap(
                Gap::AnotherWay,
                "the stored position is not one of logical decoding: `capture` was another before; Bugzilla's history \
                 has what lies between",
            )),
        }
    }

    pub(super) fn to_position(&self) -> Result<Position, CaptureError> {
        let text = serde_json::to_string(self)
            .map_err(|error| CaptureError::misconfigured(format!("a position cannot be written: {error}")))?;
        Ok(Position(text))
    }
}

/// As PostgreSQL prints places: `16/B374D848`.
mod printed {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tokio_postgres::types::PgLsn;

    pub(super) fn serialize<S: Serializer>(lsn: &PgLsn, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(lsn)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PgLsn, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("no place in a write-ahead log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_says_everything_again() {
        let stored = Stored::new("7".to_owned(), 1, PgLsn::from(0x16_B374_D848), BTreeSet::new());
        let position = stored.to_position().unwrap();
        assert_eq!(position.0, r#"{"way":"logical","system":"7","timeline":1,"lsn":"16/B374D848"}"#);
        assert_eq!(Stored::parse(&position).unwrap(), stored);
        let unfiled = Stored { unfiled: [9, 4].into(), ..stored };
        assert_eq!(Stored::parse(&unfiled.to_position().unwrap()).unwrap(), unfiled);
    }

    #[test]
    fn a_position_of_another_way_in_is_a_gap() {
        for other in [r#"{"server":"1","at":{"gtid":"0-1-9"}}"#, r#"{"way":"triggers","lsn":"0/0"}"#, "17"] {
            let error = Stored::parse(&Position(other.to_owned())).unwrap_err();
            assert_eq!(error.gap, Some(Gap::AnotherWay), "{other}");
        }
    }
}
