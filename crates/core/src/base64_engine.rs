//! The engine of base64 that uses AVX2 or NEON where the processor has it.
//!
//! It exists for these two architectures only; elsewhere it is the portable one, which says the same of every text.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::NO_PAD};

pub use engine::{Base64, standard, url_safe};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod engine {
    use base64::engine::GeneralPurposeConfig;
    pub use base64::engine::Simd as Base64;

    /// Returns an engine for base64url.
    pub fn url_safe(config: GeneralPurposeConfig) -> Base64 {
        Base64::url_safe(config)
    }

    /// Returns an engine for the standard alphabet.
    pub fn standard(config: GeneralPurposeConfig) -> Base64 {
        Base64::standard(config)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine {
    pub use base64::engine::GeneralPurpose as Base64;
    use base64::{alphabet, engine::GeneralPurposeConfig};

    /// Returns an engine for base64url.
    pub fn url_safe(config: GeneralPurposeConfig) -> Base64 {
        Base64::new(&alphabet::URL_SAFE, config)
    }

    /// Returns an engine for the standard alphabet.
    pub fn standard(config: GeneralPurposeConfig) -> Base64 {
        Base64::new(&alphabet::STANDARD, config)
    }
}

static URL_SAFE_NO_PAD: LazyLock<Base64> = LazyLock::new(|| url_safe(NO_PAD));

/// Adds bytes to a text as base64url without padding, the form in which browsers send them.
///
/// ```
/// let mut text = b"id=".to_vec();
/// keyferry_core::base64_engine::push_base64url(&[1, 2, 3, 4], &mut text);
/// assert_eq!(text, b"id=AQIDBA");
/// ```
pub fn push_base64url(bytes: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    // Of just the length that the text has: nobody is told that there is no room.
    let length = (bytes.len() * 4).div_ceil(3);
    text.resize(start + length, 0);
    if let Some(room) = text.get_mut(start..) {
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, room);
    }
}

/// Returns bytes as base64url without padding.
pub fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_written_as_by_the_portable_engine() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1500).collect();
        for start in 0..3 {
            for end in start..bytes.len() {
                let bytes = &bytes[start..end];
                let expected = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
                let mut text = b"before".to_vec();
                push_base64url(bytes, &mut text);
                assert_eq!(text.strip_prefix(b"before"), Some(expected.as_bytes()), "{} bytes", bytes.len());
                assert_eq!(to_base64url(bytes), expected);
            }
        }
    }
}
