//! Files with a record on each line, compared as a whole and one by one.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::Survey;
use keyferry_json::{JsonSink, RecordFormat, simplewebauthn::SimpleWebAuthn, yubico::Yubico};
use keyferry_testkit::{
    records::many_records,
    survey::{Target, says_the_same},
};

fn check<F: RecordFormat + 'static>() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passkeys.jsonl");
    says_the_same(&Target {
        writer: &|| Box::new(JsonSink::<F>::open_for_writing(&path).unwrap()),
        reader: &|| Box::new(JsonSink::<F>::open_for_reading(&path).unwrap()),
        survey: &|| JsonSink::<F>::survey(&path).map(|survey| -> Box<dyn Survey> { Box::new(survey) }),
    });
}

#[test]
fn of_simplewebauthn() {
    check::<SimpleWebAuthn>();
}

#[test]
fn of_yubico() {
    check::<Yubico>();
}

#[test]
fn only_lines_are_compared_so() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.json", "[]\n"), ("b.jsonl", "")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let is_some = |name: &str| JsonSink::<SimpleWebAuthn>::survey(&folder.path().join(name)).is_some();
    assert_eq!(["a.json", "b.jsonl", "c.jsonl"].map(is_some), [false, true, false]);
}

#[test]
fn what_is_longer_than_any_record_is_not_gathered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passkeys.jsonl");
    let shown = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        let mut survey = JsonSink::<SimpleWebAuthn>::survey(&path).unwrap();
        let mut lengths = Vec::new();
        let is_whole = survey.show(&mut |line| {
            lengths.push(line.len());
            true
        });
        (lengths, is_whole.unwrap())
    };
    let long = vec![b'x'; 1 << 20];
    assert_eq!(shown(b"\nab\ncd"), (vec![0, 2, 2], true));
    assert_eq!(shown(&[b"ab\n".as_slice(), &long[1..], b"\ncd"].concat()), (vec![2, (1 << 20) - 1, 2], true));
    assert_eq!(shown(&[b"ab\n".as_slice(), &long, b"\ncd"].concat()), (vec![2], false));
    let mut survey = JsonSink::<SimpleWebAuthn>::survey(&path).unwrap();
    assert!(!survey.show(&mut |_| false).unwrap());
}

/// A file in which every line is the same, or none is ours, is not read to its end to find that out.
#[test]
fn the_first_lines_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passkeys.jsonl");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let records = many_records(10);
    let first: Vec<_> = records.iter().collect();
    let mut survey = JsonSink::<SimpleWebAuthn>::survey(&path).unwrap();
    assert_eq!(survey.holds(&first).unwrap(), 0);
    assert!(!survey.show(&mut |_| true).unwrap());
}
