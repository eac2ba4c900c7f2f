//! A message's JSON for people: its bytes as they are, with line breaks and colours. Order, numbers and escapes stay.

use maud::{Markup, html};
use serde_json::value::RawValue;

/// A piece of JSON: what it is, and its text.
type Token<'a> = (&'static str, &'a str);

/// Indented, in a box that can be scrolled by keys.
pub(super) fn pretty(body: &RawValue) -> Markup {
    html! {
        pre.json tabindex="0" role="region" aria-label="The message as JSON" {
            @for (space, (kind, text)) in laid_out(&tokens(body.get())) {
                (space)
                @if kind.is_empty() { (text) } @else { span class=(kind) { (text) } }
            }
        }
    }
}

/// Each with the white space before it.
fn laid_out<'a>(tokens: &[Token<'a>]) -> Vec<(String, Token<'a>)> {
    let (mut depth, mut before) = (0_usize, "");
    let mut place = |&(kind, text): &Token<'a>| {
        let (opens, closes) = (matches!(text, "{" | "["), matches!(text, "}" | "]"));
        depth -= usize::from(closes);
        let is_line = match before {
            "{" | "[" => !closes,
            "," => true,
            _ => closes,
        };
        let space = if is_line { format!("\n{}", "  ".repeat(depth)) } else { " ".repeat(usize::from(before == ":")) };
        depth += usize::from(opens);
        before = text;
        (space, (kind, text))
    };
    tokens.iter().map(&mut place).collect()
}

/// Of JSON that is valid: nothing is judged here.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (bytes, mut found, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => string_end(bytes, at),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => at + 1,
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ => bytes[at..].iter().position(|byte| b",]}: \n\r\t".contains(byte)).map_or(bytes.len(), |n| at + n),
        };
        let is_key = || bytes[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        let kind = match bytes[at] {
            b'"' if is_key() => "key",
            b'"' => "text",
            b'{' | b'}' | b'[' | b']' | b',' | b':' => "",
            _ => "value",
        };
        // Cut where a character begins: quotes and brackets are one byte each.
        found.push((kind, text.get(at..end).unwrap_or_default()));
        at = end;
    }
    found
}

fn string_end(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_the_same_json_and_nothing_in_it_is_markup() {
        let json =
            r#"{"b":[1,{},[],"x\"]{"],"a":{"summary":"<script>alert(1)</script> & ü","n":-1.5e3,"t":true,"z":null}}"#;
        let shown = pretty(&RawValue::from_string(json.to_owned()).unwrap()).into_string();
        assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"), "{shown}");
        let mut text = String::new();
        let mut inside = false;
        for c in shown.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert!(text.starts_with("{\n  \"b\": [\n    1,\n    {},\n    [],\n"), "{text}");
    }
}
