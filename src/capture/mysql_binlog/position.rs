//! A place in the log, and the text that the checkpoint stores of it.

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::gtid::{Gtid, GtidSet};
use crate::capture::{CaptureError, Gap};
use crate::changeset::Position;

/// Behind which transaction the stream stands. With GTIDs the file is of no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Empty: the server gives its transactions no names (yet).
    pub(super) gtids: GtidSet,
    pub(super) file: FilePlace,
}

/// A place in a file of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FilePlace {
    #[serde(rename = "file")]
    pub(super) name: String,
    pub(super) pos: u64,
    /// The second in which the file was begun. MariaDB has no id of a server; name, birth and server id together tell a file
    /// of the same name on another server, or after RESET MASTER.
    pub(super) born: u32,
}

/// What a position says. The JSON is ours alone.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored<C = Columns> {
    /// `server_uuid`, or MariaDB's `server_id`: who issued it.
    pub(super) server: String,
    pub(super) at: StoredPlace,
    /// Where the oldest XA transaction begins that is prepared and neither committed nor rolled back: reading resumes
    /// there, and tells only what lies behind `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<StoredPlace>,
    pub(super) columns: C,
}

/// A place in one of its two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum StoredPlace {
    Gtid { gtid: String },
    File(FilePlace),
}

/// Where to begin.
pub(super) struct Start {
    /// Tell what is behind this.
    pub(super) place: Place,
    /// Read from here; not behind `place`.
    pub(super) from: Place,
    /// The sets of both are complete.
    pub(super) knows_gtids: bool,
}

impl Place {
    pub(super) fn stored(&self) -> StoredPlace {
        if self.gtids.is_empty() {
            StoredPlace::File(self.file.clone())
        } else {
            StoredPlace::Gtid { gtid: self.gtids.to_string() }
        }
    }

    /// Moves behind one more group.
    pub(super) fn advance(&mut self, gtid: Option<&Gtid>, file: &FilePlace) {
        if let Some(gtid) = gtid {
            self.gtids.add(gtid);
        }
        // The name changes once per file, so that this rarely allocates.
        self.file.name.clone_from(&file.name);
        (self.file.pos, self.file.born) = (file.pos, file.born);
    }
}

impl Stored {
    /// Reads a stored position.
    pub(super) fn parse(position: &Position) -> Result<Self, CaptureError> {
        serde_json::from_str(&position.0).map_err(|_| {
            CaptureError::gap(
                Gap::AnotherWay,
                "the stored position was issued by another way in: somebody has changed `capture` in the configuration",
            )
        })
    }
}

impl<C: Serialize> Stored<C> {
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
        let file = FilePlace { name: "binlog.000007".to_owned(), pos: 4711, born: 1_700_000_000 };
        let stored = Stored {
            server: "1".to_owned(),
            at: StoredPlace::Gtid { gtid: "0-1-9".to_owned() },
            held: Some(StoredPlace::File(file)),
            columns: Columns::default(),
        };
        let position = stored.to_position().unwrap();
        assert_eq!(Stored::parse(&position).unwrap(), stored);
        assert!(position.0.starts_with(r#"{"server":"1","at":{"gtid":"0-1-9"},"held":{"file":"binlog.000007","#));
    }

    #[test]
    fn a_position_of_another_capture_is_refused() {
        assert_eq!(Stored::parse(&Position("17".to_owned())).unwrap_err().gap, Some(Gap::AnotherWay));
    }
}
