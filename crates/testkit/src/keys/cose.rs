//! Writes COSE_Key maps in the CTAP2 canonical form: shortest integers, labels in the order 1, 3, -1, -2, -3.
//!
//! They are written by hand so that a fault in the CBOR library of the code under test cannot hide in its test data.

const EC2: i64 = 2;
const OKP: i64 = 1;
const RSA: i64 = 3;

/// An elliptic curve key. `point` is x, then y, both at full length: WebAuthn allows no point compression.
pub(super) fn ec2(algorithm: i64, curve: i64, point: &[u8]) -> Vec<u8> {
    let (x, y) = point.split_at(point.len() / 2);
    let mut map = start(5, EC2, algorithm);
    integer(&mut map, -1);
    integer(&mut map, curve);
    integer(&mut map, -2);
    bytes(&mut map, x);
    integer(&mut map, -3);
    bytes(&mut map, y);
    map
}

/// An octet key pair (Ed25519, Ed448).
pub(super) fn okp(algorithm: i64, curve: i64, x: &[u8]) -> Vec<u8> {
    let mut map = start(4, OKP, algorithm);
    integer(&mut map, -1);
    integer(&mut map, curve);
    integer(&mut map, -2);
    bytes(&mut map, x);
    map
}

/// An RSA key: modulus and public exponent, big-endian without leading zeros.
pub(super) fn rsa(algorithm: i64, modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut map = start(4, RSA, algorithm);
    integer(&mut map, -1);
    bytes(&mut map, modulus);
    integer(&mut map, -2);
    bytes(&mut map, exponent);
    map
}

/// The map head and the two labels all key types begin with: `kty` and `alg`.
fn start(entries: u64, key_type: i64, algorithm: i64) -> Vec<u8> {
    let mut map = Vec::with_capacity(96);
    head(&mut map, 5, entries);
    integer(&mut map, 1);
    integer(&mut map, key_type);
    integer(&mut map, 3);
    integer(&mut map, algorithm);
    map
}

fn integer(out: &mut Vec<u8>, value: i64) {
    // CBOR stores a negative n as -1 - n, which is what the bitwise complement gives.
    match u64::try_from(value) {
        Ok(value) => head(out, 0, value),
        Err(_) => head(out, 1, (!value).unsigned_abs()),
    }
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, 2, u64::try_from(value.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(value);
}

/// The initial byte of a CBOR item and its argument in the shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
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
    } else if let Ok(word) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend_from_slice(&word.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_shortest_form() {
        let encoded = |value| {
            let mut out = Vec::new();
            integer(&mut out, value);
            out
        };
        assert_eq!(encoded(1), [0x01]);
        assert_eq!(encoded(24), [0x18, 24]);
        assert_eq!(encoded(-1), [0x20]);
        assert_eq!(encoded(-7), [0x26]);
        assert_eq!(encoded(-37), [0x38, 36]);
        assert_eq!(encoded(-257), [0x39, 0x01, 0x00]);
    }

    #[test]
    fn the_labels_stand_in_canonical_order() {
        let key = ec2(-7, 1, &[0xaa; 64]);
        assert_eq!(key[..10], [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        assert_eq!(key[42..45], [0x22, 0x58, 0x20]);
        assert_eq!(key.len(), 77);
    }
}
