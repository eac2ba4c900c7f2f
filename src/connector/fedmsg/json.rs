//! JSON as Python writes it for fedmsg's signers: keys sorted, no blanks, pure ASCII, numbers as `repr` has them.
//!
//! Who validates a signature parses the message and writes it again: one byte that Python would write otherwise, and the signature is
//! void. So numbers are taken from the text, which may be longer than any of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

/// Deeper than this nobody nests.
const DEPTH: usize = 100;

/// What is not JSON that can be written so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("its body is no JSON that fedmsg could carry")]
pub(super) struct NotJson;

/// Writes a JSON text as Python would, behind what `out` holds.
pub(super) fn write(text: &str, out: &mut String) -> Result<(), NotJson> {
    let value: &RawValue = serde_json::from_str(text).map_err(|_| NotJson)?;
    write_value(value.get(), out, DEPTH)
}

fn write_value(text: &str, out: &mut String, depth: usize) -> Result<(), NotJson> {
    let depth = depth.checked_sub(1).ok_or(NotJson)?;
    match text.as_bytes().first().ok_or(NotJson)? {
        b'{' => {
            // Sorted by bytes, which in UTF-8 is by code point; of a key that comes twice the last one stays. As in Python.
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|_| NotJson)?;
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(value.get(), out, depth)?;
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| NotJson)?;
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item.get(), out, depth)?;
            }
            out.push(']');
        }
        b'"' => write_string(&serde_json::from_str::<String>(text).map_err(|_| NotJson)?, out),
        b'-' | b'0'..=b'9' => write_number(text, out)?,
        _ => out.push_str(text),
    }
    Ok(())
}

/// As `json.dumps` escapes.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing into a string never fails.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// Python's `int` keeps every digit, its `float` is ours.
fn write_number(text: &str, out: &mut String) -> Result<(), NotJson> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        write_float(text.parse().map_err(|_| NotJson)?, out);
    } else if text == "-0" {
        out.push('0');
    } else {
        out.push_str(text);
    }
    Ok(())
}

/// The shortest digits that lead back to the number, as everywhere; with an exponent below 1e-4 and from 1e16 on.
fn write_float(number: f64, out: &mut String) {
    if number.is_infinite() {
        // Where the text has more than a float holds.
        return out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        // Always with a point in it.
        let _ = write!(out, "{number:?}");
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<String, NotJson> {
        let mut out = String::new();
        write(text, &mut out).map(|()| out)
    }

    /// Each pair was written by CPython 3.11: `json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))`.
    #[test]
    fn everything_is_written_as_python_writes_it() {
        let pairs = [
            (r#"{"b":1,"a":{"d":[],"c":null}}"#, r#"{"a":{"c":null,"d":[]},"b":1}"#),
            (r#" [ 1 , true , false , "x" ] "#, r#"[1,true,false,"x"]"#),
            (
                r#"{"a":1,"a":2,"é":3,"Z":4,"\ud83d\ude00":5,"\uffff":6}"#,
                "{\"Z\":4,\"a\":2,\"\\u00e9\":3,\"\\uffff\":6,\"\\ud83d\\ude00\":5}",
            ),
            ("\"\u{7f}\\u001f\\/\\b\\f\\n\\r\\t\\\"\\\\€\"", "\"\\u007f\\u001f/\\b\\f\\n\\r\\t\\\"\\\\\\u20ac\""),
            ("[2.50,1e3,1E22,1e16,123456789012345680.0]", "[2.5,1000.0,1e+22,1e+16,1.2345678901234568e+17]"),
            ("[0.0001,0.00001,1.5e-7,-0.0,-0,5e-324]", "[0.0001,1e-05,1.5e-07,-0.0,0,5e-324]"),
            (
                "[9999999999999998.0,1e15,0.1,1e999,-1e999]",
                "[9999999999999998.0,1000000000000000.0,0.1,Infinity,-Infinity]",
            ),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ];
        for (text, expected) in pairs {
            assert_eq!(written(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_or_nested_without_end_is_refused() {
        for text in ["", "{", "nul", "[1,]", "\"\\ud800\"", "01", "[1] [2]"] {
            assert_eq!(written(text), Err(NotJson), "{text}");
        }
        assert_eq!(written(&("[".repeat(101) + &"]".repeat(101))), Err(NotJson));
        assert!(written(&("[".repeat(99) + &"]".repeat(99))).is_ok());
    }
}
