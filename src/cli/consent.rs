//! Asking before something is done that cannot be undone.

use std::io::IsTerminal as _;

use clap::Args;

use super::{Exit, output};

/// Whether it was said already that it is meant.
#[derive(Args)]
pub(super) struct Consent {
    /// Do not ask first; needed where there is nobody to ask.
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Asks on a terminal; elsewhere it must have been said.
    pub(super) fn to(&self, question: &str) -> Result<(), Exit> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            output::error(&format!("{question} There is nobody to ask; add --yes"));
            return Err(Exit::Usage);
        }
        if ask(question) { Ok(()) } else { Err(Exit::Usage) }
    }
}

/// Whether somebody at the terminal says yes.
pub(super) fn ask(question: &str) -> bool {
    output::error(&format!("{question} [y/N]"));
    let mut answer = String::new();
    // What cannot be read is no yes.
    let _ = std::io::stdin().read_line(&mut answer);
    matches!(answer.trim(), "y" | "Y" | "yes")
}
