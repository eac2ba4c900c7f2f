//! The one test binary: what users see of the parts.

mod queue_suite;
