//! Standard output and standard error: the only place that prints.

use std::io::Write;

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
