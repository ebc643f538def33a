//! Keys in the form that the Java libraries read.

use keyferry_core::{CoseKey, Curve, KeyParameters};

/// A map of 4: key type OKP, algorithm Ed448 (-53), curve Ed448, and x of 57 bytes, which follow.
const ED448: [u8; 11] = [0xa4, 0x01, 0x01, 0x03, 0x38, 0x34, 0x20, 0x07, 0x21, 0x58, 57];

/// Returns the COSE bytes under the algorithm identifier that the Java libraries verify with.
///
/// It is the older one where there are two, which older versions know alone. Only for Ed448 it is the new one: EdDSA
/// means Ed25519 to these libraries, as in WebAuthn Level 3, section 5.8.5.
pub(crate) fn java_key(key: &CoseKey) -> Vec<u8> {
    if key.curve() == Some(Curve::Ed448)
        && let KeyParameters::Okp { x, .. } = key.parameters()
    {
        return [&ED448[..], x].concat();
    }
    key.to_polymorphic().as_bytes().to_vec()
}

#[cfg(test)]
pub(crate) mod tests {
    use keyferry_core::CoseAlgorithm;
    use keyferry_testkit::{Algorithm, TestKey};

    use super::*;

    /// The point of the first test vector of RFC 8032, section 7.4.
    const POINT: &str = "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778\
                         edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180";

    fn ed448(algorithm: &[u8]) -> CoseKey {
        let x: Vec<u8> =
            (0..57).map(|at| u8::from_str_radix(&POINT[2 * at..2 * at + 2], 16).unwrap()).collect();
        let parts = [&[0xa4, 1, 1, 3][..], algorithm, &[0x20, 7, 0x21, 0x58, 57], &x];
        CoseKey::from_bytes(parts.concat()).unwrap()
    }

    /// An RSA key of so many words of 64 bits, and with this exponent. Nobody has its private key.
    pub(crate) fn rsa(words: u8, e: &[u8]) -> CoseKey {
        let length = u16::from(words) * 8;
        let mut n = vec![0xff; length.into()];
        // One of the odd endings is not divisible by a small prime.
        let key = (1..=0xff).step_by(2).find_map(|ending| {
            *n.last_mut()? = ending;
            let parts = [
                &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59][..],
                &length.to_be_bytes(),
                &n,
                &[0x21, 0x40 + u8::try_from(e.len()).ok()?],
                e,
            ];
            CoseKey::from_bytes(parts.concat()).ok()
        });
        key.unwrap()
    }

    #[test]
    fn ed448_has_its_own_number_and_the_others_the_older_one() {
        for algorithm in [&[0x27][..], &[0x38, 0x34]] {
            let key = ed448(algorithm);
            let written = CoseKey::from_bytes(java_key(&key)).unwrap();
            assert!(written.is_same_key(&key));
            assert_eq!(written.algorithm(), CoseAlgorithm::Ed448);
        }
        for algorithm in Algorithm::ALL.into_iter() {
            let key = CoseKey::from_bytes(TestKey::from_seed(algorithm, &[7; 32]).cose()).unwrap();
            let written = CoseKey::from_bytes(java_key(&key)).unwrap();
            assert!(written.is_same_key(&key));
            assert_eq!(written.algorithm(), key.algorithm().polymorphic());
        }
    }
}
