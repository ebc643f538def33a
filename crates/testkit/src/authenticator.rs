//! A software authenticator: it answers a login as a real one does, or with any lie a negative test needs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::keys::TestKey;

/// How an authenticator is attached to the client (`authenticatorAttachment`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Built into the device.
    Platform,
    /// Removable, or another device.
    CrossPlatform,
}

impl Attachment {
    /// Returns the word WebAuthn uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }
}

/// One credential with its private key: the authenticator's side of a credential record.
///
/// # Examples
///
/// ```
/// use keyferry_testkit::{Algorithm, AssertionOptions, TestCredential, TestKey};
///
/// let credential = TestCredential {
///     credential_id: vec![1; 16],
///     key: TestKey::from_seed(Algorithm::Es256, &[7; 32]),
///     user_handle: Some(b"user-1".to_vec()),
///     rp_id: "example.com".into(),
///     aaguid: uuid::Uuid::nil(),
///     attachment: None,
/// };
/// let options = AssertionOptions::new("https://example.com", vec![9; 32]);
/// let login = credential.assert(&options);
///
/// assert_eq!(login.authenticator_data.len(), 37);
/// assert_eq!(login.to_json()["response"]["userHandle"], "dXNlci0x");
/// ```
#[derive(Debug, Clone)]
pub struct TestCredential {
    /// The credential ID.
    pub credential_id: Vec<u8>,
    /// The private key.
    pub key: TestKey,
    /// The user handle; `None` for a credential that is not discoverable.
    pub user_handle: Option<Vec<u8>>,
    /// The RP ID the credential belongs to.
    pub rp_id: String,
    /// The model of the authenticator; all zeros when it does not tell.
    pub aaguid: Uuid,
    /// What the client says of the authenticator; `None` leaves it out.
    pub attachment: Option<Attachment>,
}

/// What one login looks like.
///
/// No combination is refused: a backup state without backup eligibility or a counter that went back is what negative
/// tests are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionOptions {
    /// The origin the browser reports.
    pub origin: String,
    /// The challenge of the relying party.
    pub challenge: Vec<u8>,
    /// Flag UP.
    pub user_present: bool,
    /// Flag UV.
    pub user_verified: bool,
    /// Flag BE.
    pub backup_eligible: bool,
    /// Flag BS.
    pub backup_state: bool,
    /// The signature counter the authenticator presents.
    pub sign_count: u32,
}

impl AssertionOptions {
    /// Describes the login of a verified user on a single-device authenticator that does not count.
    #[must_use]
    pub fn new(origin: impl Into<String>, challenge: impl Into<Vec<u8>>) -> Self {
        Self {
            origin: origin.into(),
            challenge: challenge.into(),
            user_present: true,
            user_verified: true,
            backup_eligible: false,
            backup_state: false,
            sign_count: 0,
        }
    }

    /// The flags byte of the authenticator data.
    fn flags(&self) -> u8 {
        let flags = [
            (self.user_present, 0),
            (self.user_verified, 2),
            (self.backup_eligible, 3),
            (self.backup_state, 4),
        ];
        flags.iter().filter(|(set, _)| *set).fold(0, |byte, (_, bit)| byte | 1 << bit)
    }

    /// The client data as browsers write it, byte for byte (WebAuthn Level 3, section 5.8.1.1).
    fn client_data_json(&self) -> Vec<u8> {
        let challenge = URL_SAFE_NO_PAD.encode(&self.challenge);
        let origin = serde_json::Value::from(self.origin.as_str());
        format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":{origin},"crossOrigin":false}}"#
        )
        .into_bytes()
    }
}

impl TestCredential {
    /// Answers a login: the assertion that an authenticator and a browser would return together.
    #[must_use]
    pub fn assert(&self, options: &AssertionOptions) -> Assertion {
        let mut authenticator_data = Vec::with_capacity(37);
        authenticator_data.extend_from_slice(&Sha256::digest(&self.rp_id));
        authenticator_data.push(options.flags());
        authenticator_data.extend_from_slice(&options.sign_count.to_be_bytes());

        let unsigned = Assertion {
            credential_id: self.credential_id.clone(),
            authenticator_data,
            client_data_json: options.client_data_json(),
            signature: Vec::new(),
            user_handle: self.user_handle.clone(),
            attachment: self.attachment,
        };
        unsigned.signed_with(&self.key)
    }
}

/// The answer to a login, as bytes.
///
/// Serializes to the `AuthenticationResponseJSON` that `PublicKeyCredential.toJSON()` gives in a browser. The fields
/// are open: a test changes what it likes, then signs again with [`signed_with`](Self::signed_with) or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The credential ID (`id` and `rawId`).
    pub credential_id: Vec<u8>,
    /// RP ID hash, flags and signature counter.
    pub authenticator_data: Vec<u8>,
    /// The client data, exactly as signed.
    pub client_data_json: Vec<u8>,
    /// The signature over [`signed_message`](Self::signed_message).
    pub signature: Vec<u8>,
    /// The user handle, absent when the authenticator has none.
    pub user_handle: Option<Vec<u8>>,
    /// How the authenticator is attached, absent when the client does not tell.
    pub attachment: Option<Attachment>,
}

impl Assertion {
    /// Returns the bytes the signature covers: the authenticator data and the hash of the client data.
    #[must_use]
    pub fn signed_message(&self) -> Vec<u8> {
        let mut message = self.authenticator_data.clone();
        message.extend_from_slice(&Sha256::digest(&self.client_data_json));
        message
    }

    /// Signs again, with the right key after a change or with a wrong one.
    #[must_use]
    pub fn signed_with(mut self, key: &TestKey) -> Self {
        self.signature = key.sign(&self.signed_message());
        self
    }

    /// Flips the last bit of the signature, which leaves its outer form (DER, length) intact.
    #[must_use]
    pub fn with_flipped_signature_bit(mut self) -> Self {
        if let Some(last) = self.signature.last_mut() {
            *last ^= 0x01;
        }
        self
    }

    /// Converts into the JSON value a login endpoint is sent.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("an assertion is a map with text keys")
    }
}

impl Serialize for Assertion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = URL_SAFE_NO_PAD.encode(&self.credential_id);
        let mut json = serializer.serialize_struct("AuthenticationResponseJSON", 6)?;
        json.serialize_field("id", &id)?;
        json.serialize_field("rawId", &id)?;
        json.serialize_field("type", "public-key")?;
        match self.attachment {
            Some(attachment) => json.serialize_field("authenticatorAttachment", &attachment)?,
            None => json.skip_field("authenticatorAttachment")?,
        }
        json.serialize_field("clientExtensionResults", &Empty)?;
        json.serialize_field("response", &Response(self))?;
        json.end()
    }
}

/// The inner `AuthenticatorAssertionResponseJSON`.
struct Response<'a>(&'a Assertion);

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(assertion) = self;
        let mut json = serializer.serialize_struct("AuthenticatorAssertionResponseJSON", 4)?;
        json.serialize_field("authenticatorData", &URL_SAFE_NO_PAD.encode(&assertion.authenticator_data))?;
        json.serialize_field("clientDataJSON", &URL_SAFE_NO_PAD.encode(&assertion.client_data_json))?;
        json.serialize_field("signature", &URL_SAFE_NO_PAD.encode(&assertion.signature))?;
        match &assertion.user_handle {
            Some(handle) => json.serialize_field("userHandle", &URL_SAFE_NO_PAD.encode(handle))?,
            None => json.skip_field("userHandle")?,
        }
        json.end()
    }
}

/// `{}`: no client extension answered.
struct Empty;

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}
