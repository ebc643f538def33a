//! What each step of the verification found.

use std::fmt;

macro_rules! steps {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)+) => {
        /// A step of WebAuthn Level 3, section 7.2, in its order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step { $($(#[$doc])* $variant,)+ }

        impl Step {
            /// Every step that is checked.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the number of the step.
            pub fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// Returns a short name for people, such as `RP ID`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

steps! {
    /// The record is the one of this credential ID.
    CredentialId = 6, "credential ID";
    /// The user handle is the one of the record's user.
    UserHandle = 6, "user handle";
    /// The authenticator data can be read.
    AuthenticatorData = 7, "authenticator data";
    /// The client data can be read.
    ClientData = 9, "client data";
    /// The client data is of a login.
    Type = 10, "type";
    /// The challenge is the server's.
    Challenge = 11, "challenge";
    /// The origin is one that the server expects.
    Origin = 12, "origin";
    /// A frame of another origin is only there where the server expects it.
    CrossOrigin = 13, "cross-origin";
    /// The page around the frame is one that the server expects.
    TopOrigin = 14, "top origin";
    /// The authenticator signed for this RP ID.
    RpId = 15, "RP ID";
    /// A user was present.
    UserPresent = 16, "user present";
    /// The user was verified, if that is required.
    UserVerified = 17, "user verified";
    /// What is not backup eligible is not backed up.
    BackupState = 18, "backup state";
    /// Backup eligibility is as it was at registration.
    BackupEligible = 19, "backup eligible";
    /// The key of the record made the signature.
    Signature = 21, "signature";
    /// The sign count went up, or stayed 0.
    SignCount = 22, "sign count";
}

macro_rules! reasons {
    ($($variant:ident = $code:literal: $message:literal;)+) => {
        /// Why a step failed or stays open, with a stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is described by its code and message")]
        pub enum Reason { $($variant,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the reason as it stands in reports, kebab-case.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Returns the reason in words; never holds anything of the assertion.
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

reasons! {
    CredentialIdDiffers = "credential-id-differs": "the record is of another credential";
    UserHandleDiffers = "user-handle-differs": "the record has another user handle";
    UserHandleUnknown = "user-handle-unknown": "the record has no user handle to compare with";
    UserHandleAbsent = "user-handle-absent": "the assertion has none, so only a login that names its user first works";
    AuthenticatorDataMalformed = "authenticator-data-malformed": "not the bytes that its flags announce, or those of a registration";
    ClientDataMalformed = "client-data-malformed": "not the JSON of client data";
    TypeDiffers = "type-differs": "not webauthn.get: no login";
    ChallengeDiffers = "challenge-differs": "not the challenge that was given";
    ChallengeNotOurs = "challenge-not-ours": "taken from the assertion itself, so it says nothing about when the login was";
    OriginMalformed = "origin-malformed": "not an origin as a browser writes it";
    OriginDiffers = "origin-differs": "not the origin that was given";
    OriginInsecure = "origin-insecure": "a browser lets nobody log in at it";
    OriginOutsideRpId = "origin-outside-rp-id": "its host is neither the RP ID nor below it; a related origin has to be listed by the server";
    OriginOfApp = "origin-of-app": "an Android app; the server has to list it";
    OriginUnknown = "origin-unknown": "without an RP ID there is nothing to compare it with";
    InsideFrame = "inside-frame": "in a frame of another origin; the server has to allow it";
    TopOriginGiven = "top-origin-given": "the page around the frame is named; the server has to list it";
    RpIdDiffers = "rp-id-differs": "the authenticator signed for another RP ID";
    RpIdUnknown = "rp-id-unknown": "no RP ID was given to compare with";
    UserNotPresent = "user-not-present": "no user was present";
    UserNotVerified = "user-not-verified": "the user was not verified";
    BackupStateWithoutEligible = "backup-state-without-eligible": "backed up, but not backup eligible";
    BackupEligibleChanged = "backup-eligible-changed": "the record says otherwise, and it never changes";
    BackupUnknown = "backup-unknown": "the record does not say it";
    SignatureMalformed = "signature-malformed": "not a signature of the key's algorithm";
    SignatureWrong = "signature-wrong": "the key of the record did not make it";
    SignatureUncheckable = "signature-uncheckable": "signatures of this algorithm cannot be checked here";
    SignCountNotGreater = "sign-count-not-greater": "not above the record's: an older login, or a copied authenticator";
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It cannot be decided here, or only the server can; the login does not fail by it.
    Open(Reason),
    /// It does not hold: a server that follows the specification refuses the login.
    Failed(Reason),
}

impl Outcome {
    /// Returns the reason of what is open or failed.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Passed => None,
            Self::Open(reason) | Self::Failed(reason) => Some(reason),
        }
    }

    /// Returns the code of the reason, or `passed`.
    pub fn code(self) -> &'static str {
        self.reason().map_or("passed", Reason::code)
    }

    /// Tells whether the step failed.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// One step and what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// What it found.
    pub outcome: Outcome,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} ({}): {}", self.step.number(), self.step.name(), self.outcome.code())
    }
}

/// What all steps found, in their order; a step that depends on one that failed before it is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, step: Step, outcome: Outcome) {
        self.0.push(Finding { step, outcome });
    }

    /// Adds a step that holds, or fails for this reason.
    pub(crate) fn check(&mut self, step: Step, holds: bool, reason: Reason) {
        self.add(step, if holds { Outcome::Passed } else { Outcome::Failed(reason) });
    }

    /// Sorts what was found in the order that is cheapest to compute into that of the specification.
    pub(crate) fn in_order(mut self) -> Self {
        self.0.sort_by_key(|finding| finding.step);
        self
    }

    /// Returns all findings.
    pub fn iter(&self) -> impl Iterator<Item = Finding> + '_ {
        self.0.iter().copied()
    }

    /// Returns what a step found; `None` where one before it failed and it could not be done.
    pub fn outcome(&self, step: Step) -> Option<Outcome> {
        self.iter().find(|finding| finding.step == step).map(|finding| finding.outcome)
    }

    /// Returns the reasons of all steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = Reason> + '_ {
        self.iter()
            .filter(|finding| finding.outcome.is_failed())
            .filter_map(|finding| finding.outcome.reason())
    }

    /// Returns the reasons of all steps that stay open.
    pub fn open(&self) -> impl Iterator<Item = Reason> + '_ {
        self.iter().filter_map(|finding| match finding.outcome {
            Outcome::Open(reason) => Some(reason),
            Outcome::Passed | Outcome::Failed(_) => None,
        })
    }

    /// Tells whether no step failed and the signature is proven.
    pub fn would_succeed(&self) -> bool {
        self.failures().next().is_none() && self.outcome(Step::Signature) == Some(Outcome::Passed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_kebab_case_and_distinct() {
        let mut seen = HashSet::new();
        for reason in Reason::ALL {
            assert!(
                reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{reason:?}"
            );
            assert!(seen.insert(reason.code()), "{reason:?}");
        }
    }

    #[test]
    fn steps_stand_in_the_order_of_the_specification() {
        assert!(Step::ALL.is_sorted_by_key(|step| step.number()));
        assert!(Step::ALL.is_sorted());
    }
}
