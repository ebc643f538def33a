//! Backup eligibility and backup state.

/// Tells whether a credential can be backed up, and whether it is.
///
/// The three legal states of the BE and BS flags; BE 0 with BS 1 cannot be built.
/// Where an export does not say it, a record has no `Backup` at all: unknown is never taken for "no", because
/// several libraries refuse every login of a synced passkey whose stored BE is 0.
/// Source: WebAuthn Level 3, section 6.1.3.
///
/// ```
/// use keyferry_core::Backup;
/// assert_eq!(Backup::from_flags(true, false), Some(Backup::Eligible));
/// assert_eq!(Backup::from_flags(false, true), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backup {
    /// BE 0, BS 0: the credential lives on one device.
    SingleDevice,
    /// BE 1, BS 0: the credential may be backed up but is not now.
    Eligible,
    /// BE 1, BS 1: the credential is backed up.
    BackedUp,
}

impl Backup {
    /// Creates the state from its two flags; `None` for the illegal BE 0 with BS 1.
    pub fn from_flags(eligible: bool, state: bool) -> Option<Self> {
        match (eligible, state) {
            (false, false) => Some(Self::SingleDevice),
            (true, false) => Some(Self::Eligible),
            (true, true) => Some(Self::BackedUp),
            (false, true) => None,
        }
    }

    /// Returns the BE flag.
    pub fn eligible(self) -> bool {
        self != Self::SingleDevice
    }

    /// Returns the BS flag.
    pub fn state(self) -> bool {
        self == Self::BackedUp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_round_trip() {
        for backup in [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp] {
            assert_eq!(Backup::from_flags(backup.eligible(), backup.state()), Some(backup));
        }
        assert_eq!(Backup::from_flags(false, true), None);
    }
}
