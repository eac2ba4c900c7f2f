//! bugrelay on a real MySQL, as an operator runs it. What the capture and the reader of the tables do there, one by one, is in `binlog`
//! and `snapshot_suite`.

mod account;
mod life;
