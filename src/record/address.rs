//! Addresses as text.

use std::{io::Write as _, net::IpAddr};

use crate::record::timestamp;

/// Of the longest form of IPv6, which ends in an IPv4 address.
const LEN: usize = "0000:0000:0000:0000:0000:ffff:255.255.255.255".len();

/// The text of an address; no allocation. `Display` takes more than a thousand instructions, and an
/// address is in every record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressText {
    text: [u8; LEN],
    len: usize,
}

impl AddressText {
    pub(crate) fn new(address: IpAddr) -> Self {
        let mut text = Self {
            text: [0; LEN],
            len: 0,
        };
        match address {
            IpAddr::V4(address) => {
                for octet in address.octets() {
                    let [hundreds, tens, ones]: [u8; 3] = timestamp::digits(octet.into());
                    let zeros = usize::from(octet < 100) + usize::from(octet < 10);
                    // Always four bytes, of which the next octet overwrites what is too much.
                    let digits = u32::from_le_bytes([hundreds, tens, ones, b'.']) >> (8 * zeros);
                    if let Some(place) = text.text[text.len..].first_chunk_mut() {
                        *place = digits.to_le_bytes();
                    }
                    text.len += 4 - zeros;
                }
                // There is no point behind the last one.
                text.len -= 1;
            }
            IpAddr::V6(address) => {
                let mut rest = &mut text.text[..];
                // The longest fits.
                let _ = write!(rest, "{address}");
                text.len = LEN - rest.len();
            }
        }
        text
    }

    /// Digits and punctuation.
    pub(crate) fn as_ascii(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_everywhere(v4 in any::<u32>(), v6 in any::<u128>(), mapped in any::<bool>()) {
            let v6 = match mapped {
                true => Ipv4Addr::from(v4).to_ipv6_mapped(),
                false => Ipv6Addr::from(v6),
            };
            for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6)] {
                let text = AddressText::new(address);
                prop_assert_eq!(crate::record::visit::ascii(text.as_ascii()), address.to_string());
            }
        }
    }

    #[test]
    fn the_longest_address_fits() {
        let longest = IpAddr::V6(Ipv6Addr::from([0xffff; 8]));
        assert_eq!(
            AddressText::new(longest).as_ascii(),
            longest.to_string().as_bytes()
        );
    }
}
