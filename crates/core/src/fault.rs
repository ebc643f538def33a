//! What can be wrong with a row, in stable codes.

use std::{error::Error, fmt};

use crate::{CredentialId, Identifier, Location};

macro_rules! items {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// One item of a credential record, in the order of WebAuthn Level 3, section 4.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Item { $($(#[$doc])* $variant,)+ }

        impl Item {
            /// Every item, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name of the item as a field or a column, such as `public_key`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

items! {
    /// The credential ID.
    CredentialId = "credential_id",
    /// The credential public key.
    PublicKey = "public_key",
    /// The signature counter.
    SignCount = "sign_count",
    /// The transports.
    Transports = "transports",
    /// Whether the user was verified at any ceremony.
    UvInitialized = "uv_initialized",
    /// Backup eligibility.
    BackupEligible = "backup_eligible",
    /// Backup state.
    BackupState = "backup_state",
    /// The authenticator's model.
    Aaguid = "aaguid",
    /// How the authenticator is attached.
    AuthenticatorAttachment = "authenticator_attachment",
    /// The attestation statement format.
    AttestationFormat = "attestation_format",
    /// When the credential was registered.
    CreatedAt = "created_at",
    /// The state of the credential at the vendor.
    Status = "status",
    /// The vendor's name of the user.
    UserId = "user_id",
    /// The customer's name of the user.
    ExternalUserId = "external_user_id",
    /// The user handle inside the passkey.
    UserHandle = "user_handle",
    /// The relying party.
    RpId = "rp_id",
    /// The account in the target.
    Account = "account",
    /// The row as a whole.
    Row = "row",
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! codes {
    ($($variant:ident = $code:literal: $advice:literal,)+) => {
        /// A stable code for what is wrong with a row.
        ///
        /// `docs/fault-codes.md` lists them; a test keeps the two equal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is described by its code and advice")]
        pub enum FaultCode { $($variant,)+ }

        impl FaultCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the code as it stands in reports, kebab-case.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Returns what the operator can do about it.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }
    };
}

codes! {
    MissingValue = "missing-value": "fill in the cell from the vendor's data",
    NotUtf8 = "not-utf8": "re-save the cell as UTF-8",
    FieldTooLong = "field-too-long": "look for a missing closing quote, or shorten the cell",
    LineBreakInField = "line-break-in-field": "look for a missing closing quote in this row or below it",
    ControlCharacter = "control-character": "remove the NUL character from the cell",
    ColumnCount = "column-count": "give the row as many cells as the header has",
    NotBase64 = "not-base64": "copy the cell again from the vendor's data; a spreadsheet may have changed it",
    CredentialIdLength = "credential-id-length": "a credential ID has 1 to 1023 bytes; ask the vendor for the real one",
    KeyNotCbor = "key-not-cbor": "the cell must hold one COSE_Key; ask the vendor for the key",
    KeyTooLong = "key-too-long": "the cell must hold one COSE_Key; ask the vendor for the key",
    KeyTrailingBytes = "key-trailing-bytes": "the cell must hold nothing but the COSE_Key; ask the vendor why there is more",
    KeyDuplicateLabel = "key-duplicate-label": "two libraries may read two different keys from it; let the user enrol again",
    KeyIndefiniteLength = "key-indefinite-length": "CTAP2 canonical CBOR has definite lengths; ask the vendor for the key",
    KeyUnexpectedParameter = "key-unexpected-parameter": "a credential public key has no such parameter; ask the vendor why it is there",
    KeyPrivateParameter = "key-private-parameter": "a private key must never be exported; treat it as leaked and let the user enrol again",
    KeyMissingParameter = "key-missing-parameter": "ask the vendor for the whole key",
    KeyAlgorithmMissing = "key-algorithm-missing": "without `alg` no library can verify with it; ask the vendor for the whole key",
    KeyAlgorithmUnknown = "key-algorithm-unknown": "nothing is known to verify with it; let the user enrol again",
    KeyAlgorithmUncheckable = "key-algorithm-uncheckable": "keyferry cannot check such keys yet, so it does not move them; keep the row",
    KeyAlgorithmMismatch = "key-algorithm-mismatch": "the algorithm does not belong to the key; let the user enrol again",
    KeyCoordinateLength = "key-coordinate-length": "coordinates have the full length of their field; ask the vendor for the key",
    KeyPointCompressed = "key-point-compressed": "WebAuthn asks for uncompressed points; ask the vendor for the key",
    KeyPointOffCurve = "key-point-off-curve": "no signature can be trusted with it; let the user enrol again",
    KeySmallOrder = "key-small-order": "anyone can forge signatures for it; let the user enrol again and look into the account",
    KeyRsaModulus = "key-rsa-modulus": "an RSA modulus has 2048 to 8192 bits, is odd and has no small factor; let the user enrol again",
    KeyRsaExponent = "key-rsa-exponent": "an RSA exponent is odd and above 1, else anyone can forge signatures; let the user enrol again",
    SignCountInvalid = "sign-count-invalid": "a sign count is a whole number from 0 to 4294967295",
    BooleanInvalid = "boolean-invalid": "write true or false, or leave the cell empty if it is not known",
    BackupStateWithoutEligible = "backup-state-without-eligible": "a passkey that is backed up is backup eligible; ask the vendor which of the two is wrong",
    BackupIncomplete = "backup-incomplete": "fill in both backup columns, or leave both empty if they are not known",
    AaguidInvalid = "aaguid-invalid": "write the AAGUID as a UUID, or leave the cell empty",
    TimestampInvalid = "timestamp-invalid": "write the time as 2024-01-15T10:30:00Z; a spreadsheet may have changed it",
    AccountMissing = "account-missing": "fill in the identifier that the vendor has for this user, or choose the other one with --account",
    UnknownAccount = "unknown-account": "the target has no account of exactly this name; make it there first, or choose the other identifier with --account",
    AmbiguousAccount = "ambiguous-account": "several accounts of the target have exactly this name; nobody knows whose passkey it is",
    UserHandleInvalid = "user-handle-invalid": "choose the --user-handle rule that fits the vendor's handles",
    UserIdNotOneToOne = "user-not-one-to-one": "one user has two identifiers or two users share one; ask the vendor which rows are right",
    CredentialIdTwice = "credential-id-twice": "the same credential ID stands in rows that differ; ask the vendor which one is right",
    UserChanged = "user-changed": "the target holds this credential for another user; never moved, look into both accounts",
    KeyChanged = "key-changed": "the target holds this credential ID with another key; never replaced, look into the account",
    RpIdChanged = "rp-id-changed": "the target holds this credential for another RP ID; check --rp-id, and if the target is wrong, import into a new one",
    UserHandleChanged = "user-handle-changed": "the target holds another user handle; check --user-handle",
    BackupEligibleChanged = "backup-eligible-changed": "backup eligibility never changes; ask the vendor which value is right",
    Reactivated = "reactivated": "the target holds it as suspended or revoked and nothing becomes active again on its own",
    StatusUnknown = "status-unknown": "ask the vendor what the word means; until then the row is not imported and nothing is barred",
    ChangedMeanwhile = "changed-meanwhile": "the target changed this credential again and again during the run; run the import again",
    RefusedByTarget = "refused-by-target": "a constraint or trigger of the target does not allow this row; the others were written",
    MissingInTarget = "missing-in-target": "run the import, or check --to",
    DiffersInTarget = "differs-in-target": "run plan to see whether an import would mend it",
    ActiveInTarget = "active-in-target": "it is not active in the export; run the import to deactivate it",
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with one item of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The item that is at fault.
    pub item: Item,
    /// What kind of fault it is.
    pub code: FaultCode,
    /// What was found and what was expected; free of keys, handles and user identifiers.
    pub message: String,
}

impl Fault {
    /// Creates a fault.
    pub fn new(item: Item, code: FaultCode, message: impl Into<String>) -> Self {
        Self { item, code, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.item, self.message, self.code)
    }
}

impl Error for Fault {}

/// Everything that is wrong with one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowFaults {
    /// Where the row stands.
    pub location: Location,
    /// The credential ID, where at least that could be read: no other row may then use it.
    pub credential_id: Option<CredentialId>,
    /// The vendor's name of the user, where it could be read: it binds the other one in every row.
    pub user_id: Option<Identifier>,
    /// The customer's name of the user, where it could be read.
    pub external_user_id: Option<Identifier>,
    /// The faults; never empty.
    pub faults: Vec<Fault>,
}

/// Why a source gives no record.
#[derive(Debug)]
pub enum DecodeError {
    /// One row cannot be read; the next one may be fine.
    Row(RowFaults),
    /// The file cannot be trusted; nothing follows.
    Stop(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(row) => {
                write!(f, "{}", row.location)?;
                row.faults.iter().try_for_each(|fault| write!(f, ": {fault}"))
            }
            Self::Stop(error) => error.fmt(f),
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Row(_) => None,
            Self::Stop(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_distinct() {
        let mut seen = std::collections::BTreeSet::new();
        for code in FaultCode::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert!(seen.insert(code.as_str()), "{code} stands twice");
            assert!(!code.advice().ends_with('.'));
        }
    }

    #[test]
    fn the_documentation_lists_every_code() {
        let text = include_str!("../../../docs/fault-codes.md");
        let listed: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .collect();
        let known: Vec<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(listed, known);
    }
}
