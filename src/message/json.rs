//! JSON as the original writes it: compact, pure ASCII.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Compact, everything above U+007F as `\uXXXX`.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
            let (ascii, other) = rest.split_at(at);
            writer.write_all(ascii.as_bytes())?;
            let mut chars = other.chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Appends `value` to `out`.
///
/// Our values are maps with string keys, strings, numbers: writing them into memory cannot fail.
pub(super) fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let length = out.len();
    if let Err(error) = value.serialize(&mut Serializer::with_formatter(&mut *out, Ascii)) {
        tracing::error!(%error, "a value could not be written as JSON; null is told instead");
        out.truncate(length);
        out.extend_from_slice(b"null");
    }
}

/// `value` as text, to be put into others unchanged.
pub(super) fn raw(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write(&mut out, value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_above_ascii_is_escaped() {
        let text = String::from_utf8(raw(&"caf\u{e9} \u{1f600} \"\\\n\u{1}/\u{7f}")).unwrap();
        assert_eq!(text, "\"caf\\u00e9 \\ud83d\\ude00 \\\"\\\\\\n\\u0001/\u{7f}\"");
    }
}
