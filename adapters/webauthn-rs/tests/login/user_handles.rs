//! User handles of any length, and what an application does with them.

use keyferry_core::{CredentialRecord, UserHandle};
use keyferry_testkit::Algorithm;
use webauthn_rs::prelude::{PublicKeyCredential, Url, Uuid, WebauthnBuilder};

use crate::support::{ORIGIN, RP_ID, assertion, genuine, key, prove, record};

fn with_handle(length: usize) -> CredentialRecord {
    let record = record(&key(Algorithm::Es256, 5));
    let handle = (length > 0).then(|| UserHandle::new(vec![0x61; length]).unwrap());
    CredentialRecord { user_handle: handle, ..record }
}

#[test]
fn both_flows_take_any_handle() {
    for length in [0, 1, 15, 16, 17, 36, 64] {
        prove(&with_handle(length), &key(Algorithm::Es256, 5)).unwrap();
    }
}

/// The reason why the documentation says: find the record by its credential ID.
#[test]
fn identify_takes_sixteen_bytes_only() {
    let server = WebauthnBuilder::new(RP_ID, &Url::parse(ORIGIN).unwrap()).unwrap().build().unwrap();
    for length in [0, 1, 15, 16, 17, 36, 64] {
        let record = with_handle(length);
        let json = assertion(&record, &key(Algorithm::Es256, 5), &genuine(&record)).to_json();
        let response: PublicKeyCredential = serde_json::from_value(json).unwrap();
        let handle = record.user_handle.as_ref().map(UserHandle::as_bytes);
        assert_eq!(response.get_user_unique_id(), handle);
        assert_eq!(response.get_credential_id(), record.credential_id.as_bytes());
        let identified = server.identify_discoverable_authentication(&response);
        match length {
            16 => assert_eq!(identified.unwrap().0, Uuid::from_bytes([0x61; 16])),
            _ => assert!(identified.is_err(), "{length}"),
        }
    }
}
