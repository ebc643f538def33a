//! Whole runs with every map: plan, import, again, verify; and what is left out, for which reason.

use keyferry_core::{Aaguid, Backup, CredentialRecord, SignCount, Status, Transports};
use keyferry_sqlx::Dialect;
use keyferry_testkit::{
    Algorithm,
    records::{credential_id, key, record},
};

use crate::{
    database::dialects,
    frameworks::{ALL, Framework},
};

/// An export with every kind of record, each of a user of its own, as the reports name them.
fn export() -> Vec<CredentialRecord> {
    let mut records = Vec::new();
    let mut seed = 0;
    let mut add = |change: &dyn Fn(CredentialRecord, u64) -> CredentialRecord| {
        seed += 1;
        records.push(change(record(seed), seed));
    };
    add(&|record, _| record);
    for count in [0, 41, 2_147_483_647, 4_294_967_294] {
        add(&move |record, _| CredentialRecord { sign_count: SignCount(count), ..record });
    }
    for backup in [Backup::SingleDevice, Backup::BackedUp] {
        add(&move |record, _| CredentialRecord { backup: Some(backup), ..record });
    }
    add(&|record, _| CredentialRecord { backup: None, ..record });
    for list in [&["hybrid", "internal"][..], &["internal", "teleport"], &["usb"], &[]] {
        add(&move |record, _| CredentialRecord {
            transports: Some(Transports::new(list.iter().copied())),
            ..record
        });
    }
    add(&|record, _| CredentialRecord { transports: None, ..record });
    for length in [1_u8, 16, 64, 189, 255] {
        add(&move |record, _| CredentialRecord {
            credential_id: credential_id(&vec![length; usize::from(length)]),
            ..record
        });
    }
    add(&|record, _| CredentialRecord { credential_id: credential_id(&[7; 1023]), ..record });
    for algorithm in Algorithm::ALL {
        add(&move |record, seed| CredentialRecord { public_key: key(algorithm, seed), ..record });
    }
    for status in [Status::Suspended, Status::Revoked, Status::Pending] {
        add(&move |record, _| CredentialRecord { status: status.clone(), ..record });
    }
    for aaguid in [None, Some(Aaguid([0; 16]))] {
        add(&move |record, _| CredentialRecord { aaguid, ..record });
    }
    for uv in [false, true] {
        add(&move |record, _| CredentialRecord { uv_initialized: Some(uv), ..record });
    }
    add(&|record, _| CredentialRecord { created_at: None, ..record });
    add(&|record, _| CredentialRecord { user_handle: None, ..record });
    records
}

#[test]
fn every_map_imports_twice_and_verifies() {
    let export = export();
    for framework in ALL {
        for database in framework.databases(&export) {
            let at = format!("{}, {:?}", framework.name, database.dialect);
            let mut target = database.target(framework.name);
            let empty = database.dump(framework.tables);
            let planned = target.plan(&export);
            assert_eq!(database.dump(framework.tables), empty, "{at}: a plan writes nothing");
            let applied = target.apply(&export);
            assert_eq!(planned, applied, "{at}: the plan and the import");
            assert_eq!(applied.counts.conflict, 0, "{at}: {:?}", applied.faults);
            let first = database.dump(framework.tables);
            for run in ["second", "third"] {
                let planned = target.plan(&export);
                let again = target.apply(&export);
                assert_eq!(planned, again, "{at}: the {run} run");
                assert_eq!(again.faults, applied.faults, "{at}: the {run} run");
                assert_eq!(again.counts.unchanged, applied.counts.inserted, "{at}: {:?}", again.counts);
                assert_eq!(again.counts.skipped, applied.counts.skipped, "{at}: {:?}", again.counts);
                assert_eq!(database.dump(framework.tables), first, "{at}: the {run} run changes a byte");
                let verified = target.verify(&export);
                assert_eq!(verified.faults, applied.faults, "{at}: verify");
                assert_eq!(verified.counts, again.counts, "{at}: verify");
                assert_eq!(verified.cannot_log_in, again.cannot_log_in, "{at}: verify");
            }
        }
    }
}

/// Reasons and their numbers, as a report has them, and the number of each item that the table has no place for.
fn outcome(framework: &Framework, dialect: Dialect) -> Option<String> {
    let export = export();
    let database = framework.database(dialect, &export)?;
    let report = database.target(framework.name).apply(&export);
    let counts = report.counts;
    let reasons: Vec<_> = report.cannot_log_in.iter().map(|(why, count)| format!("{why} {count}")).collect();
    let lost: Vec<_> = report.not_kept.iter().map(|(item, count)| format!("{item} {count}")).collect();
    Some(format!(
        "{}: inserted {}, skipped {}, refused {}\n  cannot log in: {}\n  not kept: {}\n",
        framework.name,
        counts.inserted,
        counts.skipped,
        counts.refused,
        reasons.join(", "),
        lost.join(", ")
    ))
}

#[test]
fn what_does_not_fit_is_left_out_and_what_is_lost_is_said() {
    for dialect in dialects() {
        let outcomes: String = ALL.iter().filter_map(|framework| outcome(framework, dialect)).collect();
        insta::assert_snapshot!(format!("{dialect:?}"), outcomes);
    }
}
