//! What scripts depend on holds for servers, and what is there already is only read.

use keyferry_testkit::servers::Kind;
use serde_json::Value;

use crate::{
    exports::{csv, rows},
    flood::export,
    site::{Rights, Site, until},
    support::Outcome,
};

on_both!(the_object_of_a_server, a_second_import_only_reads, replayed_logins_are_only_read);

const KEYS: [&str; 8] =
    ["command", "source", "target", "counts", "cannot_log_in", "not_kept", "faults", "seconds"];

fn check(outcome: &Outcome, verb: &str, target: &str) {
    let object = outcome.json();
    let keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, KEYS);
    assert_eq!((object["command"].as_str(), object["target"].as_str()), (Some(verb), Some(target)));
    let counts = object["counts"].as_object().unwrap();
    let parts: u64 =
        counts.iter().filter(|(name, _)| *name != "read").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(outcome.count("read"), parts);
    for fault in object["faults"].as_array().unwrap() {
        let keys: Vec<_> = fault.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["row", "line", "column", "code", "message"]);
    }
}

/// Genuine logins of an export succeed on the rows that were imported, but for those that may not log in; the rows stay.
fn replayed_logins_are_only_read(kind: Kind) {
    let Some(site) = Site::new(kind) else { return };
    site.folder.run("generate --rows 200 --seed 4 --out export.csv").expect(0);
    let imported = site.folder.carry("import", "export.csv", &site.url, "").expect(0);
    let barred = &imported.json()["cannot_log_in"];
    let barred: u64 = barred.as_array().unwrap().iter().map(|reason| reason["count"].as_u64().unwrap()).sum();
    assert!(barred > 0, "a replay without a refusal proves nothing");
    let before = site.dump();
    let args = format!("replay export.assertions.jsonl --to {} --rp-id example.com --json", site.url);
    let replayed = site.folder.run(&args).expect(1).json();
    let counts = ["read", "would_succeed", "would_fail"].map(|name| replayed["counts"][name].as_u64());
    assert_eq!(counts, [Some(200), Some(200 - barred), Some(barred)], "{replayed}");
    assert_eq!(site.dump(), before);
}

fn the_object_of_a_server(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(6))) else { return };
    let mut now = rows(8);
    now[0].authenticator_sign_count = "4000000000".to_owned();
    now[1].status = "revoked".to_owned();
    now[2].public_key = rows(9)[8].public_key.clone();
    now.push(now[3].clone());
    now[7].backup_state = "maybe".to_owned();
    site.folder.write("now.csv", csv(&now));
    // A password and parameters: neither is part of the name.
    let (role, whole) = site.role("canary-pw", Rights::Everything);
    let url = format!("{whole}?connect_timeout=20");
    let name = site.url_as(&role);
    site.folder.carry("import", "export.csv", &url, "").expect(0);
    let plan = site.folder.carry("plan", "now.csv", &url, "").expect(1);
    let import = site.folder.carry("import", "now.csv", &url, "").expect(1);
    let verify = site.folder.carry("verify", "now.csv", &url, "").expect(1);
    for (outcome, verb) in [(&plan, "plan"), (&import, "import"), (&verify, "verify")] {
        check(outcome, verb, &name);
        assert!(!outcome.shown().split_once('\n').unwrap().1.contains("canary-pw"), "{}", outcome.stderr);
    }
    assert_eq!(
        import.counts(),
        "read 9, inserted 1, updated 2, unchanged 3, duplicate 1, conflict 1, refused 1"
    );
    let without_verb = |outcome: &Outcome| {
        let mut object = outcome.json();
        let object = object.as_object_mut().unwrap();
        let _ = (object.remove("command"), object.remove("seconds"));
        Value::Object(object.clone())
    };
    assert_eq!(without_verb(&plan), without_verb(&import), "a plan says what the import then does");
}

fn a_second_import_only_reads(kind: Kind) {
    const COUNT: u64 = 5000;
    let Some(site) = Site::with(kind, export(5000)) else { return };
    site.make_table();
    if !site.is_postgres() {
        site.sql(
            "CREATE TABLE written (what VARCHAR(9)) ENGINE = InnoDB; \
             CREATE TRIGGER i BEFORE INSERT ON webauthn_credentials FOR EACH ROW INSERT INTO written VALUES ('insert'); \
             CREATE TRIGGER u BEFORE UPDATE ON webauthn_credentials FOR EACH ROW INSERT INTO written VALUES ('update'); \
             CREATE TRIGGER d BEFORE DELETE ON webauthn_credentials FOR EACH ROW INSERT INTO written VALUES ('delete')",
        );
    }
    // Rows inserted, updated and removed since the table was made, as the server counts them.
    let written = || {
        site.sql(match kind {
            Kind::Postgres => {
                "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'webauthn_credentials'"
            }
            Kind::MySql => {
                "SELECT coalesce(sum(what = 'insert'), 0), coalesce(sum(what = 'update'), 0), \
                 coalesce(sum(what = 'delete'), 0) FROM written"
            }
        })
        .replace('|', "\t")
    };
    site.import();
    until(|| written() == format!("{COUNT}\t0\t0")); // a server counts what a session did when that has ended
    let before = site.dump();
    for _ in 0..2 {
        assert_eq!(site.import().counts(), format!("read {COUNT}, unchanged {COUNT}"));
    }
    // The counter of one row: what is counted from here on shows that all that came before was counted, too.
    let mut one = crate::flood::row(7);
    one.authenticator_sign_count = "4000000000".to_owned();
    site.folder.write("one.csv", csv(&[one]));
    assert_eq!(site.carry("import", "one.csv", "").expect(0).counts(), "read 1, updated 1");
    until(|| written() != format!("{COUNT}\t0\t0"));
    assert_eq!(written(), format!("{COUNT}\t1\t0"));
    let after = site.dump();
    assert_eq!(before.lines().zip(after.lines()).filter(|(one, other)| one != other).count(), 1);
}
