//! Why the queue cannot be read, or not any more.

use super::table::VALVE_ROWS;
use crate::capture::{CaptureError, Finding, Gap, Severity};

/// The queue filled up to its limit, and the triggers left rows out.
pub(super) fn shut() -> CaptureError {
    CaptureError::gap(
        Gap::QueueFull,
        format!(
            "the trigger queue was full: {VALVE_ROWS} rows waited because bugrelay was away, and to spare Bugzilla's disk no more were let \
             in; Bugzilla's history has what lies between"
        ),
    )
}

/// The error that forbids to read, if one of the findings does.
pub(super) fn refusal(findings: &[Finding]) -> Option<CaptureError> {
    let worst = findings.iter().find(|finding| finding.severity >= Severity::Error)?;
    let message = match &worst.remedy {
        Some(remedy) => format!("{}; {remedy}", worst.message),
        None => worst.message.clone(),
    };
    let passes = worst.severity == Severity::Unavailable;
    Some(if passes { CaptureError::transient(message) } else { CaptureError::misconfigured(message) })
}
