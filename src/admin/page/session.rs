//! Who has signed in: sessions in memory, a bounded number, each for twelve hours at the most.
//!
//! They are gone with the process, and with the token that they were begun with.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use rustix::rand::{GetRandomFlags, getrandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::secret::same;

/// Then the token is asked for again.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Beyond it the oldest ends.
const SESSIONS_MAX: usize = 100;

/// All of them.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<Kept>>);

struct Kept {
    session: Session,
    token: Vec<u8>,
    ends: Instant,
    /// What is to be said on the next page.
    notice: Option<String>,
}

/// One that lasts.
#[derive(Clone)]
pub(super) struct Session {
    /// Known to the browser alone: whoever sends it is signed in.
    id: String,
    /// Stands in every form that is made for it.
    pub(super) form: String,
}

impl Sessions {
    /// Whoever has shown this token. An error: the system gives no random numbers.
    pub(super) fn begin(&self, token: &SecretString) -> std::io::Result<Session> {
        let session = Session { id: random()?, form: random()? };
        let (token, ends) = (digest(token), Instant::now() + LIFETIME);
        let mut kept = self.lock();
        while kept.len() >= SESSIONS_MAX {
            kept.pop_front();
        }
        kept.push_back(Kept { session: session.clone(), token, ends, notice: None });
        Ok(session)
    }

    /// The one whose cookie this is, if it lasts and the token is still the one that it was begun with.
    pub(super) fn find(&self, headers: &HeaderMap, token: Option<&SecretString>) -> Option<Session> {
        let given = cookie(headers)?;
        let (token, now) = (digest(token?), Instant::now());
        let mut all = self.lock();
        all.retain(|kept| now < kept.ends && same(&kept.token, &token));
        let found = all.iter().find(|kept| same(kept.session.id.as_bytes(), given.as_bytes()));
        found.map(|kept| kept.session.clone())
    }

    /// Ends it.
    pub(super) fn end(&self, session: &Session) {
        self.lock().retain(|kept| kept.session.id != session.id);
    }

    /// Says this on its next page.
    pub(super) fn note(&self, session: &Session, notice: String) {
        if let Some(kept) = self.lock().iter_mut().find(|kept| kept.session.id == session.id) {
            kept.notice = Some(notice);
        }
    }

    /// What is to be said, once.
    pub(super) fn take_notice(&self, session: &Session) -> Option<String> {
        self.lock().iter_mut().find(|kept| kept.session.id == session.id)?.notice.take()
    }

    /// Nothing in here can be half done.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// What the browser is to keep: out of reach of scripts, and for no request that another site makes. A link from there is one that the
    /// operator makes, and finds the session: it only shows something.
    pub(super) fn cookie(&self, headers: &HeaderMap) -> String {
        let (name, id, seconds) = (cookie_name(headers), &self.id, LIFETIME.as_secs());
        format!("{name}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{}", secure(headers))
    }

    /// What makes it forget that.
    pub(super) fn no_cookie(headers: &HeaderMap) -> String {
        let name = cookie_name(headers);
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{}", secure(headers))
    }
}

/// Cookies do not keep the ports of a host apart, and several bugrelays may be looked at through forwarded ports.
fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = host.parse::<Authority>().ok().and_then(|authority| authority.port_u16()).unwrap_or(80);
    format!("bugrelay-{port}")
}

/// Behind a proxy that speaks TLS the cookie is sent by TLS alone.
fn secure(headers: &HeaderMap) -> &'static str {
    let is_tls =
        headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    if is_tls { "; Secure" } else { "" }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(headers);
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Nobody can guess it.
fn random() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    // So few bytes come at once or not at all.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(token: &SecretString) -> Vec<u8> {
    Sha256::digest(token.expose_secret()).to_vec()
}

/// Never the ids.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:9464".parse().unwrap());
        headers.insert(header::COOKIE, cookie.split(';').next().unwrap().parse().unwrap());
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_for_twelve_hours_with_its_own_token_until_it_is_ended() {
        let (sessions, token) = (Sessions::default(), SecretString::from("sesame"));
        let begin = || {
            let session = sessions.begin(&token).unwrap();
            headers(&session.cookie(&headers("x=y")))
        };
        let is_in = |headers: &HeaderMap| sessions.find(headers, Some(&token)).is_some();
        let [first, second] = [begin(), begin()];
        assert!(is_in(&first) && is_in(&second) && !is_in(&headers("bugrelay-9464=guess")));
        sessions.end(&sessions.find(&first, Some(&token)).unwrap());
        assert!(!is_in(&first) && is_in(&second));
        tokio::time::advance(LIFETIME - Duration::from_secs(1)).await;
        assert!(is_in(&second));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!is_in(&second));
        let third = begin();
        assert!(sessions.find(&third, Some(&"another".into())).is_none() && !is_in(&third), "the token was changed");
        let oldest = begin();
        for _ in 0..SESSIONS_MAX {
            begin();
        }
        assert!(!is_in(&oldest));
    }

    #[test]
    fn the_cookie_is_for_no_script_no_other_site_and_no_other_port() {
        let session = Session { id: "7".to_owned(), form: String::new() };
        let mut headers = headers("x=y");
        assert_eq!(session.cookie(&headers), "bugrelay-9464=7; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert!(session.cookie(&headers).ends_with("; Secure"));
    }
}
