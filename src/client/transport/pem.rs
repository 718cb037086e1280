//! Certificates in PEM, also in OpenSSL's own form. It does no I/O.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use memchr::memchr2_iter;
use rustls::pki_types::CertificateDer;

use crate::file::without_bom;

/// The labels of a certificate: the usual one, OpenSSL's own form, and its old name for the usual one.
const LABELS: [&[u8]; 3] = [b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE"];

/// As forgiving as other parsers of PEM.
const PEM_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The certificates in PEM (RFC 7468). What is no certificate is passed over: bundles hold more than that.
///
/// The parser that comes with rustls knows only the usual label, and takes five times as long for base64: most of a
/// start, with a system's bundle of 200 KiB.
pub fn certificates(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    let mut label = None;
    let mut base64 = Vec::new();
    lines(without_bom(pem)).filter_map(move |line| {
        let line = line.trim_ascii_end();
        if let Some(begun) = line.strip_prefix(b"-----BEGIN ") {
            label = begun.strip_suffix(b"-----").filter(|label| LABELS.contains(label));
            base64.clear();
        } else if let Some(ended) = line.strip_prefix(b"-----END ") {
            let begun = label.take()?;
            if ended.strip_suffix(b"-----") == Some(begun) {
                return decode(&mut base64).and_then(trusted_certificate);
            }
        } else if label.is_some() {
            base64.extend_from_slice(line);
        }
        None
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr2_iter(b'\n', b'\r', text).chain([text.len()]).map(move |end| {
        let line = &text[start..end];
        start = end + 1;
        line
    })
}

fn decode(base64: &mut Vec<u8>) -> Option<CertificateDer<'static>> {
    let decoded = PEM_BASE64.decode(&base64).or_else(|_| {
        base64.retain(|byte| !byte.is_ascii_whitespace());
        PEM_BASE64.decode(&base64)
    });
    decoded.ok().map(CertificateDer::from)
}

/// The certificate without what OpenSSL's form has behind it: what it is trusted for. `None` if that leaves out servers.
fn trusted_certificate(der: CertificateDer<'static>) -> Option<CertificateDer<'static>> {
    let (_, _, rest) = take_element(&der)?;
    if rest.is_empty() {
        return Some(der);
    }
    let is_trusted = is_trusted_for_servers(rest).unwrap_or(false);
    let len = der.len() - rest.len();
    is_trusted.then(|| CertificateDer::from(der[..len].to_vec()))
}

/// `id-kp-serverAuth` and `anyExtendedKeyUsage` (RFC 5280, 4.2.1.12), the content of their encoding.
const SERVER_PURPOSES: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 1], &[0x55, 0x1d, 0x25, 0]];

/// Whether OpenSSL's `CertAux` leaves servers in: a list of what the certificate is trusted for, and `[0]`, a list of
/// what it is not trusted for, both optional. `None` if it is malformed.
fn is_trusted_for_servers(aux: &[u8]) -> Option<bool> {
    const SEQUENCE: u8 = 0x30;
    const REJECTED: u8 = 0xa0;
    let (SEQUENCE, mut content, _) = take_element(aux)? else { return None };
    while !content.is_empty() {
        let (tag, list, rest) = take_element(content)?;
        match tag {
            SEQUENCE if !names_servers(list)? => return Some(false),
            REJECTED if names_servers(list)? => return Some(false),
            _ => content = rest,
        }
    }
    Some(true)
}

/// Whether servers are among the purposes of a list. `None` if it is malformed.
fn names_servers(mut purposes: &[u8]) -> Option<bool> {
    const OBJECT_IDENTIFIER: u8 = 6;
    while !purposes.is_empty() {
        let (tag, purpose, rest) = take_element(purposes)?;
        if tag == OBJECT_IDENTIFIER && SERVER_PURPOSES.contains(&purpose) {
            return Some(true);
        }
        purposes = rest;
    }
    Some(false)
}

/// The tag and the content of the first element of DER, and what follows it.
fn take_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        len @ 0..=0x7f => (usize::from(*len), rest),
        // The length itself has this many bytes; a file has fewer than 2^32.
        bytes @ 0x81..=0x84 => {
            let (len, rest) = rest.split_at_checked(usize::from(bytes & 0x7f))?;
            (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn parse(pem: &[u8]) -> Vec<CertificateDer<'static>> {
        certificates(pem).collect()
    }

    /// An authority as PEM.
    fn authority() -> String {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::default().self_signed(&key);
        certificate.expect("a certificate").pem()
    }

    /// The same with OpenSSL's additions after it.
    fn with_additions(pem: &str, aux: &[u8]) -> String {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let base64: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let der = [STANDARD.decode(base64).expect("base64"), aux.to_vec()].concat();
        let label = "TRUSTED CERTIFICATE-----";
        let base64 = STANDARD.encode(der);
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}\n{}\n-----END {label}\n", lines.join("\n"))
    }

    #[test]
    fn certificates_are_found_under_every_label_and_after_a_byte_order_mark() {
        let pem = authority();
        let relabel = |label: &str| pem.replace(" CERTIFICATE-", &format!(" {label} CERTIFICATE-"));
        for (bundle, expected) in [
            (pem.clone(), 1),
            (format!("\u{feff}{pem}"), 1),
            (relabel("X509"), 1),
            (relabel("TRUSTED"), 1),
            (format!("# ours\n{}\r\n{pem}", relabel("X509").replace('\n', "\r\n")), 2),
            (pem.replace('\n', "\r"), 1),
            (pem.replace('\n', " \n"), 1),
            (pem.replace('M', " M"), 1),
            (pem.replace('=', ""), 1),
            (pem.replace("END ", "END X509 "), 0),
            (pem.replace('M', "*"), 0),
            (format!("-----BEGIN CERTIFICATE-----\nAAAA\n{pem}"), 1),
            (format!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{pem}"), 1),
            (relabel("UNTRUSTED"), 0),
            (pem.replace("BEGIN", "BEGINNING"), 0),
            (String::new(), 0),
        ] {
            assert_eq!(parse(bundle.as_bytes()).len(), expected, "{bundle}");
        }
    }

    #[test]
    fn a_trusted_certificate_is_one_for_servers_only_if_openssl_says_so() {
        let pem = authority();
        let servers = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let clients = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
        let any = [6, 4, 0x55, 0x1d, 0x25, 0];
        let element = |tag: u8, content: &[u8]| {
            [&[tag, u8::try_from(content.len()).expect("short")], content].concat()
        };
        let aux = |elements: &[Vec<u8>]| element(0x30, &elements.concat());
        for (case, aux, expected) in [
            ("no list", aux(&[]), true),
            ("a name", aux(&[element(0x0c, b"x")]), true),
            ("trusted for servers", aux(&[element(0x30, &servers)]), true),
            ("for both", aux(&[element(0x30, &[clients, servers].concat())]), true),
            ("for anything", aux(&[element(0x30, &any)]), true),
            ("for clients only", aux(&[element(0x30, &clients)]), false),
            ("for nothing", aux(&[element(0x30, &[])]), false),
            ("servers inside something else", aux(&[element(0x30, &element(4, &servers))]), false),
            ("rejected for something malformed", aux(&[element(0xa0, &servers[..9])]), false),
            ("rejected for servers", aux(&[element(0xa0, &servers)]), false),
            ("rejected for clients", aux(&[element(0xa0, &clients)]), true),
            ("no additions of OpenSSL", vec![0], false),
            ("cut", aux(&[element(0x30, &servers)])[..8].to_vec(), false),
        ] {
            let found = parse(with_additions(&pem, &aux).as_bytes());
            assert_eq!(found.len(), usize::from(expected), "{case}");
            assert!(found.iter().all(|der| *der == parse(pem.as_bytes())[0]), "{case}");
        }
    }
}
