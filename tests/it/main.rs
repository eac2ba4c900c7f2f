//! The integration tests, in one binary: what users and operators see. A server that several of them need is started once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../services/mod.rs"]
mod services;

mod architecture;
mod binlog;
mod buses;
mod case;
mod compare;
mod config;
mod connector_suite;
mod contract;
mod crash;
mod dashboards;
mod delivery;
mod demo;
mod documents;
mod examples;
mod faults;
mod flavour;
mod generated;
mod ground;
mod identity;
mod large;
mod logical;
mod mysql;
mod mysql_triggers;
mod page;
mod postgres_triggers;
mod privacy;
mod queue_suite;
mod quickstart;
mod relay;
mod replicas;
mod scripted;
mod snapshot_suite;
mod sqlite;
mod storm;
mod sweep;
mod verbs;
mod wording;
