//! The integration tests, one binary: what users and operators see.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod connector_suite;
mod delivery;
