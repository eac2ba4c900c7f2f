//! Several real buses at once, under a load: what fails on one of them, the others do not notice, and nothing is lost.
//!
//! Judged is what real consumers read, by what the database holds in the end.

mod faults;
mod kill;
mod privacy;
mod refused;
pub(crate) mod rig;
mod together;
