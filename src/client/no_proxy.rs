//! Which hosts `NO_PROXY` excepts from the proxy, as curl reads it.

use std::net::{IpAddr, Ipv4Addr};

use crate::host::without_brackets;

/// Whether a `NO_PROXY` list has a host, which stands as in a URL: `*` alone, a name and its sub-domains with or
/// without a dot before it, an address, or a block of addresses (CIDR).
///
/// As in curl, and safer than to guess: what is none of these excepts nothing, so that the proxy is used. A block of
/// no bits is its own address, an IPv6 address stands without brackets, and numbers have no leading zeros.
pub fn matches_no_proxy(host: &str, list: &str) -> bool {
    if list == "*" {
        return true;
    }
    let mut entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    if let Some(address) = parse_address(host) {
        return entries.any(|entry| is_in_block(address, entry));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    entries.any(|entry| is_in_domain(&host, &entry.to_ascii_lowercase()))
}

/// The address that a host is, if it is none that has to be looked up.
fn parse_address(host: &str) -> Option<IpAddr> {
    without_brackets(host).parse().ok().or_else(|| Some(parse_number(host)?.into()))
}

/// An IPv4 address in one of the forms that the C library and curl know, too: up to four numbers, the last of which
/// fills what the others leave; hexadecimal after `0x`, octal after `0`.
fn parse_number(host: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u32>> = host.split('.').map(parse_part).collect();
    let (last, first) = numbers.as_ref()?.split_last()?;
    let unfilled = 4_usize.checked_sub(first.len())?;
    let mut address = *last;
    if unfilled < 4 && u64::from(*last) >> (8 * unfilled) != 0 {
        return None;
    }
    for (place, number) in first.iter().enumerate() {
        address |= u32::from(u8::try_from(*number).ok()?) << (24 - 8 * place);
    }
    (unfilled > 0).then(|| address.into())
}

fn parse_part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // Without the sign that `from_str_radix` would take.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

/// Whether an entry is the address, or a block that has it.
fn is_in_block(address: IpAddr, entry: &str) -> bool {
    let (network, bits) = match entry.split_once('/') {
        None => (entry, Some(0)),
        Some((network, bits)) => {
            let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
            (network, bits.parse::<u32>().ok().filter(|_| is_number))
        }
    };
    let Some(bits) = bits else { return false };
    let (differences, width) = match (address, network.parse()) {
        (IpAddr::V4(address), Ok(IpAddr::V4(network))) => {
            (u128::from(address.to_bits() ^ network.to_bits()), 32)
        }
        (IpAddr::V6(address), Ok(IpAddr::V6(network))) => {
            (address.to_bits() ^ network.to_bits(), 128)
        }
        _ => return false,
    };
    // Nothing is shifted out of a block of no bits: it is its own address.
    bits <= width && differences >> ((width - bits) % width) == 0
}

/// Whether an entry, in lower case like the host, is the host or a domain that has it.
fn is_in_domain(host: &str, entry: &str) -> bool {
    let domain = entry.strip_suffix('.').unwrap_or(entry);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    match host.strip_suffix(domain) {
        Some(rest) => !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, rows: &[(&str, bool)]) {
        for (list, expected) in rows {
            assert_eq!(matches_no_proxy(host, list), *expected, "{host} in {list:?}");
        }
    }

    #[test]
    fn a_name_is_excluded_by_itself_or_by_a_domain_that_contains_it() {
        check(
            "api.x.ai",
            &[
                ("*", true),
                (" *", false),
                ("* ", false),
                ("a.example,*", false),
                ("", false),
                (",", false),
                ("x.ai", true),
                (".x.ai", true),
                ("..x.ai", false),
                ("x.ai.", true),
                ("x.ai..", false),
                (".", false),
                ("API.X.AI", true),
                ("a.example, x.ai", true),
                ("a.example x.ai", true),
                ("a.example,,,\t x.ai,", true),
                ("ax.ai", false),
                ("www.api.x.ai", false),
                ("*.x.ai", false),
                ("api.x.ai:443", false),
            ],
        );
        check("api.ax.ai", &[("x.ai", false), ("..ai", false)]);
        check("api.x.ai.", &[("x.ai", true), (".api.x.ai.", true)]);
        check("localhost", &[("localhost,127.0.0.1", true), ("127.0.0.1", false)]);
    }

    #[test]
    fn an_address_is_excluded_by_itself_or_by_a_block_that_contains_it() {
        check(
            "10.1.2.3",
            &[
                ("10.1.2.3", true),
                ("10.1.2.4", false),
                ("10.0.0.0/8", true),
                ("11.0.0.0/8", false),
                ("10.1.2.2/31", true),
                ("10.1.2.4/31", false),
                ("10.1.2.3/32", true),
                ("10.1.2.2/32", false),
                ("10.1.2.3/33", false),
                ("10.1.2.3/0", true),
                ("10.0.0.1/0", false),
                ("0.0.0.0/0", false),
                ("010.0.0.0/8", false),
                ("10.0.0.0/8x", false),
                ("10.1.2.3/", false),
                ("10.0.0.0/+8", false),
                ("10.0.0.0/4294967304", false),
                ("10/8", false),
                (".10.1.2.3", false),
                ("10.1.2.3.", false),
                ("3", false),
                ("2.3", false),
                ("::/1", false),
            ],
        );
        check("[::1]", &[("::1", true), ("[::1]", false), ("::/0", false), ("::1/129", false)]);
        check("[::1]", &[("0:0::1", true), ("::1/128", true), ("::2/127", false)]);
        check(
            "[fd00::7]",
            &[("fc00::/7", true), ("fd00::/8", true), ("fd40::/9", true), ("fd80::/9", false)],
        );
        check("[::ffff:10.1.2.3]", &[("10.0.0.0/8", false), ("10.1.2.3", false)]);
    }

    #[test]
    fn an_address_in_an_unusual_form_is_still_that_address() {
        for host in ["0x0a010203", "012.1.2.3", "10.1.515", "10.66051", "167838211", "0XA.1.2.0x3"]
        {
            let own = (host, false);
            check(host, &[("10.0.0.0/8", true), ("10.1.2.3", true), own, ("11.0.0.0/8", false)]);
        }
        for host in ["1.2.3.256", "1.2.65536", "4294967296", "08", "0x", "1.2.3.4.5", "1..2", "+1"]
        {
            check(host, &[("0.0.0.0/1,1.2.3.4", false), (host, true)]);
        }
    }
}
