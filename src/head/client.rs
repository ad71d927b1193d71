//! The address of the client behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;

/// The networks of the trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxies(Vec<IpNet>);

/// The result of reading a list of hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hops {
    /// The header is absent or empty.
    Absent,
    /// The last address that is not a trusted proxy, or the first address if all are trusted proxies.
    Client(IpAddr),
    /// The list is malformed, or the client is not given by address.
    Unknown,
}

impl Proxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client: the address of the peer or, if the peer is a trusted proxy, the address that
    /// the peer forwards.
    ///
    /// Each proxy appends the address it got the request from to `X-Forwarded-For` or to `Forwarded` (RFC 7239). So
    /// the last address that is not a trusted proxy was written by a trusted proxy. Everything to the left of that
    /// address may be forged. A proxy writes one of the headers and may pass on the other unchanged, so if both are
    /// present, they must agree.
    pub(crate) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?.to_canonical();
        if !self.trusts(peer) {
            return Some(peer);
        }
        let texts = |name| headers.get_all(name).map(|value| value.as_bytes());
        let listed = self.walk(texts(header::X_FORWARDED_FOR), |text, hop| {
            text.split(|&b| b == b',').for_each(hop);
            true
        });
        let forwarded = self.walk(texts(header::FORWARDED), |text, hop| {
            for_each_forwarded(text, hop)
        });
        Some(match (listed, forwarded) {
            (Hops::Client(client), Hops::Absent) | (Hops::Absent, Hops::Client(client)) => client,
            (Hops::Client(one), Hops::Client(other)) if one == other => one,
            _ => peer,
        })
    }

    /// Reads the hops from left to right, which gives the same result as from right to left, but allocates no list.
    /// `split` calls its callback with each hop, and returns false if the text is malformed.
    fn walk<'h>(
        &self,
        texts: impl Iterator<Item = &'h [u8]>,
        split: impl Fn(&'h [u8], &mut dyn FnMut(&'h [u8])) -> bool,
    ) -> Hops {
        let mut hops = Hops::Absent;
        let mut all_well_formed = true;
        for text in texts {
            all_well_formed &= split(text, &mut |hop| {
                let hop = hop.trim_ascii();
                // Empty elements are ignored (RFC 9110, section 5.6.1).
                if hop.is_empty() {
                    return;
                }
                match address(hop) {
                    None => hops = Hops::Unknown,
                    Some(address) if hops == Hops::Absent || !self.trusts(address) => {
                        hops = Hops::Client(address);
                    }
                    Some(_) => {}
                }
            });
        }
        match all_well_formed {
            true => hops,
            false => Hops::Unknown,
        }
    }
}

/// Parses an address with or without port and brackets.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let address = match text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        Some(address) => IpAddr::V6(address.parse().ok()?),
        None => match text.parse() {
            Ok(address) => address,
            Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

/// Calls `hop` with the `for` parameter of each element of a `Forwarded` header, or with `unknown` if the parameter is
/// absent. Returns false if the header is malformed.
fn for_each_forwarded<'h>(text: &'h [u8], hop: &mut dyn FnMut(&'h [u8])) -> bool {
    let mut well_formed = true;
    split_unquoted(text, b',', |element| {
        if element.trim_ascii().is_empty() {
            return;
        }
        let mut node: Option<&[u8]> = None;
        well_formed &= split_unquoted(element, b';', |pair| {
            let mut parts = pair.splitn(2, |&b| b == b'=');
            let name = parts.next().unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"for") {
                let value = parts.next().unwrap_or_default().trim_ascii();
                let unquoted = value
                    .strip_prefix(b"\"")
                    .and_then(|v| v.strip_suffix(b"\""));
                // A parameter may occur once (RFC 7239, section 4).
                well_formed &= node.is_none();
                node = Some(unquoted.unwrap_or(value));
            }
        });
        hop(node.filter(|node| !node.is_empty()).unwrap_or(b"unknown"));
    }) && well_formed
}

