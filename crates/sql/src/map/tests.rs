//! The format of a map: what it takes, and how it says what is wrong.

use keyferry_core::{CoseAlgorithm, CoseKey, KeyParameters};

use super::{Constant, Content, Derived, Encoding, RsaExponent, SHIPPED, TableMap};
use crate::Dialect;

const ALL: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::MySql];

/// The least map there is; it begins with the keys of the file itself.
const LEAST: &str = r#"
name = "own"
library = "own 1"
table = "passkeys"
[columns]
credential_id = "id"
public_key = "key"
sign_count = "counter"
account = "owner"
"#;

fn parse(text: &str) -> Result<TableMap, String> {
    TableMap::parse(text, Dialect::Postgres).map_err(|error| error.to_string())
}

fn error(text: &str) -> String {
    let error = parse(text).err().unwrap_or_else(|| panic!("it is taken: {text}"));
    assert!(!error.contains('\n'), "{error}");
    error
}

/// The error of the least map with these lines behind it.
fn with(lines: &str) -> String {
    error(&format!("{LEAST}{lines}"))
}

/// The error of the least map with one line in another's place.
fn instead(line: &str, other: &str) -> String {
    assert!(LEAST.contains(line));
    error(&LEAST.replace(line, other))
}

fn assert_says(found: &str, expected: &str) {
    assert!(found.contains(expected), "expected `{expected}` in `{found}`");
}

#[test]
fn every_shipped_map_is_one_for_every_database() {
    for (name, text) in SHIPPED {
        for dialect in ALL {
            let map = TableMap::shipped(name, dialect).unwrap().unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(map.name, *name);
            assert!(!map.library.is_empty() && map.needs.algorithms.is_some(), "{name}");
            assert!(map.needs.rsa_exponent.is_some(), "{name}");
        }
        assert!(text.starts_with("# "), "{name} begins without a word to its reader");
        for line in text.lines() {
            assert!(line.len() <= 120, "{name}: {line}");
        }
    }
    assert!(TableMap::shipped("none", Dialect::Sqlite).is_none());
}

#[test]
fn the_least_map_has_usual_encodings() {
    let map = parse(LEAST).unwrap();
    assert_eq!((map.key.column.as_str(), map.key.is_unique, map.key.folds_case), ("id", true, false));
    let names: Vec<_> = map.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "key", "counter", "owner"]);
    let Content::Item(field) = &map.columns[0].content else { panic!("no item") };
    assert_eq!((&field.encoding, &field.otherwise), (&Encoding::Bytes, &None));
}

#[test]
fn everything_that_a_map_can_say() {
    let text = r#"
name = "own"
library = "own 1"
table = "app.passkeys"
[columns]
credential_id = { column = "id", also = ["copy", "data.id"], as = "base64url" }
public_key = { column = "data.key", as = "hex-upper" }
sign_count = "data.count"
transports = { column = "transports", as = "array", otherwise = [] }
backup_eligible = { column = "kind", words = ["one", "many"] }
backup_state = { column = "saved", otherwise = false }
user_handle = { column = "data.handle", as = "base64", required = true }
created_at = { column = "made", otherwise = "now()" }
[constants]
label = "a label"
kind_number = 7
is_good = true
"data.list" = [1, "two"]
[derived]
hash = "credential-id-sha256"
object = "attestation-object"
[key]
column = "hash"
[account]
column = "owner"
table = "users"
match = "email"
id = "id"
[account.create.columns]
user_handle = { column = "id", as = "hex" }
account = { column = "email", also = ["shown"] }
[account.create.constants]
role = "user"
[[companion]]
table = "links"
key = ["kind", "credential"]
account = "owner"
[companion.columns]
credential_id = { column = "credential", as = "base64" }
[companion.constants]
kind = "passkey"
[needs]
algorithms = ["ES256", "EdDSA"]
rsa-exponent = { most-bits = 64, above-modulus-bits = 3072 }
polymorphic-keys = true
canonical-keys = true
backup = true
handle-is-account = true
rising-sign-count = true
[postgres.columns]
created_at = { column = "made", as = "epoch-seconds" }
[postgres.constants]
label = "another"
[postgres.key]
column = "id"
unique = false
folds-case = true
[sqlite.key]
column = "hash"
"#;
    let map = parse(text).unwrap();
    let content = |name: &str| &map.columns.iter().find(|column| column.name == name).unwrap().content;
    assert_eq!((map.key.column.as_str(), map.key.is_unique, map.key.folds_case), ("id", false, true));
    assert!(matches!(content("label"), Content::Constant(Constant::Text(text)) if text == "another"));
    assert!(matches!(content("kind_number"), Content::Constant(Constant::Integer(7))));
    assert!(matches!(content("is_good"), Content::Constant(Constant::Boolean(true))));
    assert!(matches!(content("hash"), Content::Derived(Derived::CredentialIdSha256)));
    assert!(matches!(content("copy"), Content::Copy(field) if field.encoding == Encoding::Base64Url));
    assert!(matches!(content("made"), Content::Item(field) if field.encoding == Encoding::EpochSeconds));
    assert!(matches!(content("owner"), Content::AccountId));
    let Content::Document(members) = content("data") else { panic!("no document") };
    let mut names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["count", "handle", "id", "key", "list"]);
    assert_eq!(map.account.as_ref().unwrap().create.len(), 4);
    assert_eq!(map.companions[0].columns.len(), 3);
    let sqlite = TableMap::parse(text, Dialect::Sqlite).unwrap();
    assert_eq!(sqlite.key.column, "hash");
}

