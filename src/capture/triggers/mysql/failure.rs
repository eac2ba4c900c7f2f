//! What an error of MySQL or MariaDB means to whoever reads or makes the trigger queue. All that we ask is by names and numbers: the
//! server may be quoted.

use std::future::Future;
use std::time::Duration;

use mysql_async::{Error, ServerError};

use crate::capture::CaptureError;

/// After so long without an answer the connection counts as dead. The server itself ends a statement after 50 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for an answer, but not for ever. What the server refuses is for the caller to judge; a lost connection is not.
pub(super) async fn asked<T>(
    what: impl Future<Output = Result<T, Error>>,
) -> Result<Result<T, ServerError>, CaptureError> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        Ok(Err(Error::Server(refusal))) => Ok(Err(refusal)),
        Ok(Err(error)) => Err(CaptureError::transient(format!("the connection to the database failed: {error}"))),
        Err(_) => Err(CaptureError::transient(format!("the database did not answer within {} s", PATIENCE.as_secs()))),
    }
}

/// The same, of a session that reads the queue.
pub(super) async fn answered<T>(what: impl Future<Output = Result<T, Error>>) -> Result<T, CaptureError> {
    asked(what).await?.map_err(|refusal| explain(&refusal))
}

/// A right or a table of ours that is missing is for somebody to mend; all else is a server that is away or busy.
pub(super) fn explain(refusal: &ServerError) -> CaptureError {
    let said = said(refusal);
    match refusal.code {
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => CaptureError::misconfigured(format!(
            "the account may not use the trigger queue; `bugrelay triggers install` grants what it needs: {said}"
        )),
        1054 | 1146 | 1305 | 1449 => CaptureError::misconfigured(format!(
            "the triggers are not whole; `bugrelay triggers check` says what is missing: {said}"
        )),
        _ => CaptureError::transient(format!("the trigger queue could not be read: {said}")),
    }
}

/// Why something cannot be made or removed.
pub(super) fn refused(refusal: &ServerError) -> CaptureError {
    let said = said(refusal);
    match refusal.code {
        1205 | 1213 => {
            CaptureError::transient(format!("the server refuses: {said}; try again when Bugzilla is quieter"))
        }
        1419 => CaptureError::misconfigured(format!(
            "the server refuses: {said}; while it writes a binlog, only an account with SUPER may make triggers: name one with --as, or SET GLOBAL \
             log_bin_trust_function_creators = 1"
        )),
        1044 | 1045 | 1142 | 1143 | 1227 | 1410 | 1698 => CaptureError::misconfigured(format!(
            "the server refuses: {said}; name an administrator with --as, or let one run what `bugrelay triggers sql` prints"
        )),
        _ => CaptureError::misconfigured(format!("the server refuses: {said}")),
    }
}

/// The server's words and its number for them.
pub(super) fn said(refusal: &ServerError) -> String {
    format!("{} ({})", refusal.message, refusal.code)
}