/// Splits `text` at separators outside of quotes. Returns false if a quote is not closed.
fn split_unquoted<'t>(text: &'t [u8], separator: u8, mut f: impl FnMut(&'t [u8])) -> bool {
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                f(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    f(&text[start..]);
    !quoted
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:a::/48", "192.0.2.1/32"];
        let proxies = Proxies::new(networks.map(|net| net.parse().unwrap()).to_vec());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        let client = proxies.client(Some(peer.parse().unwrap()), &map);
        client.unwrap().to_string()
    }

    #[test]
    fn the_last_untrusted_address_is_the_client() {
        for (list, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            (
                "198.51.100.1,203.0.113.9 ,10.1.1.1,192.0.2.1",
                "203.0.113.9",
            ),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, 2001:db8:a::7, ::ffff:10.0.0.1", "203.0.113.9"),
            // All addresses are proxies, so the first proxy made the request itself.
            ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
            ("garbage, 203.0.113.9, 10.0.0.8", "203.0.113.9"),
            (", 203.0.113.9,, ", "203.0.113.9"),
            // The proxy does not know the address of its peer.
            ("203.0.113.9, unknown", "10.0.0.1"),
            ("203.0.113.9, garbage, 10.0.0.8", "10.0.0.1"),
            ("203.0.113.9 198.51.100.1", "10.0.0.1"),
            ("203.0.113.999", "10.0.0.1"),
            ("é", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(
                client("10.0.0.1", &[("x-forwarded-for", list)]),
                expected,
                "{list}"
            );
        }
    }

    #[test]
    fn forwarded_is_parsed_by_its_grammar() {
        for (list, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("proto=https;for=203.0.113.9;by=10.0.0.1", "203.0.113.9"),
            (
                "for=198.51.100.1, for=203.0.113.9;host=h, for=10.0.0.7",
                "203.0.113.9",
            ),
            // Separators inside quotes do not separate.
            (
                "for=203.0.113.9;host=\"a,for=198.51.100.1;\\\",for=1.1.1.1\"",
                "203.0.113.9",
            ),
            ("for=203.0.113.9, for=unknown", "10.0.0.1"),
            ("for=203.0.113.9, for=_hidden", "10.0.0.1"),
            ("for=203.0.113.9, proto=https", "10.0.0.1"),
            ("for=203.0.113.9;for=198.51.100.1", "10.0.0.1"),
            ("for=\"203.0.113.9", "10.0.0.1"),
            ("for=", "10.0.0.1"),
        ] {
            assert_eq!(
                client("10.0.0.1", &[("forwarded", list)]),
                expected,
                "{list}"
            );
        }
    }

    #[test]
    fn several_headers_of_one_name_are_one_list() {
        let lines = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "10.0.0.7"),
        ];
        assert_eq!(client("10.0.0.1", &lines), "203.0.113.9");
    }

    #[test]
    fn an_untrusted_peer_is_the_client() {
        let forged = [
            ("x-forwarded-for", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
        ];
        for peer in ["203.0.113.9", "192.0.2.2", "2001:db8:b::1"] {
            assert_eq!(client(peer, &forged), peer);
        }
        let forged = [("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("::ffff:10.0.0.1", &forged), "203.0.113.9");
    }

    #[test]
    fn a_header_that_a_proxy_passes_on_cannot_forge_the_client() {
        for (listed, forwarded, expected) in [
            // A proxy writes one of the headers, and a client sends the other.
            ("203.0.113.9", "for=198.51.100.1", "10.0.0.1"),
            ("198.51.100.1", "for=203.0.113.9", "10.0.0.1"),
            ("203.0.113.9", "for=\"", "10.0.0.1"),
            ("203.0.113.9", "for=unknown", "10.0.0.1"),
            // A proxy writes both headers.
            ("203.0.113.9", "for=203.0.113.9:80", "203.0.113.9"),
        ] {
            let headers = [("x-forwarded-for", listed), ("forwarded", forwarded)];
            assert_eq!(
                client("10.0.0.1", &headers),
                expected,
                "{listed} {forwarded}"
            );
        }
    }

    proptest! {
        /// A client cannot forge an address to the right of the address that the proxy appends.
        #[test]
        fn text_before_the_address_of_the_proxy_never_forges_the_client(
            forged in r#"[a-z0-9.,:;="\[\] ]{0,60}"#)
        {
            let listed = format!("{forged}, 203.0.113.9");
            let found = client("10.0.0.1", &[("x-forwarded-for", &listed)]);
            prop_assert_eq!(found, "203.0.113.9");
            let lines = [("forwarded", forged.as_str()), ("forwarded", "for=203.0.113.9")];
            let found = client("10.0.0.1", &lines);
            prop_assert!(found == "203.0.113.9" || found == "10.0.0.1", "{}", found);
        }
    }
}
