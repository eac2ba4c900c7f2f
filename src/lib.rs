//! bugrelay: tails the database of an unmodified Bugzilla and relays every change to many buses.
//!
//! Data goes one way, and the modules are the rooms on that way:
//!
//! ```text
//! capture ─> changeset ─> snapshot ─> visibility ─> message ─┐
//!                                                            ├─> queue ─> delivery ─> connector/*
//! relay (scripts drop a message) ────────────────────────────┘
//! ```
//!
//! `admin` and `metrics` stand beside the way. ARCHITECTURE.md tells the rest; a test
//! (`tests/it/architecture.rs`) holds the order in which the modules below may import each other.

// Lowest layer first: a module may import only those of layers above this line of the list.
pub mod backoff;
pub mod bugzilla;
pub mod failure;
pub mod metrics;
pub mod secret;
pub mod shutdown;
pub mod tls;
pub mod zmtp;

pub mod changeset;
pub mod database;

pub mod capture;
pub mod snapshot;

pub mod visibility;

pub mod message;

pub mod connector;
pub mod queue;

pub mod delivery;
pub mod pipeline;
pub mod relay;

pub mod admin;

pub mod config;

pub mod app;

pub mod cli;
