//! The integration tests, in one binary: a server that several of them need is started once.

mod binlog;
