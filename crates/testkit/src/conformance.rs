//! The rules that every target must hold, as tests: one line in an adapter runs them all.
//!
//! The rules of a safe import stand in the pure comparison of the core, and once more in each sink, since a login may
//! land between reading and writing. This suite drives a sink both ways: through [`keyferry_core::plan`], `apply` and
//! `verify`, and by handing it writes that a careful caller would not. After each write it opens the store again, so
//! that nothing passes which is only remembered.
//!
//! A rule asks of a target what its [`Profile`](keyferry_core::Profile) says that it keeps, and exactly that: values are
//! compared with `represent`, a record that cannot be represented must be left out, and a rule about an item the
//! target has no place for does not apply to it.
//!
//! # Examples
//!
//! The whole `tests/conformance.rs` of an adapter:
//!
//! ```
//! # use keyferry_testkit::memory::{self, MemorySink};
//! keyferry_testkit::conformance!(|folder: &std::path::Path| MemorySink::open(folder, memory::FULL));
//! ```
//!
//! A target that is not everywhere, such as a database server, is tested by a function of the adapter's own that calls
//! [`run_all`], or says that it left it out.

mod binding;
mod checks;
mod harness;
mod keeping;
mod moving;
mod race;
mod runs;
mod size;
mod variants;

pub use self::binding::{
    a_credential_never_moves, a_missing_credential_is_neither_updated_nor_removed,
    a_race_for_an_id_ends_in_a_conflict, a_stale_removal_takes_nothing, a_stale_update_moves_nothing,
    a_taken_id_is_not_inserted_again, what_was_unknown_is_not_overwritten,
};
pub use self::harness::Harness;
pub use self::keeping::{
    a_representation_is_honest, a_sink_reads_its_own_writes, an_empty_target_fetches_nothing,
    an_id_asked_for_twice_is_answered_once, an_unknown_id_is_absent, credential_ids_are_kept,
    every_item_is_kept, identifiers_are_kept, keys_are_kept, near_ids_are_different_ids,
    sign_counts_are_kept, statuses_are_kept, times_are_kept, transports_are_kept,
};
pub use self::moving::{
    a_login_between_reading_and_writing_survives, a_revocation_between_reading_and_writing_stands,
    a_sign_count_never_goes_back, a_status_only_moves_forwards, a_target_in_charge_only_gains,
    an_update_is_made, only_active_credentials_stand_where_no_status_is_kept,
};
pub use self::runs::{
    a_failed_batch_leaves_no_trace, a_mixed_batch_is_answered_in_order, a_plan_says_what_an_import_does,
    a_second_run_changes_nothing, an_unfinished_run_is_not_half_visible, verify_finds_what_differs,
    verify_is_clean_after_an_import,
};
pub use self::size::{a_file_of_several_batches_arrives, ten_thousand_records_are_one_batch};

use std::path::Path;

use keyferry_core::{CredentialId, Sink};

/// Something that every target must hold: it panics, saying what is wrong, where the target does not.
pub type Rule = fn(&mut Harness);

/// Every rule with its name, in the order from simple to large.
pub const RULES: &[(&str, Rule)] = crate::__each_conformance_rule!(list);

/// Checks every rule, each with a store of its own; for targets that a test must first look for.
///
/// # Panics
/// - a rule is broken.
pub fn run_all<S: Sink + 'static>(open: impl Fn(&Path) -> S + Clone + 'static) {
    for (_, rule) in RULES {
        rule(&mut Harness::new(open.clone()));
    }
}

/// Checks every rule for a target whose writes can be made to fail; see [`Harness::refusing`].
///
/// # Panics
/// - a rule is broken.
pub fn run_all_refusing<S: Sink + 'static>(
    open: impl Fn(&Path) -> S + Clone + 'static,
    refuse: impl Fn(&Path, &CredentialId) + Clone + 'static,
) {
    for (_, rule) in RULES {
        rule(&mut Harness::new(open.clone()).refusing(refuse.clone()));
    }
}

/// Makes one test of each conformance rule; with `if`, only where what it needs is there.
///
/// `open` is called with a folder that is empty at first, and again and again with the same one; each time it opens the
/// store that lies there. At no time are two sinks of one folder open.
///
/// A second closure may be given that makes the store in a folder refuse every write of one credential, for example by
/// a trigger in its table: only so can a test see that a batch that fails leaves no trace.
///
/// ```
/// use std::path::Path;
///
/// use keyferry_core::CredentialId;
/// use keyferry_testkit::memory::{self, MemorySink};
///
/// keyferry_testkit::conformance!(
///     |folder: &Path| MemorySink::open(folder, memory::WITHOUT_STATUS),
///     |folder: &Path, id: &CredentialId| MemorySink::open(folder, memory::WITHOUT_STATUS).refuse(id),
/// );
/// ```
#[macro_export]
macro_rules! conformance {
    (if $available:expr; $open:expr, $refuse:expr $(,)?) => {
        $crate::__each_conformance_rule!(tests_if(
            $available;
            $crate::conformance::Harness::new($open).refusing($refuse)
        ));
    };
    ($open:expr $(,)?) => {
        $crate::__each_conformance_rule!(tests($crate::conformance::Harness::new($open)));
    };
    ($open:expr, $refuse:expr $(,)?) => {
        $crate::__each_conformance_rule!(tests($crate::conformance::Harness::new($open).refusing($refuse)));
    };
}

/// The one list of rules: the tests of an adapter and [`RULES`] are both made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_conformance_rule {
    ($($kind:tt)+) => {
        $crate::__expand_conformance_rules! { [$($kind)+]
            an_empty_target_fetches_nothing
            an_unknown_id_is_absent
            an_id_asked_for_twice_is_answered_once
            a_representation_is_honest
            every_item_is_kept
            credential_ids_are_kept
            near_ids_are_different_ids
            identifiers_are_kept
            transports_are_kept
            sign_counts_are_kept
            times_are_kept
            keys_are_kept
            statuses_are_kept
            a_sink_reads_its_own_writes
            a_taken_id_is_not_inserted_again
            a_missing_credential_is_neither_updated_nor_removed
            a_credential_never_moves
            a_stale_update_moves_nothing
            a_stale_removal_takes_nothing
            what_was_unknown_is_not_overwritten
            a_race_for_an_id_ends_in_a_conflict
            an_update_is_made
            a_sign_count_never_goes_back
            a_login_between_reading_and_writing_survives
            a_status_only_moves_forwards
            a_revocation_between_reading_and_writing_stands
            only_active_credentials_stand_where_no_status_is_kept
            a_target_in_charge_only_gains
            a_plan_says_what_an_import_does
            a_second_run_changes_nothing
            verify_is_clean_after_an_import
            verify_finds_what_differs
            a_mixed_batch_is_answered_in_order
            a_failed_batch_leaves_no_trace
            an_unfinished_run_is_not_half_visible
            ten_thousand_records_are_one_batch
            a_file_of_several_batches_arrives
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __expand_conformance_rules {
    ([tests($harness:expr)] $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::$rule(&mut $harness);
            }
        )+
    };
    ([tests_if($available:expr; $harness:expr)] $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                if $available {
                    $crate::conformance::$rule(&mut $harness);
                }
            }
        )+
    };
    ([list] $($rule:ident)+) => {
        &[$((stringify!($rule), $rule)),+]
    };
}
