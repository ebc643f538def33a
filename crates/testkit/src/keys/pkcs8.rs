//! Writes private keys as PKCS#8 (RFC 5208) and PEM.
//!
//! The curves' own encoders compute the public key again for each call, which would double the time to generate a
//! large export; here it is already known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// OID 1.2.840.10045.2.1, `id-ecPublicKey`.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// OID 1.3.101.112, `id-Ed25519`.
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// OID 1.2.840.10045.3.1.7.
pub(super) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OID 1.3.132.0.34.
pub(super) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// OID 1.3.132.0.35.
pub(super) const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// OID 1.3.132.0.10.
pub(super) const SECP256K1: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];

/// An elliptic curve key (RFC 5915) of the curve with this OID; the public key (x, then y) is put in, as OpenSSL does.
pub(super) fn ec(curve: &[u8], secret: &[u8], point: &[u8]) -> Vec<u8> {
    let point = [&[0x00, 0x04], point].concat(); // no unused bits, then the uncompressed form
    let ec_private_key = element(
        0x30,
        &[&[0x02, 0x01, 0x01], &*element(0x04, secret), &*element(0xa1, &element(0x03, &point))].concat(),
    );
    private_key_info(&[EC_PUBLIC_KEY, curve].concat(), &ec_private_key)
}

/// An Ed25519 key (RFC 8410, version 1: without the public key).
pub(super) fn ed25519(secret: &[u8]) -> Vec<u8> {
    private_key_info(ED25519, &element(0x04, secret))
}

/// Any DER private key in PEM's armour.
pub(super) fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 64);
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

fn private_key_info(algorithm: &[u8], private_key: &[u8]) -> Vec<u8> {
    let parts = [&[0x02, 0x01, 0x00], &*element(0x30, algorithm), &*element(0x04, private_key)];
    element(0x30, &parts.concat())
}

/// One DER element. No key here is longer than 65,535 bytes, so two length bytes are enough.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = Vec::with_capacity(content.len() + 4);
    der.push(tag);
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => der.push(low),
        (0, _) => der.extend_from_slice(&[0x81, low]),
        _ => der.extend_from_slice(&[0x82, high, low]),
    }
    der.extend_from_slice(content);
    der
}
