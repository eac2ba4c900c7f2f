//! The statements as they are sent: files of `sql/` with names and values put in. What comes from elsewhere is quoted here.

use crate::database::Dialect;

/// A statement that all servers understand.
macro_rules! standard {
    ($name:literal) => {
        include_str!(concat!("../../../sql/standard/store/", $name, ".sql"))
    };
}
pub(super) use standard;

/// A statement that each dialect has its own of.
macro_rules! dialect {
    ($dialect:expr, $name:literal) => {
        match $dialect {
            $crate::database::Dialect::Postgresql => {
                include_str!(concat!("../../../sql/postgresql/store/", $name, ".sql"))
            }
            _ => include_str!(concat!("../../../sql/mysql/store/", $name, ".sql")),
        }
    };
}
pub(super) use dialect;

/// Something to put into a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    OptInt(Option<i64>),
    Text(&'a str),
    OptText(Option<&'a str>),
    Bytes(&'a [u8]),
    /// As it stands: what [`list`] and [`Names::rows`] made.
    Sql(&'a str),
}

/// Whose things they are, and in whose SQL.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) dialect: Dialect,
    /// Ours.
    pub(super) schema: String,
    /// Of Bugzilla's database: rows of several share our tables.
    pub(super) database: String,
}

impl Names {
    /// A statement with values put in for `{name}`; without its comments. `{schema}` is ours.
    pub(super) fn fill(&self, sql: &str, values: &[(&str, Value<'_>)]) -> String {
        let sql = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        let mut filled = String::with_capacity(sql.len() + 64);
        let mut rest = sql.as_str();
        while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?)))
        {
            filled.push_str(before);
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => self.push(&mut filled, *value),
                None if name == "schema" => filled.push_str(&self.quoted(&self.schema)),
                None if name == "schema_text" => self.push(&mut filled, Value::Text(&self.schema)),
                // Refused by the server, and so seen by the first test that runs it.
                None => filled.push_str(name),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// Rows for VALUES.
    pub(super) fn rows(&self, rows: &[Vec<Value<'_>>]) -> String {
        let mut sql = String::new();
        for row in rows {
            sql.push_str(if sql.is_empty() { "(" } else { ",\n(" });
            for (index, value) in row.iter().enumerate() {
                if index > 0 {
                    sql.push_str(", ");
                }
                self.push(&mut sql, *value);
            }
            sql.push(')');
        }
        sql
    }

    fn push(&self, sql: &mut String, value: Value<'_>) {
        match value {
            Value::Int(number) | Value::OptInt(Some(number)) => sql.push_str(&number.to_string()),
            Value::OptInt(None) | Value::OptText(None) => sql.push_str("NULL"),
            Value::Text(text) | Value::OptText(Some(text)) => {
                let text = text.replace('\'', "''");
                // MySQL's backslash escapes; PostgreSQL's, with standard strings, does not.
                let text = if self.dialect == Dialect::Postgresql { text } else { text.replace('\\', "\\\\") };
                sql.push('\'');
                sql.push_str(&text);
                sql.push('\'');
            }
            Value::Bytes(bytes) => {
                sql.push_str(if self.dialect == Dialect::Postgresql { "'\\x" } else { "x'" });
                push_hex(sql, bytes);
                sql.push('\'');
            }
            Value::Sql(text) => sql.push_str(text),
        }
    }

    fn quoted(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgresql => format!("\"{}\"", name.replace('"', "\"\"")),
            _ => format!("`{}`", name.replace('`', "``")),
        }
    }
}

/// Numbers for IN.
pub(super) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    if numbers.is_empty() { "NULL".to_owned() } else { numbers.join(", ") }
}

/// A text for people as the store keeps it: in ASCII, so that no server's or database's encoding matters.
pub(super) fn ascii(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json_ascii(&json)
}

/// JSON with what is beyond ASCII escaped.
pub(super) fn json_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// What [`ascii`] made of a text.
pub(super) fn text_of(kept: &str) -> String {
    serde_json::from_str(kept).unwrap_or_else(|_| kept.to_owned())
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn push_hex(sql: &mut String, bytes: &[u8]) {
    sql.reserve(bytes.len() * 2);
    for byte in bytes {
        sql.push(char::from(DIGITS[usize::from(byte >> 4)]));
        sql.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Bytes that a server printed in hexadecimal; none if it is no such thing.
pub(super) fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dialect: Dialect) -> Names {
        Names { dialect, schema: "bug_relay".to_owned(), database: "bugs".to_owned() }
    }

    #[test]
    fn values_of_any_kind_are_quoted() {
        let sql = "-- Why.\nINSERT INTO {schema}.t VALUES ({a}, {b}, {c})";
        let values =
            [("a", Value::Text("it's a \\ {b}")), ("b", Value::Bytes(&[0, 255, 16])), ("c", Value::OptInt(None))];
        let filled = |dialect| names(dialect).fill(sql, &values);
        assert_eq!(filled(Dialect::Mysql), "INSERT INTO `bug_relay`.t VALUES ('it''s a \\\\ {b}', x'00ff10', NULL)");
        assert_eq!(
            filled(Dialect::Postgresql),
            "INSERT INTO \"bug_relay\".t VALUES ('it''s a \\ {b}', '\\x00ff10', NULL)"
        );
    }

    #[test]
    fn rows_and_lists_are_written_one_behind_the_other() {
        let rows = [vec![Value::Int(1), Value::Text("a")], vec![Value::Int(2), Value::OptText(None)]];
        assert_eq!(names(Dialect::Mysql).rows(&rows), "(1, 'a'),\n(2, NULL)");
        assert_eq!((list([3, 4]), list([])), ("3, 4".to_owned(), "NULL".to_owned()));
    }

    #[test]
    fn bytes_and_texts_come_back_as_they_were() {
        let mut hex = String::new();
        push_hex(&mut hex, &[0, 1, 127, 128, 255]);
        assert_eq!(bytes_of(&hex), Some(vec![0, 1, 127, 128, 255]));
        assert_eq!((bytes_of("0"), bytes_of("0g")), (None, None));
        let text = "refusé par l'hôte \u{1f4a5} \"\\\n\0";
        assert!(ascii(text).is_ascii());
        assert_eq!(text_of(&ascii(text)), text);
    }
}
