//! Our own curve equations against the crates of the curves.

use keyferry_core::items::fuzzing::{is_on_ed25519, is_on_p256, is_on_p384};

/// Takes a byte that chooses the curve, one that chooses a bit to change, and coordinates.
///
/// Bytes are almost never a point of P-256 or P-384. So the first coordinate is also completed to a point, if there is
/// one, and that point is tried as it is and with one bit changed.
pub fn check(bytes: &[u8]) {
    let [curve, bit, coordinates @ ..] = bytes else { return };
    match curve % 3 {
        0 => weierstrass::<32>(coordinates, *bit, is_on_p256, p256_point),
        1 => weierstrass::<48>(coordinates, *bit, is_on_p384, p384_point),
        _ => ed25519(coordinates),
    }
}

/// Reads a point as SEC 1 writes it, and returns it uncompressed.
type Point = fn(&[u8]) -> Option<Vec<u8>>;

fn p256_point(sec1: &[u8]) -> Option<Vec<u8>> {
    p256::PublicKey::from_sec1_bytes(sec1).ok().map(|point| point.to_sec1_bytes().into())
}

fn p384_point(sec1: &[u8]) -> Option<Vec<u8>> {
    p384::PublicKey::from_sec1_bytes(sec1).ok().map(|point| point.to_sec1_bytes().into())
}

fn weierstrass<const N: usize>(coordinates: &[u8], bit: u8, ours: fn(&[u8], &[u8]) -> bool, theirs: Point) {
    let judge = |point: &[u8]| {
        let (x, y) = point.split_at(N.min(point.len()));
        let expected = theirs(&[&[4], point].concat()).is_some();
        assert_eq!(ours(x, y), expected && point.len() == 2 * N, "{point:02x?}");
    };
    judge(coordinates);
    for sign in [2, 3] {
        let Some(x) = coordinates.first_chunk::<N>() else { return };
        let Some(completed) = theirs(&[&[sign], &x[..]].concat()) else { return };
        let mut point = completed[1..].to_vec();
        assert!(ours(x, &point[N..]), "{point:02x?}");
        judge(&point);
        point[usize::from(bit) % (2 * N)] ^= 1 << (bit >> 5);
        judge(&point);
    }
}

fn ed25519(encoded: &[u8]) {
    let key = <&[u8; 32]>::try_from(encoded).ok().and_then(|encoded| {
        // The crate takes a y above the prime for another spelling; we take none.
        let mut y = *encoded;
        y[31] &= 0x7f;
        y.reverse();
        let mut prime = [0xff; 32];
        (prime[0], prime[31]) = (0x7f, 0xed);
        ed25519_dalek::VerifyingKey::from_bytes(encoded).ok().filter(|_| y < prime)
    });
    assert_eq!(is_on_ed25519(encoded), key.is_some_and(|key| !key.is_weak()), "{encoded:02x?}");
}
