//! Whether an RSA modulus and exponent can be trusted, without any RSA library.

use super::small_factors::{small_factor, was_searched};
use crate::FaultCode;

/// The smallest modulus in bits: 112 bits of strength (NIST SP 800-63B, section 5.2.7).
const MIN_BITS: usize = 2048;
/// The largest modulus in bits: beyond it verification becomes a way to keep a server busy.
const MAX_BITS: usize = 8192;

/// Checks modulus `n` and exponent `e`, both unsigned, big-endian and without leading zeros.
///
/// # Errors
/// - `key-rsa-modulus`: not 2048 to 8192 bits, a leading zero, even, or divisible by a prime below 2^16.
/// - `key-rsa-exponent`: empty, a leading zero, even, 1, or longer than 32 bytes.
pub(super) fn check(n: &[u8], e: &[u8]) -> Result<(), (FaultCode, String)> {
    let modulus = |message: String| Err((FaultCode::KeyRsaModulus, message));
    let exponent = |message: &str| Err((FaultCode::KeyRsaExponent, message.to_owned()));
    let (Some(n_first), Some(n_last)) = (n.first(), n.last()) else {
        return modulus("an empty modulus".to_owned());
    };
    if *n_first == 0 {
        return modulus("a modulus with a leading zero".to_owned());
    }
    let bits = bit_length(n);
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return modulus(format!("a modulus of {bits} bits, expected {MIN_BITS} to {MAX_BITS}"));
    }
    if n_last % 2 == 0 {
        return modulus("an even modulus".to_owned());
    }
    let (Some(e_first), Some(e_last)) = (e.first(), e.last()) else {
        return exponent("an empty exponent");
    };
    if *e_first == 0 {
        return exponent("an exponent with a leading zero");
    }
    if e == [1] {
        return exponent("exponent 1: a signature is then the padded message itself");
    }
    if e_last % 2 == 0 {
        return exponent("an even exponent");
    }
    if e.len() > 32 {
        return exponent("an exponent above 2^256");
    }
    if was_searched(n) {
        return Ok(());
    }
    match small_factor(n) {
        Some(prime) => modulus(format!("a modulus divisible by {prime}")),
        None => Ok(()),
    }
}

/// Returns the length of an unsigned big-endian number without leading zero bytes in bits.
pub(super) fn bit_length(n: &[u8]) -> usize {
    let leading = n.first().map_or(8, |first| first.leading_zeros());
    (n.len() * 8).saturating_sub(usize::try_from(leading).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::tests_support::prime;

    fn code(n: &[u8], e: &[u8]) -> Option<FaultCode> {
        check(n, e).err().map(|(code, _)| code)
    }

    #[test]
    fn exponent_bounds() {
        let n = prime();
        assert_eq!(code(&n, &[1, 0, 1]), None);
        assert_eq!(code(&n, &[3]), None);
        assert_eq!(code(&n, &[0xff; 32]), None);
        for e in [&[][..], &[1], &[0], &[2], &[0, 3], &[1, 0, 0], &[0xff; 33]] {
            assert_eq!(code(&n, e), Some(FaultCode::KeyRsaExponent), "{e:?}");
        }
    }

    #[test]
    fn modulus_bounds() {
        let length = |bits: usize| {
            let mut n = prime();
            n.resize(bits / 8, 0xff);
            n[0] = 0x80;
            n
        };
        for bits in [1024, 2040] {
            assert_eq!(code(&length(bits), &[3]), Some(FaultCode::KeyRsaModulus), "{bits}");
        }
        assert_eq!(code(&vec![0xff; 1025], &[3]), Some(FaultCode::KeyRsaModulus));
        assert_eq!(code(&[], &[3]), Some(FaultCode::KeyRsaModulus));
        let mut even = prime();
        *even.last_mut().unwrap() = 0xfe;
        assert_eq!(code(&even, &[3]), Some(FaultCode::KeyRsaModulus));
        let mut padded = vec![0];
        padded.extend(prime());
        assert_eq!(code(&padded, &[3]), Some(FaultCode::KeyRsaModulus));
        assert_eq!(bit_length(&prime()), 2203);
    }
}
