//! One record of the file: a passkey, and what belongs to it but has no place inside.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyferry_core::{
    CannotLogIn, CredentialId, CredentialRecord, Fault, Identifier, Item, RpId, StoredRecord, UserHandle,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use webauthn_rs::prelude::Passkey;

use crate::convert::{from_passkey, stored_to_passkey};

/// A passkey with the account it belongs to.
///
/// As JSON: `{"user":…,"userHandle":…,"rpId":…,"passkey":…}`, where `userHandle` is base64url without padding and absent
/// when it is not known.
///
/// # PII considerations
/// A record names a user. `Debug` shows no user, handle or key, and only the beginning of the credential ID.
///
/// ```
/// # use keyferry_core::{CoseKey, CredentialId, Identifier, Item, RecordDraft, RpId, Rules, SignCount, Status};
/// # use keyferry_testkit::{Algorithm, TestKey};
/// # let draft = RecordDraft {
/// #     credential_id: Some(CredentialId::new([1; 16])?),
/// #     public_key: Some(CoseKey::from_bytes(TestKey::from_seed(Algorithm::Es256, &[7; 32]).cose())?),
/// #     sign_count: Some(SignCount(0)),
/// #     backup_eligible: Some(true),
/// #     backup_state: Some(true),
/// #     status: Some(Status::Active),
/// #     external_user_id: Some(Identifier::new(Item::ExternalUserId, "alice")?),
/// #     ..RecordDraft::default()
/// # };
/// # let rules = Rules::new(RpId::parse("example.com")?);
/// # let record = draft.into_record(&rules, Vec::new()).map_err(|_| "faults")?;
/// use keyferry_webauthn_rs::WebauthnRsRecord;
///
/// let written = WebauthnRsRecord::from_record(&record).map_err(|reason| reason.to_string())?;
/// let json = serde_json::to_string(&written)?;
/// assert!(json.starts_with(r#"{"user":"alice","rpId":"example.com","passkey":{"cred":{"cred_id":"#));
///
/// let read: WebauthnRsRecord = serde_json::from_str(&json)?;
/// assert_eq!(read.to_stored()?.public_key, record.public_key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebauthnRsRecord {
    /// The account in the target.
    pub user: String,
    /// The user handle inside the passkey, as the authenticator returns it at a discoverable login.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "handle_to_text",
        deserialize_with = "handle_from_text"
    )]
    pub user_handle: Option<UserHandle>,
    /// The RP ID that the server must be built with.
    pub rp_id: String,
    /// The passkey.
    pub passkey: Passkey,
}

impl WebauthnRsRecord {
    /// Converts a record into what the file holds of it.
    ///
    /// # Errors
    /// - as [`to_passkey`](crate::to_passkey).
    pub fn from_record(record: &CredentialRecord) -> Result<Self, CannotLogIn> {
        Self::from_stored(&StoredRecord::from(record))
    }

    /// Converts the view of a target into what the file holds of it; an account or RP ID that is not known is empty.
    ///
    /// # Errors
    /// - as [`to_passkey`](crate::to_passkey).
    pub fn from_stored(view: &StoredRecord) -> Result<Self, CannotLogIn> {
        Ok(Self {
            user: view.account.as_ref().map(|account| account.as_str().to_owned()).unwrap_or_default(),
            user_handle: view.user_handle.clone(),
            rp_id: view.rp_id.as_ref().map(|rp_id| rp_id.as_str().to_owned()).unwrap_or_default(),
            passkey: stored_to_passkey(view)?,
        })
    }

    /// Returns the record that this one holds.
    ///
    /// # Errors
    /// - the passkey is not legal, as in [`from_passkey`](crate::from_passkey);
    /// - `user` is empty, longer than 1024 bytes, or has a line break or a NUL in it;
    /// - `rpId` is no domain.
    pub fn to_stored(&self) -> Result<StoredRecord, String> {
        let fault = |fault: Fault| fault.to_string();
        Ok(StoredRecord {
            user_handle: self.user_handle.clone(),
            rp_id: Some(RpId::parse(&self.rp_id).map_err(|error| format!("{}: {error}", Item::RpId))?),
            account: Some(Identifier::new(Item::Account, self.user.as_str()).map_err(fault)?),
            ..from_passkey(&self.passkey).map_err(fault)?
        })
    }
}

impl fmt::Debug for WebauthnRsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = CredentialId::new(self.passkey.cred_id().as_slice());
        f.debug_struct("WebauthnRsRecord")
            .field("credential_id", &id.map(|id| id.hint()).unwrap_or_default())
            .field("rp_id", &self.rp_id)
            .finish_non_exhaustive()
    }
}

fn handle_to_text<S: Serializer>(handle: &Option<UserHandle>, serializer: S) -> Result<S::Ok, S::Error> {
    handle.as_ref().map(UserHandle::to_base64url).serialize(serializer)
}

