//! RS256 with a 2048-bit key in half the time the `rsa` crate needs.
//!
//! One row in eight of a generated export is such a key, and their signatures would take most of the time. As the test
//! keys are public, the arithmetic need not hide them: numbers of a fixed size and powers in variable time do. PKCS#1
//! v1.5 has no random part, so the signature is the same bit for bit, which a test below holds against the crate.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd, U1024, U2048};
use rsa::RsaPrivateKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use sha2::{Digest, Sha256};

const LIMBS: usize = U1024::LIMBS;

/// The DER of a `DigestInfo` for SHA-256 up to the digest itself (RFC 8017, section 9.2).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A private key in the form of the Chinese remainder theorem.
pub(super) struct Crt2048 {
    p: Prime,
    q: Prime,
    q_inverse: FixedMontyForm<LIMBS>,
}

/// One prime factor and the private exponent modulo one less than it.
struct Prime {
    value: NonZero<U1024>,
    params: FixedMontyParams<LIMBS>,
    exponent: U1024,
}

impl Crt2048 {
    /// Takes a key of two primes of 1024 bits, and no other.
    pub(super) fn new(key: &RsaPrivateKey) -> Option<Self> {
        let [p, q] = key.primes() else { return None };
        if key.size() != 256 {
            return None;
        }
        let (p, q) = (Prime::new(p, key.dp()?)?, Prime::new(q, key.dq()?)?);
        let q_inverse = p.reduce(q.value.as_ref()).invert_vartime().into_option()?;
        Some(Self { p, q, q_inverse })
    }

    pub(super) fn sign_rs256(&self, message: &[u8]) -> Vec<u8> {
        let mut padded = [0xff; 256];
        padded[..2].copy_from_slice(&[0x00, 0x01]);
        padded[204..205].copy_from_slice(&[0x00]);
        padded[205..224].copy_from_slice(&SHA256_INFO);
        padded[224..].copy_from_slice(&Sha256::digest(message));
        let message = U2048::from_be_slice(&padded);

        // Garner: signature = m2 + q * ((m1 - m2) / q mod p)
        let m1 = self.p.power(&message);
        let m2 = self.q.power(&message).retrieve();
        let h = m1.sub(&self.p.reduce(&m2)).mul(&self.q_inverse).retrieve();
        let product: U2048 = h.concatenating_mul(self.q.value.as_ref());
        product.wrapping_add(&m2.resize()).to_be_bytes().as_ref().to_vec()
    }
}

impl Prime {
    fn new(value: &BoxedUint, exponent: &BoxedUint) -> Option<Self> {
        let value = fixed(value)?;
        let params = FixedMontyParams::new_vartime(Odd::new(value).into_option()?);
        Some(Self { value: NonZero::new(value).into_option()?, params, exponent: fixed(exponent)? })
    }

    fn reduce(&self, number: &U1024) -> FixedMontyForm<LIMBS> {
        FixedMontyForm::new(&number.rem_vartime(&self.value), &self.params)
    }

    fn power(&self, message: &U2048) -> FixedMontyForm<LIMBS> {
        FixedMontyForm::new(&message.rem_vartime(&self.value), &self.params).pow_vartime(&self.exponent)
    }
}

fn fixed(number: &BoxedUint) -> Option<U1024> {
    let bytes = number.to_be_bytes_trimmed_vartime();
    let mut padded = [0; U1024::BYTES];
    let start = padded.len().checked_sub(bytes.len())?;
    padded[start..].copy_from_slice(&bytes);
    Some(U1024::from_be_slice(&padded))
}

#[cfg(test)]
mod tests {
    use rsa::pkcs1v15::SigningKey;
    use rsa::pkcs8::DecodePrivateKey;
    use rsa::signature::{SignatureEncoding, Signer};

    use super::*;

    #[test]
    fn signatures_equal_those_of_the_crate() {
        for pem in [include_str!("../../keys/rsa2048-01.pem"), include_str!("../../keys/rsa2048-02.pem")] {
            let key = RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
            let fast = Crt2048::new(&key).unwrap();
            let reference = SigningKey::<Sha256>::new(key);
            for length in 0..4 {
                let message = vec![7; length * 40];
                assert_eq!(fast.sign_rs256(&message), reference.sign(&message).to_vec());
            }
        }
    }

    #[test]
    fn other_sizes_are_left_to_the_crate() {
        let key = RsaPrivateKey::from_pkcs8_pem(include_str!("../../keys/rsa3072-01.pem")).unwrap();
        assert!(Crt2048::new(&key).is_none());
    }
}
