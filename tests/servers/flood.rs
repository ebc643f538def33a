//! A long export, and what an undisturbed import makes of it; made once for all tests.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use keyferry_testkit::{ExportRow, servers::Kind};

use crate::{
    exports::{csv, rows},
    site::{Site, hex},
};

/// The records of one batch, and so of one transaction.
pub(crate) const BATCH: usize = 16_384;

/// More than one batch; the second has rows for every page of the first.
pub(crate) const LONG: usize = BATCH + 8000;

/// Row `number` of an export of any length; keys are few, since each new one takes its time.
pub(crate) fn row(number: usize) -> ExportRow {
    static FEW: LazyLock<Vec<ExportRow>> = LazyLock::new(|| rows(16));
    // Spread as real IDs are, so that no order helps the index.
    let spread = u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id: Vec<u8> =
        [spread, spread.rotate_left(17) ^ 0xabcd].into_iter().flat_map(u64::to_be_bytes).collect();
    ExportRow {
        user_id: format!("usr-{number}"),
        external_user_id: format!("user-{number}@example.com"),
        credential_id: URL_SAFE.encode(id),
        authenticator_sign_count: (number % 7).to_string(),
        ..FEW[number % FEW.len()].clone()
    }
}

pub(crate) fn export(count: usize) -> String {
    let rows: Vec<_> = (0..count).map(row).collect();
    csv(&rows)
}

/// The statement that adds a row of the second batch for somebody else: until its transaction ends, the import waits.
pub(crate) fn row_of_the_second_batch(site: &Site) -> String {
    // Rows come in the order of their IDs: the last of them is in the last batch, of two.
    let id = (0..LONG).map(|number| URL_SAFE.decode(row(number).credential_id).unwrap()).max().unwrap();
    let id = hex(&id);
    let bytes = if site.is_postgres() { format!("'\\x{id}'") } else { format!("x'{id}'") };
    format!(
        "INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account) \
         VALUES ({bytes}, {bytes}, -7, 0, 'active', 'example.com', 'another')"
    )
}

/// An undisturbed import: what stands in the table at its end, its indexes, and how long it took.
#[derive(Clone)]
pub(crate) struct Undisturbed {
    pub(crate) dump: String,
    pub(crate) indexes: String,
    pub(crate) took: Duration,
}

/// What an import of the first rows of the long export ends with.
pub(crate) fn undisturbed(kind: Kind, count: usize) -> Option<Undisturbed> {
    static KNOWN: LazyLock<Mutex<HashMap<(Kind, usize), Undisturbed>>> = LazyLock::new(Mutex::default);
    let site = Site::with(kind, export(count))?;
    let mut known = KNOWN.lock().unwrap();
    let made = known.entry((kind, count)).or_insert_with(|| {
        let started = Instant::now();
        site.import();
        Undisturbed { took: started.elapsed(), dump: site.dump(), indexes: site.indexes() }
    });
    Some(made.clone())
}

/// Runs an import to its end and demands that nothing shows that others were disturbed before.
pub(crate) fn finishes(site: &Site, count: usize) {
    site.import();
    let expected = undisturbed(site.kind, count).unwrap();
    assert!(site.dump() == expected.dump, "it ends otherwise");
    assert_eq!(site.indexes(), expected.indexes);
}