#[test]
fn what_is_not_known_is_named() {
    assert_says(&error("x"), "not as expected");
    assert_says(&error("name = 1"), "string");
    assert_says(&instead("table = \"passkeys\"\n", ""), "table");
    assert_says(
        &instead("name = \"own\"\n", "name = \"own\"\ncolour = 1\n"),
        "line 3: unknown field `colour`",
    );
    assert_says(&with("sign_counter = \"x\"\n"), "sign_counter");
    assert_says(&with("row = \"x\"\n"), "it can have credential_id, public_key");
    assert_says(&with("transports = { column = \"x\", az = \"text\" }\n"), "line 10: unknown field `az`");
    assert_says(&with("transports = { as = \"text-list\" }\n"), "column");
    assert_says(&with("transports = 5\n"), "line 10: expected the name of a column");
    assert_says(
        &with("transports = { column = \"x\", as = \"yaml\" }\n"),
        "no encoding `yaml`; known: bytes, base64url",
    );
    assert_says(&with("[derived]\nx = \"sha1\"\n"), "no derived value `sha1`; known: cose-algorithm");
    assert_says(&with("[needs]\nalgorithms = [\"ES257\"]\n"), "no algorithm `ES257`");
    assert_says(&with("[needs]\nbackups = true\n"), "backups");
    assert_says(&with("[key]\ncolumn = \"id\"\nfold-case = true\n"), "fold-case");
    assert_says(&with("[oracle.columns]\n"), "oracle");
    assert_says(&with("[sqlite.needs]\n"), "needs");
}

#[test]
fn what_contradicts_itself_is_named() {
    for (item, line) in [
        ("credential_id", "credential_id = \"id\"\n"),
        ("public_key", "public_key = \"key\"\n"),
        ("sign_count", "sign_count = \"counter\"\n"),
        ("account", "account = \"owner\"\n"),
    ] {
        let key = if item == "credential_id" { "names none" } else { item };
        assert_says(&instead(line, ""), key);
    }
    assert_says(&with("rp_id = \"owner\"\n"), "the column owner stands there twice");
    assert_says(&with("[constants]\ncounter = 1\n"), "the column counter stands there twice");
    assert_says(&with("rp_id = \"d.x\"\n[constants]\n\"d.x\" = 1\n"), "the member d.x stands there twice");
    assert_says(&with("rp_id = \"counter.x\"\n"), "the column counter is a document and something else");
    assert_says(&with("backup_state = \"bs\"\n"), "go together");
    assert_says(
        &with("[account]\ncolumn = \"u\"\ntable = \"users\"\nmatch = \"a\"\nid = \"a\"\n"),
        "one of the two",
    );
    assert_says(&with("[key]\ncolumn = \"other\"\n"), "[key] names other");
    assert_says(&with("[key]\ncolumn = \"key\"\n"), "holds the credential_id");
    assert_says(
        &with("transports = { column = \"x\", as = \"base64\" }\n"),
        "transports cannot be written that way",
    );
    assert_says(&instead("\"counter\"", "{ column = \"counter\", as = \"text\" }"), "sign_count cannot");
    assert_says(&instead("\"counter\"", "{ column = \"counter\", also = [\"x\"] }"), "what never changes");
    assert_says(
        &with("status = { column = \"x\", as = \"text\", words = [\"a\", \"b\"] }\n"),
        "exclude each other",
    );
    assert_says(&with("status = { column = \"x\", words = [\"a\", \"a\"] }\n"), "two different");
    assert_says(
        &with("rp_id = { column = \"x\", otherwise = \"y\", required = true }\n"),
        "nothing `otherwise`",
    );
    assert_says(&with("[constants]\nx = 1.5\n"), "a constant is a text");
    assert_says(&with("[constants]\nx = 1979-05-27\n"), "a constant is a text");
    assert_says(&with("[constants]\nx = \"a\\u0000\"\n"), "NUL");
    assert_says(&with("[constants]\nx = [[\"a\\u0000\"]]\n"), "NUL");
}

