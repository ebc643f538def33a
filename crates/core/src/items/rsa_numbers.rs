//! Whether an RSA modulus and exponent can be trusted, without any RSA library.

use std::sync::LazyLock;

use super::searched_moduli;
use crate::FaultCode;

/// The smallest modulus in bits: 112 bits of strength (NIST SP 800-63B, section 5.2.7).
const MIN_BITS: usize = 2048;
/// The largest modulus in bits: beyond it verification becomes a way to keep a server busy.
const MAX_BITS: usize = 8192;
/// Primes below this are tried as factors.
const SMALL_PRIMES_BELOW: u32 = 1 << 16;

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
    if searched_moduli::is_searched(n) {
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

/// Products that are reduced together: their chains of multiplications do not depend on each other, so the processor
/// works on all of them at once.
const LANES: usize = 8;

/// Products of consecutive odd primes that fit 64 bits, and their inverses modulo 2^64.
struct Group {
    products: [u64; LANES],
    inverses: [u64; LANES],
    primes: Vec<Prime>,
}

/// A prime, the product that it belongs to, and what tells its multiples without a division.
struct Prime {
    number: u32,
    lane: usize,
    inverse: u64,
    limit: u64,
}

impl Prime {
    fn new(number: u32, lane: usize) -> Self {
        let wide = u64::from(number);
        Self { number, lane, inverse: inverse(wide), limit: u64::MAX / wide }
    }

    /// Exact quotients stay small, every other one is thrown far (Granlund and Montgomery, 1994, section 9).
    fn divides(&self, number: u64) -> bool {
        number.wrapping_mul(self.inverse) <= self.limit
    }
}

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let mut products: Vec<(u64, Vec<u32>)> = Vec::new();
    for prime in odd_primes() {
        match products.last_mut().and_then(|last| Some((last.0.checked_mul(u64::from(prime))?, last))) {
            Some((product, last)) => {
                last.0 = product;
                last.1.push(prime);
            }
            None => products.push((u64::from(prime), vec![prime])),
        }
    }
    products
        .chunks(LANES)
        .map(|chunk| {
            let mut group = Group { products: [1; LANES], inverses: [1; LANES], primes: Vec::new() };
            for (lane, (product, primes)) in chunk.iter().enumerate() {
                group.products[lane] = *product;
                group.inverses[lane] = inverse(*product);
                group.primes.extend(primes.iter().map(|prime| Prime::new(*prime, lane)));
            }
            group
        })
        .collect()
});

/// Finds an odd prime below 2^16 that divides `n`.
///
/// Each product costs two multiplications for every 64 bits of `n`: the exact-division form of Montgomery reduction
/// leaves a multiple of `n / 2^(64 k)` modulo the product, which a prime divides exactly when it divides `n`.
fn small_factor(n: &[u8]) -> Option<u32> {
    let limbs: Vec<u64> =
        n.rchunks(8).map(|chunk| chunk.iter().fold(0, |limb, byte| (limb << 8) | u64::from(*byte))).collect();
    GROUPS.iter().find_map(|group| {
        let mut carries = [0_u64; LANES];
        for limb in &limbs {
            for ((carry, inverse), product) in carries.iter_mut().zip(&group.inverses).zip(&group.products) {
                let (difference, borrow) = limb.overflowing_sub(*carry);
                let quotient = difference.wrapping_mul(*inverse);
                // The upper half is at most 2^64 - 2, so the borrow fits.
                *carry = high_half(quotient, *product).wrapping_add(u64::from(borrow));
            }
        }
        group.primes.iter().find(|prime| prime.divides(carries[prime.lane])).map(|prime| prime.number)
    })
}

/// Returns the upper 64 bits of a product.
#[allow(clippy::as_conversions, reason = "a 128-bit number shifted by 64 fits 64 bits")]
fn high_half(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// Returns the inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse(odd: u64) -> u64 {
    let mut inverse = odd; // right for the lowest 3 bits; each step doubles the number of right bits
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

fn odd_primes() -> impl Iterator<Item = u32> {
    (3..SMALL_PRIMES_BELOW).step_by(2).filter(|candidate| {
        (3..)
            .step_by(2)
            .take_while(|factor| factor * factor <= *candidate)
            .all(|factor| candidate % factor != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^2203 - 1, a Mersenne prime: odd, long enough, no small factor.
    fn prime() -> Vec<u8> {
        let mut bytes = vec![0xff; 276];
        bytes[0] = 0x07;
        bytes
    }

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

    #[test]
    fn every_small_factor_is_found() {
        assert_eq!(odd_primes().count(), 6541);
        let multiply = |n: &[u8], factor: u32| {
            let mut carry = 0_u64;
            let mut out: Vec<u8> = Vec::new();
            for byte in n.iter().rev() {
                carry += u64::from(*byte) * u64::from(factor);
                out.push(u8::try_from(carry & 0xff).unwrap());
                carry >>= 8;
            }
            while carry > 0 {
                out.push(u8::try_from(carry & 0xff).unwrap());
                carry >>= 8;
            }
            out.reverse();
            out
        };
        assert_eq!(small_factor(&prime()), None);
        for factor in odd_primes().step_by(97).chain([3, 5, 7, 65521]) {
            assert_eq!(small_factor(&multiply(&prime(), factor)), Some(factor));
        }
    }
}
