//! What an answer, or none, means for the message that was sent.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::reach::Refused;
use crate::connector::{SendError, tls};

/// A receiver may ask for no longer rest than this.
const LONGEST_REST: Duration = Duration::from_secs(86_400);

/// `None`: it was taken. Nothing of the answer's body is looked at: it may quote the message.
pub(super) fn judge(place: &str, status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<SendError> {
    let code = status.as_u16();
    let error = match code {
        200..=299 => return None,
        408 | 425 | 429 | 500..=599 => {
            let error = SendError::transient(format!("{place} answers {code}; its log says more"));
            SendError { retry_after: rest(headers, now), ..error }
        }
        410 => SendError::misconfigured(format!(
            "{place} answers 410: it wants no more messages; take the connector out, or correct `url`"
        )),
        413 => SendError::too_large(format!("{place} answers 413: the message is too large for it")),
        400 | 409 | 422 => {
            SendError::poison(format!("{place} answers {code}: it refuses this message; its log says more"))
        }
        300..=399 => SendError::misconfigured(format!(
            "{place} answers {code}: it leads elsewhere, which is not followed; write where it leads in `url`"
        )),
        401 | 403 | 407 => SendError::misconfigured(format!(
            "{place} answers {code}: it does not let us in; see `secret`, `authorization` and `headers`"
        )),
        _ => SendError::misconfigured(format!("{place} answers {code}: see `url`, and its log")),
    };
    Some(error)
}

/// `Retry-After`: seconds, or a date.
fn rest(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let rest = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            SystemTime::from(date).duration_since(now).unwrap_or_default()
        }
    };
    Some(rest.min(LONGEST_REST))
}

/// No answer came. Of what no connection was made for it is certain that it was not handed over.
pub(super) fn lost(place: &str, error: &reqwest::Error) -> SendError {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if let Some(refused) = causes().find_map(|cause| cause.downcast_ref::<Refused>()) {
        return SendError::misconfigured(refused.to_string());
    }
    if crate::tls::cause(error).is_some() {
        return tls::lost("TLS", &place, error);
    }
    // The last cause says it in the system's words; those before it say that there is one.
    let why = causes().last().map_or_else(|| "no connection".to_owned(), ToString::to_string);
    let text = format!("{place} cannot be asked: {why}; see whether it runs, and `url`");
    if error.is_connect() { SendError::transient(text) } else { SendError::unanswered(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Class;

    #[test]
    fn each_status_has_its_class() {
        let class = |code: u16| {
            let status = StatusCode::from_u16(code).unwrap();
            judge("https://h", status, &HeaderMap::new(), SystemTime::now()).map(|error| (error.class, error.too_large))
        };
        for code in [200, 202, 204] {
            assert_eq!(class(code), None, "{code}");
        }
        for code in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(class(code), Some((Class::Transient, false)), "{code}");
        }
        for code in [301, 302, 307, 308, 401, 403, 404, 405, 410, 415] {
            assert_eq!(class(code), Some((Class::Misconfigured, false)), "{code}");
        }
        for code in [400, 409, 422] {
            assert_eq!(class(code), Some((Class::Poison, false)), "{code}");
        }
        assert_eq!(class(413), Some((Class::Poison, true)));
    }

    #[test]
    fn a_rest_is_asked_for_in_seconds_or_by_a_date_and_is_a_day_at_most() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480 - 90);
        let rest = |text: &str| rest(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
        assert_eq!(rest("120"), Some(Duration::from_secs(120)));
        assert_eq!(rest("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(rest("Wed, 21 Oct 2014 07:28:00 GMT"), None, "no Wednesday");
        assert_eq!(rest("Mon, 21 Oct 2013 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(rest("999999999"), Some(LONGEST_REST));
        assert_eq!(rest("soon"), None);
    }
}
