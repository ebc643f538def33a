//! The form of a COSE key's CBOR, checked before anything decodes it.
//!
//! A decoder forgets how a value was written. Two libraries that read the same bytes differently can be made to see
//! two different keys, so what CTAP2 canonical CBOR forbids and a decoder would hide is refused here:
//! indefinite lengths, deep nesting, and bytes after the one map.

use crate::FaultCode;

/// The longest key in bytes: RSA-8192 takes about 1,050.
pub(super) const MAX_LENGTH: usize = 4096;

/// The deepest nesting: the map, and arrays directly in it.
const MAX_DEPTH: u8 = 2;

/// Checks that `bytes` are exactly one definite-length CBOR map.
///
/// # Errors
/// - `key-too-long`, `key-not-cbor`, `key-indefinite-length`, `key-trailing-bytes`.
pub(super) fn check(bytes: &[u8]) -> Result<(), (FaultCode, String)> {
    if bytes.len() > MAX_LENGTH {
        let message = format!("{} bytes, expected at most {MAX_LENGTH}", bytes.len());
        return Err((FaultCode::KeyTooLong, message));
    }
    let Some(first) = bytes.first() else {
        return Err(not_cbor("no byte"));
    };
    if first >> 5 != 5 {
        return Err(not_cbor(match first {
            0x04 => "begins with 04: a raw U2F point, expected a COSE_Key map",
            0x30 => "begins with 30: perhaps a DER SubjectPublicKeyInfo, expected a COSE_Key map",
            b'-' => "begins with a hyphen: perhaps PEM text, expected a COSE_Key map",
            b'{' => "begins with a brace: perhaps JSON text, expected a COSE_Key map",
            _ => "not a CBOR map",
        }));
    }
    let mut rest = bytes;
    item(&mut rest, 0)?;
    if rest.is_empty() {
        return Ok(());
    }
    Err((FaultCode::KeyTrailingBytes, format!("{} bytes after the COSE_Key", rest.len())))
}

/// Steps over one data item (RFC 8949, section 3).
fn item(rest: &mut &[u8], depth: u8) -> Result<(), (FaultCode, String)> {
    let initial = take(rest, 1)?.first().copied().unwrap_or_default();
    let major = initial >> 5;
    let argument = match initial & 0x1f {
        small @ 0..=23 => u64::from(small),
        24 => number(take(rest, 1)?),
        25 => number(take(rest, 2)?),
        26 => number(take(rest, 4)?),
        27 => number(take(rest, 8)?),
        31 => return Err((FaultCode::KeyIndefiniteLength, "an item of indefinite length".to_owned())),
        _ => return Err(not_cbor("a reserved additional information value")),
    };
    match major {
        0 | 1 | 7 => Ok(()),
        2 | 3 => {
            let length = usize::try_from(argument)
                .map_err(|_| not_cbor("the CBOR ends too early, the cell is cut short"))?;
            take(rest, length).map(|_| ())
        }
        4 | 5 => {
            if depth == MAX_DEPTH {
                return Err(not_cbor("nested too deep"));
            }
            let items = if major == 5 { argument.saturating_mul(2) } else { argument };
            // Each item takes a byte at least, so a huge announced count ends with the bytes and not with the memory.
            for _ in 0..items {
                item(rest, depth + 1)?;
            }
            Ok(())
        }
        _ => Err(not_cbor("a tag")),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], (FaultCode, String)> {
    let (taken, after) = rest
        .split_at_checked(length)
        .ok_or_else(|| not_cbor("the CBOR ends too early, the cell is cut short"))?;
    *rest = after;
    Ok(taken)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn not_cbor(message: &str) -> (FaultCode, String) {
    (FaultCode::KeyNotCbor, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> Option<FaultCode> {
        check(bytes).err().map(|(code, _)| code)
    }

    #[test]
    fn one_definite_map_and_nothing_else() {
        assert_eq!(code(&[0xa0]), None);
        assert_eq!(code(&[0xa1, 0x01, 0x02]), None);
        assert_eq!(code(&[]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0x04, 0x01]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0xa1, 0x01]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0xa1, 0x01, 0x02, 0x00]), Some(FaultCode::KeyTrailingBytes));
        assert_eq!(code(&[0xbf, 0x01, 0x02, 0xff]), Some(FaultCode::KeyIndefiniteLength));
        assert_eq!(code(&[0xa1, 0x01, 0x5f, 0x41, 0x00, 0xff]), Some(FaultCode::KeyIndefiniteLength));
        assert_eq!(code(&[0xa1, 0x01, 0xc1, 0x00]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0xa1, 0x01, 0x1c]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0xa1, 0x01, 0x81, 0x81, 0x81, 0x00]), Some(FaultCode::KeyNotCbor));
        assert_eq!(code(&[0xa0; 4097]), Some(FaultCode::KeyTooLong));
    }

    #[test]
    fn announced_sizes_cost_nothing() {
        assert_eq!(
            code(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(FaultCode::KeyNotCbor)
        );
        assert_eq!(
            code(&[0xa1, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(FaultCode::KeyNotCbor)
        );
    }
}
