//! The attestation object that a server which logs in from one needs of a credential that never had one there.

use sha2::{Digest as _, Sha256};

use crate::record_view::View;

/// Makes an attestation object of format `none` around the credential's data.
///
/// It claims nothing: `none` has no statement. The flags say what the export says; user verification is never invented.
/// Sources: WebAuthn Level 3, sections 6.1 (authenticator data), 6.5.1 (attested credential data), 6.5.4 and 8.7.
pub(crate) fn of(view: &View<'_>, public_key: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(512);
    data.extend_from_slice(&Sha256::digest(view.rp_id.unwrap_or_default()));
    let (eligible, state) = view.backup.map_or((false, false), |backup| (backup.eligible(), backup.state()));
    data.push(0x01 | 0x40 | if eligible { 0x08 } else { 0 } | if state { 0x10 } else { 0 });
    data.extend_from_slice(&view.sign_count.to_be_bytes());
    data.extend_from_slice(&view.aaguid.map_or([0; 16], |aaguid| aaguid.0));
    let id = view.credential_id.as_bytes();
    // A credential ID has at most 1023 bytes.
    data.extend_from_slice(&u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    data.extend_from_slice(id);
    data.extend_from_slice(public_key);
    let mut object = Vec::with_capacity(data.len() + 40);
    object.push(0xa3); // a map of three
    text(&mut object, "fmt");
    text(&mut object, "none");
    text(&mut object, "attStmt");
    object.push(0xa0); // an empty map
    text(&mut object, "authData");
    // A byte string with the shortest form of its length; ID and key are far below 64 KiB.
    match u8::try_from(data.len()) {
        Ok(length) => object.extend_from_slice(&[0x58, length]),
        Err(_) => {
            object.push(0x59);
            object.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    object.extend_from_slice(&data);
    object
}

/// Writes a text of less than 24 bytes.
fn text(object: &mut Vec<u8>, text: &str) {
    object.push(0x60 | u8::try_from(text.len()).unwrap_or(0));
    object.extend_from_slice(text.as_bytes());
}
