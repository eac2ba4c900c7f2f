//! The one test binary: what users see of the parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod queue_suite;
