//! What Bugzilla *is*: ids, times, fields, the tables that are watched. Pure facts, no I/O.
//!
//! Everything else may import this module; it imports nothing of ours.

mod field;
mod flavour;
mod id;
mod table;
mod time;

pub use field::{Field, FieldDefs, FieldType, MAX_LINE_LENGTH};
pub use flavour::Flavour;
pub use id::{ActivityId, AttachmentId, BugId, CommentId, FieldId, FlagId, UserId};
pub use table::WatchedTable;
pub use time::{LocalTime, TimeError, UtcTime, Zone, moment};
