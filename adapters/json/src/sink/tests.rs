use keyferry_core::{Authority, Counts, Located, Location, Report, SignCount, Transports, apply, verify};
use keyferry_testkit::records::record;

use super::*;
use crate::simplewebauthn::SimpleWebAuthn;

type File = JsonSink<SimpleWebAuthn>;

fn located(records: &[CredentialRecord]) -> Vec<Located<CredentialRecord>> {
    (1..)
        .zip(records)
        .map(|(row, record)| Located { location: Location { row, line: row }, value: record.clone() })
        .collect()
}

fn import(path: &Path, records: &[CredentialRecord]) -> Counts {
    let mut sink = File::open_for_writing(path).unwrap();
    let mut report = Report::default();
    apply(&mut sink, &located(records), Authority::Export, &mut report).unwrap();
    sink.finish().unwrap();
    report.counts
}

fn held(path: &Path, record: &CredentialRecord) -> Held {
    File::open_for_reading(path).unwrap().held(&[record]).unwrap().remove(0)
}

#[test]
fn a_text_is_as_written_only_where_no_byte_differs() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.jsonl", "x.json"] {
        let path = folder.path().join(name);
        let one = record(1);
        import(&path, &[record(2), one.clone(), record(3)]);
        assert_eq!(held(&path, &one), Held::AsWritten);
        assert_eq!(held(&path, &record(4)), Held::Nothing);
        let stored = SimpleWebAuthn::PROFILE.represent(&one).unwrap();
        let moved = CredentialRecord { sign_count: SignCount(one.sign_count.0 + 1), ..one.clone() };
        assert_eq!(held(&path, &moved), Held::Record(Box::new(stored.clone())));
        // What an application added, or wrote in other words, is understood as before.
        let text = std::fs::read_to_string(&path).unwrap();
        let id = format!("{{\"id\":\"{}\"", one.credential_id.to_base64url());
        for other in [format!("{id},\"label\":\"mine\""), id.replace(':', ": ")] {
            std::fs::write(&path, text.replace(&id, &other)).unwrap();
            assert_eq!(held(&path, &one), Held::Record(Box::new(stored.clone())), "{other}");
            let report = verified(&path, std::slice::from_ref(&one));
            assert_eq!((report.counts.unchanged, report.counts.conflict), (1, 0));
        }
    }
}

fn verified(path: &Path, records: &[CredentialRecord]) -> Report {
    let mut report = Report::default();
    let mut sink = File::open_for_reading(path).unwrap();
    verify(&mut sink, &located(records), Authority::Export, &mut report).unwrap();
    report
}

#[test]
fn a_record_that_was_changed_by_one_value_is_found_different() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let (one, other) = (record(1), record(2));
    import(&path, &[one.clone(), other.clone()]);
    assert_eq!(verified(&path, &[one.clone(), other.clone()]).counts.unchanged, 2);
    let text = std::fs::read_to_string(&path).unwrap();
    let key = |record: &CredentialRecord| crate::encode(record.public_key.as_bytes());
    for (from, to) in [(key(&one), key(&other)), ("\"user\":\"".to_owned(), "\"user\":\"x".to_owned())] {
        std::fs::write(&path, text.replacen(&from, &to, 1)).unwrap();
        let report = verified(&path, &[one.clone(), other.clone()]);
        assert_eq!((report.counts.unchanged, report.counts.conflict), (1, 1), "{from}");
    }
}

#[test]
fn changes_in_any_order_are_written_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.jsonl", "x.json"] {
        let path = folder.path().join(name);
        let records: Vec<_> = (1..=6).map(record).collect();
        import(&path, &records[..3]);
        let with = |record: &CredentialRecord, count| StoredRecord {
            sign_count: SignCount(count),
            transports: Some(Transports::new(["usb"])),
            ..SimpleWebAuthn::PROFILE.represent(record).unwrap()
        };
        let read = |sink: &mut File, record: &CredentialRecord| sink.fetch(&[&record.credential_id]).unwrap();
        let mut sink = File::open_for_writing(&path).unwrap();
        let inserts: Vec<_> = records[2..].iter().map(Write::Insert).collect();
        let expected = [Written::Changed, Written::Done, Written::Done, Written::Done];
        assert_eq!(sink.upsert(&inserts).unwrap(), expected);
        // The last change of an old record counts, and so does that of a new one; what is gone may come again.
        for (record, counts) in [(&records[1], &[7, 9][..]), (&records[3], &[8])] {
            for count in counts {
                let stored = read(&mut sink, record).remove(0);
                let merged = with(record, *count);
                let update = Write::Update { stored: &stored, merged: &merged };
                assert_eq!(sink.upsert(&[update]).unwrap(), [Written::Done]);
                assert_eq!(read(&mut sink, record), [with(record, *count)]);
            }
        }
        for record in [&records[0], &records[4]] {
            let stored = read(&mut sink, record).remove(0);
            assert_eq!(sink.upsert(&[Write::Remove { stored: &stored }]).unwrap(), [Written::Done]);
            assert!(read(&mut sink, record).is_empty());
            assert_eq!(sink.upsert(&[Write::Remove { stored: &stored }]).unwrap(), [Written::Changed]);
        }
        assert_eq!(sink.upsert(&[Write::Insert(&records[0])]).unwrap(), [Written::Done]);
        sink.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("\"id\"")).collect();
        let order = [1, 2, 3, 5, 0];
        assert_eq!(lines.len(), order.len(), "{text}");
        for (line, at) in lines.iter().zip(order) {
            assert!(line.contains(&records[at].credential_id.to_base64url()), "{text}");
        }
        let counter = |at: usize| lines[at].contains(&format!("\"counter\":{},", [9, 0, 8][at]));
        assert!(counter(0) && counter(2), "{text}");
        // What was written is what the sink and the next one find.
        for sink in [&mut sink, &mut File::open_for_reading(&path).unwrap()] {
            for (at, record) in records.iter().enumerate() {
                assert_eq!(read(sink, record).len(), usize::from(at != 4));
            }
            assert_eq!(sink.held(&[&records[0]]).unwrap(), [Held::AsWritten]);
        }
    }
}
