//! Every legal value goes there and comes back, and what is not the same stays apart.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use keyferry_testkit::{ExportRow, servers::Kind};

use crate::{
    exports::{csv, rows},
    site::{Site, hex},
};

on_both!(ids_of_every_length_stay_apart, counters_and_the_rest, accounts_that_look_alike);

/// IDs that a collation, a padding or a prefix could take for one.
fn ids() -> Vec<Vec<u8>> {
    let lengths = [1, 16, 30, 255, 256, 767, 768, 1022, 1023];
    let mut ids: Vec<Vec<u8>> = lengths.iter().map(|length| vec![b'a'; *length]).collect();
    for length in [1, 16, 255, 767, 768, 1023] {
        let like = |change: fn(&mut [u8])| {
            let mut id = vec![b'a'; length];
            change(&mut id);
            id
        };
        ids.push(like(|id| *id.last_mut().unwrap() = b'A'));
        ids.push(like(|id| *id.last_mut().unwrap() ^= 1));
        ids.push(like(|id| *id.last_mut().unwrap() = 0));
        ids.push(like(|id| *id.last_mut().unwrap() = b' '));
    }
    for end in [b" ".as_slice(), b"\0", b"\n", b"  ", b"\\"] {
        ids.push([&[b'a'; 16], end].concat());
        ids.push([&[0xe9; 16], end].concat());
    }
    ids.extend([
        vec![0xff; 16],
        vec![0xe9; 16],
        b"\\x6162".to_vec(),
        b"'; --".to_vec(),
        b"\t\r\n\\N".to_vec(),
    ]);
    ids.sort();
    ids.dedup();
    ids
}

fn ids_of_every_length_stay_apart(kind: Kind) {
    let ids = ids();
    let mut list = rows(ids.len());
    for (row, id) in list.iter_mut().zip(&ids) {
        row.credential_id = URL_SAFE.encode(id);
    }
    let Some(site) = Site::with(kind, csv(&list)) else { return };
    let count = ids.len();
    assert_eq!(site.import().counts(), format!("read {count}, inserted {count}"));
    let there = site.sql(match kind {
        Kind::Postgres => {
            "SELECT encode(credential_id, 'hex') FROM webauthn_credentials ORDER BY credential_id"
        }
        Kind::MySql => "SELECT lower(hex(credential_id)) FROM webauthn_credentials ORDER BY credential_id",
    });
    let expected: Vec<_> = ids.iter().map(|id| hex(id)).collect();
    assert_eq!(there.lines().collect::<Vec<_>>(), expected);
    assert_eq!(
        site.carry("verify", "export.csv", "").expect(0).counts(),
        format!("read {count}, unchanged {count}")
    );
    // Each is found by itself: an update changes that one alone.
    let before = site.dump();
    let mut one = list[3].clone();
    one.authenticator_sign_count = "4000000000".to_owned();
    site.folder.write("one.csv", csv(&[one]));
    assert_eq!(site.carry("import", "one.csv", "").expect(0).counts(), "read 1, updated 1");
    let after = site.dump();
    assert_eq!(before.lines().zip(after.lines()).filter(|(one, other)| one != other).count(), 1);
}

fn counters_and_the_rest(kind: Kind) {
    let mut list = rows(14);
    for (row, count) in
        list.iter_mut().zip(["0", "1", "2147483647", "2147483648", "4294967294", "4294967295"])
    {
        row.authenticator_sign_count = count.to_owned();
    }
    for (row, transports) in
        list[6..].iter_mut().zip(["", "null", "ble;hybrid;internal;nfc;smart-card;usb", "later"])
    {
        row.transports = transports.to_owned();
    }
    for (row, created) in list[10..].iter_mut().zip([
        "2024-01-15T10:30:00.123456Z",
        "2024-01-15T10:30:00.000001Z",
        "2024-02-29T23:59:59.999999Z",
        "1999-12-31T23:59:59.5Z",
    ]) {
        row.created = created.to_owned();
    }
    let Some(site) = Site::with(kind, csv(&list)) else { return };
    assert_eq!(site.import().counts(), "read 14, inserted 14");
    site.carry("verify", "export.csv", "").expect(0);
    let of = |query: &str| site.sql(query).replace('\n', " ");
    let counts =
        of("SELECT sign_count FROM webauthn_credentials WHERE sign_count > 2000000000 ORDER BY sign_count");
    assert_eq!(counts, "2147483647 2147483648 4294967294 4294967295");
    let unknown = list.iter().filter(|row| ["", "null"].contains(&row.transports.as_str())).count();
    assert!(unknown >= 2);
    assert_eq!(of("SELECT count(*) FROM webauthn_credentials WHERE transports IS NULL"), unknown.to_string());
    assert_eq!(of("SELECT count(*) FROM webauthn_credentials WHERE transports LIKE '%later%'"), "1");
    let fractions = match kind {
        Kind::Postgres => "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
        Kind::MySql => "SELECT created_at",
    };
    let fractions = of(&format!(
        "{fractions} FROM webauthn_credentials WHERE created_at BETWEEN '2024-01-15' AND '2024-01-16' \
         OR created_at > '2024-02-29' AND created_at < '2024-03-01' ORDER BY created_at"
    ));
    for expected in ["10:30:00.000001", "10:30:00.123456", "23:59:59.999999"] {
        assert!(fractions.contains(expected), "{fractions}");
    }
}

fn accounts_that_look_alike(kind: Kind) {
    let names = [
        "José",
        "Jose\u{301}",
        "José ",
        "jose",
        "Jose",
        "JOSE",
        "jose ",
        " jose",
        "josé",
        "ﬀ",
        "ff",
        "ß",
        "ss",
        "ẞ",
    ];
    let mut list = rows(names.len());
    for (row, name) in list.iter_mut().zip(names) {
        row.external_user_id = name.to_owned();
    }
    let Some(site) = Site::with(kind, csv(&list)) else { return };
    let count = names.len();
    assert_eq!(site.import().counts(), format!("read {count}, inserted {count}"));
    for name in names {
        let found =
            site.number(&format!("SELECT count(*) FROM webauthn_credentials WHERE account = '{name}'"));
        assert_eq!(found, 1, "{name:?}");
    }
    // None of them gets the credential of another.
    let before = site.dump();
    let moved: Vec<_> = list
        .iter()
        .zip(names.iter().cycle().skip(1))
        .map(|(row, name)| ExportRow { external_user_id: (*name).to_owned(), ..row.clone() })
        .collect();
    site.folder.write("moved.csv", csv(&moved));
    let import = site.carry("import", "moved.csv", "").expect(1);
    assert_eq!(import.counts(), format!("read {count}, conflict {count}"));
    assert!(import.faults().iter().all(|fault| fault.ends_with(" user-changed")), "{}", import.shown());
    assert_eq!(site.dump(), before);
}
