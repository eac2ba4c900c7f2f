//! Standard output and standard error: the only place that prints.

use std::io::{IsTerminal, Write};

use crate::capture::{Finding, Severity};

/// A line on standard output; `false` when nobody reads it any more.
pub(super) fn line(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// A line on standard error.
pub(super) fn error(text: &str) {
    // Standard error closed: there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "bugrelay: {text}");
}

/// Whether somebody looks at that stream who takes colours: it is a terminal, and NO_COLOR (no-color.org) does not forbid them.
pub(super) fn takes_colours(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// In that colour (of ANSI's: 31 is red) where standard output takes one.
pub(super) fn painted(colour: &str, text: &str) -> String {
    if takes_colours(&std::io::stdout()) { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

/// On standard error, in the place of what was shown there last; an empty one takes it away. For a terminal alone.
pub(super) fn passing(text: &str) {
    let mut out = std::io::stderr().lock();
    // There is nobody to tell.
    let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
}

/// For programs, on standard output.
pub(super) fn json(value: &impl serde::Serialize) {
    // What we print has no keys but strings: it cannot fail to be written.
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// For programs, on one line; `false` when nobody reads it any more.
pub(super) fn json_line(value: &impl serde::Serialize) -> bool {
    line(&serde_json::to_string(value).unwrap_or_default())
}

/// One line each and what mends it, or JSON.
pub(super) fn findings(findings: &[Finding], as_json: bool) {
    if as_json {
        json(&findings);
        return;
    }
    for finding in findings {
        let (colour, word) = match finding.severity {
            Severity::Good => ("32", "good   "),
            Severity::Warning => ("33", "warning"),
            Severity::Error => ("31", "ERROR  "),
            Severity::Unavailable => ("31", "NO WAY "),
        };
        line(&format!("{}  {}: {}", painted(colour, word), finding.id, finding.message));
        for remedy in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
            line(&format!("         mend it with:  {}", painted("1", remedy)));
        }
    }
}

/// For people: columns as wide as their widest cell, the last one as it is.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
    for cells in &lines {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    for cells in lines {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        if !line(padded.join("  ").trim_end()) {
            return;
        }
    }
}
