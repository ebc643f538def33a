//! The same search for several moduli at once, with the 52-bit multiplications of AVX-512 where the processor has them.
//!
//! A modulus is a sum of digits times powers of 2^52. For a product `q` of three primes the remainders of these powers are
//! known beforehand, so the sum of digit times remainder is a number that a prime of `q` divides exactly when it divides
//! the modulus. One multiplication for each digit and three primes, eight products in one instruction, and several
//! moduli for each load of the table.

/// The moduli that are worked on together; fewer would leave the multiplier waiting for its own results.
#[cfg(target_arch = "x86_64")]
const TOGETHER: usize = 4;

/// Tells of each modulus (unsigned, big-endian) whether it is certain that no odd prime below 2^16 divides it.
///
/// `false` is no answer: there is such a prime, or this modulus cannot be searched here: longer than 4160 bits, or
/// another processor. [`super::small_factor`] has the answer then.
pub(crate) fn are_without(moduli: &[&[u8]]) -> Vec<bool> {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = fearless_simd::Level::new().as_avx512() {
        return moduli.chunks(TOGETHER * 16).flat_map(|some| avx512::are_without(avx512, some)).collect();
    }
    vec![false; moduli.len()]
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::{
        arch::x86_64::{
            _mm512_add_epi64, _mm512_cmple_epu64_mask, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
            _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srli_epi64, _mm512_sub_epi64,
        },
        sync::LazyLock,
    };

    use fearless_simd::{Avx512, kernel, prelude::*, u64x8};

    use super::{super::odd_primes, TOGETHER};

    /// Digits of a half: 2080 bits, all that nearly every modulus has.
    const DIGITS: usize = 40;
    /// The halves of a longer modulus. The sums of as many halves of products as two of them need stay below 2^59.
    const HALVES: usize = 2;
    const DIGIT: u64 = (1 << 52) - 1;
    /// Products in one register.
    const LANES: usize = 8;
    /// Primes of a product, so that it stays below 2^48.
    const PRIMES: usize = 3;

    type Digits = [u64; DIGITS];
    type Lanes = [u64; LANES];
    type Powers = [Lanes; DIGITS];
    /// A half of each of the moduli that are worked on together.
    type Together = [Digits; TOGETHER];

    /// Eight products of three primes.
    struct Block {
        /// The remainders of 2^(52 i) for the lower half of a modulus.
        powers: Powers,
        products: Lanes,
        /// The inverses of the products, modulo 2^52.
        inverses: Lanes,
        /// What tells the multiples of each prime: its inverse modulo 2^52, and the largest quotient.
        primes: [(Lanes, Lanes); PRIMES],
    }

    static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(|| {
        let primes: Vec<u64> = odd_primes().map(u64::from).collect();
        let products: Vec<&[u64]> = primes.chunks(PRIMES).collect();
        products.chunks(LANES).map(Block::new).collect()
    });

    /// The powers that go on after those of each block, for the upper half of a modulus.
    static UPPER: LazyLock<Vec<Powers>> = LazyLock::new(|| {
        let after = |block: &Block| {
            let last = block.powers[DIGITS - 1];
            powers(std::array::from_fn(|lane| next(last[lane], block.products[lane])), &block.products)
        };
        BLOCKS.iter().map(after).collect()
    });

    /// Returns the remainders of `first` times 2^(52 i).
    fn powers(first: Lanes, products: &Lanes) -> Powers {
        let mut now = first;
        std::array::from_fn(|_| {
            let after = std::array::from_fn(|lane| next(now[lane], products[lane]));
            std::mem::replace(&mut now, after)
        })
    }

    /// Multiplies a remainder by 2^52, in steps that fit 64 bits beside the 48 of the product.
    fn next(remainder: u64, product: u64) -> u64 {
        [16, 16, 16, 4].iter().fold(remainder, |remainder, bits| (remainder << bits) % product)
    }

    impl Block {
        fn new(products: &[&[u64]]) -> Self {
            let mut block = Self {
                powers: [[0; LANES]; DIGITS],
                products: [0; LANES],
                inverses: [0; LANES],
                primes: [([0; LANES], [0; LANES]); PRIMES],
            };
            for lane in 0..LANES {
                // What is left over at the end is filled with what stands there already.
                let primes = products.get(lane).or(products.first()).copied().unwrap_or(&[3]);
                let product: u64 = primes.iter().product();
                block.products[lane] = product;
                block.inverses[lane] = super::super::inverse(product) & DIGIT;
                for (number, (inverses, limits)) in block.primes.iter_mut().enumerate() {
                    let prime = *primes.get(number).unwrap_or(&primes[0]);
                    inverses[lane] = super::super::inverse(prime) & DIGIT;
                    limits[lane] = DIGIT / prime;
                }
            }
            block.powers = powers([1; LANES], &block.products);
            block
        }
    }

    /// Cuts a modulus into digits, the lowest first; `None` where there are too many.
    fn digits(modulus: &[u8]) -> Option<[Digits; HALVES]> {
        const BITS: usize = 52 * DIGITS * HALVES;
        let start = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
        let modulus = &modulus[start..];
        if modulus.len() > BITS / 8 {
            return None;
        }
        // One more than the last digit begins in.
        let mut limbs = [0_u64; BITS / 64 + 1];
        for (limb, chunk) in limbs.iter_mut().zip(modulus.rchunks(8)) {
            let mut bytes = [0; 8];
            bytes[8 - chunk.len()..].copy_from_slice(chunk);
            *limb = u64::from_be_bytes(bytes);
        }
        let mut halves = [[0; DIGITS]; HALVES];
        for (at, digit) in halves.as_flattened_mut().iter_mut().enumerate() {
            let (limb, bit) = (52 * at / 64, 52 * at % 64);
            let wide = (u128::from(limbs[limb + 1]) << 64 | u128::from(limbs[limb])) >> bit;
            *digit = u64::try_from(wide & u128::from(DIGIT)).unwrap_or_default(); // fits: 52 bits
        }
        Some(halves)
    }

    pub(super) fn are_without(avx512: Avx512, moduli: &[&[u8]]) -> Vec<bool> {
        let mut are_without = vec![false; moduli.len()];
        let (mut short, mut long) = (Vec::new(), Vec::new());
        for (at, modulus) in moduli.iter().enumerate() {
            match digits(modulus) {
                Some([digits, upper]) if upper == [0; DIGITS] => short.push((at, [digits])),
                Some(halves) => long.push((at, halves)),
                None => {}
            }
        }
        mark(avx512, &short, &mut are_without);
        mark(avx512, &long, &mut are_without);
        are_without
    }

    /// Marks those of the moduli that have no small factor, each by its place.
    fn mark<const N: usize>(avx512: Avx512, moduli: &[(usize, [Digits; N])], are_without: &mut [bool]) {
        let half = |some: &[(usize, [Digits; N])], half: usize| -> Together {
            std::array::from_fn(|at| some.get(at).map_or([0; DIGITS], |(_, halves)| halves[half]))
        };
        let groups: Vec<[Together; N]> =
            moduli.chunks(TOGETHER).map(|some| std::array::from_fn(|number| half(some, number))).collect();
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
        for ((at, _), found) in moduli.iter().zip(found.iter().flatten()) {
            are_without[*at] = *found == 0;
        }
    }

    kernel!(
        /// Tells which of eight products has a prime in common with each modulus, given in halves.
        fn search(avx512: Avx512, block: &Block, powers: &[&Powers], halves: &[Together]) -> [u8; TOGETHER] {
            let zero = _mm512_setzero_si512();
            let mut low = [zero; TOGETHER];
            let mut high = [zero; TOGETHER];
            for (powers, moduli) in powers.iter().zip(halves) {
                for (at, powers) in powers.iter().enumerate() {
                    let powers: u64x8<_> = (*powers).simd_into(avx512);
                    for ((low, high), digits) in low.iter_mut().zip(&mut high).zip(moduli) {
                        let digit = _mm512_set1_epi64(digits[at].cast_signed());
                        *low = _mm512_madd52lo_epu64(*low, powers.into(), digit);
                        *high = _mm512_madd52hi_epu64(*high, powers.into(), digit);
                    }
                }
            }
            let products: u64x8<_> = block.products.simd_into(avx512);
            let inverses: u64x8<_> = block.inverses.simd_into(avx512);
            // Divides `low + 2^52 high` by 2^52, modulo the products: a multiple of each is taken away that ends in the
            // same 52 bits. One product is added so that nothing goes below zero.
            let reduce = |low, high| {
                let carried = _mm512_add_epi64(high, _mm512_srli_epi64::<52>(low));
                let quotient = _mm512_madd52lo_epu64(zero, low, inverses.into());
                let taken = _mm512_madd52hi_epu64(zero, quotient, products.into());
                _mm512_sub_epi64(_mm512_add_epi64(carried, products.into()), taken)
            };
            let mut found = [0; TOGETHER];
            for ((low, high), found) in low.into_iter().zip(high).zip(&mut found) {
                // Below 2^59 after the first time, below 2^49 after the second.
                let remainder = reduce(reduce(low, high), zero);
                for (inverses, limits) in &block.primes {
                    let inverses: u64x8<_> = (*inverses).simd_into(avx512);
                    let limits: u64x8<_> = (*limits).simd_into(avx512);
                    // Exact quotients stay small, every other one is thrown far (as `Prime::divides`).
                    let quotients = _mm512_madd52lo_epu64(zero, remainder, inverses.into());
                    *found |= _mm512_cmple_epu64_mask(quotients, limits.into());
                }
            }
            found
        }
    );
}

