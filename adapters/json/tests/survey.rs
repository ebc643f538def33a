//! Files with a record on each line, compared as a whole and one by one.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::Survey;
use keyferry_json::{JsonSink, RecordFormat, simplewebauthn::SimpleWebAuthn, yubico::Yubico};
use keyferry_testkit::survey::{Target, says_the_same};

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
    std::fs::write(&path, [b"\n\nab\n".as_slice(), &vec![b'x'; 5 << 20], b"\ncd"].concat()).unwrap();
    let mut lengths = Vec::new();
    let mut survey = JsonSink::<SimpleWebAuthn>::survey(&path).unwrap();
    for _ in 0..2 {
        lengths.clear();
        let is_whole = survey.show(&mut |line| {
            lengths.push(line.len());
            true
        });
        assert!(is_whole.unwrap());
    }
    assert_eq!(lengths, [2, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 2]);
    assert!(!survey.show(&mut |_| false).unwrap());
}
