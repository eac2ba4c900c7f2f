//! The text of a QUERY event -> what it means for the stream. No SQL parser: a look at the first words is enough.
//!
//! The text itself never leaves this module, least of all into a log.

/// What a statement does to the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement<'a> {
    Begin,
    Commit,
    Rollback,
    Savepoint(&'a [u8]),
    RollbackTo(&'a [u8]),
    /// The rows that follow belong to an XA transaction.
    XaStart,
    /// The transaction's name, as the server writes it everywhere.
    XaEnd(&'a [u8]),
    XaCommit(&'a [u8]),
    XaRollback(&'a [u8]),
    /// A definition changes. `creates`: what it names is new, whatever was there before.
    Definition {
        creates: bool,
    },
    /// Rows change, told as SQL instead of as rows.
    RowChange,
    Other,
}

/// Reads the first words of a statement.
pub(super) fn read(text: &[u8]) -> Statement<'_> {
    let (first, rest) = word(text);
    let (second, tail) = word(rest);
    let second_is = |word: &str| second.eq_ignore_ascii_case(word.as_bytes());
    match first.to_ascii_uppercase().as_slice() {
        b"BEGIN" => Statement::Begin,
        b"START" => Statement::Begin,
        b"COMMIT" => Statement::Commit,
        b"SAVEPOINT" => Statement::Savepoint(rest.trim_ascii()),
        b"ROLLBACK" if second_is("TO") => {
            let (third, last) = word(tail);
            Statement::RollbackTo(if third == b"SAVEPOINT" { last } else { tail }.trim_ascii())
        }
        b"ROLLBACK" => Statement::Rollback,
        b"XA" if second_is("START") || second_is("BEGIN") => Statement::XaStart,
        b"XA" if second_is("END") => Statement::XaEnd(tail.trim_ascii()),
        b"XA" if second_is("COMMIT") => Statement::XaCommit(tail.trim_ascii()),
        b"XA" if second_is("ROLLBACK") => Statement::XaRollback(tail.trim_ascii()),
        b"CREATE" => Statement::Definition { creates: second_is("TABLE") || second_is("OR") || second_is("TEMPORARY") },
        b"ALTER" | b"DROP" | b"RENAME" | b"TRUNCATE" => Statement::Definition { creates: false },
        b"INSERT" | b"UPDATE" | b"DELETE" | b"REPLACE" | b"LOAD" | b"WITH" => Statement::RowChange,
        _ => Statement::Other,
    }
}

/// Whether the statement names the table: as a word, outside of string literals, not as the database of another table.
pub(super) fn mentions(text: &[u8], table: &str) -> bool {
    let mut quoted = false;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' if quoted => at += 1,
            b'\'' => quoted = !quoted,
            byte if !quoted && is_name(byte) => {
                let end = text[at..].iter().position(|byte| !is_name(*byte)).map_or(text.len(), |length| at + length);
                let qualifies = matches!(text[end..], [b'.', ..] | [b'`', b'.', ..]);
                if !qualifies && text[at..end].eq_ignore_ascii_case(table.as_bytes()) {
                    return true;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Whether the statement may do more to a table's columns than add some behind the last one. Errs on the safe side: a column that is
/// named like one of the words counts as the word.
pub(super) fn may_move_columns(text: &[u8]) -> bool {
    ["FIRST", "AFTER", "CHANGE", "MODIFY", "DROP", "RENAME"].iter().any(|word| mentions(text, word))
}

/// Whether the text holds the name anywhere.
pub(super) fn contains(text: &[u8], name: &[u8]) -> bool {
    !name.is_empty() && text.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The first word and what follows it; comments before it are passed over, but those that the server executes are not comments.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let mut text = text.trim_ascii_start();
    loop {
        text = match text {
            [b'/', b'*', b'!', rest @ ..] | [b'/', b'*', b'M', b'!', rest @ ..] => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                &rest[digits..]
            }
            [b'/', b'*', rest @ ..] => behind(rest, b"*/"),
            [b'#', rest @ ..] | [b'-', b'-', rest @ ..] => behind(rest, b"\n"),
            [b'(', rest @ ..] => rest,
            _ => break,
        }
        .trim_ascii_start();
    }
    text.split_at(text.iter().position(|byte| !is_name(*byte)).unwrap_or(text.len()))
}

fn behind<'a>(text: &'a [u8], mark: &[u8]) -> &'a [u8] {
    text.windows(mark.len()).position(|window| window == mark).map_or(&[], |at| &text[at + mark.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_control_is_told_by_its_first_words() {
        assert_eq!(read(b"BEGIN"), Statement::Begin);
        assert_eq!(read(b"commit"), Statement::Commit);
        assert_eq!(read(b"SAVEPOINT `a`"), Statement::Savepoint(b"`a`"));
        assert_eq!(read(b"ROLLBACK TO `a`"), Statement::RollbackTo(b"`a`"));
        assert_eq!(read(b"ROLLBACK"), Statement::Rollback);
        assert_eq!(read(b"XA END X'7831',X'',1"), Statement::XaEnd(b"X'7831',X'',1"));
        assert_eq!(read(b"XA COMMIT X'7831',X'',1"), Statement::XaCommit(b"X'7831',X'',1"));
    }

    #[test]
    fn a_definition_hides_behind_no_comment() {
        let definition = Statement::Definition { creates: false };
        assert_eq!(read(b"/* by checksetup */ ALTER TABLE bugs ADD x INT"), definition);
        assert_eq!(read(b"-- one\n# two\n  alter table bugs add x int"), definition);
        assert_eq!(read(b"/*!40000 ALTER TABLE bugs DISABLE KEYS */"), definition);
    }

    #[test]
    fn a_table_is_mentioned_as_a_word_only() {
        assert!(mentions(b"INSERT INTO `bugs` VALUES (1)", "bugs"));
        assert!(mentions(b"update bugs.BUGS set x=1", "bugs"));
        assert!(!mentions(b"INSERT INTO bugs.logincookies VALUES (1)", "bugs"));
        assert!(!mentions(b"INSERT INTO `bugs`.`logincookies` VALUES (1)", "bugs"));
        assert!(!mentions(b"INSERT INTO audit_log VALUES ('all bugs', 'it\\'s bugs')", "bugs"));
        assert!(!mentions(b"INSERT INTO bugs_fulltext VALUES (1)", "bugs"));
    }

    #[test]
    fn only_plain_additions_leave_columns_where_they_are() {
        assert!(!may_move_columns(b"ALTER TABLE bugs ADD COLUMN cf_x varchar(255) DEFAULT 'FIRST'"));
        assert!(may_move_columns(b"ALTER TABLE bugs ADD COLUMN cf_x INT first"));
        assert!(may_move_columns(b"ALTER TABLE bugs DROP COLUMN votes"));
    }
}
