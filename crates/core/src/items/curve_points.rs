//! Whether coordinates belong to a point of a curve: the equation alone, for the curves that nearly all passkeys use.
//!
//! What these functions accept, the curve's own crate accepts; what they do not accept may still be right, and the
//! crate decides. A point on P-256 or P-384 needs no further check: the cofactor is 1.

use super::prime_field::Field;

/// `y^2 = x^3 - 3 x + b` over a field.
struct Weierstrass<const N: usize> {
    field: Field<N>,
    /// 3, divided by 2^(64 N) once.
    three: [u64; N],
    /// b, divided by 2^(64 N) twice.
    b: [u64; N],
}

impl<const N: usize> Weierstrass<N> {
    const fn new(prime: [u64; N], b: [u64; N]) -> Self {
        let field = Field::new(prime);
        let mut three = [0; N];
        three[0] = 3;
        let (three, b) = (field.divided(three, 1), field.divided(b, 2));
        Self { field, three, b }
    }

    /// Tells whether a point lies on the curve; both sides of the equation are divided by 2^(64 N) twice.
    #[inline]
    fn has(&self, x: &[u8], y: &[u8]) -> bool {
        let field = &self.field;
        let (Some(x), Some(y)) = (field.read(x), field.read(y)) else { return false };
        let slope = field.difference(&field.product(&x, &x), &self.three);
        let right = field.sum(&field.product(&slope, &x), &self.b);
        let left = field.divided(field.product(&y, &y), 1);
        left == right
    }
}

/// SEC 2, section 2.4.2.
static P256: Weierstrass<4> = Weierstrass::new(
    [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0x0000_0000_0000_0000, 0xffff_ffff_0000_0001],
    [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7],
);

/// SEC 2, section 2.5.1.
static P384: Weierstrass<6> = Weierstrass::new(
    [
        0x0000_0000_ffff_ffff,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ],
    [
        0x2a85_c8ed_d3ec_2aef,
        0xc656_398d_8a2e_d19d,
        0x0314_088f_5013_875a,
        0x181d_9c6e_fe81_4112,
        0x988e_056b_e3f8_2d19,
        0xb331_2fa7_e23e_e7e4,
    ],
);

/// Tells whether a point is on P-256.
pub(super) fn is_on_p256(x: &[u8], y: &[u8]) -> bool {
    P256.has(x, y)
}

/// Tells whether a point is on P-384.
pub(super) fn is_on_p384(x: &[u8], y: &[u8]) -> bool {
    P384.has(x, y)
}

/// 2^255 - 19.
static ED25519: Field<4> =
    Field::new([0xffff_ffff_ffff_ffed, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff]);

/// d = -121665/121666 (RFC 8032, section 5.1).
const EDWARDS_D: [u64; 4] =
    [0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73];

/// The y of the points of order 1, 2, 4 and 8.
const SMALL_ORDER: [[u64; 4]; 5] = [
    [1, 0, 0, 0],
    [0xffff_ffff_ffff_ffec, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff],
    [0, 0, 0, 0],
    [0x4fd8_4d3d_706a_17c7, 0x0f67_100d_760b_3cba, 0xc6cc_392c_fa53_202a, 0x7a03_ac92_77fd_c74e],
    [0xb027_b2c2_8f95_e826, 0xf098_eff2_89f4_c345, 0x3933_c6d3_05ac_dfd5, 0x05fc_536d_8802_38b1],
];

