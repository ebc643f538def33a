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
    /// Reads authenticator data; `None` unless every byte of it belongs to a part that the flags announce.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let flags = Flags(*flags);
        if flags.has_attested_credential() {
            // No login has it, but servers read over it where it is: AAGUID, length of the ID, ID, key.
            let (length, after) = rest.get(16..)?.split_first_chunk::<2>()?;
            rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
            map(&mut rest)?;
        }
        if flags.has_extensions() {
            map(&mut rest)?;
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

/// Takes one CBOR map off the front.
fn map(rest: &mut &[u8]) -> Option<()> {
    from_reader::<Value, _>(rest).ok().filter(Value::is_map).map(drop)
}
