//! Which rule makes the user handle of a real login out of the identifiers of its row.

use base64::{
    Engine as _,
    engine::{
        GeneralPurpose,
        general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
    },
};
use keyferry_core::{CredentialRecord, RecordDraft, Rules, UserHandleRule};

/// Every rule, in the order of the flag's values, with its name there.
const RULES: [(UserHandleRule, &str); 4] = [
    (UserHandleRule::UserId, "user-id"),
    (UserHandleRule::ExternalUserId, "external-user-id"),
    (UserHandleRule::UserIdUuid, "user-id-uuid"),
    (UserHandleRule::ExternalUserIdUuid, "external-user-id-uuid"),
];

/// Text forms of bytes; where two give the same text, the first one is named.
const ENCODINGS: [(&GeneralPurpose, &str); 4] = [
    (&URL_SAFE_NO_PAD, "base64url"),
    (&STANDARD, "base64"),
    (&URL_SAFE, "padded base64url"),
    (&STANDARD_NO_PAD, "unpadded base64"),
];

/// How a user handle comes out of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The rules that give it, or what is encoded in it; `user-id` and so on.
    pub(crate) rules: Vec<&'static str>,
    /// The text forms around it, the inner one first; empty where a rule gives the handle itself.
    pub(crate) encodings: Vec<&'static str>,
}

impl Fit {
    /// Finds what makes the handle; the fewest encodings win.
    pub(crate) fn find(record: &CredentialRecord, handle: &[u8]) -> Option<Self> {
        let candidates: Vec<_> =
            RULES.iter().filter_map(|(rule, name)| Some((*name, by_rule(record, *rule)?))).collect();
        let with = |encodings: &[usize]| {
            let made = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                for encoding in encodings {
                    bytes = ENCODINGS.get(*encoding)?.0.encode(bytes).into_bytes();
                }
                Some(bytes)
            };
            let fits = candidates.iter().filter(|(_, bytes)| made(bytes).is_some_and(|made| made == handle));
            let rules: Vec<_> = fits.map(|(name, _)| *name).collect();
            let encodings = encodings.iter().filter_map(|at| Some(ENCODINGS.get(*at)?.1)).collect();
            (!rules.is_empty()).then_some(Self { rules, encodings })
        };
        let all = 0..ENCODINGS.len();
        let twice = all.clone().flat_map(|inner| all.clone().map(move |outer| [inner, outer]));
        with(&[])
            .or_else(|| all.clone().find_map(|once| with(&[once])))
            .or_else(|| twice.into_iter().find_map(|twice| with(&twice)))
    }

    /// The rule to import with, where there is a flag for it.
    pub(crate) fn flag(&self) -> Option<&'static str> {
        self.rules.first().copied().filter(|_| self.encodings.is_empty())
    }

    /// Describes it in words.
    pub(crate) fn message(&self) -> String {
        let rules = self.rules.join(" and ");
        match self.encodings[..] {
            [] if self.rules.len() > 1 => format!("{rules} both give it; another user may tell them apart"),
            [] => format!("{rules} gives it"),
            _ => format!(
                "{rules}, {}: there is no flag for it. Either the client encodes what it sends, or the passkeys hold \
                 this text",
                self.encodings
                    .iter()
                    .map(|name| format!("as {name}"))
                    .collect::<Vec<_>>()
                    .join(", and that ")
            ),
        }
    }
}

/// What an import with this rule would store; by the import's own code.
fn by_rule(record: &CredentialRecord, rule: UserHandleRule) -> Option<Vec<u8>> {
    let draft = RecordDraft {
        credential_id: Some(record.credential_id.clone()),
        public_key: Some(record.public_key.clone()),
        sign_count: Some(record.sign_count),
        status: Some(record.status.clone()),
        user_id: record.user_id.clone(),
        external_user_id: record.external_user_id.clone(),
        ..RecordDraft::default()
    };
    let account = match record.external_user_id {
        Some(_) => keyferry_core::AccountRule::ExternalUserId,
        None => keyferry_core::AccountRule::UserId,
    };
    let rules = Rules { rp_id: record.rp_id.clone(), account, user_handle: rule };
    Some(draft.into_record(&rules, Vec::new()).ok()?.user_handle?.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::records::{identifier, record};

    use super::*;

    fn find(handle: &[u8]) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
        Fit::find(&record(1), handle).map(|fit| (fit.rules, fit.encodings))
    }

    #[test]
    fn every_rule_is_recognised_by_what_an_import_would_store() {
        for (rule, name) in RULES {
            let record = CredentialRecord {
                user_id: Some(identifier("11111111-1111-4111-8111-111111111111")),
                ..record(1)
            };
            let handle = by_rule(&record, rule).unwrap();
            let fit = Fit::find(&record, &handle).unwrap();
            assert_eq!((fit.flag(), &fit.rules[..]), (Some(name), &[name][..]));
        }
    }

    #[test]
    fn encodings_once_and_twice() {
        // Base64 of this text needs padding, so that all four forms differ or are named by the first.
        let text = b"usr-1";
        assert_eq!(find(text), Some((vec!["user-id"], vec![])));
        for (engine, name) in [(&URL_SAFE_NO_PAD, "base64url"), (&STANDARD, "base64")] {
            let once = engine.encode(text);
            assert_eq!(find(once.as_bytes()), Some((vec!["user-id"], vec![name])));
            let twice = URL_SAFE_NO_PAD.encode(&once);
            assert_eq!(find(twice.as_bytes()), Some((vec!["user-id"], vec![name, "base64url"])));
        }
        let uuid = by_rule(&record(1), UserHandleRule::ExternalUserIdUuid).unwrap();
        let once = URL_SAFE_NO_PAD.encode(uuid);
        assert_eq!(find(once.as_bytes()), Some((vec!["external-user-id-uuid"], vec!["base64url"])));
    }

    #[test]
    fn what_no_rule_gives_is_not_guessed() {
        for handle in [&b""[..], b"usr-2", b"USR-1", b"usr-1 ", b"usr-", &[0; 64]] {
            assert_eq!(find(handle), None);
        }
        let thrice = URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.encode(b"usr-1")));
        assert_eq!(find(thrice.as_bytes()), None);
    }

    #[test]
    fn two_rules_that_give_the_same_are_both_named() {
        let same = CredentialRecord {
            user_id: Some(identifier("alice")),
            external_user_id: Some(identifier("alice")),
            ..record(1)
        };
        let fit = Fit::find(&same, b"alice").unwrap();
        assert_eq!(fit.rules, ["user-id", "external-user-id"]);
        assert!(fit.message().contains("both"));
    }
}
