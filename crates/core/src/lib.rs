//! The credential record, and the rules of a safe import.
//!
//! A [`RecordDraft`] becomes a [`CredentialRecord`] when it is legal under the operator's [`Rules`].
//! [`plan`], [`apply`] and [`verify`] carry records to any [`Sink`] and account for every row in a [`Report`].
//! Nothing here knows a file format or a database.
//!
//! ```
//! use keyferry_core::{AccountRule, RpId, Rules, UserHandleRule};
//!
//! let rules = Rules {
//!     rp_id: RpId::parse("example.com")?,
//!     account: AccountRule::ExternalUserId,
//!     user_handle: UserHandleRule::None,
//! };
//! assert_eq!(rules.rp_id.as_str(), "example.com");
//! # Ok::<(), keyferry_core::RpIdError>(())
//! ```

pub mod items;

mod compare;
mod fault;
mod located;
mod one_file;
mod plan;
mod read_back;
mod record;
mod report;
mod shown;
mod sink;
mod spool;
mod step;
mod stored;
mod survey;

pub use compare::{Authority, Comparison, compare};
pub use fault::{DecodeError, Fault, FaultCode, Item, RowFaults};
pub use items::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseAlgorithm, CoseKey, CredentialId, Curve,
    Identifier, KeyParameters, KnownModuli, RpId, RpIdError, SearchedModuli, SignCount, Status, Timestamp,
    Transports, UserHandle, with_keys_searched,
};
pub use located::{Located, Location};
pub use one_file::{Frequencies, Occurrences, OneFile, OneFileBuilder, Standing};
pub use plan::{
    Each, Gate, Mode, Onlooker, Run, apply, gate, gate_batches, plan, transfer, transfer_open, verify,
};
pub use record::{AccountRule, CredentialRecord, RecordDraft, Rules, UserHandleRule};
pub use report::{Count, Counts, Report, RowFault};
pub use shown::Shown;
pub use sink::{
    AccountFound, CannotLogIn, Coming, Held, Profile, Sink, SinkError, SinkErrorKind, Verdict, Write, Written,
};
pub use spool::{SpoolReader, keep_in_spool};
pub use stored::StoredRecord;
pub use survey::{Foreseen, Foresight, Form, OpenRows, SumNumber, Survey, foresee};
