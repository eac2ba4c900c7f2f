//! A broker's address, and the way to it: TCP, with TLS around it or not. Of several that stand in for each other the first that
//! lets us in. What is spoken over the connection is the connector's own.

mod address;
mod dial;

pub use self::address::Address;
pub(super) use self::address::Schemes;
pub(super) use self::dial::{Dialer, Stream};
