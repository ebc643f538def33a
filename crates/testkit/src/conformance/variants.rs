//! Records at the edges of what is legal.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    KeyParameters, SignCount, Status, Transports,
};

use crate::{
    Algorithm,
    records::{bare_record, credential_id, identifier, key, record, rp_id, time, user_handle},
};

/// A record and what is special about it.
pub(super) type Variant = (String, CredentialRecord);

/// Makes one record for each value, each of a user and a key of its own.
fn each<T>(
    values: impl IntoIterator<Item = (String, T)>,
    set: impl Fn(&mut CredentialRecord, T),
) -> Vec<Variant> {
    (1000..)
        .zip(values)
        .map(|(seed, (what, value))| {
            let mut record = record(seed);
            set(&mut record, value);
            (what, record)
        })
        .collect()
}

fn named<T: Clone>(values: &[(&str, T)]) -> Vec<(String, T)> {
    values.iter().map(|(what, value)| ((*what).to_owned(), value.clone())).collect()
}

/// Everything known, nothing known, and each item in its rare forms.
pub(super) fn items() -> Vec<Variant> {
    let all = CredentialRecord { uv_initialized: Some(true), ..record(1) };
    let with = |what: &str, record: CredentialRecord| (what.to_owned(), record);
    vec![
        with("everything known", all),
        with("nothing known that may be unknown", bare_record(2)),
        with("user verification never", CredentialRecord { uv_initialized: Some(false), ..record(3) }),
        with("single device", CredentialRecord { backup: Some(Backup::SingleDevice), ..record(4) }),
        with("backed up", CredentialRecord { backup: Some(Backup::BackedUp), ..record(5) }),
        with("backup unknown", CredentialRecord { backup: None, ..record(6) }),
        with("AAGUID of zeros", CredentialRecord { aaguid: Some(Aaguid([0; 16])), ..record(7) }),
        with("AAGUID of ones", CredentialRecord { aaguid: Some(Aaguid([0xff; 16])), ..record(8) }),
        with("cross-platform", {
            let attachment = Some(AuthenticatorAttachment::CrossPlatform);
            CredentialRecord { authenticator_attachment: attachment, ..record(9) }
        }),
        with("unknown attachment", {
            let attachment = Some(AuthenticatorAttachment::parse("implant \"é\""));
            CredentialRecord { authenticator_attachment: attachment, ..record(10) }
        }),
        with("unknown attestation format", {
            let format = Some(AttestationFormat::new("x-'éé\\"));
            CredentialRecord { attestation_format: format, ..record(11) }
        }),
        with("handle of 1 byte", CredentialRecord { user_handle: Some(user_handle(&[0])), ..record(12) }),
        with(
            "handle of 64 bytes",
            CredentialRecord { user_handle: Some(user_handle(&[0xff; 64])), ..record(13) },
        ),
        with(
            "longest RP ID",
            CredentialRecord {
                rp_id: rp_id(&format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61))),
                ..record(14)
            },
        ),
        with("RP ID of one label", CredentialRecord { rp_id: rp_id("localhost"), ..record(15) }),
        with("account of the vendor's name", {
            let record = record(16);
            CredentialRecord { account: identifier("usr-16"), external_user_id: None, ..record }
        }),
    ]
}

/// IDs of every length that a column may cut or an index not hold.
pub(super) fn ids() -> Vec<Variant> {
    let lengths = [1, 2, 16, 31, 32, 64, 128, 254, 255, 256, 511, 512, 767, 768, 1022, 1023];
    let ids = lengths.map(|length| (format!("ID of {length} bytes"), vec![0xe9; length]));
    let edges = named(&[
        ("ID of a NUL", vec![0]),
        ("ID that begins with a hyphen as text", vec![0xf8; 17]),
        ("ID that begins with an underscore as text", vec![0xfc; 17]),
        ("ID of a quote", b"'\"\\".to_vec()),
    ]);
    each(ids.into_iter().chain(edges), |record, id| record.credential_id = credential_id(&id))
}

/// Pairs of IDs that a careless store takes for one: collations, padding, prefixes, lost bytes.
pub(super) fn near_ids() -> Vec<(&'static str, CredentialId, CredentialId)> {
    let text = "AbCdEfGhIjKlMnOpQrStUvWx";
    let swapped: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("a multiple of 4 letters");
    let last_byte = |length: usize, last: u8| {
        let mut bytes = vec![0xd7; length];
        bytes.truncate(length - 1);
        bytes.push(last);
        bytes
    };
    [
        ("the case of their base64url text", decode(text), decode(&swapped)),
        ("the case of their bytes", b"credential-id-one".to_vec(), b"CREDENTIAL-ID-ONE".to_vec()),
        ("an accent", "idé".into(), "ide".into()),
        ("a Unicode normal form", "id-\u{e9}".into(), "id-e\u{301}".into()),
        ("bytes that are no UTF-8", vec![0xff; 16], vec![0xfe; 16]),
        ("the last bit", last_byte(16, 6), last_byte(16, 7)),
        ("the last bit of 33 bytes", last_byte(33, 6), last_byte(33, 7)),
        ("the last bit of 65 bytes", last_byte(65, 6), last_byte(65, 7)),
        ("the last bit of 257 bytes", last_byte(257, 6), last_byte(257, 7)),
        ("the last bit of 1023 bytes", last_byte(1023, 6), last_byte(1023, 7)),
        ("one more byte", vec![9; 16], vec![9; 17]),
        ("a NUL at the end", vec![1, 2, 3], vec![1, 2, 3, 0]),
        ("a NUL at the beginning", vec![5], vec![0, 5]),
        ("what follows a NUL", b"a\0b".to_vec(), b"a\0c".to_vec()),
        ("a space at the end", b"id".to_vec(), b"id ".to_vec()),
        ("a line end", b"line".to_vec(), b"line\n".to_vec()),
        ("text and its hexadecimal form", b"AB".to_vec(), b"4142".to_vec()),
        ("number and its text", vec![7], b"7".to_vec()),
    ]
    .map(|(what, one, other)| (what, credential_id(&one), credential_id(&other)))
    .into()
}

