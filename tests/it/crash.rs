//! Faults: whatever is killed, stopped, full or away, nothing is lost, and nothing is repeated but what was in flight.
//!
//! The program runs as a process against a real MariaDB in which somebody saves all the time. Judged is what left it, by
//! what the database holds in the end.

mod backlog;
pub(crate) mod database;
mod kill;
pub(crate) mod load;
pub(crate) mod oracle;
mod reload;
mod stop;
mod store;
pub(crate) mod strace;
