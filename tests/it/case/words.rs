//! What the cases say in MySQL's words, in those of other databases.

/// `SET @name = value;` stands on a line of its own, and the value is put where
/// the name is.
pub(super) fn in_postgresql(sql: &str) -> String {
    // In this order: the end of the one would begin the other.
    let words = [
        (", sql_mode = ''", ""),
        ("SET autocommit = 0", "BEGIN"),
        ("SET autocommit = 1;", ""),
        ("CHAR(", "CHR("),
        ("`", "\""),
        ("'0000-00-00 00:00:00'", "NULL"),
        ("'0000-00-00'", "NULL"),
        (" FIRST,", ","),
        (" AFTER bug_id", ""),
        (" AFTER id", ""),
    ];
    let sql = words.iter().fold(sql.to_owned(), |sql, (mysql, postgresql)| sql.replace(mysql, postgresql));
    let mut text = String::from("SET standard_conforming_strings = off; SET escape_string_warning = off;\n");
    let mut variables: Vec<(&str, &str)> = vec![];
    for line in sql.lines().filter(|line| !line.starts_with("SET NAMES")) {
        if let Some(set) = line.strip_prefix("SET @") {
            for (name, value) in set.trim_end_matches(';').split(", @").filter_map(|set| set.split_once(" = ")) {
                variables.retain(|(known, _)| *known != name);
                variables.push((name, value));
            }
            continue;
        }
        let put = |line: String, (name, value): &(&str, &str)| line.replace(&format!("@{name}"), value);
        text.push_str(&variables.iter().fold(line.to_owned(), put));
        text.push('\n');
    }
    text
}

/// The same for SQLite, which has no functions of its own either, and knows no backslash in a text.
pub(super) fn in_sqlite(sql: &str) -> String {
    let plain = in_postgresql(sql).lines().skip(1).collect::<Vec<_>>().join("\n");
    let words = [
        ("fielddef(", "(SELECT id FROM fielddefs WHERE name = "),
        ("CHR(", "char("),
        ("\\n", "\n"),
        ("\\t", "\t"),
        ("\\r", "\r"),
        ("\\\\", "\\"),
        (", ADD COLUMN", "; ALTER TABLE bugs ADD COLUMN"),
        // As Bugzilla begins it: whoever reads first and writes then may be refused.
        ("BEGIN;", "BEGIN IMMEDIATE;"),
    ];
    let sql = words.iter().fold(plain, |text, (before, after)| text.replace(before, after));
    ["a", "b", "é", "茶"].iter().fold(sql, |sql, letter| {
        let times = |sql: String, count: usize| {
            sql.replace(&format!("REPEAT('{letter}', {count})"), &format!("'{}'", letter.repeat(count)))
        };
        [200, 254, 3].into_iter().fold(sql, times)
    })
}
