//! Writes a COSE_Key from its numbers.

use super::KeyParameters;
use crate::CoseAlgorithm;

/// Writes the key in CTAP2 canonical CBOR: labels 1, 3, -1, -2, -3, shortest lengths.
pub(super) fn encode(algorithm: CoseAlgorithm, parameters: &KeyParameters) -> Vec<u8> {
    let mut out = Vec::new();
    let head = |out: &mut Vec<u8>, count: u64, kty: i64| {
        cbor_head(out, 5, count);
        cbor_integer(out, 1);
        cbor_integer(out, kty);
        cbor_integer(out, 3);
        cbor_integer(out, algorithm.number());
    };
    let bytes = |out: &mut Vec<u8>, label: i64, value: &[u8]| {
        cbor_integer(out, label);
        cbor_head(out, 2, u64::try_from(value.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(value);
    };
    match parameters {
        KeyParameters::Ec2 { curve, x, y } => {
            head(&mut out, 5, 2);
            cbor_integer(&mut out, -1);
            cbor_integer(&mut out, curve.number());
            bytes(&mut out, -2, x);
            bytes(&mut out, -3, y);
        }
        KeyParameters::Okp { curve, x } => {
            head(&mut out, 4, 1);
            cbor_integer(&mut out, -1);
            cbor_integer(&mut out, curve.number());
            bytes(&mut out, -2, x);
        }
        KeyParameters::Rsa { n, e } => {
            head(&mut out, 4, 3);
            bytes(&mut out, -1, n);
            bytes(&mut out, -2, e);
        }
    }
    out
}

fn cbor_integer(out: &mut Vec<u8>, number: i64) {
    let (major, argument) = if number < 0 { (1, !number) } else { (0, number) };
    cbor_head(out, major, argument.unsigned_abs());
}

fn cbor_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    if let Ok(byte) = u8::try_from(argument) {
        if byte < 24 {
            out.push(major | byte);
        } else {
            out.extend_from_slice(&[major | 24, byte]);
        }
    } else if let Ok(short) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        // Nothing in a key is longer than 8192 bits or numbered beyond 16 bits; kept whole all the same.
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}
