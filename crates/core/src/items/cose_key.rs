//! The credential public key.

mod checked;

use std::{borrow::Borrow, fmt, hash, sync::OnceLock};

use coset::iana::EnumI64 as _;
use coset::{
    CborSerializable as _, CoseError, Label, RegisteredLabel, RegisteredLabelWithPrivate, cbor::Value, iana,
};

pub(crate) use checked::with_checked_keys;

use super::{cose_canonical, cose_encode::encode, cose_form, ed448, rsa_numbers};
use crate::{CoseAlgorithm, Curve, Fault, FaultCode, Item, spool::Rest};

/// A credential public key that signatures can be verified with, in its COSE bytes and parsed beside them.
///
/// It can only be built from a key that passes every check: one definite-length CBOR map without duplicate, private or
/// optional parameters; `alg` present and fitting key type and curve; the point on its curve, uncompressed, of full
/// length and not of small order; RSA of 2048 to 8192 bits with an odd exponent above 1 and no small factor.
/// Many libraries check less and let anyone forge a login with the rest, so the refusal happens here.
/// Sources: WebAuthn Level 3, sections 5.8.5 and 6.5.1; RFC 9052, section 7; RFC 9053, section 7.
///
/// ```
/// use keyferry_core::{CoseKey, FaultCode};
/// let fault = CoseKey::from_bytes([0xa0]).unwrap_err();
/// assert_eq!(fault.code, FaultCode::KeyNotCbor);
/// ```
#[derive(Clone)]
pub struct CoseKey {
    bytes: Box<[u8]>,
    algorithm: CoseAlgorithm,
    numbers: Numbers,
    /// The numbers once more, on their own, made when somebody asks for them.
    parameters: OnceLock<Box<KeyParameters>>,
}

/// Where the numbers of a key stand in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Ec2 { curve: Curve, x: Span, y: Span },
    Okp { curve: Curve, x: Span },
    Rsa { n: Span, e: Span },
}

/// A part of the bytes of a key; no key is longer than 4096 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) length: u16,
}

impl Span {
    /// Returns the part; the bytes must be those that it was found in.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        bytes.get(start..start + usize::from(self.length)).unwrap_or_default()
    }

    /// Finds bytes again that a reader has copied.
    fn find(part: &[u8], bytes: &[u8]) -> Option<Self> {
        let start = memchr::memmem::find(bytes, part)?;
        Some(Self { start: start.try_into().ok()?, length: part.len().try_into().ok()? })
    }
}

/// The numbers of a public key, big-endian (OKP: as RFC 8032 encodes the point).
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum KeyParameters {
    /// An elliptic curve point, both coordinates of the curve's full length.
    Ec2 {
        /// The curve.
        curve: Curve,
        /// The first coordinate.
        x: Box<[u8]>,
        /// The second coordinate.
        y: Box<[u8]>,
    },
    /// An Edwards curve point.
    Okp {
        /// The curve.
        curve: Curve,
        /// The encoded point.
        x: Box<[u8]>,
    },
    /// An RSA key.
    Rsa {
        /// The modulus, without leading zero.
        n: Box<[u8]>,
        /// The exponent, without leading zero.
        e: Box<[u8]>,
    },
}

