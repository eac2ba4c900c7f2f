//! The faults of the fault list (docs/guarantees.md) that no other suite has: bugrelay killed at any of its calls, everything failing in turn
//! by a seed, and the single ones that are left.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was counted and played is printed")]

mod points;
mod schedule;
mod single;
