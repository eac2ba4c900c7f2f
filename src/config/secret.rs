//! Secrets: each can be `X`, `X_file` or `X_env`.

use std::path::PathBuf;

use secrecy::SecretString;

use super::ConfigError;

/// The secret called `what`; `None` if it is given in none of the three ways, an error if in several.
pub(super) fn read(
    what: &str,
    value: Option<String>,
    file: Option<PathBuf>,
    env: Option<String>,
) -> Result<Option<SecretString>, ConfigError> {
    let given = [value.is_some(), file.is_some(), env.is_some()].iter().filter(|given| **given).count();
    if given > 1 {
        return Err(ConfigError(format!("{what} is given in several ways; keep one of it, _file and _env")));
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError(format!("{what}_file: {} cannot be read: {error}", path.display())))?;
        // Editors and `echo` leave a line end behind; secrets have none.
        return Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))));
    }
    if let Some(name) = env {
        let text = std::env::var(&name)
            .map_err(|_| ConfigError(format!("{what}_env: the environment variable {name} is not set")))?;
        return Ok(Some(SecretString::from(text)));
    }
    Ok(value.map(SecretString::from))
}
