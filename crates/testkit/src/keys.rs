//! Private keys to test with: made from a seed, written as COSE_Key, able to sign as an authenticator does.

mod algorithm;
mod cose;
mod p256;
mod pkcs8;
mod rsa_crt;
mod rsa_pool;

use core::fmt;

use ed25519_dalek::Signer as _;

pub use self::algorithm::Algorithm;
use self::p256::P256Key;
use self::rsa_pool::RsaKey;
pub use self::rsa_pool::RsaSize;
use crate::stream::Stream;

/// The public key of the first test vector for Ed448 in RFC 8032, section 7.4 ("Blank").
///
/// No test key can sign with Ed448; the vector shows whether a reader takes its COSE form.
pub const ED448_PUBLIC_KEY: [u8; 57] = [
    0x5f, 0xd7, 0x44, 0x9b, 0x59, 0xb4, 0x61, 0xfd, 0x2c, 0xe7, 0x87, 0xec, 0x61, 0x6a, 0xd4, 0x6a, 0x1d,
    0xa1, 0x34, 0x24, 0x85, 0xa7, 0x0e, 0x1f, 0x8a, 0x0e, 0xa7, 0x5d, 0x80, 0xe9, 0x67, 0x78, 0xed, 0xf1,
    0x24, 0x76, 0x9b, 0x46, 0xc7, 0x06, 0x1b, 0xd6, 0x78, 0x3d, 0xf1, 0xe5, 0x0f, 0x6c, 0xd1, 0xfa, 0x1a,
    0xbe, 0xaf, 0xe8, 0x25, 0x61, 0x80,
];

/// Returns [`ED448_PUBLIC_KEY`] as a COSE_Key with this `alg`: -8 (EdDSA) or -53 (Ed448, fully specified).
#[must_use]
pub fn ed448_cose(algorithm: i64) -> Vec<u8> {
    cose::okp(algorithm, 7, &ED448_PUBLIC_KEY)
}

/// A private key of one COSE algorithm.
///
/// Each is made from a seed, so a test or a generated export can make it again. RSA keys are slow to find and come
/// from a pool of 20 embedded ones instead: two seeds may give the same RSA key, but never the same key of another kind.
///
/// These keys are for tests alone: they can be made again by anyone, and their arithmetic does not hide them.
///
/// # Examples
///
/// ```
/// use keyferry_testkit::{Algorithm, TestKey};
///
/// let key = TestKey::from_seed(Algorithm::Es256, &[7; 32]);
/// assert_eq!(key.cose(), TestKey::from_seed(Algorithm::Es256, &[7; 32]).cose());
/// assert_eq!(key.cose().len(), 77);
/// assert_eq!(key.sign(b"message")[0], 0x30); // ASN.1 DER
/// ```
#[derive(Clone)]
pub struct TestKey {
    algorithm: Algorithm,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    P256(P256Key),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(&'static RsaKey),
}

impl TestKey {
    /// Derives the key of a seed; an RSA key is one of the 2048-bit keys of the pool.
    #[must_use]
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Self {
        let mut stream = Stream::new("test key", &[&algorithm.cose().to_be_bytes(), seed]);
        let secret = match algorithm {
            Algorithm::Es256 | Algorithm::Esp256 => Secret::P256(P256Key::derive(&mut stream)),
            Algorithm::Es384 | Algorithm::Esp384 => {
                Secret::P384(valid(|| p384::ecdsa::SigningKey::from_slice(&stream.array::<48>()).ok()))
            }
            Algorithm::Es512 | Algorithm::Esp512 => Secret::P521(valid(|| {
                let mut bytes = stream.array::<66>();
                bytes[0] &= 0x01; // the order has 521 bits
                p521::ecdsa::SigningKey::from_slice(&bytes).ok()
            })),
            Algorithm::Es256k => {
                Secret::Secp256k1(valid(|| k256::ecdsa::SigningKey::from_slice(&stream.array::<32>()).ok()))
            }
            Algorithm::EdDsa | Algorithm::Ed25519 => {
                Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&stream.array()))
            }
            Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512
            | Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512 => {
                let [number] = stream.array();
                Secret::Rsa(rsa_pool::key(RsaSize::Bits2048, usize::from(number)))
            }
        };
        Self { algorithm, secret }
    }

    /// Takes an RSA key out of the pool, counting round when `number` is past its end.
    ///
    /// Returns `None` for an algorithm that is not one of RSA.
    #[must_use]
    pub fn rsa(algorithm: Algorithm, size: RsaSize, number: usize) -> Option<Self> {
        algorithm.is_rsa().then(|| Self { algorithm, secret: Secret::Rsa(rsa_pool::key(size, number)) })
    }

    /// Returns the algorithm the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Encodes the public key as a COSE_Key in the CTAP2 canonical form, as an authenticator sends it.
    #[must_use]
    pub fn cose(&self) -> Vec<u8> {
        let algorithm = self.algorithm.cose();
        match &self.secret {
            Secret::P256(key) => cose::ec2(algorithm, 1, key.point()),
            Secret::P384(key) => {
                cose::ec2(algorithm, 2, &key.verifying_key().to_sec1_point(false).as_bytes()[1..])
            }
            Secret::P521(key) => {
                cose::ec2(algorithm, 3, &key.verifying_key().to_sec1_point(false).as_bytes()[1..])
            }
            Secret::Secp256k1(key) => {
                cose::ec2(algorithm, 8, &key.verifying_key().to_sec1_point(false).as_bytes()[1..])
            }
            Secret::Ed25519(key) => cose::okp(algorithm, 6, key.verifying_key().as_bytes()),
            Secret::Rsa(key) => cose::rsa(algorithm, &key.modulus, &key.exponent),
        }
    }

    /// Signs a message and returns the signature in the form WebAuthn gives it.
    ///
    /// ECDSA: ASN.1 DER with the nonce of RFC 6979. Ed25519: 64 bytes. RSA: as long as the modulus, in PSS with a salt
    /// as long as the hash. The same message always gets the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => key.sign(message),
            Secret::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Secret::P521(key) => {
                let signature: p521::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Secret::Secp256k1(key) => {
                let signature: k256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Secret::Rsa(key) => key.sign(self.algorithm, message),
        }
    }

    /// Encodes the private key as PKCS#8 in DER.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => pkcs8::ec(pkcs8::P256, &key.secret(), key.point()),
            Secret::P384(key) => pkcs8::ec(
                pkcs8::P384,
                &key.to_bytes(),
                &key.verifying_key().to_sec1_point(false).as_bytes()[1..],
            ),
            Secret::P521(key) => pkcs8::ec(
                pkcs8::P521,
                &key.to_bytes(),
                &key.verifying_key().to_sec1_point(false).as_bytes()[1..],
            ),
            Secret::Secp256k1(key) => pkcs8::ec(
                pkcs8::SECP256K1,
                &key.to_bytes(),
                &key.verifying_key().to_sec1_point(false).as_bytes()[1..],
            ),
            Secret::Ed25519(key) => pkcs8::ed25519(key.as_bytes()),
            Secret::Rsa(key) => key.der.clone(),
        }
    }

    /// Encodes the private key as PKCS#8 in PEM.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> String {
        match &self.secret {
            Secret::Rsa(key) => key.pem.to_owned(),
            _ => pkcs8::pem(&self.to_pkcs8_der()),
        }
    }
}

/// Shows the algorithm alone; a private key does not belong in a log, not even one for tests.
impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Draws until a draw is a valid key; all but one in 2^32 are.
fn valid<T>(mut draw: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(key) = draw() {
            return key;
        }
    }
}
