//! Every fixture through an adapter, as text for a snapshot.

use std::{fmt::Write as _, fs, path::Path};

use keyferry_core::{
    Authority, CredentialId, DecodeError, Mode, Report, RpId, Rules, Run, Sink, StoredRecord, gate, transfer,
};
use keyferry_sources::{ExportFile, Limits, corbado::Corbado};

/// The most rows of a fixture that is worth a snapshot.
const READABLE: u64 = 100;

/// Imports each fixture of `fixtures/corbado` into a target of its own and returns what stands there.
///
/// `open` opens the target in a folder; `show` makes text of what stands in the folder, given the IDs of the export.
/// Files that cannot be trusted, and long ones, have no entry. The result is in the order of the names:
///
/// ```no_run
/// # use keyferry_testkit::{memory::{MemorySink, FULL}, snapshot};
/// let open = |folder: &std::path::Path| MemorySink::open(folder, FULL);
/// for (name, text) in snapshot::fixtures(open, |folder, ids| snapshot::rows(&mut open(folder), ids)) {
///     println!("{name}\n{text}"); // insta::assert_snapshot!(name, text)
/// }
/// ```
///
/// # Panics
/// - a fixture cannot be read, or the target fails.
#[must_use]
#[allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]
pub fn fixtures<S: Sink>(
    open: impl Fn(&Path) -> S,
    show: impl Fn(&Path, &[CredentialId]) -> String,
) -> Vec<(String, String)> {
    fixtures_with(&Rules::new(RpId::parse("example.com").expect("a domain")), open, show)
}

/// Like [`fixtures`], by these rules: for a target that cannot hold a record without user handle.
///
/// # Panics
/// - a fixture cannot be read, or the target fails.
#[must_use]
#[allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]
pub fn fixtures_with<S: Sink>(
    rules: &Rules,
    open: impl Fn(&Path) -> S,
    show: impl Fn(&Path, &[CredentialId]) -> String,
) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/corbado");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the fixtures")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".csv"))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| Some((name(path), import(path, rules, &open, &show)?))).collect()
}

/// Returns what a sink gives for each of these IDs, one item a line, in readable form.
///
/// # Panics
/// - the sink cannot be read.
#[allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]
pub fn rows(sink: &mut dyn Sink, ids: &[CredentialId]) -> String {
    let mut text = String::new();
    let mut stored = sink.fetch(&ids.iter().collect::<Vec<_>>()).expect("the sink can be read");
    stored.sort_by(|one, other| one.credential_id.cmp(&other.credential_id));
    for record in &stored {
        text.push_str(&readable(record));
        text.push('\n');
    }
    text
}

/// Shows every item of a stored record in full; the people and keys of tests are made up.
#[must_use]
pub fn readable(record: &StoredRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {}", value.unwrap_or_else(|| "-".to_owned()));
    };
    line("credential_id", Some(record.credential_id.to_base64url()));
    line("public_key", Some(record.public_key.to_jwk()));
    line("sign_count", Some(record.sign_count.to_string()));
    line(
        "transports",
        record.transports.as_ref().map(|list| format!("{:?}", list.iter().collect::<Vec<_>>())),
    );
    line("uv_initialized", record.uv_initialized.map(|value| value.to_string()));
    line("backup", record.backup.map(|backup| format!("{backup:?}")));
    line("aaguid", record.aaguid.map(|aaguid| aaguid.to_string()));
    line("authenticator_attachment", record.authenticator_attachment.as_ref().map(ToString::to_string));
    line("attestation_format", record.attestation_format.as_ref().map(|format| format.as_str().to_owned()));
    line("created_at", record.created_at.map(|time| time.to_string()));
    line("status", record.status.as_ref().map(ToString::to_string));
    line("user_id", record.user_id.as_ref().map(|id| format!("{:?}", id.as_str())));
    line("external_user_id", record.external_user_id.as_ref().map(|id| format!("{:?}", id.as_str())));
    line("user_handle", record.user_handle.as_ref().map(|handle| handle.to_base64url()));
    line("rp_id", record.rp_id.as_ref().map(ToString::to_string));
    line("account", record.account.as_ref().map(|account| format!("{:?}", account.as_str())));
    text
}

#[allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]
fn import<S: Sink>(
    path: &Path,
    rules: &Rules,
    open: &impl Fn(&Path) -> S,
    show: &impl Fn(&Path, &[CredentialId]) -> String,
) -> Option<String> {
    let export = Corbado::open(ExportFile::open(path, Limits::default()).ok()?).ok()?;
    let mut ids = Vec::new();
    let seen = gate(
        || Ok(export.batches(rules)?),
        |row| match row {
            Ok(located) => ids.push(located.value.credential_id.clone()),
            Err(DecodeError::Row(_) | DecodeError::Stop(_)) => {}
        },
    );
    let seen = seen.ok().filter(|seen| seen.rows <= READABLE)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut report = Report::default();
    let mut sink = open(folder.path());
    let rows = export.rows(rules).expect("read a moment ago");
    transfer(
        rows,
        &seen,
        &mut sink,
        Run { mode: Mode::Apply, authority: Authority::Export },
        &mut report,
        |_| {},
    )
    .expect("an import");
    drop(sink);
    let counts: Vec<_> = report
        .counts
        .named()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    Some(format!("{}\n\n{}", counts.join(", "), show(folder.path(), &ids)))
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
