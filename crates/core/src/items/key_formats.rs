//! A key in the forms that other libraries read: SubjectPublicKeyInfo (DER, PEM) and JWK.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::{CoseKey, Curve, KeyParameters};

// Object identifiers, DER-encoded with their tag and length.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]; // 1.2.840.10045.2.1
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]; // 1.2.840.113549.1.1.1
const DER_NULL: &[u8] = &[0x05, 0x00];

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

impl CoseKey {
    /// Returns the key as DER-encoded SubjectPublicKeyInfo.
    ///
    /// Sources: RFC 5480 (EC), RFC 8410 (Ed25519, Ed448), RFC 3279 (RSA; also for PSS, as WebAuthn libraries expect).
    pub fn to_spki_der(&self) -> Vec<u8> {
        let (algorithm, key) = match self.parameters() {
            KeyParameters::Ec2 { curve, x, y } => {
                let algorithm = der(SEQUENCE, &[EC_PUBLIC_KEY, curve_oid(*curve)]);
                (algorithm, [&[0x04], &**x, &**y].concat())
            }
            KeyParameters::Okp { curve, x } => (der(SEQUENCE, &[curve_oid(*curve)]), x.to_vec()),
            KeyParameters::Rsa { n, e } => {
                let key = der(SEQUENCE, &[&der_integer(n), &der_integer(e)]);
                (der(SEQUENCE, &[RSA_ENCRYPTION, DER_NULL]), key)
            }
        };
        der(SEQUENCE, &[&algorithm, &der(BIT_STRING, &[&[0x00], &key])])
    }

    /// Returns the key as PEM text, lines of 64 characters, with a final line break.
    pub fn to_spki_pem(&self) -> String {
        let text = STANDARD.encode(self.to_spki_der());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }

    /// Returns the key as a JSON Web Key with `kty`, its numbers and `alg` (RFC 7517, 7518, 8037, 8812).
    ///
    /// ```
    /// # use keyferry_core::{CoseAlgorithm, CoseKey, Curve, KeyParameters};
    /// # let x = *b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
    /// # let numbers = KeyParameters::Okp { curve: Curve::Ed25519, x: x.into() };
    /// let key = CoseKey::from_parameters(CoseAlgorithm::EdDsa, &numbers)?;
    /// assert_eq!(key.to_jwk(),
    ///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA"}"#);
    /// # Ok::<(), keyferry_core::Fault>(())
    /// ```
    pub fn to_jwk(&self) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let algorithm = self.algorithm();
        match self.parameters() {
            KeyParameters::Ec2 { curve, x, y } => format!(
                r#"{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}","alg":"{algorithm}"}}"#,
                encode(x),
                encode(y)
            ),
            KeyParameters::Okp { curve, x } => {
                format!(r#"{{"kty":"OKP","crv":"{curve}","x":"{}","alg":"{algorithm}"}}"#, encode(x))
            }
            KeyParameters::Rsa { n, e } => {
                format!(r#"{{"kty":"RSA","n":"{}","e":"{}","alg":"{algorithm}"}}"#, encode(n), encode(e))
            }
        }
    }
}

fn curve_oid(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], // 1.2.840.10045.3.1.7
        Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],                   // 1.3.132.0.34
        Curve::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],                   // 1.3.132.0.35
        Curve::Secp256k1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],              // 1.3.132.0.10
        Curve::Ed25519 => &[0x06, 0x03, 0x2b, 0x65, 0x70],                            // 1.3.101.112
        Curve::Ed448 => &[0x06, 0x03, 0x2b, 0x65, 0x71],                              // 1.3.101.113
    }
}

/// Writes a DER element of the given tag around the parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length: Vec<u8> =
                content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(8)); // safe: a usize has at most 8 bytes
            out.extend(length);
        }
    }
    out.extend(content);
    out
}

/// Writes an unsigned number; a leading zero keeps it positive.
fn der_integer(number: &[u8]) -> Vec<u8> {
    match number.first() {
        Some(first) if *first >= 0x80 => der(INTEGER, &[&[0x00], number]),
        _ => der(INTEGER, &[number]),
    }
}
