//! The authenticator data: what the authenticator signs about itself (WebAuthn Level 3, section 6.1).

use coset::cbor::{Value, de::from_reader};
use keyferry_core::RpId;

use crate::origin::is_hash_of;

/// The flags byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// UP: a user was present.
    pub fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// UV: the user was verified.
    pub fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// BE: the credential can be backed up.
    pub fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// BS: the credential is backed up.
    pub fn backup_state(self) -> bool {
        self.0 & 0x10 != 0
    }

    fn has_attested_credential(self) -> bool {
        self.0 & 0x40 != 0
    }

    fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// The parts of authenticator data that a login depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// The SHA-256 of the RP ID.
    pub rp_id_hash: [u8; 32],
    /// The flags.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
}

impl AuthenticatorData {
    /// Reads the authenticator data of a login; `None` unless every byte belongs to a part that the flags announce, and
    /// where they announce attested credential data, which only a registration may have.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let flags = Flags(*flags);
        if flags.has_attested_credential() {
            // "The AT flag MUST NOT be set": some servers read over it, and others refuse the login.
            return None;
        }
        if flags.has_extensions() {
            from_reader::<Value, _>(&mut rest).ok().filter(Value::is_map)?;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash: *rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes(*sign_count),
        })
    }

    /// Tells whether the authenticator signed for this RP ID.
    pub fn is_for(&self, rp_id: &RpId) -> bool {
        is_hash_of(rp_id.as_str(), &self.rp_id_hash)
    }
}
