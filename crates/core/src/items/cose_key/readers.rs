//! The two readers of a COSE key, each alone.

use super::{CoseKey, Parsed, cose_canonical, parse};
use crate::FaultCode;

/// Reads a key in the short way; `None` where the general reader must decide.
pub fn canonical(bytes: &[u8]) -> Option<CoseKey> {
    let (algorithm, numbers) = cose_canonical::read(bytes)?;
    Some(CoseKey::of(bytes.into(), algorithm, numbers))
}

/// Reads a key in the general way alone, as if there were no other.
///
/// # Errors
/// - As [`CoseKey::from_bytes`].
pub fn general(bytes: &[u8]) -> Result<CoseKey, FaultCode> {
    let read: Parsed<_> = parse(bytes);
    let (algorithm, numbers) = read.map_err(|(code, _)| code)?;
    Ok(CoseKey::of(bytes.into(), algorithm, numbers))
}
