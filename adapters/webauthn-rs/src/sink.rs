//! A file of passkeys as a sink: the JSON records file does the work.

use keyferry_core::{Profile, Reason, StoredRecord};
use keyferry_json::RecordFormat;

use crate::{PROFILE, WebauthnRsRecord};

/// The format of a file of webauthn-rs passkeys, for [`keyferry_json::JsonSink`].
///
/// ```
/// use keyferry_core::Sink as _;
/// use keyferry_json::JsonSink;
/// use keyferry_webauthn_rs::WebauthnRs;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("passkeys.json");
/// let sink = JsonSink::<WebauthnRs>::open_for_reading(&path)?;
/// assert_eq!(sink.profile().name, "webauthn-rs");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum WebauthnRs {}

impl RecordFormat for WebauthnRs {
    type Record = WebauthnRsRecord;

    const PROFILE: Profile = PROFILE;

    fn to_record(view: &StoredRecord) -> Result<WebauthnRsRecord, Reason> {
        WebauthnRsRecord::from_stored(view)
    }

    fn to_stored(record: &WebauthnRsRecord) -> Result<StoredRecord, String> {
        record.to_stored()
    }
}
