//! COSE algorithm identifiers and curves.

use std::fmt;

/// A curve of a COSE key (RFC 9053, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// NIST P-256, also secp256r1.
    P256,
    /// NIST P-384, also secp384r1.
    P384,
    /// NIST P-521, also secp521r1.
    P521,
    /// secp256k1 (RFC 8812).
    Secp256k1,
    /// Edwards25519.
    Ed25519,
    /// Edwards448.
    Ed448,
}

impl Curve {
    /// Returns the curve of a COSE curve number.
    pub fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::P256,
            2 => Self::P384,
            3 => Self::P521,
            6 => Self::Ed25519,
            7 => Self::Ed448,
            8 => Self::Secp256k1,
            _ => return None,
        })
    }

    /// Returns the COSE curve number.
    pub fn number(self) -> i64 {
        match self {
            Self::P256 => 1,
            Self::P384 => 2,
            Self::P521 => 3,
            Self::Ed25519 => 6,
            Self::Ed448 => 7,
            Self::Secp256k1 => 8,
        }
    }

    /// Returns the length of a coordinate (EC2) or of the encoded point (OKP) in bytes.
    pub fn coordinate_length(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            Self::Ed448 => 57,
        }
    }

    /// Returns the name of the curve in the JOSE registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)+) => {
        /// A COSE algorithm identifier, as it stands inside the key.
        ///
        /// Source: IANA COSE registry, with RFC 9864 for the fully specified ones.
        ///
        /// ```
        /// use keyferry_core::CoseAlgorithm;
        /// assert_eq!(CoseAlgorithm::from_number(-7).to_string(), "ES256");
        /// assert_eq!(CoseAlgorithm::from_number(-65535).to_string(), "-65535");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CoseAlgorithm {
            $($(#[$doc])* $variant,)+
            /// An algorithm that keyferry does not know.
            Other(i64),
        }

        impl CoseAlgorithm {
            /// Every algorithm that has a name here.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the algorithm of a number.
            pub fn from_number(number: i64) -> Self {
                match number { $($number => Self::$variant,)+ other => Self::Other(other) }
            }

            /// Returns the number.
            pub fn number(self) -> i64 {
                match self { $(Self::$variant => $number,)+ Self::Other(number) => number }
            }

            /// Returns the name in the registry; `None` for an unknown one.
            pub fn name(self) -> Option<&'static str> {
                match self { $(Self::$variant => Some($name),)+ Self::Other(_) => None }
            }
        }
    };
}

algorithms! {
    /// ECDSA with SHA-256; WebAuthn fixes the curve to P-256.
    Es256 = -7, "ES256";
    /// ECDSA with SHA-384; WebAuthn fixes the curve to P-384.
    Es384 = -35, "ES384";
    /// ECDSA with SHA-512; WebAuthn fixes the curve to P-521.
    Es512 = -36, "ES512";
    /// ECDSA on secp256k1 with SHA-256.
    Es256k = -47, "ES256K";
    /// EdDSA on Ed25519 or Ed448.
    EdDsa = -8, "EdDSA";
    /// ECDSA on P-256 with SHA-256, fully specified.
    Esp256 = -9, "ESP256";
    /// ECDSA on P-384 with SHA-384, fully specified.
    Esp384 = -51, "ESP384";
    /// ECDSA on P-521 with SHA-512, fully specified.
    Esp512 = -52, "ESP512";
    /// EdDSA on Ed25519, fully specified.
    Ed25519 = -19, "Ed25519";
    /// EdDSA on Ed448, fully specified.
    Ed448 = -53, "Ed448";
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 = -257, "RS256";
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 = -258, "RS384";
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 = -259, "RS512";
    /// RSASSA-PSS with SHA-256.
    Ps256 = -37, "PS256";
    /// RSASSA-PSS with SHA-384.
    Ps384 = -38, "PS384";
    /// RSASSA-PSS with SHA-512.
    Ps512 = -39, "PS512";
    /// ML-DSA-44, recognised but not checked.
    MlDsa44 = -48, "ML-DSA-44";
    /// ML-DSA-65, recognised but not checked.
    MlDsa65 = -49, "ML-DSA-65";
    /// ML-DSA-87, recognised but not checked.
    MlDsa87 = -50, "ML-DSA-87";
}

impl CoseAlgorithm {
    /// Returns the older, polymorphic identifier that makes the very same signatures, such as ES256 for ESP256.
    ///
    /// Libraries that do not know the fully specified identifiers verify with this one.
    ///
    /// ```
    /// use keyferry_core::CoseAlgorithm;
    /// assert_eq!(CoseAlgorithm::Esp256.polymorphic(), CoseAlgorithm::Es256);
    /// assert_eq!(CoseAlgorithm::Rs256.polymorphic(), CoseAlgorithm::Rs256);
    /// ```
    pub fn polymorphic(self) -> Self {
        match self {
            Self::Esp256 => Self::Es256,
            Self::Esp384 => Self::Es384,
            Self::Esp512 => Self::Es512,
            Self::Ed25519 | Self::Ed448 => Self::EdDsa,
            same => same,
        }
    }

    /// Tells whether the algorithm signs with keys of this curve (WebAuthn Level 3, section 5.8.5).
    pub(crate) fn fits_curve(self, curve: Curve) -> bool {
        match curve {
            Curve::P256 => matches!(self, Self::Es256 | Self::Esp256),
            Curve::P384 => matches!(self, Self::Es384 | Self::Esp384),
            Curve::P521 => matches!(self, Self::Es512 | Self::Esp512),
            Curve::Secp256k1 => self == Self::Es256k,
            Curve::Ed25519 => matches!(self, Self::EdDsa | Self::Ed25519),
            Curve::Ed448 => matches!(self, Self::EdDsa | Self::Ed448),
        }
    }

    /// Tells whether the algorithm signs with RSA keys.
    pub(crate) fn fits_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512)
    }

    /// Tells whether keyferry knows the algorithm but cannot check its keys.
    pub(crate) fn is_uncheckable(self) -> bool {
        matches!(self, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }
}

impl fmt::Display for CoseAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.number().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for algorithm in CoseAlgorithm::KNOWN {
            assert_eq!(CoseAlgorithm::from_number(algorithm.number()), *algorithm);
            assert_eq!(algorithm.polymorphic().polymorphic(), algorithm.polymorphic());
        }
        assert_eq!(CoseAlgorithm::from_number(-65535), CoseAlgorithm::Other(-65535));
        for number in -10..=10 {
            if let Some(curve) = Curve::from_number(number) {
                assert_eq!(curve.number(), number);
            }
        }
    }
}
