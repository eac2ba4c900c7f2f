//! `bugrelay schema`: the contract of the messages.

use clap::Args;

use super::{Exit, output};
use crate::message::schema::MESSAGES;

#[derive(Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn main(&self) -> Exit {
        output::line(MESSAGES.trim_end());
        Exit::Success
    }
}
