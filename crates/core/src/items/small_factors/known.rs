//! RSA moduli that were searched for small factors already.

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use crate::CoseKey;

/// The moduli of keys that passed every check, known by keyed 128-bit hashes: 16 bytes each.
///
/// The search for small factors takes a hundred times as long as everything else about a record. A target that is
/// imported to again holds the keys of the export, which were searched a moment ago; to search them once more finds
/// nothing. Nobody can foresee the keys of the hashes, so nobody can make another modulus that is taken for one of them.
///
/// ```
/// use keyferry_core::{CoseKey, SearchedModuli};
/// let mut searched = SearchedModuli::default();
/// // searched.add(&record.public_key) for each record of the export
/// let searched = searched.complete();
/// assert!(searched.known(|| CoseKey::from_bytes([0xa0])).is_err(), "every other check is made as always");
/// ```
#[derive(Default)]
pub struct SearchedModuli {
    hashers: [RandomState; 2],
    hashes: Vec<u128>,
}

/// [`SearchedModuli`] that are complete, to be asked from any thread.
#[derive(Clone, Default)]
pub struct KnownModuli(Option<Arc<SearchedModuli>>);

thread_local! {
    static KNOWN: RefCell<KnownModuli> = RefCell::default();
}

impl SearchedModuli {
    /// Adds the modulus of a key, if it is an RSA key.
    pub fn add(&mut self, key: &CoseKey) {
        if let Some(n) = key.rsa_modulus() {
            let hash = self.hash(n);
            self.hashes.push(hash);
        }
    }

    /// Ends the collection.
    #[must_use]
    pub fn complete(mut self) -> KnownModuli {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        KnownModuli(Some(Arc::new(self)))
    }

    /// Returns those that this thread knows, to be known by another one.
    pub fn current() -> KnownModuli {
        KNOWN.with_borrow(Clone::clone)
    }

    fn hash(&self, n: &[u8]) -> u128 {
        let [one, other] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(n)));
        one << 64 | other
    }
}

impl KnownModuli {
    /// Runs `work` on this thread, which meets keys with these moduli again.
    pub fn known<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Knows again what was known before, however the work ends.
        struct Before(KnownModuli);
        impl Drop for Before {
            fn drop(&mut self) {
                KNOWN.replace(std::mem::take(&mut self.0));
            }
        }
        let _before = Before(KNOWN.replace(self.clone()));
        work()
    }
}

/// Tells whether a modulus was searched for small factors before, and none was found.
pub(super) fn is_searched(n: &[u8]) -> bool {
    KNOWN.with_borrow(|known| {
        known.0.as_ref().is_some_and(|known| known.hashes.binary_search(&known.hash(n)).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::{super::super::rsa_numbers::check, *};

    /// Three times 2^2048 - 1, which a search refuses, and as if it had passed one.
    fn refused() -> (Vec<u8>, KnownModuli) {
        let mut n = vec![0xff; 257];
        (n[0], n[256]) = (0x02, 0xfd);
        let mut searched = SearchedModuli::default();
        let hash = searched.hash(&n);
        searched.hashes.push(hash);
        (n, searched.complete())
    }

    #[test]
    fn what_was_searched_is_not_searched_again_and_everything_else_is() {
        let (n, known) = refused();
        assert!(check(&n, &[3]).is_err());
        known.known(|| {
            assert_eq!(check(&n, &[3]), Ok(()));
            assert!(check(&n, &[1]).is_err(), "the exponent is checked all the same");
            let mut other = n.clone();
            other[256] = 0xf7; // six less
            assert!(check(&other, &[3]).is_err(), "another modulus with the factor 3");
            let (n, passed_on) = (&n, SearchedModuli::current());
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(check(n, &[3]).is_err(), "another thread knows nothing"));
                scope.spawn(move || passed_on.known(|| assert_eq!(check(n, &[3]), Ok(()))));
            });
        });
    }

    #[test]
    fn nothing_is_known_any_more_when_the_work_has_ended() {
        let (n, known) = refused();
        let none = KnownModuli::default();
        let _ = std::panic::catch_unwind(|| known.known(|| panic!("on purpose")));
        assert!(check(&n, &[3]).is_err());
        known.known(|| {
            none.known(|| assert!(check(&n, &[3]).is_err()));
            assert_eq!(check(&n, &[3]), Ok(()));
        });
        assert!(check(&n, &[3]).is_err());
    }
}
