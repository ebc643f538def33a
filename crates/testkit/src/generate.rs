//! Makes a vendor's export of any size, with the private key of every row.
//!
//! Everything about a row follows from the seed and the number of the row alone. So the same seed gives the same bytes
//! with any number of threads, and a longer export begins with the rows of a shorter one of the same seed and date.

mod files;
mod lines;
mod models;
mod output;
mod users;

use core::num::NonZero;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use jiff::SignedDuration;
use jiff::civil::{Date, Time, date};

pub use self::files::{GenerateError, GeneratedFiles};
use self::users::{User, Users};
use crate::authenticator::{Assertion, AssertionOptions, TestCredential};
use crate::export::ExportRow;
use crate::keys::{RsaSize, TestKey};
use crate::stream::Stream;

/// Which bytes the simulated vendor gave to authenticators as the user handle (`user.id`).
///
/// The export does not tell; whoever imports it has to know or to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserHandleRule {
    /// The UTF-8 bytes of `externalUserId`.
    #[default]
    ExternalUserId,
    /// The UTF-8 bytes of `userId`.
    UserId,
    /// The 16 bytes of the UUID in `externalUserId`.
    ExternalUserIdUuid,
}

/// One generated row together with the authenticator that can log in with it.
#[derive(Debug, Clone)]
pub struct GeneratedCredential {
    /// The row as it stands in the export.
    pub row: ExportRow,
    /// The authenticator's side: private key, user handle and RP ID.
    pub credential: TestCredential,
    /// What the next genuine login looks like: the backup flags of the row and the next counter, or 0 for one that
    /// does not count.
    pub login: AssertionOptions,
}

impl GeneratedCredential {
    /// Makes the assertion of the next genuine login.
    #[must_use]
    pub fn assertion(&self) -> Assertion {
        self.credential.assert(&self.login)
    }
}

/// Generates a realistic export, deterministically.
///
/// About 80 % of the rows are ES256, 12 % RS256, 4 % EdDSA and 2.5 % ES384; the rest are other algorithms that
/// authenticators may use. RSA rows share the 20 embedded keys, every other row has a key of its own. Users own one to
/// five credentials. All rows are valid: an importer has to take each of them.
///
/// # Examples
///
/// ```
/// use keyferry_testkit::Generator;
///
/// let dir = std::env::temp_dir().join("keyferry-testkit-generator-example");
/// std::fs::create_dir_all(&dir)?;
/// let files = Generator::new(50, 1, "example.com").write(&dir)?;
///
/// assert!(files.export.ends_with("2026-01-15-50.csv.gz"));
/// assert!(files.checksum.starts_with("CRC64NVME:"));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Generator {
    rows: u64,
    seed: u64,
    rp_id: String,
    date: Date,
    handle_rule: UserHandleRule,
    with_assertions: bool,
    threads: Option<NonZero<usize>>,
}

impl Generator {
    /// Describes an export of this many rows, dated 2026-01-15, with keys and assertions beside it.
    #[must_use]
    pub fn new(rows: u64, seed: u64, rp_id: impl Into<String>) -> Self {
        Self {
            rows,
            seed,
            rp_id: rp_id.into(),
            date: date(2026, 1, 15),
            handle_rule: UserHandleRule::default(),
            with_assertions: true,
            threads: None,
        }
    }

    /// Dates the export: its name, and no credential is made later.
    #[must_use]
    pub fn with_date(mut self, date: Date) -> Self {
        self.date = date;
        self
    }

    /// Chooses the user handle of the simulated vendor.
    #[must_use]
    pub fn with_handle_rule(mut self, rule: UserHandleRule) -> Self {
        self.handle_rule = rule;
        self
    }

    /// Chooses whether the private keys and the assertions are written beside the export.
    #[must_use]
    pub fn with_assertions(mut self, with_assertions: bool) -> Self {
        self.with_assertions = with_assertions;
        self
    }

    /// Sets the number of threads that [`write`](Self::write) makes rows with, instead of one for each core.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Makes the credentials one after the other, in the order of the rows.
    pub fn credentials(&self) -> impl Iterator<Item = GeneratedCredential> + '_ {
        self.range(0, self.rows)
    }

    fn range(&self, start: u64, end: u64) -> impl Iterator<Item = GeneratedCredential> + '_ {
        let mut users = Users::new(self.seed);
        (start..end).map(move |row| self.credential(row, &users.owner(row)))
    }

    fn credential(&self, number: u64, user: &User) -> GeneratedCredential {
        let mut stream = Stream::new("row", &[&self.seed.to_be_bytes(), &number.to_be_bytes()]);
        let (algorithm, rsa_size) = *stream.pick(models::ALGORITHMS);
        let model = stream.pick(models::of(algorithm));

        let key_seed = stream.array();
        let key = match rsa_size {
            RsaSize::Bits2048 => None,
            size => TestKey::rsa(algorithm, size, usize::from(key_seed[0])),
        }
        .unwrap_or_else(|| TestKey::from_seed(algorithm, &key_seed));

        let length = model.id_length(&mut stream);
        let credential_id = stream.bytes(length);
        let backup_state = model.backup_eligible && stream.chance(96);
        let sign_count = model.sign_count(&mut stream);
        let transports = if stream.chance(8) { "" } else { *stream.pick(model.transports) };
        let attestation = *stream.pick(model.attestation);
        let age = i64::from(stream.below(900 * 86_400)) * 1000 + i64::from(stream.between(1, 1000));
        let created =
            self.date.to_datetime(Time::midnight()).saturating_sub(SignedDuration::from_millis(age));
        let status = *stream.pick(STATUSES);
        let challenge = stream.array::<32>();

        let row = ExportRow {
            user_id: user.user_id.clone(),
            external_user_id: user.external_user_id(),
            credential_id: URL_SAFE.encode(&credential_id),
            public_key: URL_SAFE.encode(key.cose()),
            authenticator_sign_count: sign_count.to_string(),
            authenticator_aaguid: model.aaguid.to_string(),
            authenticator_attachment: model.attachment.as_str().into(),
            backup_eligible: model.backup_eligible.to_string(),
            backup_state: backup_state.to_string(),
            transports: transports.into(),
            attestation_format: attestation.into(),
            created: format!("{created:.3}Z"),
            status: status.into(),
        };
        let credential = TestCredential {
            credential_id,
            key,
            user_handle: Some(match self.handle_rule {
                UserHandleRule::ExternalUserId => row.external_user_id.clone().into_bytes(),
                UserHandleRule::UserId => row.user_id.clone().into_bytes(),
                UserHandleRule::ExternalUserIdUuid => user.uuid.as_bytes().to_vec(),
            }),
            rp_id: self.rp_id.clone(),
            aaguid: model.aaguid,
            attachment: Some(model.attachment),
        };
        let login = AssertionOptions {
            backup_eligible: model.backup_eligible,
            backup_state,
            sign_count: if sign_count > 0 { sign_count + 1 } else { 0 },
            ..AssertionOptions::new(format!("https://{}", self.rp_id), challenge)
        };
        GeneratedCredential { row, credential, login }
    }
}

const STATUSES: &[(u32, &str)] = &[(97, "active"), (2, "suspended"), (1, "revoked")];
