//! Parts of the reading of a key, so that fuzz targets can compare each with another crate's answer.
//!
//! Only there with the feature `fuzzing`; nothing else may use it.

use super::{cose_form, curve_points};
use crate::FaultCode;

pub use super::cose_key::readers::{canonical, general};

/// Checks the form of a COSE key's CBOR alone.
///
/// # Errors
/// - The bytes are not exactly one definite-length map.
pub fn form(bytes: &[u8]) -> Result<(), FaultCode> {
    cose_form::check(bytes).map_err(|(code, _)| code)
}

/// Tells whether a point is on P-256, by our own arithmetic.
pub fn is_on_p256(x: &[u8], y: &[u8]) -> bool {
    curve_points::is_on_p256(x, y)
}

/// Tells whether a point is on P-384, by our own arithmetic.
pub fn is_on_p384(x: &[u8], y: &[u8]) -> bool {
    curve_points::is_on_p384(x, y)
}

/// Tells whether an encoded point is on Ed25519, in its only spelling, and not of small order, by our own arithmetic.
pub fn is_on_ed25519(encoded: &[u8]) -> bool {
    curve_points::is_on_ed25519(encoded)
}