impl CoseKey {
    /// Reads a COSE_Key and checks everything that a signature's worth depends on.
    ///
    /// # Errors
    /// - A code that begins with `key-`: see `docs/fault-codes.md`.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Result<Self, Fault> {
        let bytes = bytes.into();
        if let Some(known) = checked::get(&bytes) {
            return Ok(known);
        }
        match cose_canonical::read(&bytes).map_or_else(|| parse(&bytes), Ok) {
            Ok((algorithm, numbers)) => Ok(Self::of(bytes, algorithm, numbers)),
            Err((code, message)) => Err(Fault::new(Item::PublicKey, code, message)),
        }
    }

    fn of(bytes: Box<[u8]>, algorithm: CoseAlgorithm, numbers: Numbers) -> Self {
        Self { bytes, algorithm, numbers, parameters: OnceLock::new() }
    }

    /// Writes what [`CoseKey::as_checked_before`] needs beside the bytes.
    pub(crate) fn write_places(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.algorithm.number().to_le_bytes());
        let (curve, first, second) = match self.numbers {
            Numbers::Ec2 { curve, x, y } => (curve.number(), x, Some(y)),
            Numbers::Okp { curve, x } => (curve.number(), x, None),
            Numbers::Rsa { n, e } => (0, n, Some(e)),
        };
        out.extend_from_slice(&curve.to_le_bytes());
        for Span { start, length } in [Some(first), second].into_iter().flatten() {
            out.extend_from_slice(&start.to_le_bytes());
            out.extend_from_slice(&length.to_le_bytes());
        }
    }

    /// Returns a key again that was checked before, without checking it; `None` where its places are no places.
    pub(crate) fn as_checked_before(bytes: &[u8], places: &mut Rest<'_>) -> Option<Self> {
        let algorithm = CoseAlgorithm::from_number(i64::from_le_bytes(places.array()?));
        let curve = i64::from_le_bytes(places.array()?);
        let mut span = || {
            let span = Span {
                start: u16::from_le_bytes(places.array()?),
                length: u16::from_le_bytes(places.array()?),
            };
            (usize::from(span.start) + usize::from(span.length) <= bytes.len()).then_some(span)
        };
        let numbers = match (curve, Curve::from_number(curve)) {
            (0, _) => Numbers::Rsa { n: span()?, e: span()? },
            (_, Some(curve @ (Curve::Ed25519 | Curve::Ed448))) => Numbers::Okp { curve, x: span()? },
            (_, Some(curve)) => Numbers::Ec2 { curve, x: span()?, y: span()? },
            _ => return None,
        };
        Some(Self::of(bytes.into(), algorithm, numbers))
    }

    /// Builds the key of an algorithm and its numbers, in CTAP2 canonical CBOR.
    ///
    /// # Errors
    /// - As [`CoseKey::from_bytes`]: numbers are checked as if they had been read.
    pub fn from_parameters(algorithm: CoseAlgorithm, parameters: &KeyParameters) -> Result<Self, Fault> {
        Self::from_bytes(encode(algorithm, parameters))
    }

    /// Returns the COSE bytes exactly as they were given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the algorithm that stands inside the key.
    pub fn algorithm(&self) -> CoseAlgorithm {
        self.algorithm
    }

    /// Returns the numbers of the key.
    pub fn parameters(&self) -> &KeyParameters {
        let part = |span: Span| Box::from(span.of(&self.bytes));
        self.parameters.get_or_init(|| {
            Box::new(match self.numbers {
                Numbers::Ec2 { curve, x, y } => KeyParameters::Ec2 { curve, x: part(x), y: part(y) },
                Numbers::Okp { curve, x } => KeyParameters::Okp { curve, x: part(x) },
                Numbers::Rsa { n, e } => KeyParameters::Rsa { n: part(n), e: part(e) },
            })
        })
    }

    /// Returns the curve; `None` when the key is RSA.
    pub fn curve(&self) -> Option<Curve> {
        match self.numbers {
            Numbers::Ec2 { curve, .. } | Numbers::Okp { curve, .. } => Some(curve),
            Numbers::Rsa { .. } => None,
        }
    }

    /// Returns the length of the modulus in bits; `None` unless the key is RSA.
    pub fn rsa_bits(&self) -> Option<usize> {
        match self.numbers {
            Numbers::Rsa { n, .. } => Some(rsa_numbers::bit_length(n.of(&self.bytes))),
            _ => None,
        }
    }

    /// Returns the modulus; `None` unless the key is RSA.
    pub(super) fn rsa_modulus(&self) -> Option<&[u8]> {
        match self.numbers {
            Numbers::Rsa { n, .. } => Some(n.of(&self.bytes)),
            _ => None,
        }
    }

    /// Returns the exponent, big-endian without leading zero; `None` unless the key is RSA.
    pub fn rsa_exponent(&self) -> Option<&[u8]> {
        match self.numbers {
            Numbers::Rsa { e, .. } => Some(e.of(&self.bytes)),
            _ => None,
        }
    }

    /// Returns the same key under its polymorphic algorithm identifier, in CTAP2 canonical CBOR.
    ///
    /// ESP256 becomes ES256 and so on: the signatures are the same, and libraries that know only the older identifiers
    /// can verify them. A key that has the older identifier already keeps its bytes.
    pub fn to_polymorphic(&self) -> Self {
        let algorithm = self.algorithm.polymorphic();
        if algorithm == self.algorithm {
            return self.clone();
        }
        // The numbers were checked, and the two identifiers fit the same ones; only their places may change.
        let bytes = encode(algorithm, self.parameters());
        let numbers = Numbers::find(self.parameters(), &bytes);
        numbers.map_or_else(|| self.clone(), |numbers| Self::of(bytes.into(), algorithm, numbers))
    }

    /// Tells whether both keys verify the same signatures, however they are encoded.
    pub fn is_same_key(&self, other: &Self) -> bool {
        (self.bytes == other.bytes || self.parameters() == other.parameters())
            && self.algorithm.polymorphic() == other.algorithm.polymorphic()
    }
}

