//! Keys that were checked a moment ago and are met again.

use std::{cell::RefCell, collections::HashSet};

use super::{CoseKey, Numbers};

thread_local! {
    /// RSA keys that this thread knows to be checked; see [`with_checked_keys`].
    static CHECKED: RefCell<HashSet<CoseKey>> = RefCell::new(HashSet::new());
}

/// Runs `work`, which meets these very keys again: in what a target holds, or in what an adapter would give back.
///
/// The search for small factors of an RSA modulus takes a hundred times as long as everything else about a record, and
/// these were searched when their rows were decoded. Only the same bytes are spared; every other key is checked.
pub(crate) fn with_checked_keys<'a, T>(
    keys: impl IntoIterator<Item = &'a CoseKey>,
    work: impl FnOnce() -> T,
) -> T {
    /// Forgets the keys however the work ends.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            CHECKED.with_borrow_mut(HashSet::clear);
        }
    }
    let _forget = Forget;
    let is_rsa = |key: &&CoseKey| matches!(key.numbers, Numbers::Rsa { .. });
    CHECKED.with_borrow_mut(|checked| checked.extend(keys.into_iter().filter(is_rsa).cloned()));
    work()
}

/// Returns the key of these very bytes, where it is known to be checked.
pub(super) fn get(bytes: &[u8]) -> Option<CoseKey> {
    CHECKED.with_borrow(|checked| checked.get(bytes).cloned())
}

/// Returns how many keys are known.
#[cfg(test)]
pub(super) fn count() -> usize {
    CHECKED.with_borrow(HashSet::len)
}
