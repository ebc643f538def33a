//! The COSE algorithms a test key can have.

/// A COSE signature algorithm, as registered with IANA and used by WebAuthn.
///
/// # Examples
///
/// ```
/// use keyferry_testkit::Algorithm;
///
/// assert_eq!(Algorithm::Es256.cose(), -7);
/// assert_eq!(Algorithm::from_cose(-257), Some(Algorithm::Rs256));
/// assert_eq!(Algorithm::from_cose(-65535), None); // RS1 is not made here
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA with SHA-256; in WebAuthn always on P-256 (-7).
    Es256,
    /// EdDSA; in WebAuthn always Ed25519 (-8).
    EdDsa,
    /// ECDSA on P-256 with SHA-256, fully specified (-9).
    Esp256,
    /// Ed25519, fully specified (-19).
    Ed25519,
    /// ECDSA with SHA-384; in WebAuthn always on P-384 (-35).
    Es384,
    /// ECDSA with SHA-512; in WebAuthn always on P-521 (-36).
    Es512,
    /// RSASSA-PSS with SHA-256 (-37).
    Ps256,
    /// RSASSA-PSS with SHA-384 (-38).
    Ps384,
    /// RSASSA-PSS with SHA-512 (-39).
    Ps512,
    /// ECDSA on secp256k1 with SHA-256 (-47).
    Es256k,
    /// ECDSA on P-384 with SHA-384, fully specified (-51).
    Esp384,
    /// ECDSA on P-521 with SHA-512, fully specified (-52).
    Esp512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (-257).
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (-258).
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512 (-259).
    Rs512,
}

impl Algorithm {
    /// Every algorithm, in the order of the variants.
    pub const ALL: [Self; 15] = [
        Self::Es256,
        Self::EdDsa,
        Self::Esp256,
        Self::Ed25519,
        Self::Es384,
        Self::Es512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256k,
        Self::Esp384,
        Self::Esp512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// Returns the COSE algorithm identifier.
    #[must_use]
    pub const fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Esp256 => -9,
            Self::Ed25519 => -19,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::Ps256 => -37,
            Self::Ps384 => -38,
            Self::Ps512 => -39,
            Self::Es256k => -47,
            Self::Esp384 => -51,
            Self::Esp512 => -52,
            Self::Rs256 => -257,
            Self::Rs384 => -258,
            Self::Rs512 => -259,
        }
    }

    /// Tells whether the keys are RSA keys, in either padding.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Rs256 | Self::Rs384 | Self::Rs512)
    }

    /// Finds the algorithm of a COSE algorithm identifier; `None` for one that no test key can have.
    #[must_use]
    pub fn from_cose(identifier: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.cose() == identifier)
    }
}
