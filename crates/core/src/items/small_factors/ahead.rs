//! Moduli whose search is done before the key around them is read.

use std::{cell::RefCell, collections::VecDeque};

use super::{super::cose_canonical, at_once};

thread_local! {
    /// Moduli without a small factor, in the order in which their keys will be read.
    static SEARCHED: RefCell<VecDeque<Box<[u8]>>> = const { RefCell::new(VecDeque::new()) };
}

/// Runs `work`, which reads these keys in this order on this thread, with the costly part of their checks done before.
///
/// The search for a small factor of an RSA modulus takes a hundred times as long as everything else about a record, and
/// for several moduli at once it takes a fraction of that. Nothing is left out: each modulus is searched by itself, also
/// where it is the same as another one, and a key that `work` reads beyond these is checked as always.
///
/// ```
/// # use keyferry_core::{CoseKey, with_keys_searched};
/// let keys = [vec![0xa0]];
/// let read = with_keys_searched(&keys, || keys.iter().map(|key| CoseKey::from_bytes(&**key)).collect::<Vec<_>>());
/// assert!(read[0].is_err());
/// ```
pub fn with_keys_searched<T>(keys: &[impl AsRef<[u8]>], work: impl FnOnce() -> T) -> T {
    /// Forgets what is left however the work ends.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            SEARCHED.with_borrow_mut(VecDeque::clear);
        }
    }
    let moduli: Vec<&[u8]> =
        keys.iter().filter_map(|key| cose_canonical::rsa_modulus(key.as_ref())).collect();
    let _forget = Forget;
    SEARCHED.with_borrow_mut(|searched| {
        let found = moduli.iter().zip(at_once::are_without(&moduli)).filter(|(_, is_without)| *is_without);
        searched.extend(found.map(|(modulus, _)| Box::from(*modulus)));
    });
    work()
}

/// Tells whether the next search was done ahead, for this very modulus; each search counts once.
pub(super) fn was_searched(modulus: &[u8]) -> bool {
    SEARCHED.with_borrow_mut(|searched| {
        // A row that was not read to its key leaves its modulus in front: look behind it.
        let Some(at) = searched.iter().position(|known| **known == *modulus) else { return false };
        searched.drain(..=at);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULUS: [u8; 256] = [0xff; 256];

    #[test]
    fn each_search_counts_once_and_only_for_its_own_modulus() {
        let (one, other) = ([1; 256], [3; 256]);
        SEARCHED
            .with_borrow_mut(|searched| searched.extend([Box::from(one), Box::from(other), Box::from(one)]));
        assert!(!was_searched(&MODULUS));
        assert!(was_searched(&other)); // the one before it was not read
        assert!(was_searched(&one));
        assert!(!was_searched(&one));
    }

    #[test]
    fn nothing_is_known_afterwards() {
        let remember = || SEARCHED.with_borrow_mut(|searched| searched.push_back(Box::from(MODULUS)));
        with_keys_searched::<()>(&[[0xa0]], remember);
        assert!(!was_searched(&MODULUS));
        let _ = std::panic::catch_unwind(|| {
            with_keys_searched::<()>(&[[0xa0]], || {
                remember();
                panic!("on purpose")
            })
        });
        assert!(!was_searched(&MODULUS));
    }
}
