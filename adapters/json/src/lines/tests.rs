use std::io::Write as _;

use keyferry_core::{CredentialRecord, StoredRecord, Transports};
use keyferry_testkit::records::{identifier, record};

use super::*;
use crate::{RecordFormat as _, careful, simplewebauthn::SimpleWebAuthn, sink::key_of, splitter::Layout};

fn line(seed: u64) -> String {
    text(&record(seed))
}

fn text(record: &CredentialRecord) -> String {
    serde_json::to_string(&SimpleWebAuthn::to_record(&StoredRecord::from(record)).unwrap()).unwrap()
}

/// More than one block, which takes fewer of long lines.
fn many() -> Vec<String> {
    let account = identifier(&"u".repeat(1000));
    let lines: Vec<_> =
        (0..2000).map(|seed| text(&CredentialRecord { account: account.clone(), ..record(seed) })).collect();
    assert!(lines.iter().map(String::len).sum::<usize>() > 2 * BLOCK);
    lines
}

/// Finds the records of a text both ways and demands the same of both; returns whether the quick way was enough.
fn is_found_quickly(text: &str) -> bool {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let hasher = RandomState::new();
    let carefully = careful::find(&file, Layout::Lines, &hasher, key_of::<SimpleWebAuthn>);
    let Some(quickly) = find(&file, &hasher, key_of::<SimpleWebAuthn>).unwrap() else { return false };
    let carefully = carefully.expect("what is accepted quickly is accepted carefully");
    for seed in 0..u64::try_from(text.lines().count()).unwrap() + 3 {
        let hash = hasher.hash_one(record(seed).credential_id);
        assert_eq!(quickly.get(hash), carefully.get(hash), "{seed}");
        if let Some(place) = quickly.get(hash).and_then(Place::unpacked) {
            let begin = usize::try_from(place.offset).unwrap();
            let found: serde_json::Value = serde_json::from_str(&text[begin..begin + place.length]).unwrap();
            assert_eq!(found["id"], record(seed).credential_id.to_base64url());
        }
    }
    true
}

#[test]
fn lines_are_found_where_the_careful_reader_finds_them() {
    let (one, two) = (line(1), line(2));
    let added = one.replace("\"user\"", "\"label\":\"a\\nb {}[] é\",\"inner\":[{\"x\":[]}],\"user\"");
    let many = many().join("\n") + "\n";
    for text in [
        String::new(),
        "\n\n".to_owned(),
        one.clone(),
        format!("{one}\n{two}"),
        format!("\n{one}\n\n\n{two}\n\n"),
        format!("{added}\n{two}\n"),
        many,
    ] {
        assert!(is_found_quickly(&text), "{}", &text[..text.len().min(600)]);
    }
}

#[test]
fn whatever_deviates_is_left_to_the_careful_reader() {
    let (one, two) = (line(1), line(2));
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&one).unwrap()).unwrap();
    let other_key = one.replacen("\"publicKey\":\"", "\"publicKey\":\"A", 1);
    let deep = one.replace("\"user\"", &format!("\"x\":{}{},\"user\"", "[".repeat(200), "]".repeat(200)));
    let long = text(&CredentialRecord {
        transports: Some(Transports::new(["x".repeat(BLOCK).as_str()])),
        ..record(1)
    });
    for text in [
        pretty,
        format!(" {one}"),
        format!("{one}\r\n{two}\r\n"),
        format!("{one}{two}"),
        format!("{one}\n{one}\n"),
        format!("{one}\n{}", &two[..two.len() - 1]),
        format!("{one}\n{}", &two[..two.len() / 2]),
        format!("{one}\nnot json\n{two}\n"),
        format!("[{one}]"),
        format!("{one}\n\u{c}\n"),
        format!("\u{feff}{one}\n"),
        format!("{one},\n{two}\n"),
        format!("{other_key}\n"),
        format!("{deep}\n"),
        format!("{long}\n"),
        one.replace("\"user\"", "\"user\":\"mallory\",\"user\""),
        one.replace("\"user\"", "\"x\":\"\\ud800\",\"user\""),
        one.replace("\"user\"", "\"x\":1e999,\"user\""),
    ] {
        assert!(!is_found_quickly(&text), "{}", &text[..text.len().min(600)]);
    }
}

#[test]
fn an_id_that_stands_twice_far_apart_is_noticed() {
    let mut lines = many();
    assert!(is_found_quickly(&lines.join("\n")));
    lines.push(lines[17].clone());
    assert!(!is_found_quickly(&lines.join("\n")));
}
