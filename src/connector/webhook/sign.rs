//! Standard Webhooks' symmetric signature: HMAC-SHA256 over id, time and body, `v1` and base64. Several while a secret is rotated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret decodes to. Never shown.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// `whsec_` and base64 of 24 to 64 bytes, as the specification has it; the prefix may be missing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
        let key = Hmac::new_from_slice(&bytes).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Key(key))
    }

    fn sign(&self, id: &str, now: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{now}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature by each key, with blanks between.
pub(super) fn signatures(keys: &[Key], id: &str, now: u64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, now, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_example_comes_out() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signatures(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_too_short_or_no_base64_is_none() {
        assert!(
            ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all, and rather long too"]
                .map(Key::parse)
                .iter()
                .all(Option::is_none)
        );
    }
}
