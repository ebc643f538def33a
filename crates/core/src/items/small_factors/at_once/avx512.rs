//! With the 52-bit multiplications of AVX-512.
//!
//! A modulus is a sum of digits times powers of 2^51. For a product `q` of small primes the remainders of these powers
//! are known beforehand, so the sum of digit times remainder is a number that a prime of `q` divides exactly when it
//! divides the modulus.
//!
//! Of two digits `a`, `b` and their remainders `r`, `s` the sum `a r + b s` is `(a + s)(b + r) - a b - r s`: one
//! multiplication, and two products that are the same for every `q` and for every modulus (Winograd, "A New Algorithm
//! for Inner Product", 1968). So there is one multiplication for two digits and, mostly, three or four primes; eight
//! products in one instruction, and several moduli for each load of the table.

use std::{
    arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_cmple_epu64_mask, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
    },
    sync::LazyLock,
};

use fearless_simd::{Avx512, kernel, prelude::*, u64x8};

use super::{super::odd_primes, TOGETHER};

/// Pairs of digits of a half: 2142 bits, all that nearly every modulus has.
const PAIRS: usize = 21;
const DIGITS: usize = 2 * PAIRS;
/// The halves of a longer modulus. The sums of as many halves of products as two of them need stay below 2^58.
const HALVES: usize = 2;
/// Bits of a digit and of a remainder, so that the sum of both has the 52 that can be multiplied.
const BITS: usize = 51;
const DIGIT: u64 = (1 << BITS) - 1;
/// The bits that the processor takes of a number to multiply it, and that each half of the product has.
const LOWER: u64 = (1 << 52) - 1;
/// Registers that the products of a block take: so each digit that is loaded is used twice.
const REGISTERS: usize = 2;
const LANES: usize = 8 * REGISTERS;
/// The most primes of a product, which stays below 2^51: most have three, since no four of the large ones fit.
const PRIMES: usize = 4;

type Lanes = [u64; LANES];

/// A half of each of the moduli that are worked on together.
struct Half {
    digits: [[u64; TOGETHER]; DIGITS],
    /// What the pairs of digits of each come to, as lower and upper half, less than nothing.
    less: [[u64; TOGETHER]; 2],
}

/// What a half is multiplied with.
struct Powers {
    /// The remainders of the powers of 2^51.
    powers: [Lanes; DIGITS],
    /// What the pairs of these come to, as [`Half::less`].
    less: [Lanes; 2],
}

/// Products of primes, one in each lane.
struct Block {
    /// Those of the lower half of a modulus.
    powers: Powers,
    products: Lanes,
    /// The inverses of the products, modulo 2^52.
    inverses: Lanes,
    /// What tells the multiples of each prime: its inverse modulo 2^52, and the largest quotient.
    primes: Vec<(Lanes, Lanes)>,
}

static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(|| products().chunks(LANES).map(Block::new).collect());

/// The powers that go on after those of each block, for the upper half of a modulus.
static UPPER: LazyLock<Vec<Powers>> = LazyLock::new(|| {
    let after = |block: &Block| {
        let last = block.powers.powers[DIGITS - 1];
        Powers::new(std::array::from_fn(|lane| next(last[lane], block.products[lane])), &block.products)
    };
    BLOCKS.iter().map(after).collect()
});

/// Puts the primes into as few products as may be: the largest that is left, and each time the largest that fits.
fn products() -> Vec<Vec<u64>> {
    let mut left: Vec<u64> = odd_primes().map(u64::from).collect();
    let mut products = Vec::new();
    while !left.is_empty() {
        let (mut primes, mut room) = (Vec::new(), DIGIT);
        while primes.len() < PRIMES {
            let Some(largest) = left.partition_point(|prime| *prime <= room).checked_sub(1) else {
                break;
            };
            let prime = left.remove(largest);
            room /= prime;
            primes.push(prime);
        }
        products.push(primes);
    }
    // So that most blocks have one prime less to look at.
    products.sort_by_key(Vec::len);
    products
}

impl Powers {
    /// Returns the remainders of `first` times the powers of 2^51.
    fn new(first: Lanes, products: &Lanes) -> Self {
        let mut now = first;
        let powers: [Lanes; DIGITS] = std::array::from_fn(|_| {
            let after = std::array::from_fn(|lane| next(now[lane], products[lane]));
            std::mem::replace(&mut now, after)
        });
        Self { less: less(&powers), powers }
    }
}