fn handle_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserHandle>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| D::Error::custom("userHandle: not base64url"))?;
    UserHandle::new(bytes).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use keyferry_core::FaultCode;

    use super::*;
    use crate::tests_support::record;

    /// The whole record, byte for byte; the coordinates are those of the test key.
    #[test]
    fn json_of_a_record() {
        let record = record();
        let keyferry_core::KeyParameters::Ec2 { x, y, .. } = record.public_key.parameters() else { panic!() };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key =
            format!(r#"{{"type_":"ES256","key":{{"EC_EC2":{{"curve":"SECP256R1","x":"{x}","y":"{y}"}}}}}}"#);
        let cred = format!(
            r#"{{"cred_id":"-_8BAg","cred":{key},"counter":0,"transports":["internal","hybrid"],"user_verified":true,"backup_eligible":true,"backup_state":true,"registration_policy":"required","extensions":{{"cred_protect":"NotRequested","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"NotRequested"}},"attestation":{{"data":"None","metadata":"None"}},"attestation_format":"none"}}"#
        );
        let with_handle = CredentialRecord {
            user_handle: Some(UserHandle::new([0xfb, 0xff, 0x01]).unwrap()),
            ..record.clone()
        };
        for (record, handle) in [(record, ""), (with_handle, r#""userHandle":"-_8B","#)] {
            let text = serde_json::to_string(&WebauthnRsRecord::from_record(&record).unwrap()).unwrap();
            let expected =
                format!(r#"{{"user":"alice",{handle}"rpId":"example.com","passkey":{{"cred":{cred}}}}}"#);
            assert_eq!(text, expected);
            let read: WebauthnRsRecord = serde_json::from_str(&text).unwrap();
            assert_eq!(read, WebauthnRsRecord::from_record(&record).unwrap());
            assert_eq!(read.to_stored().unwrap().user_handle, record.user_handle);
        }
    }

    #[test]
    fn what_is_kept_and_what_is_not() {
        let record = record();
        let stored = WebauthnRsRecord::from_record(&record).unwrap().to_stored().unwrap();
        let lost: Vec<_> = stored.differences(&StoredRecord::from(&record));
        assert_eq!(
            lost,
            [
                Item::UvInitialized,
                Item::Aaguid,
                Item::AuthenticatorAttachment,
                Item::AttestationFormat,
                Item::CreatedAt,
                Item::Status,
                Item::UserId,
                Item::ExternalUserId,
            ]
        );
        assert_eq!(crate::PROFILE.represent(&record), Ok(stored));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = serde_json::to_value(WebauthnRsRecord::from_record(&record()).unwrap()).unwrap();
        let read = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut json = good.clone();
            change(&mut json);
            serde_json::from_value::<WebauthnRsRecord>(json)
                .map_err(|error| error.to_string())?
                .to_stored()
                .map(drop)
        };
        assert_eq!(read(&|_| {}), Ok(()));
        assert_eq!(read(&|json| json["userHandle"] = serde_json::Value::Null), Ok(()));
        assert_eq!(read(&|json| json["note"] = "the application's own".into()), Ok(()));
        let cases: [(&str, &str, serde_json::Value); 8] = [
            ("", "user", "".into()),
            ("", "user", "a\nb".into()),
            ("", "userHandle", "YWxpY2U=".into()),
            ("", "userHandle", "".into()),
            ("", "rpId", "https://example.com".into()),
            ("/passkey/cred", "cred_id", "".into()),
            ("/passkey/cred", "backup_eligible", false.into()),
            ("/passkey/cred/cred/key/EC_EC2", "y", "AAAA".into()),
        ];
        for (place, name, value) in cases {
            let refused = read(&|json| json.pointer_mut(place).unwrap()[name] = value.clone());
            assert!(refused.is_err(), "{place}/{name} = {value}");
        }
        let off_curve = read(&|json| {
            let key = &mut json["passkey"]["cred"]["cred"]["key"]["EC_EC2"];
            key["y"] = key["x"].clone();
        });
        assert!(off_curve.unwrap_err().contains(FaultCode::KeyPointOffCurve.as_str()));
    }

    /// What a sink does with a record that is there: it writes its view again.
    #[test]
    fn views_are_written_as_records_are() {
        let written = WebauthnRsRecord::from_record(&record()).unwrap();
        assert_eq!(WebauthnRsRecord::from_stored(&written.to_stored().unwrap()), Ok(written));
    }

    #[test]
    fn debug_shows_nobody() {
        let text = format!("{:?}", WebauthnRsRecord::from_record(&record()).unwrap());
        assert_eq!(text, r#"WebauthnRsRecord { credential_id: "-_8…", rp_id: "example.com", .. }"#);
    }
}
