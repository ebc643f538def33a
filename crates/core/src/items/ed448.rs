//! Whether 57 bytes are a trustworthy Ed448 public key (RFC 8032, section 5.2).
//!
//! No released, maintained crate checks Ed448 points; the check needs the field only, never the group,
//! and crypto-bigint, on which the other curves stand, has the arithmetic.

use crypto_bigint::{
    Odd, U448, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};

use crate::FaultCode;

/// The prime of the field, 2^448 - 2^224 - 1.
const PRIME: U448 = U448::from_be_hex(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
);
/// The curve is x^2 + y^2 = 1 + d x^2 y^2 with d = -39081.
const MINUS_D: u64 = 39081;

/// Checks an encoded point.
///
/// # Errors
/// - `key-point-off-curve`: y is not below the prime, or no x belongs to it.
/// - `key-small-order`: one of the four points of order 1, 2 or 4.
pub(super) fn check(encoded: &[u8; 57]) -> Result<(), (FaultCode, String)> {
    let off = |message: &str| Err((FaultCode::KeyPointOffCurve, message.to_owned()));
    let [y_bytes @ .., sign] = encoded;
    if sign & 0x7f != 0 {
        return off("bits above the coordinate are set");
    }
    let y = U448::from_le_slice(y_bytes);
    if y >= PRIME {
        return off("the coordinate is not below the prime of the field");
    }
    if y == U448::ZERO || y == U448::ONE || y == PRIME.wrapping_sub(&U448::ONE) {
        return Err((FaultCode::KeySmallOrder, "a point of order 1, 2 or 4".to_owned()));
    }
    let Some(odd) = Odd::new(PRIME).into_option() else {
        return off("the prime of the field is odd");
    };
    let params = FixedMontyParams::new_vartime(odd);
    let field = |number: &U448| FixedMontyForm::new(number, &params);
    let one = field(&U448::ONE);
    let y_squared = field(&y).square();
    // x^2 = (1 - y^2) / (1 - d y^2); it exists when numerator times denominator is a square (Euler's criterion).
    let numerator = one - y_squared;
    let denominator = one + field(&U448::from_u64(MINUS_D)) * y_squared;
    let exponent: Uint<{ U448::LIMBS }> = PRIME.wrapping_sub(&U448::ONE).shr_vartime(1);
    if (numerator * denominator).pow(&exponent) != one {
        return off("no point of the curve has this coordinate");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> [u8; 57] {
        let list: Vec<u8> =
            (0..57).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        list.try_into().unwrap()
    }

    #[test]
    fn keys_of_rfc_8032_pass() {
        // RFC 8032, section 7.4
        for hex in [
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            "dcea9e78f35a1bf3499a831b10b86c90aac01cd84b67a0109b55a36e9328b1e365fce161d71ce7131a543ea4cb5f7e9f1d8b00696447001400",
        ] {
            assert_eq!(check(&bytes(hex)), Ok(()));
        }
    }

    #[test]
    fn small_orders_and_points_off_the_curve_do_not() {
        let mut encoded = [0; 57];
        assert_eq!(check(&encoded).unwrap_err().0, FaultCode::KeySmallOrder);
        encoded[0] = 1;
        assert_eq!(check(&encoded).unwrap_err().0, FaultCode::KeySmallOrder);
        let mut minus_one = [0xff; 57];
        (minus_one[0], minus_one[28], minus_one[56]) = (0xfe, 0xfe, 0);
        assert_eq!(check(&minus_one).unwrap_err().0, FaultCode::KeySmallOrder);
        let mut prime = minus_one;
        prime[0] = 0xff;
        assert_eq!(check(&prime).unwrap_err().0, FaultCode::KeyPointOffCurve);
        let good = bytes(
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
        );
        let changed = (0..=255_u8).filter(|value| {
            let mut other = good;
            other[0] = *value;
            check(&other).is_ok()
        });
        let count = changed.count();
        assert!((90..=166).contains(&count), "about half of all coordinates are on the curve, found {count}");
        let mut high = good;
        high[56] |= 0x01;
        assert_eq!(check(&high).unwrap_err().0, FaultCode::KeyPointOffCurve);
    }
}
