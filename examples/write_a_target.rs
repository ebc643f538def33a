//! How do I write to a target that keyferry does not know yet?
//!
//! One pure conversion in both directions. The file, its lock, the rules of a safe import and the report come for free;
//! `keyferry_testkit::conformance!` then proves that the target keeps the rules.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{borrow::Cow, error::Error};

use keyferry_core::{
    Authority, CannotLogIn, CoseKey, CredentialId, Fault, Identifier, Item, Located, Location, Profile,
    Report, SignCount, Sink as _, StoredRecord, Verdict, apply,
};
use keyferry_json::{JsonSink, RecordFormat, decode, encode};
use keyferry_testkit::records;
use serde_json::{Map, Value, json};

/// A made-up library that keeps the owner, the key in PEM beside its COSE bytes, and the counter.
enum Toy {}

impl RecordFormat for Toy {
    type Record = Map<String, Value>;

    const PROFILE: Profile = Profile {
        name: "toy",
        library: Cow::Borrowed("toy 1.0"),
        keeps_status: false,
        represent: Verdict::Fixed(|record| {
            let written = Self::to_record(&StoredRecord::from(record))?;
            Self::to_stored(&written).map_err(|_| CannotLogIn::Algorithm(record.public_key.algorithm()))
        }),
        verifies: Verdict::Fixed(|_| Ok(())),
    };

    fn to_record(view: &StoredRecord) -> Result<Self::Record, CannotLogIn> {
        let record = json!({
            "credential": encode(view.credential_id.as_bytes()),
            "cose": encode(view.public_key.as_bytes()),
            "pem": view.public_key.to_spki_pem(),
            "count": view.sign_count.0,
            "owner": view.account.as_ref().map(Identifier::as_str),
        });
        Ok(record.as_object().cloned().unwrap_or_default())
    }

    fn to_stored(record: &Self::Record) -> Result<StoredRecord, String> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).ok_or(format!("no `{name}`"));
        let told = |fault: Fault| fault.message;
        let count = record.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
        let bare = StoredRecord::bare(
            CredentialId::new(decode("credential", text("credential")?)?).map_err(told)?,
            CoseKey::from_bytes(decode("cose", text("cose")?)?).map_err(told)?,
            SignCount(count.ok_or("no `count`")?),
        );
        Ok(StoredRecord {
            account: Some(Identifier::new(Item::Account, text("owner")?).map_err(told)?),
            ..bare
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("toy.json");
    let mut sink = JsonSink::<Toy>::open_for_writing(&path)?;
    let batch: Vec<_> = (1..=3)
        .map(|row| Located { location: Location { row, line: row + 1 }, value: records::record(row) })
        .collect();

    let mut report = Report::default();
    apply(&mut sink, &batch, Authority::Export, &mut report)?;
    sink.finish()?;
    println!("{:?}\nnot kept: {:?}", report.counts, report.not_kept.keys().collect::<Vec<_>>());

    let mut again = Report::default();
    apply(&mut sink, &batch, Authority::Export, &mut again)?;
    assert_eq!((report.counts.inserted, again.counts.unchanged), (3, 3)); // twice is once
    Ok(())
}
