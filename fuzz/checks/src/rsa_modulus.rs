//! The search for small factors of an RSA modulus against trial division.

use std::sync::LazyLock;

use keyferry_core::{CoseAlgorithm, CoseKey, FaultCode, KeyParameters};

/// Takes a byte that chooses the length, two that choose a small prime or none, and bytes that make the modulus.
///
/// Nine random moduli in ten have a small factor: with a chosen one it can be the largest prime alone that matters.
pub fn check(bytes: &[u8]) {
    let [size, first, second, seed @ ..] = bytes else { return };
    let length = 256 + usize::from(*size) % 129; // up to 3072 bits: the code is the same beyond it, and slower here
    let mut modulus: Vec<u8> = seed.iter().copied().chain(std::iter::repeat(0xa7)).take(length).collect();
    modulus[0] |= 0x80;
    modulus[length - 1] |= 1;
    let chosen = usize::from(u16::from_be_bytes([*first, *second]));
    if let Some(prime) = PRIMES.get(chosen) {
        multiply(&mut modulus, *prime);
    }
    let factor = PRIMES.iter().find(|prime| remainder(&modulus, **prime) == 0);
    assert!(factor.is_some() || chosen >= PRIMES.len());

    let parameters = KeyParameters::Rsa { n: modulus.clone().into(), e: [1, 0, 1].into() };
    match (CoseKey::from_parameters(CoseAlgorithm::Rs256, &parameters), factor) {
        (Ok(key), None) => assert_eq!(key.rsa_bits(), Some(modulus.len() * 8 - leading_zeros(&modulus))),
        (Err(fault), Some(_)) => {
            assert_eq!(fault.code, FaultCode::KeyRsaModulus);
            // What the operator is told must be true.
            let named = fault.message.rsplit(' ').next().and_then(|word| word.parse().ok());
            let named: u32 = named.expect("the message ends with a prime");
            assert!(PRIMES.contains(&named) && remainder(&modulus, named) == 0, "{}", fault.message);
        }
        (found, expected) => panic!("{found:?}, but the smallest factor is {expected:?}: {modulus:02x?}"),
    }
}

/// The odd primes below 2^16, by the sieve of Eratosthenes.
static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut is_composite = vec![false; 1 << 16];
    (2..1_usize << 16)
        .filter(|number| {
            let is_prime = !is_composite[*number];
            if is_prime {
                (number * number..1 << 16)
                    .step_by(*number)
                    .for_each(|multiple| is_composite[multiple] = true);
            }
            is_prime && *number > 2
        })
        .filter_map(|prime| prime.try_into().ok())
        .collect()
});

fn remainder(number: &[u8], divisor: u32) -> u64 {
    let (divisor, start) = (u64::from(divisor), number.len() % 4);
    let step = |rest: u64, bytes: &[u8]| {
        bytes.iter().fold(rest, |number, byte| (number << 8) | u64::from(*byte)) % divisor
    };
    number[start..].chunks(4).fold(step(0, &number[..start]), step)
}

fn multiply(number: &mut Vec<u8>, factor: u32) {
    let mut carry = 0_u32;
    for byte in number.iter_mut().rev() {
        carry += u32::from(*byte) * factor;
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let above = carry.to_be_bytes();
    let zeros = above.iter().take_while(|byte| **byte == 0).count();
    number.splice(0..0, above[zeros..].iter().copied());
}

fn leading_zeros(number: &[u8]) -> usize {
    number.first().and_then(|first| first.leading_zeros().try_into().ok()).unwrap_or_default()
}
