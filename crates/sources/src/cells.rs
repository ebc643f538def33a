//! Decodes cells: strict where two readings are possible, tolerant where there is one.

use std::sync::LazyLock;

use base64::{
    DecodeError, DecodeSliceError, Engine as _,
    engine::{DecodePaddingMode, GeneralPurposeConfig},
};
use keyferry_core::{Fault, FaultCode, Item, Shown};

/// Something unusual about the rows of an export that harms no login; counted and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Note {
    /// Base64 in the standard alphabet, with `+` or `/`, instead of base64url.
    StandardBase64,
    /// Base64 without its padding.
    MissingPadding,
    /// A time without a zone, taken as UTC.
    TimeWithoutZone,
    /// A transport that WebAuthn Level 3 does not name; kept.
    UnknownTransport,
    /// An attachment that WebAuthn Level 3 does not name; kept.
    UnknownAttachment,
    /// A status that the documentation does not name; never active.
    UnknownStatus,
    /// A credential ID shorter than the 16 bytes that WebAuthn asks for.
    ShortCredentialId,
    /// No statement on backup eligibility.
    BackupUnknown,
    /// An RSA exponent below 65537, which FIPS 186 does not allow for new keys.
    SmallRsaExponent,
}

impl Note {
    /// Returns the note as a sentence for the operator.
    pub fn message(self) -> &'static str {
        match self {
            Self::StandardBase64 => {
                "base64 in the standard alphabet (+ and /) instead of base64url, decoded all the same"
            }
            Self::MissingPadding => "base64url without padding, decoded all the same",
            Self::TimeWithoutZone => "a creation time without a zone, taken as UTC",
            Self::UnknownTransport => "a transport that WebAuthn Level 3 does not name, kept as it is",
            Self::UnknownAttachment => "an attachment that WebAuthn Level 3 does not name, kept as it is",
            Self::UnknownStatus => {
                "a status that the export's documentation does not name, never imported as active"
            }
            Self::ShortCredentialId => "a credential ID shorter than 16 bytes",
            Self::BackupUnknown => "backup eligibility not stated",
            Self::SmallRsaExponent => "an RSA exponent below 65537, unusual but accepted",
        }
    }

    /// Returns the stable code of the note.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandardBase64 => "standard-base64",
            Self::MissingPadding => "missing-padding",
            Self::TimeWithoutZone => "time-without-zone",
            Self::UnknownTransport => "unknown-transport",
            Self::UnknownAttachment => "unknown-attachment",
            Self::UnknownStatus => "unknown-status",
            Self::ShortCredentialId => "short-credential-id",
            Self::BackupUnknown => "backup-unknown",
            Self::SmallRsaExponent => "small-rsa-exponent",
        }
    }
}

/// A cell of one column, and where its faults and notes go.
pub(crate) struct Cell<'a> {
    pub(crate) item: Item,
    pub(crate) bytes: &'a [u8],
    /// The same as text where the whole row is known to be UTF-8 without a NUL; else it is to be found out.
    pub(crate) text: Option<&'a str>,
    /// What [`decode_base64`] has made of it already.
    pub(crate) decoded: Option<&'a [u8]>,
    pub(crate) faults: &'a mut Vec<Fault>,
}

impl<'a> Cell<'a> {
    pub(crate) fn fault(&mut self, code: FaultCode, message: impl Into<String>) {
        self.faults.push(Fault::new(self.item, code, message));
    }

    /// Returns the text; `None` after a fault.
    pub(crate) fn text(&mut self, limit: usize) -> Option<&'a str> {
        if self.bytes.len() > limit {
            self.fault(
                FaultCode::FieldTooLong,
                format!("{} bytes, expected at most {limit}", self.bytes.len()),
            );
            return None;
        }
        if self.text.is_some() {
            return self.text;
        }
        match std::str::from_utf8(self.bytes) {
            Ok(text) if text.contains('\0') => {
                self.fault(FaultCode::ControlCharacter, "contains a NUL character");
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                self.fault(FaultCode::NotUtf8, format!("not UTF-8 at byte {}", error.valid_up_to() + 1));
                None
            }
        }
    }

    /// Returns the text unless the cell is empty or says `null`: both mean that the vendor does not know.
    pub(crate) fn optional(&mut self, limit: usize) -> Option<&'a str> {
        self.text(limit).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("null"))
    }

    /// Returns the bytes of a base64 or base64url cell; `None` when empty or after a fault.
    pub(crate) fn base64(&mut self, limit: usize, notes: &mut Vec<Note>) -> Option<Vec<u8>> {
        let text = self.optional(limit)?;
        // Padding is whole or absent: half of it is a text that has lost its last character.
        if text.ends_with('=') && !text.len().is_multiple_of(4) {
            self.fault(FaultCode::NotBase64, "not base64url: incomplete padding");
            return None;
        }
        let is_standard = is_standard(text.as_bytes());
        let decode = || decode_alphabet(text.as_bytes(), is_standard);
        match self.decoded.map_or_else(decode, |bytes| Ok(bytes.to_vec())) {
            Ok(bytes) => {
                if is_standard {
                    notes.push(Note::StandardBase64);
                }
                if !text.len().is_multiple_of(4) {
                    notes.push(Note::MissingPadding);
                }
                Some(bytes)
            }
            Err(error) => {
                // The text itself is not shown: a key or an ID does not belong into a message.
                self.fault(FaultCode::NotBase64, format!("not base64url: {}", explain(error)));
                None
            }
        }
    }

    /// Returns a boolean; `None` when it is not known or after a fault.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        let text = self.optional(16)?;
        if text == "1" || text.eq_ignore_ascii_case("true") {
            return Some(true);
        }
        if text == "0" || text.eq_ignore_ascii_case("false") {
            return Some(false);
        }
        self.fault(FaultCode::BooleanInvalid, format!("found `{}`, expected true or false", glimpse(text)));
        None
    }
}

