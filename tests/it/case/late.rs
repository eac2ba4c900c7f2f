//! How what a late reader tells may differ from what was told live.

use std::fmt::Write as _;

use serde_json::Value;

use super::Left;

/// A late reader tells the same events in the same order. It may hold back an object that is private by now; it never tells
/// one that was held back then, and it tells the same changes.
pub(super) fn compare_late(left: &Left) -> String {
    let parse = |line: &String| -> Value { serde_json::from_str(line).unwrap() };
    let live: Vec<Value> = left.live.iter().flatten().map(parse).collect();
    let late: Vec<Value> = left.late.iter().map(parse).collect();
    let mut wrong = String::new();
    if live.iter().map(bare).ne(late.iter().map(bare)) {
        let _ = writeln!(wrong, "late, other events: {:#?}", late.iter().map(bare).collect::<Vec<_>>());
    }
    let is_public = |message: &Value| message.as_object().unwrap().len() == 2;
    for (live, late) in live.iter().zip(&late).filter(|(_, late)| is_public(late)) {
        if !is_public(live) || live["event"] != late["event"] {
            let _ = writeln!(wrong, "told otherwise:\n  live {live}\n  late {late}");
        }
    }
    wrong
}

/// The event without what only public messages have.
fn bare(message: &Value) -> Value {
    let mut event = message["event"].clone();
    event.as_object_mut().unwrap().remove("changes");
    event
}