impl Borrow<[u8]> for CoseKey {
    fn borrow(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for CoseKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for CoseKey {}

impl hash::Hash for CoseKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoseKey({}, {} bytes)", self.algorithm, self.bytes.len())
    }
}

impl fmt::Debug for KeyParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec2 { curve, .. } | Self::Okp { curve, .. } => write!(f, "KeyParameters({curve})"),
            Self::Rsa { n, .. } => write!(f, "KeyParameters(RSA, {} bits)", rsa_numbers::bit_length(n)),
        }
    }
}

type Parsed<T> = Result<T, (FaultCode, String)>;

/// Reads any layout, by way of coset, and finds the words for what is wrong.
fn parse(bytes: &[u8]) -> Parsed<(CoseAlgorithm, Numbers)> {
    cose_form::check(bytes)?;
    let key = coset::CoseKey::from_slice(bytes).map_err(|error| match error {
        CoseError::DuplicateMapKey => {
            fault(FaultCode::KeyDuplicateLabel, "a label stands twice in the COSE_Key")
        }
        // What coset gives up on is a value outside the registries or of the wrong type.
        CoseError::UnregisteredIanaValue | CoseError::UnregisteredIanaNonPrivateValue => {
            fault(FaultCode::KeyAlgorithmUnknown, "a key type or algorithm that is not registered")
        }
        other => fault(FaultCode::KeyNotCbor, &format!("not a COSE_Key: {other}")),
    })?;
    let kty = match key.kty {
        RegisteredLabel::Assigned(kty) => kty,
        RegisteredLabel::Text(_) => {
            return Err(fault(FaultCode::KeyAlgorithmUnknown, "a key type given as text"));
        }
    };
    let algorithm = match &key.alg {
        None => return Err(fault(FaultCode::KeyAlgorithmMissing, "no algorithm (label 3)")),
        Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => {
            CoseAlgorithm::from_number(algorithm.to_i64())
        }
        Some(RegisteredLabelWithPrivate::PrivateUse(number)) => CoseAlgorithm::Other(*number),
        Some(RegisteredLabelWithPrivate::Text(_)) => {
            return Err(fault(FaultCode::KeyAlgorithmUnknown, "an algorithm given as text"));
        }
    };
    if algorithm.is_uncheckable() {
        return Err(fault(
            FaultCode::KeyAlgorithmUncheckable,
            &format!("{algorithm} keys cannot be checked yet"),
        ));
    }
    if matches!(algorithm, CoseAlgorithm::Other(_)) {
        return Err(fault(FaultCode::KeyAlgorithmUnknown, &format!("algorithm {algorithm}")));
    }
    if !key.key_id.is_empty() || !key.key_ops.is_empty() || !key.base_iv.is_empty() {
        return Err(fault(FaultCode::KeyUnexpectedParameter, "a kid, key_ops or Base IV parameter"));
    }
    let parameters = match kty {
        iana::KeyType::EC2 => ec2(algorithm, key.params)?,
        iana::KeyType::OKP => okp(algorithm, key.params)?,
        iana::KeyType::RSA => rsa(algorithm, key.params)?,
        other => {
            let message = format!("key type {} with algorithm {algorithm}", other.to_i64());
            return Err(fault(FaultCode::KeyAlgorithmMismatch, &message));
        }
    };
    let numbers = Numbers::find(&parameters, bytes)
        .ok_or_else(|| fault(FaultCode::KeyNotCbor, "a number that does not stand in the key's bytes"))?;
    Ok((algorithm, numbers))
}

