//! The seeds: taken from the fixtures where there are any, so that all people in them are made up.

use std::{collections::BTreeMap, fs, path::Path};

use keyferry_core::{CoseKey, FaultCode, KeyParameters, StoredRecord, items::fuzzing};
use keyferry_json::{RecordFormat as _, simplewebauthn::SimpleWebAuthn};
use keyferry_sources::fuzzing::base64_cell;
use keyferry_testkit::{Algorithm, RsaSize, TestKey, keys::ed448_cose, records::record};

/// The files of each target by name.
pub(crate) type Seeds = BTreeMap<String, Vec<u8>>;

pub(crate) fn all() -> BTreeMap<&'static str, Seeds> {
    BTreeMap::from([
        ("base64url", base64url()),
        ("cose_form", cose_form()),
        ("cose_key", cose_key()),
        ("csv_rows", csv_rows()),
        ("curve_points", curve_points()),
        ("export", export()),
        ("jsonl", jsonl()),
        ("rsa_modulus", rsa_modulus()),
    ])
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/corbado");
    fs::read(folder.join(name)).unwrap()
}

fn export() -> Seeds {
    let names = [
        "2025-09-30-17.csv.gz",
        "attachments.csv",
        "byte-order-mark-and-crlf.csv",
        "early-export-without-vendor-ids.csv",
        "line-break-in-a-user-id.csv",
        "lost-closing-quote.csv",
        "not-utf-8.csv",
        "one-user-several-credentials.csv",
        "ragged-rows.csv",
        "same-credential-one-refused.csv",
        "same-row-twice.csv",
        "statuses.csv",
        "two-users-one-external-id.csv",
        "user-handle-by-uuid.csv",
    ];
    names.into_iter().map(|name| (name.to_owned(), fixture(name))).collect()
}

fn csv_rows() -> Seeds {
    let mut seeds: Seeds = ["blank-lines.csv", "text-after-a-quote.csv", "old-mac-line-ends.csv"]
        .map(|name| (name.to_owned(), fixture(name)))
        .into();
    let texts: [(&str, &[u8]); 8] = [
        ("byte-order-mark", b"\xef\xbb\xbf\"a\",b\n1,2\n"),
        ("doubled-quotes", b"a,\"b\"\"c\",\"\"\r\n\"\"\"\",,\r\n"),
        ("empty-cells", b",\n,,\n\"\"\n"),
        ("line-ends-in-quotes", b"a,\"x\r\ny\rz\n\"\r\n\n\rb\n"),
        ("long-row", b"a,b\n0123456789012345678901234567890123456789012345678901234567890123456789,2\nc,d\n"),
        ("no-final-line-end", b"a,b\nc,d"),
        ("two-byte-order-marks", b"\xef\xbb\xbf\xef\xbb\xbf"),
        ("unclosed-quote", b"a,b\nc,\"d\ne,f\n"),
    ];
    seeds.extend(texts.map(|(name, text)| (name.to_owned(), text.to_vec())));
    // More rows than are handed over together.
    seeds.insert("many-rows".to_owned(), "a\n".repeat(1100).into());
    seeds
}

/// The cells of a column in some fixtures.
fn column(name: &str, fixtures: &[&str]) -> Vec<Vec<u8>> {
    let mut cells = Vec::new();
    for fixture_name in fixtures {
        let text = fixture(fixture_name);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&*text);
        let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
        cells.extend(reader.byte_records().filter_map(|row| Some(row.unwrap().get(at)?.to_vec())));
    }
    cells
}

/// The keys of the fixtures, good and bad, in any form that an export has them in.
fn keys() -> Vec<Vec<u8>> {
    let fixtures =
        ["keys-elliptic.csv", "keys-edwards.csv", "keys-rsa.csv", "key-forms.csv", "key-parameters.csv"];
    column("publicKey", &fixtures).iter().filter_map(|cell| base64_cell(cell, 8192).bytes).collect()
}

/// The first one of each name.
fn named(all: impl IntoIterator<Item = (String, Vec<u8>)>) -> Seeds {
    let mut seeds = Seeds::new();
    for (name, bytes) in all {
        seeds.entry(name).or_insert(bytes);
    }
    seeds
}

/// One key for each algorithm and for each fault.
fn cose_key() -> Seeds {
    let good = Algorithm::ALL.map(|algorithm| TestKey::from_seed(algorithm, &[7; 32]).cose());
    let ed448 = ed448_cose(-8);
    let all = good.into_iter().chain([ed448]).chain(keys());
    named(all.filter(|key| key.len() < 1000).map(|key| {
        let name = match CoseKey::from_bytes(&*key) {
            Ok(key) => format!("{} {}", key.algorithm(), key.curve().map_or("RSA", |curve| curve.name())),
            Err(fault) => fault.code.to_string(),
        };
        (name.to_lowercase().replace(' ', "-"), key)
    }))
}

