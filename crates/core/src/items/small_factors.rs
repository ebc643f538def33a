//! The search for a small factor of an RSA modulus: a number made by chance has one nine times in ten, a genuine modulus
//! never.

use std::sync::LazyLock;

mod ahead;
mod at_once;
mod known;

pub use ahead::with_keys_searched;
pub use known::{KnownModuli, SearchedModuli};

/// Primes below this are tried as factors.
const SMALL_PRIMES_BELOW: usize = 1 << 16;

/// Tells whether this very modulus was searched before, and has no small factor.
pub(super) fn was_searched(modulus: &[u8]) -> bool {
    ahead::was_searched(modulus) || known::is_searched(modulus)
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
pub(super) fn small_factor(n: &[u8]) -> Option<u32> {
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
    // The sieve of Eratosthenes.
    let mut multiples = vec![false; SMALL_PRIMES_BELOW];
    (3..SMALL_PRIMES_BELOW).step_by(2).filter_map(move |candidate| {
        if multiples[candidate] {
            return None;
        }
        multiples.iter_mut().skip(candidate * candidate).step_by(2 * candidate).for_each(|it| *it = true);
        u32::try_from(candidate).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::tests_support::prime;

    /// Multiplies an unsigned, big-endian number.
    pub(super) fn times(n: &[u8], factor: u32) -> Vec<u8> {
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
    }

    #[test]
    fn every_small_factor_is_found() {
        assert_eq!(odd_primes().count(), 6541);
        assert_eq!(small_factor(&prime()), None);
        for factor in odd_primes().step_by(97).chain([3, 5, 7, 65521]) {
            assert_eq!(small_factor(&times(&prime(), factor)), Some(factor));
        }
    }
}
