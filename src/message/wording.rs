//! How messages are worded: what of it the site may choose.

use serde::Deserialize;

use crate::bugzilla::Zone;
use crate::snapshot::User;

/// How messages are worded: the site's configuration.
#[derive(Clone, Debug)]
pub struct Wording {
    /// The site's identity: message ids are made from it.
    pub base_url: String,
    /// Bugzilla's zone.
    pub zone: Zone,
    /// How users appear.
    pub identity: Identity,
    /// `comment.id` is the comment's id and not, as in the original, the bug's.
    pub real_comment_id: bool,
    /// Which custom fields leave.
    pub fields: FieldFilter,
}

/// Which custom fields leave: those that `allow` names and `deny` does not. `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFilter {
    /// `[fields] allow`.
    pub allow: Vec<String>,
    /// `[fields] deny`.
    pub deny: Vec<String>,
}

impl Default for FieldFilter {
    fn default() -> Self {
        FieldFilter { allow: vec!["*".to_owned()], deny: vec![] }
    }
}

impl FieldFilter {
    /// Whether a field leaves.
    pub fn lets_pass(&self, name: &str) -> bool {
        let any = |globs: &[String]| globs.iter().any(|glob| matches(glob, name));
        any(&self.allow) && !any(&self.deny)
    }
}

fn matches(glob: &str, name: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

/// How users appear, everywhere that a login occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Login and real name, as the original.
    #[default]
    Full,
    /// The login up to its `@`, and the real name.
    LocalPart,
    /// The id, also in place of the login; no real name. A login in `changes` is left out: it has no id there.
    Id,
}

impl Identity {
    /// What stands as `login`.
    pub(super) fn login(self, user: &User) -> String {
        match self {
            Identity::Full => user.login.clone(),
            Identity::LocalPart => local_part(&user.login).to_owned(),
            Identity::Id => user.id.to_string(),
        }
    }

    /// A login, or a list of them, among changes.
    pub(super) fn logins(self, value: &str) -> String {
        match self {
            Identity::Full => value.to_owned(),
            Identity::LocalPart => value.split(", ").map(local_part).collect::<Vec<_>>().join(", "),
            Identity::Id => String::new(),
        }
    }

    /// `? (login)` among changes.
    pub(super) fn flag(self, value: &str) -> String {
        match (self, value.split_once(" (")) {
            (Identity::Full, _) | (_, None) => value.to_owned(),
            (Identity::LocalPart, Some((status, login))) => {
                format!("{status} ({})", local_part(login.trim_end_matches(')')))
            }
            (Identity::Id, Some((status, _))) => status.to_owned(),
        }
    }
}

fn local_part(login: &str) -> &str {
    login.split_once('@').map_or(login, |(local, _)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_any_characters() {
        let filter = FieldFilter {
            allow: vec!["cf_*".to_owned()],
            deny: vec!["cf_internal_*".to_owned(), "cf_*_x*z".to_owned()],
        };
        let passing: Vec<&str> = ["cf_a", "cf_internal_b", "cf_q_xyz", "cf_q_xy", "other"]
            .into_iter()
            .filter(|name| filter.lets_pass(name))
            .collect();
        assert_eq!(passing, ["cf_a", "cf_q_xy"]);
    }

    #[test]
    fn a_local_part_has_no_domain_anywhere() {
        let identity = Identity::LocalPart;
        assert_eq!(identity.logins("a@x.org, b@y.org"), "a, b");
        assert_eq!(identity.flag("? (rob@example.org)"), "? (rob)");
        assert_eq!(identity.flag("+"), "+");
    }

    #[test]
    fn with_ids_no_login_is_told() {
        assert_eq!(Identity::Id.logins("a@x.org"), "");
        assert_eq!(Identity::Id.flag("? (rob@example.org)"), "?");
    }
}
