//! Multiplication modulo a prime, for curve equations of public points: nothing here is secret or constant in time.
//!
//! Numbers are arrays of 64-bit limbs, the lowest first, always below the prime.
#![allow(clippy::as_conversions, reason = "limbs are cut out of 128-bit products on purpose")]

/// The field of a prime that fills its `N` limbs.
pub(super) struct Field<const N: usize> {
    prime: [u64; N],
    /// The negated inverse of the prime modulo 2^64.
    minus_inverse: u64,
}

impl<const N: usize> Field<N> {
    /// Creates the field; the prime's highest limb must not be zero.
    pub(super) const fn new(prime: [u64; N]) -> Self {
        let mut inverse = prime[0]; // right for the lowest 3 bits; each step doubles the number of right bits
        let mut step = 0;
        while step < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(prime[0].wrapping_mul(inverse)));
            step += 1;
        }
        Self { prime, minus_inverse: inverse.wrapping_neg() }
    }

    /// Reads a big-endian number of exactly `8 N` bytes; `None` where it is not below the prime.
    #[inline]
    pub(super) fn read(&self, bytes: &[u8]) -> Option<[u64; N]> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        if chunks.len() != N || !rest.is_empty() {
            return None;
        }
        let mut number = [0; N];
        for (limb, chunk) in number.iter_mut().rev().zip(chunks) {
            *limb = u64::from_be_bytes(*chunk);
        }
        self.is_below_prime(&number).then_some(number)
    }

    #[inline]
    pub(super) fn is_below_prime(&self, number: &[u64; N]) -> bool {
        number.iter().rev().lt(self.prime.iter().rev())
    }

    /// Returns `a b / 2^(64 N)` modulo the prime (Montgomery's product, operand scanning).
    ///
    /// In place, where the prime is known: there is no multiplication by those of its limbs that are zero or all ones.
    #[inline(always)]
    pub(super) const fn product(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut sum = [0_u64; N];
        let mut above = 0_u64;
        let mut i = 0;
        while i < N {
            let mut carry = 0_u64;
            let mut j = 0;
            while j < N {
                let wide = a[i] as u128 * b[j] as u128 + sum[j] as u128 + carry as u128;
                sum[j] = wide as u64;
                carry = (wide >> 64) as u64;
                j += 1;
            }
            let (top, over) = above.overflowing_add(carry);
            let factor = sum[0].wrapping_mul(self.minus_inverse);
            let mut carry = ((factor as u128 * self.prime[0] as u128 + sum[0] as u128) >> 64) as u64;
            let mut j = 1;
            while j < N {
                let wide = factor as u128 * self.prime[j] as u128 + sum[j] as u128 + carry as u128;
                sum[j - 1] = wide as u64;
                carry = (wide >> 64) as u64;
                j += 1;
            }
            let wide = top as u128 + carry as u128;
            sum[N - 1] = wide as u64;
            above = (wide >> 64) as u64 + over as u64;
            i += 1;
        }
        self.subtract_once(sum, above)
    }

    /// Returns `a + b` modulo the prime.
    #[inline]
    pub(super) const fn sum(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut sum = [0; N];
        let mut carry = false;
        let mut i = 0;
        while i < N {
            (sum[i], carry) = add(a[i], b[i], carry);
            i += 1;
        }
        self.subtract_once(sum, carry as u64)
    }

    /// Returns `a - b` modulo the prime.
    #[inline]
    pub(super) const fn difference(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut difference = [0; N];
        let mut borrow = false;
        let mut i = 0;
        while i < N {
            (difference[i], borrow) = subtract(a[i], b[i], borrow);
            i += 1;
        }
        if borrow {
            let mut carry = false;
            let mut i = 0;
            while i < N {
                (difference[i], carry) = add(difference[i], self.prime[i], carry);
                i += 1;
            }
        }
        difference
    }

    /// Tells whether a number is the square of another one, and not zero: its Jacobi symbol is 1.
    ///
    /// The binary algorithm (Cohen, A Course in Computational Algebraic Number Theory, 1.4.12), with the swap of the two
    /// numbers done by masks: which of them is less cannot be foreseen by the processor.
    pub(super) fn is_square(&self, mut a: [u64; N]) -> bool {
        let mut n = self.prime;
        // Bit 1 of this is set where the symbol so far is -1.
        let mut sign = 0_u64;
        while a != [0; N] {
            while a[0] == 0 {
                a.rotate_left(1); // 2^64 is a square
            }
            let zeros = a[0].trailing_zeros();
            shift_right(&mut a, zeros);
            // (2/n) = -1 where n is 3 or 5 modulo 8.
            sign ^= (n[0] ^ (n[0] >> 1)) & (u64::from(zeros) << 1);
            let mut difference = [0; N];
            let mut borrow = false;
            for i in 0..N {
                (difference[i], borrow) = subtract(a[i], n[i], borrow);
            }
            // Where a is less, the two change places: (a/n) = -(n/a) where both are 3 modulo 4.
            let less = u64::from(borrow).wrapping_neg();
            sign ^= a[0] & n[0] & less;
            let mut carry = borrow;
            for i in 0..N {
                n[i] ^= (n[i] ^ a[i]) & less;
                (a[i], carry) = (difference[i] ^ less).overflowing_add(u64::from(carry));
            }
        }
        n[0] == 1 && n[1..].iter().all(|limb| *limb == 0) && sign & 2 == 0
    }

    /// Brings a number below twice the prime, with what stands above its limbs, below the prime.
    const fn subtract_once(&self, number: [u64; N], above: u64) -> [u64; N] {
        let mut less = [0; N];
        let mut borrow = false;
        let mut i = 0;
        while i < N {
            (less[i], borrow) = subtract(number[i], self.prime[i], borrow);
            i += 1;
        }
        if borrow && above == 0 { number } else { less }
    }

    /// Returns the number `small` where products of Montgomery's kind stand for it `powers` divisions too low.
    ///
    /// The equation of a curve mixes terms that were divided by 2^(64 N) once, twice or not at all; a constant of it is
    /// divided as often as the terms beside it.
    pub(super) const fn divided(&self, mut number: [u64; N], powers: usize) -> [u64; N] {
        let mut one = [0; N];
        one[0] = 1;
        let mut power = 0;
        while power < powers {
            number = self.product(&number, &one);
            power += 1;
        }
        number
    }
}

/// Shifts right by fewer than 64 bits.
#[inline]
fn shift_right<const N: usize>(number: &mut [u64; N], bits: u32) {
    for i in 0..N {
        let above = number.get(i + 1).copied().unwrap_or_default();
        number[i] = ((u128::from(above) << 64 | u128::from(number[i])) >> bits) as u64;
    }
}

/// Adds with carry, as `u64::carrying_add`, which is not yet for constants.
const fn add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

/// Subtracts with borrow, as `u64::borrowing_sub`.
const fn subtract(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow as u64);
    (difference, first | second)
}
