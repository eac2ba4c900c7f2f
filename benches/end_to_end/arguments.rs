//! What a measurement is told on its command line: `--name N`. What it does not know it leaves to others.

/// The number behind this name, or the default.
pub(crate) fn number(name: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
}
