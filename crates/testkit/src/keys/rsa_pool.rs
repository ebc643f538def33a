//! The embedded RSA keys, each read once, on first use.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1v15;
use rsa::pkcs8::DecodePrivateKey;
use rsa::pss;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::Algorithm;
use super::rsa_crt::Crt2048;
use crate::stream::Stream;

/// The size of an RSA test key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RsaSize {
    /// 2048 bits; 16 keys are embedded.
    Bits2048,
    /// 3072 bits; 2 keys are embedded.
    Bits3072,
    /// 4096 bits; 2 keys are embedded.
    Bits4096,
}

impl RsaSize {
    /// Returns how many keys of this size are embedded.
    #[must_use]
    pub fn pool(self) -> usize {
        self.slots().len()
    }

    fn slots(self) -> &'static [Slot] {
        match self {
            Self::Bits2048 => &BITS_2048,
            Self::Bits3072 => &BITS_3072,
            Self::Bits4096 => &BITS_4096,
        }
    }
}

struct Slot {
    pem: &'static str,
    key: OnceLock<RsaKey>,
}

macro_rules! slots {
    ($($name:literal)*) => {
        [$(Slot { pem: include_str!(concat!("../../keys/", $name, ".pem")), key: OnceLock::new() }),*]
    };
}

static BITS_2048: [Slot; 16] = slots!(
    "rsa2048-01" "rsa2048-02" "rsa2048-03" "rsa2048-04" "rsa2048-05" "rsa2048-06" "rsa2048-07" "rsa2048-08"
    "rsa2048-09" "rsa2048-10" "rsa2048-11" "rsa2048-12" "rsa2048-13" "rsa2048-14" "rsa2048-15" "rsa2048-16"
);
static BITS_3072: [Slot; 2] = slots!("rsa3072-01" "rsa3072-02");
static BITS_4096: [Slot; 2] = slots!("rsa4096-01" "rsa4096-02");

pub(super) struct RsaKey {
    pub(super) pem: &'static str,
    pub(super) der: Vec<u8>,
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
    key: RsaPrivateKey,
    fast: Option<Crt2048>,
}

/// The embedded key of this size and number; numbers past the end begin again at the first.
pub(super) fn key(size: RsaSize, number: usize) -> &'static RsaKey {
    let slots = size.slots();
    let slot = &slots[number % slots.len()];
    slot.key.get_or_init(|| RsaKey::read(slot.pem))
}

impl RsaKey {
    fn read(pem: &'static str) -> Self {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).expect("the embedded test keys are PEM");
        let key = RsaPrivateKey::from_pkcs8_der(&der).expect("the embedded test keys are PKCS#8");
        let public = RsaPublicKey::from(&key);
        let (modulus, exponent) = (public.n_bytes().into_vec(), public.e_bytes().into_vec());
        let fast = Crt2048::new(&key);
        Self { pem, der, modulus, exponent, key, fast }
    }

    /// Signs with the padding and hash of this algorithm, or with RS256's if it is not one of RSA.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match algorithm {
            Algorithm::Ps256 => self.pss(&pss::SigningKey::<Sha256>::new(self.key.clone()), message),
            Algorithm::Ps384 => self.pss(&pss::SigningKey::<Sha384>::new(self.key.clone()), message),
            Algorithm::Ps512 => self.pss(&pss::SigningKey::<Sha512>::new(self.key.clone()), message),
            Algorithm::Rs384 => pkcs1v15::SigningKey::<Sha384>::new(self.key.clone()).sign(message).to_vec(),
            Algorithm::Rs512 => pkcs1v15::SigningKey::<Sha512>::new(self.key.clone()).sign(message).to_vec(),
            _ => match &self.fast {
                Some(fast) => fast.sign_rs256(message),
                None => pkcs1v15::SigningKey::<Sha256>::new(self.key.clone()).sign(message).to_vec(),
            },
        }
    }

    /// The salt, as long as the hash, comes from the message: the same message gets the same signature.
    fn pss(&self, key: &impl RandomizedSigner<pss::Signature>, message: &[u8]) -> Vec<u8> {
        key.sign_with_rng(&mut Stream::new("pss salt", &[&self.modulus, message]), message).to_vec()
    }
}
