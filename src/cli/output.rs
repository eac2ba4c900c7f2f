//! Standard output and standard error: the only place that prints.

use std::io::Write;

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
        let word = match finding.severity {
            Severity::Good => "good   ",
            Severity::Warning => "warning",
            Severity::Error => "ERROR  ",
            Severity::Unavailable => "NO WAY ",
        };
        line(&format!("{word}  {}: {}", finding.id, finding.message));
        for remedy in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
            line(&format!("         mend it with:  {remedy}"));
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