/// Multiplies a remainder by 2^51, in steps that fit 64 bits beside the 51 of the product.
fn next(remainder: u64, product: u64) -> u64 {
    [13, 13, 13, 12].iter().fold(remainder, |remainder, bits| (remainder << bits) % product)
}

/// Returns what is taken from a sum for the pairs of one of its sides, to be added to the lower and the upper half.
fn less<const N: usize>(digits: &[[u64; N]; DIGITS]) -> [[u64; N]; 2] {
    let (pairs, _) = digits.as_chunks();
    // 21 products of 102 bits each.
    let sums: [u128; N] = std::array::from_fn(|at| {
        pairs.iter().map(|[left, right]| u128::from(left[at]) * u128::from(right[at])).sum()
    });
    let half = |sum: u128| u64::try_from(sum).unwrap_or_default().wrapping_neg(); // fits: 55 bits
    [sums.map(|sum| half(sum & u128::from(LOWER))), sums.map(|sum| half(sum >> 52))]
}

impl Block {
    fn new(products: &[Vec<u64>]) -> Self {
        // What is left over at the end is filled with what stands there already.
        let primes: [&[u64]; LANES] =
            std::array::from_fn(|lane| &**products.get(lane).unwrap_or(&products[0]));
        let product = primes.map(|primes| primes.iter().product());
        Self {
            powers: Powers::new([1; LANES], &product),
            products: product,
            inverses: product.map(inverse),
            primes: (0..primes.map(<[u64]>::len).into_iter().max().unwrap_or_default())
                .map(|number| primes.map(|primes| *primes.get(number).unwrap_or(&primes[0])))
                .map(|primes| (primes.map(inverse), primes.map(|prime| LOWER / prime)))
                .collect(),
        }
    }
}

/// Returns the inverse of an odd number modulo 2^52.
fn inverse(odd: u64) -> u64 {
    super::super::inverse(odd) & LOWER
}

/// Cuts moduli of so many halves into digits, the lowest first.
fn halves<const N: usize>(moduli: &[&[u8]]) -> [Half; N] {
    let mut digits = [[[0; TOGETHER]; DIGITS]; N];
    for (at, modulus) in moduli.iter().enumerate() {
        // One more than the last digit begins in.
        let mut limbs = [0_u64; BITS * DIGITS * HALVES / 64 + 2];
        for (limb, chunk) in limbs.iter_mut().zip(modulus.rchunks(8)) {
            let mut bytes = [0; 8];
            bytes[8 - chunk.len()..].copy_from_slice(chunk);
            *limb = u64::from_be_bytes(bytes);
        }
        for (number, digits) in digits.as_flattened_mut().iter_mut().enumerate() {
            let (limb, bit) = (BITS * number / 64, BITS * number % 64);
            let wide = (u128::from(limbs[limb + 1]) << 64 | u128::from(limbs[limb])) >> bit;
            digits[at] = u64::try_from(wide & u128::from(DIGIT)).unwrap_or_default(); // fits: 51 bits
        }
    }
    digits.map(|digits| Half { less: less(&digits), digits })
}

pub(super) fn are_without(avx512: Avx512, moduli: &[&[u8]]) -> Vec<bool> {
    const HALF: usize = BITS * DIGITS / 8;
    const WHOLE: usize = BITS * DIGITS * HALVES / 8;
    let mut are_without = vec![false; moduli.len()];
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for (at, modulus) in moduli.iter().enumerate() {
        let start = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
        let modulus = &modulus[start..];
        if modulus.len() <= HALF {
            short.push((at, modulus));
        } else if modulus.len() <= WHOLE {
            long.push((at, modulus));
        }
    }
    mark::<1>(avx512, &short, &mut are_without);
    mark::<HALVES>(avx512, &long, &mut are_without);
    are_without
}

/// Marks those of the moduli of so many halves that have no small factor, each by its place.
fn mark<const N: usize>(avx512: Avx512, moduli: &[(usize, &[u8])], are_without: &mut [bool]) {
    let (places, moduli): (Vec<usize>, Vec<&[u8]>) = moduli.iter().copied().unzip();
    let groups: Vec<[Half; N]> = moduli.chunks(TOGETHER).map(halves).collect();
    let mut found = vec![[0_u8; TOGETHER]; groups.len()];
    for (number, block) in BLOCKS.iter().enumerate() {
        let powers: [&Powers; N] =
            std::array::from_fn(|half| if half == 0 { &block.powers } else { &UPPER[number] });
        for (group, found) in groups.iter().zip(&mut found) {
            for (all, now) in found.iter_mut().zip(search(avx512, block, &powers, group)) {
                *all |= now;
            }
        }
    }
    for (place, found) in places.into_iter().zip(found.iter().flatten()) {
        are_without[place] = *found == 0;
    }
}

