//! The integration tests, in one binary: a server that several of them need is started once.

#[path = "../services/mod.rs"]
mod services;

mod architecture;
mod ground;
