//! The splitter of JSON files against serde_json's reading of the same bytes.

use std::fmt;

use keyferry_json::fuzzing::{Found, Layout, split};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Takes the text of a file, which is read in each layout.
pub fn check(text: &[u8]) {
    for layout in [Layout::Array, Layout::Lines, Layout::Accounts] {
        let found = split(text, layout, 1 << 16);
        for capacity in [1, 3, 7] {
            let cut = split(text, layout, capacity);
            assert_eq!(format!("{cut:?}"), format!("{found:?}"), "{capacity} bytes at a time");
        }
        let expected = expected(text, layout);
        match (found, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{layout:?}"),
            // A record is copied to its closing brace, and decoded later: only then it is found to be no JSON.
            (Ok(found), None) => {
                let is_json = |found: &Found| serde_json::from_slice::<&RawValue>(&found.record).is_ok();
                assert!(!found.iter().all(is_json), "{layout:?}: serde_json does not read this");
            }
            (Err(error), Some(_)) => panic!("{layout:?}: refused with {error}, and serde_json reads it"),
            (Err(_), None) => {}
        }
    }
}

/// What serde_json finds; `None` where it is no file of that layout.
fn expected(text: &[u8], layout: Layout) -> Option<Vec<Found>> {
    let found = |record: &RawValue, account: Option<&str>| {
        let record = record.get().as_bytes();
        record.starts_with(b"{").then(|| Found {
            offset: offset(text, record),
            record: record.to_vec(),
            account: account.map(str::to_owned),
        })
    };
    match layout {
        Layout::Array => {
            let records: Vec<&RawValue> = serde_json::from_slice(text).ok()?;
            records.into_iter().map(|record| found(record, None)).collect()
        }
        Layout::Lines => {
            let records = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
            records.map(|record| found(record.ok()?, None)).collect()
        }
        Layout::Accounts => {
            let Accounts(accounts) = serde_json::from_slice(text).ok()?;
            let records =
                accounts.iter().flat_map(|(name, records)| records.iter().map(move |record| (record, name)));
            records.map(|(record, name)| found(record, Some(name))).collect()
        }
    }
}

/// Where a part of a text begins.
fn offset(text: &[u8], part: &[u8]) -> u64 {
    let at = part.as_ptr().addr() - text.as_ptr().addr();
    u64::try_from(at).expect("no text is longer")
}

/// The members of an object in order, each as often as it stands there.
struct Accounts<'a>(Vec<(String, Vec<&'a RawValue>)>);

impl<'a> Deserialize<'a> for Accounts<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'a> Visitor<'a> for Members {
            type Value = Accounts<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of arrays")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Accounts(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
