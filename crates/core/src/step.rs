//! What shall happen to one record, and how it is accounted for.

use crate::{
    Authority, Comparison, Count, CredentialRecord, Fault, FaultCode, Held, Item, Located, Profile, Report,
    Status, Write, compare, compare::settled, read_back,
};

/// What shall happen to one record.
pub(crate) struct Step<'a> {
    pub(crate) located: &'a Located<CredentialRecord>,
    /// As written only where nothing is to be done and nothing of it differs.
    held: Held,
    comparison: Comparison,
}

impl<'a> Step<'a> {
    /// Decides by what the target holds.
    pub(crate) fn new(
        located: &'a Located<CredentialRecord>,
        held: Held,
        profile: &Profile,
        authority: Authority,
    ) -> Self {
        let record = &located.value;
        let held = match held {
            // What is more than "unchanged" is decided, and written, by what stands there.
            Held::AsWritten if settled(record, profile).is_none() => match profile.represent(record) {
                Ok(stored) => Held::Record(Box::new(stored)),
                Err(_) => Held::Nothing,
            },
            held => held,
        };
        let comparison = match &held {
            Held::Nothing => compare(None, record, profile, authority),
            Held::AsWritten => Comparison::Unchanged { stale_sign_count: false },
            Held::Record(stored) => compare(Some(stored), record, profile, authority),
        };
        Self { located, held, comparison }
    }

    /// Returns the change that it makes, if it makes one.
    pub(crate) fn write(&self) -> Option<Write<'_>> {
        match (&self.comparison, &self.held) {
            (Comparison::Insert, _) => Some(Write::Insert(&self.located.value)),
            (Comparison::Update { merged, .. }, Held::Record(stored)) => {
                Some(Write::Update { stored, merged })
            }
            (Comparison::Remove, Held::Record(stored)) => Some(Write::Remove { stored }),
            _ => None,
        }
    }

    /// Accounts for a step that was taken, or would be.
    pub(crate) fn settle(&self, profile: &Profile, report: &mut Report) {
        let (count, is_written) = match &self.comparison {
            Comparison::Insert => (Count::Inserted, true),
            Comparison::Update { .. } => (Count::Updated, true),
            Comparison::Unchanged { stale_sign_count } => {
                report.stale_sign_counts += u64::from(*stale_sign_count);
                (Count::Unchanged, true)
            }
            Comparison::Remove => (Count::Removed, false),
            Comparison::Skip(_) => (Count::Skipped, false),
            Comparison::Conflict(fault) => {
                report.fault(Count::Conflict, self.located.location, [fault.clone()]);
                return;
            }
        };
        report.count(count);
        report.describe(&self.located.value, profile, self.status_afterwards(), is_written);
    }

    /// Accounts for what the target holds, where nothing is written.
    pub(crate) fn compare_with_target(&self, profile: &Profile, authority: Authority, report: &mut Report) {
        let record = &self.located.value;
        let fault = match (&self.comparison, &self.held) {
            (Comparison::Skip(_), _) => {
                report.count(Count::Skipped);
                report.describe(record, profile, &record.status, false);
                return;
            }
            (Comparison::Conflict(fault), _) => Some(fault.clone()),
            (_, Held::Nothing) => {
                Some(Fault::new(Item::CredentialId, FaultCode::MissingInTarget, "not in the target"))
            }
            (_, Held::AsWritten) => None,
            (_, Held::Record(stored)) => read_back::difference(stored, record, profile, authority, report),
        };
        match fault {
            Some(fault) => report.fault(Count::Conflict, self.located.location, [fault]),
            None => {
                report.count(Count::Unchanged);
                report.describe(record, profile, self.status_afterwards(), true);
            }
        }
    }

    /// Returns the status that counts at the target once the step is taken: its own, where it has one.
    fn status_afterwards(&self) -> &Status {
        let held = match (&self.comparison, &self.held) {
            (Comparison::Update { merged, .. }, _) => Some(&merged.status),
            (Comparison::Unchanged { .. }, Held::Record(stored)) => Some(&stored.status),
            _ => None,
        };
        match held {
            Some(Some(status)) => status,
            Some(None) => &Status::Active,
            None => &self.located.value.status,
        }
    }
}
