//! A secret that may be rotated while the process runs: whoever holds it sees the new one. Never printed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

/// A password or token, or none. Clones share it.
#[derive(Clone, Default)]
pub struct Secret(Arc<RwLock<Held>>);

#[derive(Default)]
struct Held {
    text: Option<SecretString>,
    rotations: u64,
}

impl Secret {
    /// For now it is this.
    pub fn new(text: Option<SecretString>) -> Self {
        Secret(Arc::new(RwLock::new(Held { text, rotations: 0 })))
    }

    /// As it is now.
    pub fn get(&self) -> Option<SecretString> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// From now on it is this. The same once more counts as well: what was made of it is to be made anew.
    pub fn rotate(&self, text: Option<SecretString>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.text = text;
        held.rotations += 1;
    }

    /// How often it was rotated: whoever keeps something that was made of it compares.
    pub fn rotations(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).rotations
    }

    /// Whether both hold the same text.
    pub fn is_like(&self, other: &Secret) -> bool {
        let text = |secret: &Secret| secret.get().map(|text| text.expose_secret().to_owned());
        text(self) == text(other)
    }
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_secret_sees_the_new_one_and_nobody_sees_it_printed() {
        let secret = Secret::new(Some("old".into()));
        let held = secret.clone();
        secret.rotate(Some("new".into()));
        assert!(held.is_like(&Secret::new(Some("new".into()))) && held.rotations() == 1);
        assert_eq!(format!("{held:?}"), "Secret");
    }
}
