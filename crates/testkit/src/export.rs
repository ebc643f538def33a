//! The row of a Corbado passkey export, as text.

use csv::StringRecord;

/// The documented columns, in the documented order.
pub const HEADER: [&str; 13] = [
    "userId",
    "externalUserId",
    "credentialId",
    "publicKey",
    "authenticatorSignCount",
    "authenticatorAaguid",
    "authenticatorAttachment",
    "backupEligible",
    "backupState",
    "transports",
    "attestationFormat",
    "created",
    "status",
];

/// One row of the export, each field as it stands in the file.
///
/// The fields are open so that a test can spoil one of them.
///
/// # Examples
///
/// ```
/// use keyferry_testkit::{ExportRow, HEADER};
///
/// let row = ExportRow { status: "active".into(), ..ExportRow::default() };
/// assert_eq!(row.to_record().len(), HEADER.len());
/// assert_eq!(row.fields()[12], "active");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportRow {
    /// The vendor's own number of the user, such as `usr-4693224802260150919`.
    pub user_id: String,
    /// The customer's identifier of the user.
    pub external_user_id: String,
    /// The credential ID in base64url, padded.
    pub credential_id: String,
    /// The COSE_Key in base64url, padded.
    pub public_key: String,
    /// The signature counter in decimal.
    pub authenticator_sign_count: String,
    /// The AAGUID in hyphenated form.
    pub authenticator_aaguid: String,
    /// `platform` or `cross-platform`.
    pub authenticator_attachment: String,
    /// `true` or `false`.
    pub backup_eligible: String,
    /// `true` or `false`.
    pub backup_state: String,
    /// The transports, joined by semicolons; may be empty.
    pub transports: String,
    /// The attestation statement format, such as `none` or `packed`.
    pub attestation_format: String,
    /// The time of registration, such as `2024-01-15T10:30:00.000Z`.
    pub created: String,
    /// `active`, `suspended` or `revoked`.
    pub status: String,
}

impl ExportRow {
    /// Returns the fields in the order of [`HEADER`].
    #[must_use]
    pub fn fields(&self) -> [&str; 13] {
        [
            &self.user_id,
            &self.external_user_id,
            &self.credential_id,
            &self.public_key,
            &self.authenticator_sign_count,
            &self.authenticator_aaguid,
            &self.authenticator_attachment,
            &self.backup_eligible,
            &self.backup_state,
            &self.transports,
            &self.attestation_format,
            &self.created,
            &self.status,
        ]
    }

    /// Converts into a record of the `csv` crate.
    #[must_use]
    pub fn to_record(&self) -> StringRecord {
        StringRecord::from(self.fields().as_slice())
    }
}
