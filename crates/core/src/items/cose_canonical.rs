//! Reads the one layout in which nearly every COSE_Key stands: CTAP2 canonical CBOR, labels 1, 3, -1, -2, -3.
//!
//! It only ever accepts. Whatever deviates, in form or in content, goes to the general reader, which decides and finds
//! the words; so what is accepted here must be accepted there, with the same numbers. Tests compare the two.

use super::{
    cose_form::MAX_LENGTH,
    cose_key::{Numbers, Span},
    curve_points, rsa_numbers,
};
use crate::{CoseAlgorithm, Curve};

/// Returns the algorithm and where the numbers stand; `None` where the general reader must decide.
pub(super) fn read(bytes: &[u8]) -> Option<(CoseAlgorithm, Numbers)> {
    if bytes.len() > MAX_LENGTH {
        return None;
    }
    let mut rest = Rest { bytes, at: 0 };
    let numbers = match rest.take(3)? {
        [0xa5, 0x01, 0x02] => ec2,
        [0xa4, 0x01, 0x01] => okp,
        [0xa4, 0x01, 0x03] => rsa,
        _ => return None,
    };
    rest.expect(0x03)?;
    let algorithm = CoseAlgorithm::from_number(rest.negative()?);
    let numbers = numbers(&mut rest, algorithm)?;
    (rest.at == bytes.len()).then_some((algorithm, numbers))
}

fn ec2(rest: &mut Rest<'_>, algorithm: CoseAlgorithm) -> Option<Numbers> {
    let curve = rest.curve(algorithm)?;
    let is_on_curve = match curve {
        Curve::P256 => curve_points::is_on_p256,
        Curve::P384 => curve_points::is_on_p384,
        _ => return None,
    };
    rest.expect(0x21)?;
    let x = rest.byte_string()?;
    rest.expect(0x22)?;
    let y = rest.byte_string()?;
    is_on_curve(x.of(rest.bytes), y.of(rest.bytes)).then_some(Numbers::Ec2 { curve, x, y })
}

fn okp(rest: &mut Rest<'_>, algorithm: CoseAlgorithm) -> Option<Numbers> {
    let curve = rest.curve(algorithm).filter(|curve| *curve == Curve::Ed25519)?;
    rest.expect(0x21)?;
    let x = rest.byte_string()?;
    curve_points::is_on_ed25519(x.of(rest.bytes)).then_some(Numbers::Okp { curve, x })
}

fn rsa(rest: &mut Rest<'_>, algorithm: CoseAlgorithm) -> Option<Numbers> {
    if !algorithm.fits_rsa() {
        return None;
    }
    rest.expect(0x20)?;
    let n = rest.byte_string()?;
    rest.expect(0x21)?;
    let e = rest.byte_string()?;
    rsa_numbers::check(n.of(rest.bytes), e.of(rest.bytes)).is_ok().then_some(Numbers::Rsa { n, e })
}

/// Returns the modulus of an RSA key, unchecked; `None` where it is something else, or the key in another layout.
pub(super) fn rsa_modulus(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = Rest { bytes, at: 0 };
    rest.take(3).filter(|start| *start == [0xa4, 0x01, 0x03])?;
    rest.expect(0x03)?;
    rest.negative()?;
    rest.expect(0x20)?;
    Some(rest.byte_string()?.of(bytes))
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Reads an argument that does not fit one byte.
    fn two_bytes(&mut self) -> Option<u16> {
        let bytes = <[u8; 2]>::try_from(self.take(2)?).ok()?;
        Some(u16::from_be_bytes(bytes)).filter(|argument| *argument > 0xff)
    }

    fn expect(&mut self, expected: u8) -> Option<()> {
        (self.byte()? == expected).then_some(())
    }

    /// Reads a negative integer in its shortest form, of at most 16 bits.
    fn negative(&mut self) -> Option<i64> {
        let argument = match self.byte()? {
            small @ 0x20..=0x37 => i64::from(small - 0x20),
            0x38 => i64::from(self.byte().filter(|byte| *byte >= 24)?),
            0x39 => i64::from(self.two_bytes()?),
            _ => return None,
        };
        Some(-1 - argument)
    }

    /// Reads label -1 and a curve that the algorithm signs with.
    fn curve(&mut self, algorithm: CoseAlgorithm) -> Option<Curve> {
        self.expect(0x20)?;
        let number = self.byte().filter(|byte| *byte < 24)?;
        Curve::from_number(number.into()).filter(|curve| algorithm.fits_curve(*curve))
    }

    /// Reads a byte string whose length is given in the shortest form.
    fn byte_string(&mut self) -> Option<Span> {
        let length = match self.byte()? {
            small @ 0x40..=0x57 => u16::from(small - 0x40),
            0x58 => u16::from(self.byte().filter(|byte| *byte >= 24)?),
            0x59 => self.two_bytes()?,
            _ => return None,
        };
        let start = u16::try_from(self.at).ok()?;
        self.take(length.into())?;
        Some(Span { start, length })
    }
}
