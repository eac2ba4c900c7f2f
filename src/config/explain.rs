//! What the parser says, in the operator's words: where it is, and what was probably meant.

use super::ConfigError;

/// With the line of `text`, where the parser knows it, and "did you mean" for an unknown key.
pub(super) fn explain(error: &toml::de::Error, text: Option<&str>) -> ConfigError {
    let line = text.zip(error.span()).map(|(text, span)| {
        let before = text.get(..span.start).unwrap_or(text);
        format!("line {}: ", before.matches('\n').count() + 1)
    });
    let message = error.message().trim();
    ConfigError(format!("{}{}{}", line.unwrap_or_default(), message, did_you_mean(message).unwrap_or_default()))
}

/// Out of serde's "unknown field `x`, expected one of `a`, `b`" (or "unknown variant").
fn did_you_mean(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    suggest(quoted.next()?, quoted)
}

/// `; did you mean "..."?`, if one of the known words is near.
pub(super) fn suggest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let nearest = known.map(|word| (strsim::damerau_levenshtein(given, word), word)).min()?;
    (nearest.0 <= 1 + given.len() / 4).then(|| format!("; did you mean `{}`?", nearest.1))
}
