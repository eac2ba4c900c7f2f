//! The `event` of a message: who did what to which bug, when.

use serde::Serialize;

use super::wording::Identity;
use crate::snapshot::User;

/// `event` without its changes; keys in the order of the wire.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    pub(super) routing_key: &'a str,
    pub(super) target: &'a str,
    pub(super) action: &'a str,
    pub(super) bug_id: i64,
    pub(super) change_set: &'a str,
    pub(super) time: String,
    pub(super) user: WireUser,
}

/// A user as messages have it.
#[derive(Serialize)]
pub(super) struct WireUser {
    id: i64,
    login: String,
    real_name: String,
}

impl WireUser {
    pub(super) fn new(user: &User, identity: Identity) -> Self {
        let real_name = if identity == Identity::Id { String::new() } else { user.real_name.clone() };
        WireUser { id: user.id.0, login: identity.login(user), real_name }
    }
}
