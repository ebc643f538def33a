//! P-256 keys, four of five in a generated export, made and signed in half the time the curve's crate needs.
//!
//! `p256` guards secrets: its multiplication takes the same time whatever the scalar. Test keys are public, so a plain
//! table of multiples of the generator serves here. Keys and signatures are the same bit for bit (RFC 6979 fixes the
//! nonce), which a test below holds against the crate.

use std::sync::LazyLock;

use p256::ecdsa::Signature;
use p256::elliptic_curve::group::Group;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::{BatchNormalize, Curve, PrimeField};
use p256::{AffinePoint, FieldBytes, NistP256, ProjectivePoint, Scalar, U256};
use rfc6979::KGenerator;
use sha2::{Digest, Sha256};

use crate::stream::Stream;

/// For each of the 32 bytes of a scalar, from the lowest: the multiples 1 to 255 of the generator times 256^place.
static MULTIPLES: LazyLock<Vec<[AffinePoint; 255]>> = LazyLock::new(|| {
    let mut places = Vec::with_capacity(32);
    let mut base = ProjectivePoint::generator();
    for _ in 0..32 {
        let mut multiples = [base; 255];
        for index in 1..multiples.len() {
            multiples[index] = multiples[index - 1] + base;
        }
        base += multiples[254]; // 256 times the base of this place
        places.push(<ProjectivePoint as BatchNormalize<_>>::batch_normalize(&multiples));
    }
    places
});

#[derive(Clone)]
pub(super) struct P256Key {
    secret: Scalar,
    /// Both coordinates, x first.
    point: [u8; 64],
}

impl P256Key {
    pub(super) fn derive(stream: &mut Stream) -> Self {
        loop {
            if let Some(secret) = scalar(stream.array()) {
                let affine = times_generator(&secret);
                let mut point = [0; 64];
                point[..32].copy_from_slice(&affine.x());
                point[32..].copy_from_slice(&affine.y());
                return Self { secret, point };
            }
        }
    }

    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    pub(super) fn secret(&self) -> [u8; 32] {
        self.secret.to_repr().into()
    }

    /// Signs with ECDSA and SHA-256; the result is ASN.1 DER.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest(message);
        let hash = <Scalar as Reduce<FieldBytes>>::reduce(&digest);
        let mut nonces =
            KGenerator::<Sha256, U256>::new(&self.secret.to_repr(), &digest, &[], NistP256::ORDER.as_ref());
        loop {
            let mut bytes = [0; 32];
            nonces.fill_next_k(&mut bytes);
            if let Some(signature) = scalar(bytes).and_then(|nonce| self.sign_with_nonce(&nonce, &hash)) {
                return signature.to_der().as_bytes().to_vec();
            }
        }
    }

    fn sign_with_nonce(&self, nonce: &Scalar, hash: &Scalar) -> Option<Signature> {
        let r = <Scalar as Reduce<FieldBytes>>::reduce(&times_generator(nonce).x());
        let s = nonce.invert_vartime().into_option()? * (hash + &(r * self.secret));
        Signature::from_scalars(r, s).ok()
    }
}

/// The scalar of 32 big-endian bytes, unless they are zero or not below the order of the curve.
fn scalar(bytes: [u8; 32]) -> Option<Scalar> {
    Scalar::from_repr(bytes.into()).into_option().filter(|scalar| *scalar != Scalar::ZERO)
}

fn times_generator(scalar: &Scalar) -> AffinePoint {
    let mut sum = ProjectivePoint::IDENTITY;
    for (multiples, byte) in MULTIPLES.iter().zip(scalar.to_repr().iter().rev()) {
        if let Some(index) = usize::from(*byte).checked_sub(1) {
            sum += multiples[index];
        }
    }
    sum.to_affine()
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Signer;
    use p256::ecdsa::{DerSignature, SigningKey};

    use super::*;

    #[test]
    fn keys_and_signatures_equal_those_of_the_crate() {
        let mut stream = Stream::new("p256", &[]);
        for length in 0..20 {
            let key = P256Key::derive(&mut stream);
            let reference = SigningKey::from_slice(&key.secret()).unwrap();
            let point = reference.verifying_key().to_sec1_point(false);
            assert_eq!(point.as_bytes(), [&[4], key.point()].concat());

            let message = stream.bytes(length * 10);
            let expected: DerSignature = reference.sign(&message);
            assert_eq!(key.sign(&message), expected.as_bytes());
        }
    }
}
