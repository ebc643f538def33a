//! The generated export: deterministic, varied, valid in each row, and complete in its files.

#![allow(clippy::unwrap_used, reason = "the helpers here are part of the tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::num::NonZero;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;
use keyferry_testkit::{GeneratedFiles, Generator, HEADER, UserHandleRule};
use serde_json::Value;
use tempfile::tempdir;

mod relying_party;

fn contents(files: &GeneratedFiles) -> [Vec<u8>; 4] {
    let (keys, assertions) = (files.keys.as_ref().unwrap(), files.assertions.as_ref().unwrap());
    [&files.export, &files.checksum_file, keys, assertions].map(|path| fs::read(path).unwrap())
}

fn unzipped(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_files_with_any_number_of_threads() {
    let [one, two, three] = [(); 3].map(|()| tempdir().unwrap());
    let generator = Generator::new(600, 5, "example.com");
    let single = generator.clone().with_threads(NonZero::<usize>::MIN).write(one.path()).unwrap();
    let many = generator.with_threads(NonZero::new(7).unwrap()).write(two.path()).unwrap();
    assert_eq!(contents(&single), contents(&many));

    let other = Generator::new(600, 6, "example.com").write(three.path()).unwrap();
    assert_ne!(unzipped(&single.export), unzipped(&other.export));
}

#[test]
fn a_longer_export_begins_with_a_shorter_one() {
    let rows =
        |rows| Generator::new(rows, 5, "example.com").credentials().map(|made| made.row).collect::<Vec<_>>();
    assert_eq!(rows(150)[..100], rows(100));
}

#[test]
fn an_export_is_named_and_accompanied_as_documented() {
    let dir = tempdir().unwrap();
    let mut seen = Vec::new();
    let generator = Generator::new(300, 1, "example.com").with_date("2025-09-30".parse().unwrap());
    let files = generator.write_with_progress(dir.path(), |rows| seen.push(rows)).unwrap();
    assert_eq!(seen, [256, 300]);

    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(
        names,
        ["assertions.jsonl", "checksum", "csv.gz", "keys.jsonl"]
            .map(|end| dir.path().join(format!("2025-09-30-300.{end}")))
    );

    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &fs::read(&files.export).unwrap());
    let base64 = base64::engine::general_purpose::STANDARD.encode(checksum.to_be_bytes());
    assert_eq!(files.checksum, format!("CRC64NVME:{base64}"));
    assert_eq!(fs::read_to_string(&files.checksum_file).unwrap(), format!("{}\n", files.checksum));

    let text = unzipped(&files.export);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap(), HEADER.as_slice());
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let expected: Vec<_> = generator.credentials().map(|made| made.row.to_record()).collect();
    assert!(records.iter().zip(&expected).all(|(found, made)| found == made));
    assert_eq!(records.len(), 300);
    assert!(fs::read(&files.export).unwrap().starts_with(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0])); // no name, no time
}

#[test]
fn a_path_that_is_no_directory_is_the_file_itself() {
    let dir = tempdir().unwrap();
    let generator = Generator::new(10, 1, "example.com");
    let files = generator.write(&dir.path().join("plain.csv")).unwrap();
    assert!(fs::read_to_string(&files.export).unwrap().starts_with("userId,externalUserId,credentialId,"));
    assert_eq!(files.keys, Some(dir.path().join("plain.keys.jsonl")));

    let files = generator.clone().with_assertions(false).write(&dir.path().join("small.csv.gz")).unwrap();
    assert_eq!(unzipped(&files.export).lines().count(), 11);
    assert_eq!((files.keys, files.assertions), (None, None));
    assert!(!dir.path().join("small.keys.jsonl").exists());
    assert_eq!(files.checksum_file, dir.path().join("small.checksum"));

    let error = generator.write(&dir.path().join("missing/plain.csv")).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "));
}

#[test]
fn an_empty_export_is_a_header() {
    let dir = tempdir().unwrap();
    let files = Generator::new(0, 1, "example.com").write(&dir.path().join("empty.csv")).unwrap();
    assert_eq!(fs::read_to_string(&files.export).unwrap(), format!("{}\n", HEADER.join(",")));
}

#[cfg(unix)]
#[test]
fn private_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempdir().unwrap();
    let keys = dir.path().join("a.keys.jsonl");
    fs::write(&keys, "old and open").unwrap();
    Generator::new(1, 1, "example.com").write(&dir.path().join("a.csv")).unwrap();
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_lines_beside_the_export_match_its_rows() {
    let dir = tempdir().unwrap();
    let generator = Generator::new(70, 3, "example.com");
    let files = generator.write(&dir.path().join("a.csv")).unwrap();
    let (keys, assertions) = (lines(files.keys.as_ref().unwrap()), lines(files.assertions.as_ref().unwrap()));
    assert_eq!((keys.len(), assertions.len()), (70, 70));

    for ((made, key), assertion) in generator.credentials().zip(&keys).zip(&assertions) {
        let id = URL_SAFE_NO_PAD.encode(&made.credential.credential_id);
        let algorithm = made.credential.key.algorithm().cose();
        let pem = made.credential.key.to_pkcs8_pem();
        assert_eq!(
            *key,
            serde_json::json!({
                "credentialId": id, "algorithm": algorithm, "privateKeyPkcs8": pem, "notice": "test key"
            })
        );
        assert_eq!(
            *assertion,
            serde_json::json!({
                "credentialId": id,
                "user": made.row.external_user_id,
                "algorithm": algorithm,
                "status": made.row.status,
                "rpId": "example.com",
                "origin": "https://example.com",
                "challenge": URL_SAFE_NO_PAD.encode(&made.login.challenge),
                "response": made.assertion().to_json(),
            })
        );
    }
}