/// Names of users that a shell, a spreadsheet, SQL, JSON, a terminal or a collation would take for something else.
pub(super) fn identifiers() -> Vec<Variant> {
    let long = "é".repeat(512);
    let texts = [
        "=cmd()",
        "-1",
        "+1",
        "@x",
        "'; DROP TABLE users; --",
        "a\"b",
        "a'b",
        "a\\",
        "a,b",
        "a;b",
        "{\"a\":1}",
        "%s%n",
        "$1",
        "?",
        "NULL",
        "null",
        "true",
        "007",
        "1e3",
        "0x10",
        "1.0",
        " leading",
        "trailing ",
        "two  spaces",
        "\u{1b}[31mred",
        "\u{7}",
        "\t",
        "\u{7f}",
        "jose",
        "José",
        "Jose\u{301}",
        "JOSE",
        "jose ",
        "ᴮᴵᴳᴮᴵᴿᴰ",
        "ı",
        "ß",
        "日本語",
        "👩\u{200d}💻",
        "\u{202e}drowssap",
        "\u{feff}bom",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{2028}",
        "\u{85}",
        &long,
    ];
    let mut list = Vec::new();
    for (seed, text) in (2000..).zip(texts) {
        let name = Some(identifier(text));
        let record = CredentialRecord {
            account: identifier(text),
            user_id: name.clone(),
            external_user_id: name,
            ..record(seed)
        };
        list.push((format!("identifier {text:.20?}"), record));
    }
    list
}

/// Lists of transports: absent, empty, ordered, unknown, and with the separators that a store may join them by.
pub(super) fn transports() -> Vec<Variant> {
    let list = |values: &[&str]| Some(Transports::new(values.iter().copied()));
    let values = [
        ("absent transports", None),
        ("no transport", list(&[])),
        ("one transport", list(&["internal"])),
        ("every known transport", list(Transports::KNOWN)),
        ("transports in an order of their own", list(&["usb", "internal", "ble", "hybrid"])),
        ("unknown transports", list(&["teleport", "internal", "x-2030"])),
        ("transports in capitals", list(&["USB", "usb", "Usb"])),
        ("transports with separators", list(&["a,b", "c;d", "e f", "g|h", "{i}"])),
        ("transports with quotes", list(&["\"", "'", "\\", "\\\"", "[\"usb\"]"])),
        ("transports beyond ASCII", list(&["日本", "é", "👩"])),
        ("a transport without a letter", list(&[""])),
        ("a transport named null", list(&["null"])),
    ];
    each(named(&values), |record, transports| record.transports = transports)
}

/// Counters at the edges of number types.
pub(super) fn sign_counts() -> Vec<Variant> {
    let counts = [0, 1, 127, 128, 255, 256, 32_767, 65_536, 16_777_217, 2_147_483_647, 2_147_483_648];
    let counts = counts.into_iter().chain([u32::MAX - 1, u32::MAX]);
    each(counts.map(|count| (format!("sign count {count}"), count)), |record, count| {
        record.sign_count = SignCount(count);
    })
}

/// Times with microseconds, before 1970, after 2038.
pub(super) fn times() -> Vec<Variant> {
    let times = [
        ("no time", None),
        ("1970", Some(0)),
        ("a microsecond before 1970", Some(-1)),
        ("a microsecond after 1970", Some(1)),
        ("1601", Some(-11_644_473_600_000_000)),
        ("2024 with microseconds", Some(1_705_314_600_123_456)),
        ("a microsecond before the next second", Some(1_705_314_600_999_999)),
        ("a leap day", Some(1_709_208_000_000_001)),
        ("after 2038", Some(2_147_483_648_000_001)),
        ("9999", Some(253_400_000_000_123_456)),
    ];
    each(named(&times), |record, microseconds| record.created_at = microseconds.map(time))
}

/// A key of each algorithm, and one whose parameters stand in another order.
pub(super) fn keys() -> Vec<Variant> {
    let named =
        Algorithm::ALL.into_iter().map(|algorithm| (format!("{algorithm:?} key"), key(algorithm, 77)));
    let other = ("ES256 key in another order".to_owned(), reordered(&key(Algorithm::Es256, 78)));
    each(named.chain([other]), |record, key| record.public_key = key)
}

/// Writes the same P-256 key with its algorithm behind its point: legal, and to be kept as it is.
fn reordered(key: &CoseKey) -> CoseKey {
    let KeyParameters::Ec2 { x, y, .. } = key.parameters() else { panic!("not an EC2 key") };
    let bytes = [&[0xa5, 0x20, 0x01, 0x21, 0x58, 0x20], &**x, &[0x22, 0x58, 0x20], &**y, &[1, 2, 3, 0x26]];
    CoseKey::from_bytes(bytes.concat()).expect("an order of one's own is legal")
}

/// Every status, known or not.
pub(super) fn statuses() -> Vec<Variant> {
    let statuses = ["active", "suspended", "revoked", "pending", "Active", "locked 'é'"];
    let statuses = statuses.map(|text| (format!("status {text}"), Status::parse(text)));
    each(statuses, |record, status| record.status = status)
}

/// All variants, for rules about every record.
pub(super) fn all() -> Vec<Variant> {
    [items(), ids(), identifiers(), transports(), sign_counts(), times(), keys(), statuses()].concat()
}