kernel!(
    /// Tells which of the products has a prime in common with each modulus, given in halves.
    fn search(avx512: Avx512, block: &Block, powers: &[&Powers], halves: &[Half]) -> [u8; TOGETHER] {
        let zero = _mm512_setzero_si512();
        let load = |lanes: &Lanes, register: usize| -> __m512i {
            let lanes: u64x8<_> = lanes.as_chunks().0[register].simd_into(avx512);
            lanes.into()
        };
        let mut low = [[zero; REGISTERS]; TOGETHER];
        let mut high = [[zero; REGISTERS]; TOGETHER];
        for (powers, moduli) in powers.iter().zip(halves) {
            for modulus in 0..TOGETHER {
                let low_less = _mm512_set1_epi64(moduli.less[0][modulus].cast_signed());
                let high_less = _mm512_set1_epi64(moduli.less[1][modulus].cast_signed());
                for register in 0..REGISTERS {
                    let less = _mm512_add_epi64(low_less, load(&powers.less[0], register));
                    low[modulus][register] = _mm512_add_epi64(low[modulus][register], less);
                    let less = _mm512_add_epi64(high_less, load(&powers.less[1], register));
                    high[modulus][register] = _mm512_add_epi64(high[modulus][register], less);
                }
            }
            for pair in 0..PAIRS {
                let [left, right] = [&moduli.digits[2 * pair], &moduli.digits[2 * pair + 1]];
                let [r, s] = [&powers.powers[2 * pair], &powers.powers[2 * pair + 1]];
                // Both registers, not by a closure: it would not become part of the loop.
                let r = [load(r, 0), load(r, 1)];
                let s = [load(s, 0), load(s, 1)];
                for modulus in 0..TOGETHER {
                    let a = _mm512_set1_epi64(left[modulus].cast_signed());
                    let b = _mm512_set1_epi64(right[modulus].cast_signed());
                    for register in 0..REGISTERS {
                        let left = _mm512_add_epi64(a, s[register]);
                        let right = _mm512_add_epi64(b, r[register]);
                        low[modulus][register] = _mm512_madd52lo_epu64(low[modulus][register], left, right);
                        high[modulus][register] = _mm512_madd52hi_epu64(high[modulus][register], left, right);
                    }
                }
            }
        }
        // Divides `low + 2^52 high` by 2^52, modulo the products: a multiple of each is taken away that ends in the
        // same 52 bits. One product is added so that nothing goes below zero.
        let products = [load(&block.products, 0), load(&block.products, 1)];
        let inverses = [load(&block.inverses, 0), load(&block.inverses, 1)];
        let reduce = |low, carried, register: usize| {
            let quotient = _mm512_madd52lo_epu64(zero, low, inverses[register]);
            let taken = _mm512_madd52hi_epu64(zero, quotient, products[register]);
            _mm512_sub_epi64(_mm512_add_epi64(carried, products[register]), taken)
        };
        for modulus in 0..TOGETHER {
            for register in 0..REGISTERS {
                let (low, high) = (&mut low[modulus][register], high[modulus][register]);
                // What was taken away may leave less than nothing below (hence the shift that keeps the sign), and
                // never in all. Below 2^57 after the first time, below 2^52 after the second, and never zero.
                let once = reduce(*low, _mm512_add_epi64(high, _mm512_srai_epi64::<52>(*low)), register);
                *low = reduce(once, _mm512_srli_epi64::<52>(once), register);
            }
        }
        let mut found = [0; TOGETHER];
        for (inverses, limits) in &block.primes {
            let inverses = [load(inverses, 0), load(inverses, 1)];
            let limits = [load(limits, 0), load(limits, 1)];
            for modulus in 0..TOGETHER {
                for register in 0..REGISTERS {
                    // Exact quotients stay small, every other one is thrown far (as `Prime::divides`).
                    let quotients = _mm512_madd52lo_epu64(zero, low[modulus][register], inverses[register]);
                    found[modulus] |= _mm512_cmple_epu64_mask(quotients, limits[register]);
                }
            }
        }
        found
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns digits with which the lower half of every product in a lane is zero, so that what is taken away leaves
    /// less than nothing there: chance never makes such a modulus, and somebody who knows the table can.
    fn nothing_below(powers: &Powers, lane: usize, state: &mut u64) -> [u64; DIGITS] {
        let mut digits = [0; DIGITS];
        for (digits, powers) in digits.as_chunks_mut().0.iter_mut().zip(powers.powers.as_chunks().0) {
            let [r, s]: [u64; 2] = powers.map(|lanes| lanes[lane]);
            *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // One factor is 2^51 and the other one even, with room for what makes the number a multiple.
            *digits = [(1 << BITS) - s, (*state >> 15 & !1) | (r & 1)];
        }
        digits
    }

    /// Returns the sum of digit times remainder.
    fn value(digits: &[[u64; DIGITS]], powers: &[&Powers], lane: usize) -> u128 {
        let powers = powers.iter().flat_map(|powers| powers.powers.iter().map(|lanes| lanes[lane]));
        digits.as_flattened().iter().zip(powers).map(|(a, r)| u128::from(*a) * u128::from(r)).sum()
    }

    #[test]
    fn every_prime_stands_in_one_product() {
        let products = products();
        assert!(products.iter().all(|primes| primes.iter().product::<u64>() < 1 << 51));
        let mut primes = products.concat();
        primes.sort_unstable();
        assert_eq!(primes, odd_primes().map(u64::from).collect::<Vec<_>>());
    }

    /// Returns the primes of a lane; those that are left over at the end have the primes of the first one.
    fn primes_of(products: &[Vec<u64>], block: usize, lane: usize) -> &[u64] {
        products.get(LANES * block + lane).unwrap_or(&products[LANES * block])
    }

    #[test]
    fn tables_are_what_a_division_gives() {
        let products = products();
        for (number, lane) in (0..BLOCKS.len()).flat_map(|at| (0..LANES).map(move |lane| (at, lane))) {
            let (block, primes) = (&BLOCKS[number], primes_of(&products, number, lane));
            let product: u64 = primes.iter().product();
            let mut power = 1;
            for lanes in block.powers.powers.iter().chain(&UPPER[number].powers) {
                assert_eq!(u128::from(lanes[lane]), power);
                power = (power << BITS) % u128::from(product);
            }
            assert_eq!(block.products[lane], product);
            assert_eq!(block.inverses[lane].wrapping_mul(product) & LOWER, 1);
            for (at, (inverses, limits)) in block.primes.iter().enumerate() {
                let prime = primes.get(at).unwrap_or(&primes[0]);
                assert_eq!((inverses[lane].wrapping_mul(*prime) & LOWER, limits[lane]), (1, LOWER / prime));
            }
            assert!(block.primes.len() >= primes.len());
        }
    }

    #[test]
    fn what_is_less_than_nothing_below_counts_as_such() {
        // Without AVX-512 nobody searches by this, and there is nothing to test it with.
        let Some(avx512) = fearless_simd::Level::new().as_avx512() else { return };
        let products = products();
        let mut state = 7;
        for (number, lane) in (0..BLOCKS.len()).step_by(5).flat_map(|at| (0..LANES).map(move |l| (at, l))) {
            let block = &BLOCKS[number];
            let primes = primes_of(&products, number, lane);
            let all = [&block.powers, &UPPER[number]];
            for (powers, prime) in [(&all[..1], primes[0]), (&all, primes[primes.len() - 1])] {
                let mut digits: Vec<[u64; DIGITS]> =
                    powers.iter().map(|powers| nothing_below(powers, lane, &mut state)).collect();
                let other = digits.clone();
                // A multiple of the prime, by even steps of the second digit.
                let s = powers[0].powers[1][lane] % prime;
                let rest = u64::try_from(value(&digits, powers, lane) % u128::from(prime)).unwrap();
                let steps = (0..prime).find(|steps| (rest + steps * 2 * s) % prime == 0).unwrap();
                digits[0][1] += 2 * steps;
                let moduli: [_; TOGETHER] = [digits, other.clone(), other.clone(), other];
                let halves: Vec<Half> = (0..powers.len())
                    .map(|half| std::array::from_fn(|digit| moduli.each_ref().map(|it| it[half][digit])))
                    .map(|digits| Half { less: less(&digits), digits })
                    .collect();
                let expected = moduli.each_ref().map(|digits| {
                    let has_factor = |lane: usize| {
                        let value = value(digits, powers, lane);
                        let mut primes = primes_of(&products, number, lane).iter();
                        primes.any(|prime| value.is_multiple_of(u128::from(*prime)))
                    };
                    (0..LANES).filter(|lane| has_factor(*lane)).fold(0, |all, lane| all | 1 << (lane % 8))
                });
                assert_ne!(expected[0], 0);
                assert_eq!(search(avx512, block, powers, &halves), expected);
            }
        }
    }
}