/// Decodes base64url, or base64 where a character of its alphabet stands in the text.
pub(crate) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode_alphabet(text, is_standard(text))
}

fn decode_alphabet(text: &[u8], is_standard: bool) -> Result<Vec<u8>, DecodeError> {
    let engine: &fast::Engine = if is_standard { &STANDARD } else { &URL_SAFE };
    // Of just the length that well-formed text has, so that nothing moves when the bytes become a value.
    let padding = text.iter().rev().take_while(|character| **character == b'=').count();
    let characters = text.len() - padding;
    let mut bytes = vec![0; characters / 4 * 3 + characters % 4 * 3 / 4];
    match engine.decode_slice(text, &mut bytes) {
        Ok(length) => {
            bytes.truncate(length);
            Ok(bytes)
        }
        Err(DecodeSliceError::DecodeError(error)) => Err(error),
        Err(DecodeSliceError::OutputSliceTooSmall) => engine.decode(text),
    }
}

fn is_standard(text: &[u8]) -> bool {
    memchr::memchr2(b'+', b'/', text).is_some()
}

/// Returns the first 8 characters of a cell for a message: a cell in the wrong column may name a user.
pub(crate) fn glimpse(text: &str) -> String {
    match text.char_indices().nth(8) {
        Some((end, _)) => format!("{}…", Shown(&text[..end])),
        None => Shown(text).to_string(),
    }
}

/// Padding may be there or not, but bits that no byte uses must be zero: else two texts would be one credential ID.
const STRICT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(false);
static URL_SAFE: LazyLock<fast::Engine> = LazyLock::new(|| fast::url_safe(STRICT));
static STANDARD: LazyLock<fast::Engine> = LazyLock::new(|| fast::standard(STRICT));

