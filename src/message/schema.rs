//! The JSON Schema of the messages: a contract, held by every message of the test suite.

/// All messages; `#/$defs/private` and `#/$defs/public_bug`, `public_comment`, `public_attachment` are its variants.
pub const MESSAGES: &str = include_str!("schema.json");
