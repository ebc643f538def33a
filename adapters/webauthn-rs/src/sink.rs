//! A file of passkeys as a sink: the JSON records file does the work.

use keyferry_core::{CannotLogIn, Profile, StoredRecord};
use keyferry_json::RecordFormat;

use crate::{PROFILE, WebauthnRsRecord};

/// The format of a file of webauthn-rs passkeys, for [`keyferry_json::JsonSink`]: the records of each account under its
/// name, or one record a line in a `.jsonl` file.
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

    const KEYED_BY_ACCOUNT: bool = true;

    fn to_record(view: &StoredRecord) -> Result<WebauthnRsRecord, CannotLogIn> {
        WebauthnRsRecord::from_stored(view)
    }

    fn to_stored(record: &WebauthnRsRecord) -> Result<StoredRecord, String> {
        record.to_stored()
    }
}

#[cfg(test)]
mod tests {
    use keyferry_core::{Authority, CredentialRecord, Located, Location, Report, Sink as _, apply};
    use keyferry_json::JsonSink;
    use keyferry_testkit::records;

    use super::*;

    fn import(path: &std::path::Path, list: &[CredentialRecord]) {
        let mut sink = JsonSink::<WebauthnRs>::open_for_writing(path).unwrap();
        let rows = list.iter().zip(1..);
        let batch: Vec<_> = rows
            .map(|(value, row)| Located { location: Location { row, line: row }, value: value.clone() })
            .collect();
        let mut report = Report::default();
        apply(&mut sink, &batch, Authority::Export, &mut report).unwrap();
        assert!(report.is_clean());
        sink.finish().unwrap();
    }

    /// The accounts of the file and their credentials, in the file's order.
    fn accounts(path: &std::path::Path) -> Vec<(String, Vec<String>)> {
        let text = std::fs::read_to_string(path).unwrap();
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        object
            .into_iter()
            .map(|(account, list)| {
                let list: Vec<WebauthnRsRecord> = serde_json::from_value(list).unwrap();
                assert!(list.iter().all(|record| record.user == account));
                let ids = list.iter().map(|record| keyferry_json::encode(record.passkey.cred_id()));
                (account, ids.collect())
            })
            .collect()
    }

    #[test]
    fn later_credentials_join_their_account() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passkeys.json");
        let of = |seed, account: &str| records::of_user(records::record(seed), account);
        let id = |seed| records::record(seed).credential_id.to_base64url();
        let list = [of(1, "alice"), of(2, "bob \"the\" ü"), of(3, "alice")];
        import(&path, &list);
        let expected = |alice: &[u64], bob: &[u64]| {
            let ids = |seeds: &[u64]| seeds.iter().map(|seed| id(*seed)).collect::<Vec<_>>();
            vec![("alice".to_owned(), ids(alice)), ("bob \"the\" ü".to_owned(), ids(bob))]
        };
        assert_eq!(accounts(&path), expected(&[1, 3], &[2]));
        import(&path, &[of(4, "bob \"the\" ü"), of(5, "alice"), of(6, "carol")]);
        let mut later = expected(&[1, 3, 5], &[2, 4]);
        later.push(("carol".to_owned(), vec![id(6)]));
        assert_eq!(accounts(&path), later);
        let revoked = CredentialRecord { status: keyferry_core::Status::Revoked, ..of(6, "carol") };
        import(&path, &[revoked]);
        later.pop();
        assert_eq!(accounts(&path), later, "an account without credentials is gone");
    }
}
