//! The same search for several moduli at once, where the processor has AVX-512.

#[cfg(target_arch = "x86_64")]
mod avx512;

/// The moduli that are worked on together; with more of them the sums do not fit the registers.
#[cfg(target_arch = "x86_64")]
const TOGETHER: usize = 4;

/// Tells of each modulus (unsigned, big-endian) whether it is certain that no odd prime below 2^16 divides it.
///
/// `false` is no answer: there is such a prime, or this modulus cannot be searched here: longer than 535 bytes, or
/// another processor. [`super::small_factor`] has the answer then.
pub(crate) fn are_without(moduli: &[&[u8]]) -> Vec<bool> {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = fearless_simd::Level::new().as_avx512() {
        return moduli.chunks(TOGETHER * 16).flat_map(|some| avx512::are_without(avx512, some)).collect();
    }
    vec![false; moduli.len()]
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
            let fits = modulus.len() <= 535;
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
        let lengths = [261, 267, 384, 512, 529, 1024].map(|bytes| numbers_of(bytes, 21));
        let mixed: Vec<_> = (0..21).flat_map(|at| lengths.each_ref().map(|some| some[at].clone())).collect();
        assert_same(&mixed);
        assert_same(&[numbers(75), mixed].concat());
        assert_same(&[
            vec![],
            vec![1],
            vec![3],
            vec![0xff; 256],
            vec![0xff; 267],
            vec![0xff; 268],
            vec![0xff; 535],
            vec![0xff; 536],
            vec![0; 256],
            vec![0; 535],
        ]);
        let mut long = vec![0; 270];
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
        // Some of them: that the tables are right for all has a test of its own.
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