/// Tells whether an encoded point is on Ed25519, in its only spelling, and not of small order.
///
/// The x that belongs to y exists when `(y^2 - 1) / (d y^2 + 1)` is a square. It need not be computed: a Jacobi symbol
/// tells, at a quarter of the price of a square root.
pub(super) fn is_on_ed25519(encoded: &[u8]) -> bool {
    static ONE: [u64; 4] = ED25519.divided([1, 0, 0, 0], 1);
    static D: [u64; 4] = EDWARDS_D;
    let (chunks, []) = encoded.as_chunks::<8>() else { return false };
    let Ok(chunks) = <[[u8; 8]; 4]>::try_from(chunks) else { return false };
    let mut y = chunks.map(u64::from_le_bytes);
    y[3] &= u64::MAX >> 1; // the sign of x; both belong to a point, since x is not zero
    if !ED25519.is_below_prime(&y) || SMALL_ORDER.contains(&y) {
        return false;
    }
    let field = &ED25519;
    let square = field.product(&y, &y); // y^2 / R
    let numerator = field.difference(&square, &ONE); // (y^2 - 1) / R
    let denominator = field.sum(&field.product(&square, &D), &field.divided(ONE, 1)); // (d y^2 + 1) / R^2
    // R is a power of two with an even exponent, thus a square: dividing by it changes no symbol.
    field.is_square(field.product(&numerator, &denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    /// Numbers at the edges of a field, big-endian: 0 and 1, around the prime, and the highest.
    fn edges<const N: usize>(prime: [u8; N]) -> Vec<[u8; N]> {
        let near = |below: u8| {
            let mut number = prime;
            number[N - 1] = number[N - 1].wrapping_sub(below);
            number
        };
        let mut one = [0; N];
        one[N - 1] = 1;
        vec![[0; N], one, near(2), near(1), prime, near(0xff), [0xff; N]]
    }

    #[test]
    fn edges_of_the_fields_are_judged_as_the_crates_do() {
        let mut p256: Vec<[u8; 32]> =
            edges(hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"));
        // The point with x = 0: its y is the square root of b.
        let y = hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
        assert!(is_on_p256(&[0; 32], &y));
        p256.push(y);
        for (x, y) in p256.iter().flat_map(|x| p256.iter().map(move |y| (x, y))) {
            let point = [&[4][..], x, y].concat();
            assert_eq!(is_on_p256(x, y), p256::PublicKey::from_sec1_bytes(&point).is_ok(), "{point:02x?}");
        }
        let p384: Vec<[u8; 48]> = edges(hex(
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        ));
        for (x, y) in p384.iter().flat_map(|x| p384.iter().map(move |y| (x, y))) {
            let point = [&[4][..], x, y].concat();
            assert_eq!(is_on_p384(x, y), p384::PublicKey::from_sec1_bytes(&point).is_ok(), "{point:02x?}");
        }
        assert!(!is_on_p256(&[0; 31], &y) && !is_on_p256(&[0; 33], &y) && !is_on_p384(&[0; 32], &y));
    }

    #[test]
    fn points_of_small_order_and_second_spellings_are_not_on_ed25519() {
        for limbs in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut encoded: [u8; 32] = std::array::from_fn(|at| limbs[at / 8].to_le_bytes()[at % 8]);
                encoded[31] |= sign;
                assert!(!is_on_ed25519(&encoded));
                // The crate knows them as weak, where it takes the spelling at all.
                let key = ed25519_dalek::VerifyingKey::from_bytes(&encoded);
                assert!(key.is_err() || key.is_ok_and(|key| key.is_weak()));
            }
        }
        // From the prime on, 2^255 - 19 to 2^255 - 1, each number is a second spelling of one below 19.
        for low in 0xed..=0xff {
            for top in [0x7f, 0xff] {
                let mut encoded = [0xff; 32];
                (encoded[0], encoded[31]) = (low, top);
                assert!(!is_on_ed25519(&encoded));
            }
        }
        assert!(!is_on_ed25519(&[7; 31]) && !is_on_ed25519(&[7; 33]));
        for low in 2..=255 {
            let mut encoded = [0; 32];
            encoded[0] = low;
            let expected = ed25519_dalek::VerifyingKey::from_bytes(&encoded).is_ok_and(|key| !key.is_weak());
            assert_eq!(is_on_ed25519(&encoded), expected, "{low}");
        }
    }
}
