//! Real servers for tests, started privately: in a folder of their own, on a free port of 127.0.0.1, gone with the test.
//!
//! Included by the test binary (`#[path = "../services/mod.rs"] mod services;`). No mocks in here.

#![allow(dead_code, unused_imports, reason = "not every binary needs every service")]

mod activemq;
mod bugrelay;
mod certificates;
mod clients;
mod kafka;
mod listener;
mod mariadb;
mod mysql;
mod mysqld;
mod pgbouncer;
mod postgres;
mod process;
mod proxy;
mod publisher;
mod rabbitmq;
mod receiver;
pub(crate) mod sample;
mod sqlite;

pub(crate) use activemq::ActiveMq;
pub(crate) use bugrelay::{Bugrelay, Ended, lines_in};
pub(crate) use certificates::Certificates;
pub(crate) use clients::{Client, client, python};
pub(crate) use kafka::{Kafka, Record};
pub(crate) use listener::Listener;
pub(crate) use mariadb::MariaDb;
pub(crate) use mysql::MySql;
pub(crate) use mysqld::{Database, Mysqld};
pub(crate) use pgbouncer::PgBouncer;
pub(crate) use postgres::{Postgres, PostgresDatabase};
pub(crate) use process::{free_port, poll};
pub(crate) use proxy::{Mode, Proxy};
pub(crate) use publisher::Publisher;
pub(crate) use rabbitmq::{RabbitMq, Received};
pub(crate) use receiver::{Answer, Receiver, Taken};
pub(crate) use sqlite::SqliteBugzilla;