impl Numbers {
    /// Finds the numbers in the bytes that they were read from.
    fn find(parameters: &KeyParameters, bytes: &[u8]) -> Option<Self> {
        let find = |part: &[u8]| Span::find(part, bytes);
        Some(match parameters {
            KeyParameters::Ec2 { curve, x, y } => Self::Ec2 { curve: *curve, x: find(x)?, y: find(y)? },
            KeyParameters::Okp { curve, x } => Self::Okp { curve: *curve, x: find(x)? },
            KeyParameters::Rsa { n, e } => Self::Rsa { n: find(n)?, e: find(e)? },
        })
    }
}

/// RFC 9053, section 7.1.1: `-1` crv, `-2` x, `-3` y, `-4` d (private).
fn ec2(algorithm: CoseAlgorithm, params: Vec<(Label, Value)>) -> Parsed<KeyParameters> {
    let [crv, x, y] = take_labels(params, -4..=-4, [-1, -2, -3])?;
    let curve = curve(algorithm, crv)?;
    if matches!(curve, Curve::Ed25519 | Curve::Ed448) {
        return Err(fault(FaultCode::KeyAlgorithmMismatch, &format!("an EC2 key on the curve {curve}")));
    }
    let x = coordinate(curve, byte_string(x, "x")?)?;
    let y = match y {
        Some(Value::Bool(_)) => {
            return Err(fault(FaultCode::KeyPointCompressed, "y is a sign bit, not a coordinate"));
        }
        y => coordinate(curve, byte_string(y, "y")?)?,
    };
    let mut point = Vec::with_capacity(1 + 2 * x.len());
    point.push(0x04);
    point.extend_from_slice(&x);
    point.extend_from_slice(&y);
    // Each of these tests the curve equation only; the cofactor is 1, so no multiplication is needed.
    let on_curve = match curve {
        Curve::P256 => p256::PublicKey::from_sec1_bytes(&point).is_ok(),
        Curve::P384 => p384::PublicKey::from_sec1_bytes(&point).is_ok(),
        Curve::P521 => p521::PublicKey::from_sec1_bytes(&point).is_ok(),
        Curve::Secp256k1 => k256::PublicKey::from_sec1_bytes(&point).is_ok(),
        Curve::Ed25519 | Curve::Ed448 => false,
    };
    if !on_curve {
        return Err(fault(FaultCode::KeyPointOffCurve, &format!("the point is not on {curve}")));
    }
    Ok(KeyParameters::Ec2 { curve, x, y })
}

/// RFC 9053, section 7.2: `-1` crv, `-2` x, `-4` d (private).
fn okp(algorithm: CoseAlgorithm, params: Vec<(Label, Value)>) -> Parsed<KeyParameters> {
    let [crv, x] = take_labels(params, -4..=-4, [-1, -2])?;
    let curve = curve(algorithm, crv)?;
    let x = coordinate(curve, byte_string(x, "x")?)?;
    match curve {
        Curve::Ed25519 => ed25519(&x)?,
        Curve::Ed448 => match <&[u8; 57]>::try_from(&*x) {
            Ok(point) => ed448::check(point)?,
            Err(_) => return Err(fault(FaultCode::KeyCoordinateLength, "an Ed448 point has 57 bytes")),
        },
        other => {
            return Err(fault(FaultCode::KeyAlgorithmMismatch, &format!("an OKP key on the curve {other}")));
        }
    }
    Ok(KeyParameters::Okp { curve, x })
}

/// RFC 8230, section 4: `-1` n, `-2` e, `-3` to `-12` private.
fn rsa(algorithm: CoseAlgorithm, params: Vec<(Label, Value)>) -> Parsed<KeyParameters> {
    if !algorithm.fits_rsa() {
        return Err(fault(FaultCode::KeyAlgorithmMismatch, &format!("algorithm {algorithm} in an RSA key")));
    }
    let [n, e] = take_labels(params, -12..=-3, [-1, -2])?;
    let (n, e) = (byte_string(n, "n")?, byte_string(e, "e")?);
    rsa_numbers::check(&n, &e)?;
    Ok(KeyParameters::Rsa { n, e })
}

