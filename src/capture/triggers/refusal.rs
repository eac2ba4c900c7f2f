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

/// While one of these is found Bugzilla's writes leave no row. A right that bugrelay's own account lacks is none of them: the rows wait.
const LOSES_ROWS: [&str; 11] = [
    "trigger",
    "trigger_disabled",
    "trigger_schema",
    "trigger_queue",
    "trigger_queue_id",
    "trigger_valve",
    "trigger_function",
    "trigger_owner",
    "trigger_definer",
    "trigger_grants",
    "columns",
];

/// The same error as [`refusal`] for a queue that was read until now: a gap if rows are missing from it.
pub(super) fn interruption(findings: &[Finding]) -> Option<CaptureError> {
    let loses = |finding: &Finding| finding.severity == Severity::Error && LOSES_ROWS.contains(&finding.id.as_ref());
    let gap = findings.iter().any(loses).then_some(Gap::TriggersLost);
    refusal(findings).map(|error| CaptureError { gap, ..error })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_that_is_missing_is_a_gap_and_a_right_of_ours_is_none() {
        let gap = |id: &'static str| {
            let finding = Finding {
                id: id.into(),
                severity: Severity::Error,
                message: "it is not there".to_owned(),
                remedy: None,
            };
            interruption(&[finding]).map(|error| error.gap)
        };
        assert_eq!(gap("trigger"), Some(Some(Gap::TriggersLost)));
        assert_eq!(gap("grant_triggers"), Some(None));
        assert!(interruption(&[]).is_none());
    }
}
