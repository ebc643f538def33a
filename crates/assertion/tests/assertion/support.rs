//! A login, the record that it belongs to, and what is found when the two are compared.

use keyferry_assertion::{Assertion, Expected, Findings, Held, Recorded, verify};
use keyferry_core::{Backup, CoseKey, CredentialId, RpId, SignCount, UserHandle};
use keyferry_testkit::{Algorithm, AssertionOptions, TestCredential, TestKey};

pub(crate) const ORIGIN: &str = "https://login.example.com";
pub(crate) const CHALLENGE: [u8; 32] = [9; 32];

/// A record of its own, so that a test can change any part of it.
pub(crate) struct Record {
    pub(crate) credential_id: CredentialId,
    pub(crate) public_key: CoseKey,
    pub(crate) sign_count: SignCount,
    pub(crate) backup: Option<Backup>,
    pub(crate) user_handle: Option<UserHandle>,
    pub(crate) rp_id: RpId,
}

impl Record {
    pub(crate) fn of(key: &TestKey) -> Self {
        Self {
            credential_id: CredentialId::new([1; 16]).unwrap(),
            public_key: CoseKey::from_bytes(key.cose()).unwrap(),
            sign_count: SignCount(5),
            backup: Some(Backup::Eligible),
            user_handle: Some(UserHandle::new(*b"alice").unwrap()),
            rp_id: RpId::parse("example.com").unwrap(),
        }
    }

    pub(crate) fn held(&self) -> Held<'_> {
        Held {
            credential_id: &self.credential_id,
            public_key: &self.public_key,
            sign_count: self.sign_count,
            backup: self.backup,
            user_handle: self.user_handle.as_ref(),
        }
    }

    /// Compares with everything that a server knows.
    pub(crate) fn verify(&self, assertion: &Assertion) -> Findings {
        let expected = Expected {
            rp_id: Some(&self.rp_id),
            challenge: Some(&CHALLENGE),
            require_user_verification: true,
            ..Expected::default()
        };
        verify(assertion, &self.held(), &expected)
    }

    /// The codes of the steps that fail.
    pub(crate) fn failures(&self, assertion: &Assertion) -> Vec<&'static str> {
        self.verify(assertion).failures().map(|reason| reason.code()).collect()
    }
}

pub(crate) fn key(algorithm: Algorithm) -> TestKey {
    TestKey::from_seed(algorithm, &[1; 32])
}

/// The authenticator of [`Record::of`] the same key.
pub(crate) fn credential(key: &TestKey) -> TestCredential {
    TestCredential {
        credential_id: vec![1; 16],
        key: key.clone(),
        user_handle: Some(b"alice".to_vec()),
        rp_id: "example.com".into(),
        aaguid: uuid::Uuid::nil(),
        attachment: None,
    }
}

/// A login that [`Record::of`] expects.
pub(crate) fn options() -> AssertionOptions {
    AssertionOptions { sign_count: 6, backup_eligible: true, ..AssertionOptions::new(ORIGIN, CHALLENGE) }
}

/// Reads a login of the software authenticator as if it came from a browser.
pub(crate) fn read(assertion: &keyferry_testkit::Assertion) -> Assertion {
    Recorded::parse(assertion.to_json().to_string().as_bytes()).unwrap().assertion
}
