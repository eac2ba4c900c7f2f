//! Which addresses a webhook may reach. Whoever may write a URL, or change what a name stands for, must not have us speak to what
//! listens on our own network: addresses that are not the internet's are refused, also when a name leads to one, unless listed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::FutureExt as _;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// Reached though they are no addresses of the internet.
    allowed: Vec<IpNet>,
}

/// A name or number that leads to where a webhook may not go.
#[derive(Debug, thiserror::Error)]
#[error(
    "{host} leads to {address}, which is no address of the internet; if that is meant, write it, or its network, into `allow_addresses`"
)]
pub(super) struct Refused {
    host: String,
    address: IpAddr,
}

/// Why a name leads nowhere.
#[derive(Debug)]
pub(super) enum Unreached {
    Refused(Refused),
    Unknown(io::Error),
}

impl Reach {
    /// Of numbers and networks, as `10.1.2.3` and `10.1.0.0/16`.
    ///
    /// # Errors
    /// The first that is none.
    pub(super) fn parse(list: &[String]) -> Result<Self, String> {
        let parse = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| text.parse()).map_err(|_| {
                format!("`allow_addresses`: {text:?} is no address or network; write \"10.1.2.3\" or \"10.1.0.0/16\"")
            })
        };
        Ok(Reach { allowed: list.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// Whether this one may be reached.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn judge(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let canonical = address.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&canonical)) || is_public(canonical) {
            return Ok(());
        }
        Err(Refused { host: host.to_owned(), address })
    }

    /// The addresses of a name that may be reached; at least one.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unreached> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(Unreached::Unknown)?.collect();
        let mut refused = None;
        let mut addresses = vec![];
        for address in found {
            match self.judge(host, address.ip()) {
                Ok(()) => addresses.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match (addresses.is_empty(), refused) {
            (true, Some(refused)) => Err(Unreached::Refused(refused)),
            (true, None) => Err(Unreached::Unknown(io::ErrorKind::NotFound.into())),
            (false, _) => Ok(addresses),
        }
    }
}

/// Looks names up for the HTTP client, each time it connects: what a name stands for may change after it was looked at.
pub(super) struct Guarded(pub(super) Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        let looked_up = async move {
            match reach.resolve(name.as_str(), 0).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(Unreached::Refused(refused)) => Err(refused.into()),
                Err(Unreached::Unknown(error)) => Err(error.into()),
            }
        };
        looked_up.boxed()
    }
}

/// By IANA's registries of special addresses; in doubt it is not.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || matches!((a, b, c), (0, ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) | (224.., ..));
    !special
}

/// Only what the internet gives out, without those that stand for an address of IPv4, since that one may be anything.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let stands_for_v4 = a == 0x2002 || (a == 0x2001 && b < 0x0200);
    (0x2000..=0x3fff).contains(&a) && !stands_for_v4 && !(a == 0x2001 && b == 0x0db8) && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_reached_unless_listed() {
        let may = |reach: &Reach, text: &str| reach.judge("h", text.parse().unwrap()).is_ok();
        let nobody = Reach::default();
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2a00:1450::1"] {
            assert!(may(&nobody, public), "{public}");
        }
        let closed = "127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 0.1.2.3 \
                      192.0.0.8 192.0.2.1 198.18.0.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fec0::1 fc00::1 \
                      fd12::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: \
                      2001:0:1::1 2001:db8::1 3fff::1 100::1 5f00::1";
        for address in closed.split(' ') {
            assert!(!may(&nobody, address), "{address}");
        }
        let some = Reach::parse(&["127.0.0.1".to_owned(), "10.1.0.0/16".to_owned(), "fd12::/16".to_owned()]).unwrap();
        for listed in ["127.0.0.1", "::ffff:127.0.0.1", "10.1.200.3", "fd12:3::4"] {
            assert!(may(&some, listed), "{listed}");
        }
        assert!(!may(&some, "127.0.0.2") && !may(&some, "10.2.0.1") && !may(&some, "fd13::1"));
        assert!(Reach::parse(&["10.1.0.0/33".to_owned()]).is_err() && Reach::parse(&["localhost".to_owned()]).is_err());
    }
}