/// Takes the wanted labels, in order; any other one is a fault, a private one most of all.
fn take_labels<const N: usize>(
    params: Vec<(Label, Value)>,
    private: std::ops::RangeInclusive<i64>,
    wanted: [i64; N],
) -> Parsed<[Option<Value>; N]> {
    let mut found = [const { None }; N];
    for (label, value) in params {
        let Label::Int(label) = label else {
            return Err(fault(FaultCode::KeyUnexpectedParameter, "a parameter whose label is text"));
        };
        if private.contains(&label) {
            return Err(fault(
                FaultCode::KeyPrivateParameter,
                &format!("private key parameter (label {label})"),
            ));
        }
        match wanted.iter().zip(&mut found).find(|(wanted, _)| **wanted == label) {
            Some((_, slot)) => *slot = Some(value),
            None => {
                return Err(fault(
                    FaultCode::KeyUnexpectedParameter,
                    &format!("a parameter with label {label}"),
                ));
            }
        }
    }
    Ok(found)
}

fn curve(algorithm: CoseAlgorithm, crv: Option<Value>) -> Parsed<Curve> {
    let crv = crv.ok_or_else(|| fault(FaultCode::KeyMissingParameter, "no curve (label -1)"))?;
    let number = crv.as_integer().and_then(|number| i64::try_from(number).ok());
    let curve = number
        .and_then(Curve::from_number)
        .ok_or_else(|| fault(FaultCode::KeyAlgorithmMismatch, "a curve that no WebAuthn algorithm uses"))?;
    if !algorithm.fits_curve(curve) {
        return Err(fault(
            FaultCode::KeyAlgorithmMismatch,
            &format!("algorithm {algorithm} on the curve {curve}"),
        ));
    }
    Ok(curve)
}

fn byte_string(value: Option<Value>, name: &str) -> Parsed<Box<[u8]>> {
    match value {
        Some(Value::Bytes(bytes)) => Ok(bytes.into()),
        Some(_) => Err(fault(FaultCode::KeyNotCbor, &format!("{name} is not a byte string"))),
        None => Err(fault(FaultCode::KeyMissingParameter, &format!("no {name}"))),
    }
}

fn coordinate(curve: Curve, bytes: Box<[u8]>) -> Parsed<Box<[u8]>> {
    let expected = curve.coordinate_length();
    if bytes.len() == expected {
        return Ok(bytes);
    }
    if bytes.len() == expected + 1 && matches!(bytes.first(), Some(0x02 | 0x03)) {
        return Err(fault(FaultCode::KeyPointCompressed, "a compressed point instead of a coordinate"));
    }
    let message = format!("a coordinate of {} bytes, {curve} has {expected}", bytes.len());
    Err(fault(FaultCode::KeyCoordinateLength, &message))
}

fn ed25519(x: &[u8]) -> Parsed<()> {
    let Ok(encoded) = <&[u8; 32]>::try_from(x) else {
        return Err(fault(FaultCode::KeyCoordinateLength, "an Ed25519 point has 32 bytes"));
    };
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(encoded) else {
        return Err(fault(FaultCode::KeyPointOffCurve, "the point is not on Ed25519"));
    };
    if key.is_weak() {
        return Err(fault(FaultCode::KeySmallOrder, "a point of order 1, 2, 4 or 8"));
    }
    // Decompression reads y modulo 2^255 - 19: a second spelling of the same point is refused.
    let above_prime =
        encoded[31] & 0x7f == 0x7f && encoded[1..31].iter().all(|byte| *byte == 0xff) && encoded[0] >= 0xed;
    if above_prime {
        return Err(fault(FaultCode::KeyPointOffCurve, "the coordinate is not below the prime of the field"));
    }
    Ok(())
}

fn fault(code: FaultCode, message: &str) -> (FaultCode, String) {
    (code, message.to_owned())
}

#[cfg(feature = "fuzzing")]
pub(super) mod readers;
#[cfg(test)]
mod tests;