#[test]
fn companions_are_found_by_the_credential_id() {
    let companion = |key: &str, lines: &str| {
        with(&format!(
            "[[companion]]\ntable = \"links\"\nkey = {key}\n{lines}[companion.columns]\ncredential_id = \"c\"\nrp_id = \"r\"\n"
        ))
    };
    assert_says(&companion("[]", ""), "has not");
    assert_says(&companion("[\"x\"]", ""), "has not");
    assert_says(&companion("[\"r\"]", ""), "one column of the credential_id");
    assert_says(&companion("[\"c\", \"r\"]", ""), "one column of the credential_id");
    assert_says(&companion("[\"c\"]", "account = \"owner\"\n"), "there is no [account]");
    assert_says(&companion("[\"c\"]", "account = \"c\"\n"), "the column c stands there twice");
}

#[test]
fn names_are_names() {
    for name in ["", "a b", "a;b", "a\\\"b", "a'b", "1a", "a-b", "é", "a.b.c", "a."] {
        assert_says(&instead("\"counter\"", &format!("\"{name}\"")), "");
        assert_says(&instead("\"passkeys\"", &format!("\"{name}\"")), "");
    }
    let long = "x".repeat(64 << 10);
    let found = instead("\"passkeys\"", &format!("\"{long}\""));
    assert!(found.len() < 500, "{} bytes", found.len());
    assert_says(&with(&format!("{long} = \"x\"\n")), "[columns] has");
}

/// Node 20 with OpenSSL 3: 3072 bits with an exponent of 65 bits and 3080 with 64 log in, 3080 with 65 do not.
#[test]
fn an_rsa_exponent_has_a_limit_above_a_size_of_the_modulus() {
    let limit = |most_bits, above_modulus_bits| RsaExponent { most_bits, above_modulus_bits };
    let key = |modulus_bytes: usize, e: &[u8]| {
        let mut n = (0_u8..=255).cycle().map(|byte| byte | 1).take(modulus_bytes).collect::<Vec<_>>();
        n[0] = 0x80;
        // The nearest modulus that no small prime divides.
        for last in (1_u8..=255).step_by(2) {
            for before in 0..=255 {
                n[modulus_bytes - 1] = last;
                n[modulus_bytes - 2] = before;
                let numbers = KeyParameters::Rsa { n: (&*n).into(), e: e.into() };
                if let Ok(key) = CoseKey::from_parameters(CoseAlgorithm::Rs256, &numbers) {
                    return key;
                }
            }
        }
        panic!("no modulus")
    };
    let (bits_64, bits_65) = ([0xff; 8], [1, 0, 0, 0, 0, 0, 0, 0, 1]);
    for (bytes, e, is_allowed) in [(384, &bits_65[..], true), (385, &bits_64, true), (385, &bits_65, false)] {
        assert_eq!(limit(64, 3072).allows(&key(bytes, e)), is_allowed, "{bytes} {e:?}");
    }
    assert!(limit(31, 0).allows(&key(256, &[0x7f, 0xff, 0xff, 0xff])));
    assert!(!limit(31, 0).allows(&key(256, &[0x80, 0, 0, 1])));
}