#[cfg(test)]
mod tests {
    use super::{
        super::{odd_primes, small_factor, tests::times},
        are_without,
    };

    /// Odd numbers of 2048 bits or so, each from the one before.
    fn numbers(count: usize) -> Vec<Vec<u8>> {
        numbers_of(256, count)
    }

    fn numbers_of(bytes: usize, count: usize) -> Vec<Vec<u8>> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..count)
            .map(|number| {
                let mut bytes: Vec<u8> = (0..bytes + number % 6).map(|_| byte()).collect();
                bytes[0] |= 0x80;
                *bytes.last_mut().unwrap() |= 1;
                bytes
            })
            .collect()
    }

    #[cfg(target_arch = "x86_64")]
    fn can_search() -> bool {
        fearless_simd::Level::new().as_avx512().is_some()
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn can_search() -> bool {
        false
    }

    fn assert_same(numbers: &[Vec<u8>]) {
        let moduli: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        for (modulus, found) in moduli.iter().zip(are_without(&moduli)) {
            let fits = modulus.len() <= 520;
            assert_eq!(found, can_search() && fits && small_factor(modulus).is_none(), "{modulus:?}");
        }
    }

    #[test]
    fn several_at_once_are_judged_as_one_after_the_other() {
        // Most numbers made by chance have a small factor, and one in ten has none.
        for count in [0, 1, 3, 4, 5, 63, 64, 65, 150] {
            assert_same(&numbers(count));
        }
        // Short and long ones in turn, up to those that are too long.
        let lengths = [261, 384, 512, 515, 1024].map(|bytes| numbers_of(bytes, 21));
        let mixed: Vec<_> = (0..21).flat_map(|at| lengths.each_ref().map(|some| some[at].clone())).collect();
        assert_same(&mixed);
        assert_same(&[numbers(75), mixed].concat());
        assert_same(&[
            vec![],
            vec![1],
            vec![3],
            vec![0xff; 256],
            vec![0xff; 260],
            vec![0xff; 261],
            vec![0xff; 520],
            vec![0xff; 521],
            vec![0; 256],
            vec![0; 520],
        ]);
        let mut long = vec![0; 263];
        long.extend([7]);
        assert_same(&[long]);
    }

    #[test]
    fn primes_in_every_place_are_found_beside_moduli_that_have_none() {
        [256, 512].into_iter().for_each(every_place);
    }

    fn every_place(bytes: usize) {
        let clean: Vec<Vec<u8>> = numbers_of(bytes, 100)
            .into_iter()
            .filter(|number| number.len() < bytes + 3 && small_factor(number).is_none())
            .collect();
        assert!(clean.len() > 1);
        // 13 has nothing in common with the 24 places of a block, so each of them has its turn.
        let primes = odd_primes().step_by(13).chain(odd_primes().last());
        let multiples: Vec<Vec<u8>> = primes
            .zip(clean.iter().cycle())
            .flat_map(|(prime, clean)| [clean.clone(), times(clean, prime), times(clean, prime)])
            .collect();
        let moduli: Vec<&[u8]> = multiples.iter().map(Vec::as_slice).collect();
        let found = are_without(&moduli);
        assert!(found.chunks(3).all(|three| three == [can_search(), false, false]));
        assert_eq!(found.len(), 3 * 505);
    }
}
