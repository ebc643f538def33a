//! The list of ways in which a sink may break its contract.

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident => $rule:literal,)+) => {
        /// One way to break the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Bug {
            /// None at all.
            None,
            $($(#[$doc])* $bug,)+
        }

        /// Every bug, with the rule that must catch it, whichever others do.
        pub(crate) const BUGS: &[(Bug, &str)] = &[$((Bug::$bug, $rule),)+];
    };
}

bugs! {
    /// Takes what it is given, as `INSERT OR REPLACE` does.
    ReplacesRows => "a_taken_id_is_not_inserted_again",
    /// Updates by the ID alone.
    UpdatesUnguarded => "a_stale_update_moves_nothing",
    /// Removes by the ID alone.
    RemovesUnguarded => "a_stale_removal_takes_nothing",
    /// Adds what an update does not find.
    UpdateInserts => "a_missing_credential_is_neither_updated_nor_removed",
    /// Guards user and key, but not the RP ID.
    ForgetsRpId => "a_stale_update_moves_nothing",
    /// Compares users with a collation that ignores case.
    FoldsUsers => "a_stale_update_moves_nothing",
    /// Compares users without the spaces at their end, as padded comparison does.
    PadsUsers => "a_stale_update_moves_nothing",
    /// Does not look whether what was unknown is known now.
    FillsUnknown => "what_was_unknown_is_not_overwritten",
    /// Writes the counter that it is given.
    LowersCounter => "a_sign_count_never_goes_back",
    /// Keeps the counter that it has.
    FreezesCounter => "an_update_is_made",
    /// Keeps counters in 31 bits.
    CutsCounter => "sign_counts_are_kept",
    /// Answers `Done` for a guarded row, as one does who does not look at the affected rows.
    AlwaysDone => "a_race_for_an_id_ends_in_a_conflict",
    /// Answers in an order of its own.
    AnswersBackwards => "a_mixed_batch_is_answered_in_order",
    /// Drops transports that nobody knows.
    DropsTransports => "transports_are_kept",
    /// Joins transports by a comma.
    JoinsTransports => "transports_are_kept",
    /// Takes absent transports as no transport.
    TakesAbsentForEmpty => "transports_are_kept",
    /// Keeps 255 bytes of an ID.
    TruncatesIds => "credential_ids_are_kept",
    /// Finds an ID by its base64url text, whatever the case.
    FoldsIds => "near_ids_are_different_ids",
    /// Answers every question, with something near.
    Invents => "an_empty_target_fetches_nothing",
    /// Answers as often as it is asked.
    Repeats => "an_id_asked_for_twice_is_answered_once",
    /// Does not read the user, so that nothing can be compared with it.
    HidesUsers => "a_credential_never_moves",
    /// Trims names.
    TrimsNames => "identifiers_are_kept",
    /// Keeps whole seconds.
    RoundsTimes => "times_are_kept",
    /// Writes keys anew, in the canonical order.
    RewritesKeys => "keys_are_kept",
    /// Loses the AAGUID.
    LosesAaguid => "every_item_is_kept",
    /// Keeps a status as active or revoked.
    NarrowsStatus => "statuses_are_kept",
    /// Does not look at the status before it writes.
    IgnoresStatus => "a_revocation_between_reading_and_writing_stands",
    /// Takes whatever status it is given as the truth about what it holds.
    Reactivates => "a_status_only_moves_forwards",
    /// Says that unknown backup eligibility is none.
    GuessesBackup => "a_representation_is_honest",
    /// Keeps what is written until it is asked to finish, and reads without it.
    ReadsBehind => "a_sink_reads_its_own_writes",
    /// Forgets the last row of a batch.
    ForgetsLastRow => "every_item_is_kept",
    /// Writes the first 5000 rows of a batch.
    ForgetsBeyond5000 => "ten_thousand_records_are_one_batch",
    /// Keeps the last batch of a run.
    KeepsLastBatch => "a_file_of_several_batches_arrives",
    /// Answers the changes that it made alone.
    AnswersTheDoneOnly => "a_mixed_batch_is_answered_in_order",
    /// Writes a default for what it cannot hold.
    WritesTheUnwritable => "a_failed_batch_leaves_no_trace",
    /// Writes what it can before it fails.
    LeavesTraces => "a_failed_batch_leaves_no_trace",
    /// Shows inserts at once and the rest when it is finished.
    HalfVisible => "an_unfinished_run_is_not_half_visible",
    /// Counts a look as a use.
    CountsLooks => "a_plan_says_what_an_import_does",
    /// Shows the highest counter there is.
    ShowsHighCounters => "verify_finds_what_differs",
    /// Keeps what was active in a target without status.
    NeverRemoves => "only_active_credentials_stand_where_no_status_is_kept",
}