/// The engine that uses AVX2 or NEON where the processor has it; it exists for these two architectures only.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod fast {
    pub(super) use base64::engine::Simd as Engine;

    pub(super) fn url_safe(config: super::GeneralPurposeConfig) -> Engine {
        Engine::url_safe(config)
    }

    pub(super) fn standard(config: super::GeneralPurposeConfig) -> Engine {
        Engine::standard(config)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod fast {
    use base64::alphabet;
    pub(super) use base64::engine::GeneralPurpose as Engine;

    pub(super) fn url_safe(config: super::GeneralPurposeConfig) -> Engine {
        Engine::new(&alphabet::URL_SAFE, config)
    }

    pub(super) fn standard(config: super::GeneralPurposeConfig) -> Engine {
        Engine::new(&alphabet::STANDARD, config)
    }
}

fn explain(error: DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(at, _) => {
            format!("a character that does not belong there at position {}", at + 1)
        }
        DecodeError::InvalidLastSymbol { .. } => "the last character has bits that no byte uses".to_owned(),
        other => {
            let text = other.to_string();
            text.to_lowercase()
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{alphabet, engine::GeneralPurpose};

    use super::*;

    fn cell<T>(bytes: &[u8], read: impl FnOnce(&mut Cell<'_>) -> T) -> (T, Vec<FaultCode>) {
        let mut faults = Vec::new();
        let value = read(&mut Cell {
            item: Item::CredentialId,
            bytes,
            text: None,
            decoded: None,
            faults: &mut faults,
        });
        (value, faults.into_iter().map(|fault| fault.code).collect())
    }

    fn base64(text: &str) -> (Option<Vec<u8>>, Vec<FaultCode>, Vec<Note>) {
        let mut notes = Vec::new();
        let (bytes, faults) = cell(text.as_bytes(), |cell| cell.base64(100, &mut notes));
        (bytes, faults, notes)
    }

    #[test]
    fn both_alphabets_with_or_without_padding() {
        assert_eq!(base64("-_8="), (Some(vec![0xfb, 0xff]), vec![], vec![]));
        assert_eq!(base64("-_8"), (Some(vec![0xfb, 0xff]), vec![], vec![Note::MissingPadding]));
        assert_eq!(base64("+/8="), (Some(vec![0xfb, 0xff]), vec![], vec![Note::StandardBase64]));
        assert_eq!(base64("QUJD"), (Some(b"ABC".to_vec()), vec![], vec![]));
        assert_eq!(base64(""), (None, vec![], vec![]));
        assert_eq!(base64("null"), (None, vec![], vec![]));
    }

    #[test]
    fn one_text_for_one_value() {
        // Each of these decodes to the byte 41 with the vendor's sample code.
        for text in ["QQ=", "QR==", "Q Q=", "QQ==QQ==", "Q", "QQ===", " QQ==", "QQ==\n", "+_8=", "QQ%3D%3D"] {
            let (bytes, faults, _) = base64(text);
            assert_eq!((bytes, faults), (None, vec![FaultCode::NotBase64]), "{text:?}");
        }
        assert_eq!(base64(&"A".repeat(101)).1, [FaultCode::FieldTooLong]);
    }

    /// Compares with the engine that every processor has; tells whether the text is base64.
    fn is_that_of_the_portable_engine(text: &[u8]) -> bool {
        let alphabet = if is_standard(text) { alphabet::STANDARD } else { alphabet::URL_SAFE };
        let decoded = decode_base64(text);
        assert_eq!(decoded, GeneralPurpose::new(&alphabet, STRICT).decode(text), "{text:?}");
        decoded.inspect(|bytes| assert_eq!(bytes.len(), bytes.capacity(), "{text:?}")).is_ok()
    }

    #[test]
    fn ends_are_those_of_the_portable_engine() {
        let alphabet = b"AQR_-+/=\n 9";
        let (mut good, mut bad) = (0, 0);
        // All texts of up to five of these characters, with a beginning that fills the engine's long way, too.
        for length in 0..=5_u32 {
            for number in 0..11_usize.pow(length) {
                let digits = (0..length).map(|place| alphabet[number / 11_usize.pow(place) % 11]);
                let text: Vec<u8> = [].into_iter().chain(digits).collect();
                for text in [text.clone(), [&[b'Q'; 64][..], &text].concat()] {
                    *if is_that_of_the_portable_engine(&text) { &mut good } else { &mut bad } += 1;
                }
            }
        }
        assert!(good > 5_000 && bad > 5_000, "{good} {bad}");
    }

    #[test]
    fn every_byte_in_every_place_is_taken_as_by_the_portable_engine() {
        // As long as the key of a P-384 credential, and all letters of both alphabets.
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let (mut good, mut bad) = (0, 0);
        for place in 0..148 {
            for byte in 0..=u8::MAX {
                let mut text: Vec<u8> = letters.iter().cycle().skip(place).take(148).copied().collect();
                text[place] = byte;
                *if is_that_of_the_portable_engine(&text) { &mut good } else { &mut bad } += 1;
            }
        }
        // 66 letters of both alphabets in each place, and padding at the end.
        assert!(good > 147 * 66 && bad > 147 * 189, "{good} {bad}");
    }

    #[test]
    fn booleans() {
        for (text, expected) in
            [("true", true), ("TRUE", true), ("True", true), ("1", true), ("false", false), ("0", false)]
        {
            assert_eq!(cell(text.as_bytes(), |cell| cell.boolean()), (Some(expected), vec![]));
        }
        for text in ["", "null", "NULL"] {
            assert_eq!(cell(text.as_bytes(), |cell| cell.boolean()), (None, vec![]), "{text}");
        }
        for text in ["yes", "no", "t", "wahr", " true", "2", "-1"] {
            assert_eq!(
                cell(text.as_bytes(), |cell| cell.boolean()),
                (None, vec![FaultCode::BooleanInvalid]),
                "{text}"
            );
        }
    }

    #[test]
    fn text_is_checked_not_changed() {
        assert_eq!(
            cell("José".as_bytes(), |c| c.text(10).map(str::to_owned)),
            (Some("José".to_owned()), vec![])
        );
        assert_eq!(cell(b"a\xffb", |c| c.text(10).is_some()), (false, vec![FaultCode::NotUtf8]));
        assert_eq!(cell(b"12345678901", |c| c.text(10).is_some()), (false, vec![FaultCode::FieldTooLong]));
    }
}
