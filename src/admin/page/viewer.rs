//! Who looks at the page.

use super::session::Session;

/// Found out for each request.
#[derive(Clone)]
pub(super) struct Viewer {
    /// Of whoever has signed in; `None`: on this machine everybody may look.
    pub(super) session: Option<Session>,
    /// What is to be said on this page, once.
    pub(super) notice: Option<String>,
    /// Whether signing in is possible at all.
    pub(super) has_token: bool,
    /// Where they are, to come back to.
    pub(super) place: String,
}

impl Viewer {
    /// What stands in each form that changes something; `None`: they may only look.
    pub(super) fn form(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.form.as_str())
    }
}