fn cose_form() -> Seeds {
    let of = |key: &[u8]| match fuzzing::form(key) {
        Ok(()) => format!("{}-labels", key[0] & 0x1f),
        Err(code) => code.to_string(),
    };
    let mut seeds = named(keys().into_iter().filter(|key| key.len() < 500).map(|key| (of(&key), key)));
    seeds.insert("arrays".to_owned(), vec![0xa2, 0x01, 0x82, 0x01, 0x02, 0x04, 0x80]);
    seeds.insert("nested".to_owned(), vec![0xa1, 0x01, 0x81, 0x81, 0x00]);
    seeds
}

/// The points of test keys, as [`keyferry_fuzz_checks::curve_points`] reads them.
fn curve_points() -> Seeds {
    let curves = [(0, Algorithm::Es256), (1, Algorithm::Es384), (2, Algorithm::Ed25519)];
    let seed = |(curve, algorithm): (u8, Algorithm)| {
        let key = CoseKey::from_bytes(TestKey::from_seed(algorithm, &[7; 32]).cose()).unwrap();
        let numbers = match key.parameters() {
            KeyParameters::Ec2 { x, y, .. } => [&**x, y].concat(),
            KeyParameters::Okp { x, .. } => x.to_vec(),
            KeyParameters::Rsa { .. } => unreachable!("none of the three"),
        };
        (key.curve().unwrap().name().to_lowercase(), [&[curve, 0x21][..], &numbers].concat())
    };
    let mut seeds: Seeds = curves.map(seed).into();
    seeds.insert("p-256-zero".to_owned(), [&[0, 0][..], &[0; 64]].concat());
    // 2^255 - 19 + 3: the point with y = 3 in another spelling, which the crate takes.
    seeds.insert("ed25519-second-spelling".to_owned(), [&[2, 0, 0xf0][..], &[0xff; 30], &[0x7f]].concat());
    seeds
}

/// A modulus of the test keys by itself, and times the smallest and the largest prime.
fn rsa_modulus() -> Seeds {
    let key = TestKey::rsa(Algorithm::Rs256, RsaSize::Bits2048, 0).unwrap();
    let KeyParameters::Rsa { n, .. } = CoseKey::from_bytes(key.cose()).unwrap().parameters().clone() else {
        unreachable!("an RSA key")
    };
    let seed = |prime: u16| [&[0][..], &prime.to_be_bytes(), &n].concat();
    [("prime-none", u16::MAX), ("prime-3", 0), ("prime-65521", 6540)]
        .map(|(name, prime)| (name.to_owned(), seed(prime)))
        .into()
}

/// One cell for each combination of faults and notes, and what is nearly right.
fn base64url() -> Seeds {
    let cells = column("credentialId", &["base64-forms.csv", "base64-faults.csv"]);
    let mut seeds = named(cells.into_iter().map(|cell| {
        let decoded = base64_cell(&cell, 1400);
        let faults = decoded.faults.iter().map(FaultCode::to_string);
        let names: Vec<_> = faults.chain(decoded.notes.iter().map(|note| note.as_str().to_owned())).collect();
        (if names.is_empty() { "plain".to_owned() } else { names.join("-") }, cell)
    }));
    let nearly = [
        ("both-alphabets", "+_8="),
        ("half-of-the-padding", "QQ="),
        ("null", "Null"),
        ("padding-inside", "QQ==QQ=="),
        ("unused-bits", "QR=="),
    ];
    seeds.extend(nearly.map(|(name, text)| (name.to_owned(), text.into())));
    seeds
}

fn jsonl() -> Seeds {
    let record = SimpleWebAuthn::to_record(&StoredRecord::from(&record(1))).unwrap();
    let record = serde_json::to_string(&record).unwrap();
    [
        ("accounts", r#" { "a\"]" : [ {"x":"}"} , {} ] , "b":[],"ü":[{}] } "#.to_owned()),
        ("array", format!("[\n{record},\n{record}\n]\n")),
        ("comma-too-many", r#"[{"a":1},]"#.to_owned()),
        ("lines", format!("{record}\n{record}\n")),
        ("not-closed", r#"[{"a":"}]"#.to_owned()),
        ("tricky", r#"{"a":"}]\"\\","b":[{"c":1},[]]}"#.to_owned()),
    ]
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .into()
}
