//! The check that a large result is fetched only from the Internet, and never from this machine or its network,
//! whatever a name resolves to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The error for a host without an address on the Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its host has no public address")]
pub struct NotPublic;

/// A resolver that returns only public addresses. The client connects to exactly these, so a name that resolves to
/// other addresses later, or also to private ones, does not get around the check.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 means the port of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_of(found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn public_of(addresses: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    let public: Vec<_> = addresses
        .filter(|address| is_public(address.ip()))
        .collect();
    if public.is_empty() {
        return Err(NotPublic);
    }
    Ok(public)
}

/// Checks a URL whose host is an address, because no resolver is called for it. A name passes: the resolver checks it.
pub(super) fn check_host(url: &Url) -> Result<(), NotPublic> {
    // The parser of URLs has already turned every spelling of an IPv4 address into four numbers.
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(address) if !is_public(address) => Err(NotPublic),
        _ => Ok(()),
    }
}

/// Follows IANA's registry of special-purpose addresses.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    // Private.
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    // Shared by the customers of a provider (CGNAT).
    ([100, 64, 0, 0], 10),
    // Loopback.
    ([127, 0, 0, 0], 8),
    // Link-local, including the metadata services of clouds.
    ([169, 254, 0, 0], 16),
    // Protocols, benchmarks, relays to IPv6.
    ([192, 0, 0, 0], 24),
    ([198, 18, 0, 0], 15),
    ([192, 88, 99, 0], 24),
    // Documentation.
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    ([240, 0, 0, 0], 4),
];

/// The block of all public IPv6 addresses. Loopback, unique-local, link-local and multicast addresses are outside it,
/// and so are mapped and translated IPv4 addresses.
const GLOBAL_UNICAST: ([u16; 8], u32) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const SPECIAL_V6: [([u16; 8], u32); 4] = [
    // Protocols, including Teredo, which embeds IPv4 addresses.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // 6to4, which embeds an IPv4 address.
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    // Documentation.
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let is_within = |(network, length): ([u8; 4], u32)| {
                (address.to_bits() ^ Ipv4Addr::from(network).to_bits()) >> (32 - length) == 0
            };
            !SPECIAL_V4.into_iter().any(is_within)
        }
        IpAddr::V6(address) => {
            let is_within = |(network, length): ([u16; 8], u32)| {
                (address.to_bits() ^ Ipv6Addr::from(network).to_bits()) >> (128 - length) == 0
            };
            is_within(GLOBAL_UNICAST) && !SPECIAL_V6.into_iter().any(is_within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_on_the_internet_are_told_apart() {
        let not_public = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ];
        for address in not_public {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn of_the_addresses_of_a_name_only_public_ones_are_connected_to() {
        let both: Vec<SocketAddr> = ["127.0.0.1:0", "8.8.8.8:0", "[::1]:0"]
            .map(|address| address.parse().unwrap())
            .into();
        let public = public_of(both.iter().copied()).unwrap();
        assert_eq!(public, [both[1]]);
        assert_eq!(public_of(both[..1].iter().copied()), Err(NotPublic));
    }
}