#[test]
fn every_row_is_valid() {
    let mut ids = BTreeSet::new();
    for made in Generator::new(800, 2, "example.com").credentials() {
        let row = &made.row;
        let id = URL_SAFE.decode(&row.credential_id).unwrap();
        assert!((16..=200).contains(&id.len()));
        assert!(ids.insert(id.clone()), "a credential ID twice");
        assert_eq!(id, made.credential.credential_id);
        assert_eq!(URL_SAFE.decode(&row.public_key).unwrap(), made.credential.key.cose());
        assert!(row.credential_id.len() % 4 == 0 && row.public_key.len() % 4 == 0, "padded");

        assert!(row.backup_eligible == "true" || row.backup_state == "false", "BS without BE");
        assert_eq!(row.backup_eligible, made.login.backup_eligible.to_string());
        assert_eq!(row.backup_state, made.login.backup_state.to_string());
        let count: u32 = row.authenticator_sign_count.parse().unwrap();
        assert_eq!(made.login.sign_count, if count == 0 { 0 } else { count + 1 });

        row.authenticator_aaguid.parse::<uuid::Uuid>().unwrap();
        assert!(["platform", "cross-platform"].contains(&row.authenticator_attachment.as_str()));
        for transport in row.transports.split(';').filter(|_| !row.transports.is_empty()) {
            assert!(["internal", "hybrid", "usb", "nfc", "ble"].contains(&transport));
        }
        assert!(["none", "packed", "tpm", "fido-u2f"].contains(&row.attestation_format.as_str()));
        assert!(["active", "suspended", "revoked"].contains(&row.status.as_str()));
        let created: jiff::Timestamp = row.created.parse().unwrap();
        assert!(created.to_string() < "2026-01-15".into());
        assert_eq!(row.created.len(), "2024-01-15T10:30:00.000Z".len());
    }
}

#[test]
fn every_login_verifies_against_the_key_in_its_row() {
    let mut algorithms = BTreeSet::new();
    for made in Generator::new(400, 9, "example.com").credentials() {
        let cose = URL_SAFE.decode(&made.row.public_key).unwrap();
        let login = made.assertion();
        assert!(relying_party::verifies(&cose, &login.signed_message(), &login.signature), "{:?}", made.row);
        algorithms.insert(made.credential.key.algorithm());
    }
    assert!(algorithms.len() >= 5, "{algorithms:?}");
}

#[test]
fn users_own_one_to_five_credentials() {
    let mut owned: BTreeMap<String, usize> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for made in Generator::new(1000, 2, "example.com").with_assertions(false).credentials() {
        *owned.entry(made.row.user_id.clone()).or_default() += 1;
        pairs.insert((made.row.user_id, made.row.external_user_id));
    }
    assert_eq!(pairs.len(), owned.len(), "one external id for each user");
    let external: BTreeSet<_> = pairs.iter().map(|(_, external)| external).collect();
    assert_eq!(external.len(), owned.len(), "one user for each external id");
    assert_eq!(owned.values().copied().collect::<BTreeSet<_>>(), (1..=5).collect());

    for (user, external) in pairs {
        let digits = user.strip_prefix("usr-").unwrap();
        assert!(digits.len() == 19 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(external.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
    }
}

#[test]
fn algorithms_have_their_share() {
    let mut shares: BTreeMap<i64, u32> = BTreeMap::new();
    for made in Generator::new(2000, 4, "example.com").credentials() {
        *shares.entry(made.credential.key.algorithm().cose()).or_default() += 1;
    }
    assert!((1520..=1680).contains(&shares[&-7]), "{shares:?}");
    assert!((180..=300).contains(&shares[&-257]), "{shares:?}");
    assert!((40..=120).contains(&shares[&-8]), "{shares:?}");
    assert!((20..=90).contains(&shares[&-35]), "{shares:?}");
    assert!(shares.len() > 6, "{shares:?}");
}

#[test]
fn the_user_handle_follows_its_rule() {
    let first = |rule| {
        let generator = Generator::new(1, 1, "example.com").with_handle_rule(rule);
        let made = generator.credentials().next().unwrap();
        (made.row, made.credential.user_handle.unwrap())
    };
    let (row, handle) = first(UserHandleRule::ExternalUserId);
    assert_eq!(handle, row.external_user_id.as_bytes());
    let (row, handle) = first(UserHandleRule::UserId);
    assert_eq!(handle, row.user_id.as_bytes());
    let (row, handle) = first(UserHandleRule::ExternalUserIdUuid);
    assert_eq!(handle, row.external_user_id.parse::<uuid::Uuid>().unwrap().as_bytes());
}
