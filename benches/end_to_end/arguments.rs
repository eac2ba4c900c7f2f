//! What a measurement is told on its command line: `--name N`. What it does not know it leaves to others.

/// The number behind this name, or the default.
pub(crate) fn number(name: &str, default: usize) -> usize {
    text(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The word behind this name.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
