//! Secrets: each can be `X`, `X_file` or `X_env`.

use std::path::PathBuf;

use secrecy::SecretString;

use super::fault::Fault;
use super::overlay::Overlay;
use super::text;

/// A secret is no larger.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The three ways to give the secret called `key`.
pub(super) struct Given {
    pub(super) key: &'static str,
    pub(super) value: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) env: Option<String>,
}

impl Given {
    /// The secret; `None` if it is given in none of the ways, an error if in several, or empty.
    pub(super) fn read(self, overlay: &Overlay) -> Result<Option<SecretString>, Fault> {
        let Given { key, value, file, env } = self;
        let given = [value.is_some(), file.is_some(), env.is_some()].iter().filter(|given| **given).count();
        if given > 1 {
            return Err(Fault::at(
                key,
                format!("it is given in several ways; keep one of {key}, {key}_file and {key}_env"),
            ));
        }
        let (key, text) = if let Some(path) = file {
            let key = format!("{key}_file");
            let text = text::read(&path, FILE_BYTES_MAX).map_err(|error| {
                Fault::at(&key, format!("{} cannot be read: {error}; put the secret there", path.display()))
            })?;
            // Editors and `echo` leave a line end behind; secrets have none.
            (key, Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        } else if let Some(name) = env {
            let key = format!("{key}_env");
            let text = overlay.get(&name).ok_or_else(|| {
                Fault::at(&key, format!("the environment variable {name} is not set; set it before bugrelay starts"))
            })?;
            (key, Some(text.to_owned()))
        } else {
            (key.to_owned(), value)
        };
        if text.as_ref().is_some_and(String::is_empty) {
            return Err(Fault::at(&key, "the secret is empty; take the key out if there is none"));
        }
        Ok(text.map(SecretString::from))
    }
}
