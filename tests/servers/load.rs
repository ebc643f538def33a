//! Logins on the live table, all through an import.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use keyferry_testkit::{ExportRow, servers::Kind};

use crate::{
    exports::csv,
    flood::row,
    site::{Site, hex, until},
};

on_both!(logins_all_through_an_import);

/// The rows that were there before, and those that the later export has beside them.
const EARLIER: usize = 3000;
const LATER: usize = 12_000;

/// What the application did, as far as the server said that it was done.
#[derive(Default)]
struct Done {
    revoked: BTreeSet<String>,
    /// Credentials that it added for a user of its own.
    added: BTreeSet<String>,
}

/// A row as it stands in the table.
struct Stood {
    sign_count: u64,
    status: String,
    account: String,
}

fn id(number: usize) -> String {
    hex(&URL_SAFE.decode(row(number).credential_id).unwrap())
}

fn bytes(site: &Site, id: &str) -> String {
    if site.is_postgres() { format!("'\\x{id}'::bytea") } else { format!("x'{id}'") }
}

/// A login with a counter that rises, and what the application then found: it goes into a table of its own.
fn login(site: &Site, id: &str, count: usize) -> String {
    let id = bytes(site, id);
    format!(
        "UPDATE webauthn_credentials SET sign_count = greatest(sign_count, {count}), \
         backup_state = CASE WHEN backup_eligible THEN NOT backup_state ELSE backup_state END WHERE credential_id = {id}; \
         INSERT INTO logins SELECT credential_id, sign_count FROM webauthn_credentials WHERE credential_id = {id};\n"
    )
}

fn add(site: &Site, id: &str, account: &str) -> String {
    let id = bytes(site, id);
    format!(
        "INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account) \
         SELECT {id}, public_key, -7, 1, 'active', 'example.com', '{account}' FROM webauthn_credentials \
         WHERE credential_id = {};\n",
        bytes(site, &self::id(0))
    )
}

/// What one connection does until it is told to stop.
fn work(site: &Site, worker: usize, is_over: &AtomicBool, done: &Mutex<Done>) {
    let mut turn = 0;
    while !is_over.load(Ordering::SeqCst) {
        turn += 1;
        let step = turn * 4 + worker;
        let mut script = String::new();
        for number in 0..20 {
            let of = (step * 7919 + number * 104_729) % (EARLIER + LATER);
            script += &login(site, &id(of), 10 + turn);
        }
        // One statement that another import or login stood in the way of ends the script; what it says is not done then.
        let _ = site.server.sql(&site.url, &script);

        // A new credential, and one that the running import is about to add, both for a user of the application's own.
        for id in [format!("{worker:04x}{turn:08x}"), id(EARLIER + (step * 31) % LATER)] {
            if site.server.sql(&site.url, &add(site, &id, &format!("mallory-{worker}"))).is_ok() {
                done.lock().unwrap().added.insert(id);
            }
        }
        let barred = id((step * 13) % EARLIER);
        let statement = format!(
            "UPDATE webauthn_credentials SET status = 'revoked' WHERE credential_id = {}",
            bytes(site, &barred)
        );
        if site.server.sql(&site.url, &statement).is_ok() {
            done.lock().unwrap().revoked.insert(barred);
        }
    }
}

fn stood(site: &Site) -> BTreeMap<String, Stood> {
    let id = if site.is_postgres() { "encode(credential_id, 'hex')" } else { "lower(hex(credential_id))" };
    let rows = site
        .sql(&format!("SELECT concat_ws(';', {id}, sign_count, status, account) FROM webauthn_credentials"));
    let one = |line: &str| {
        let mut cells = line.split(';').map(str::to_owned);
        let mut next = || cells.next().unwrap();
        (next(), Stood { sign_count: next().parse().unwrap(), status: next(), account: next() })
    };
    rows.lines().map(one).collect()
}

fn logins_all_through_an_import(kind: Kind) {
    let earlier: Vec<_> = (0..EARLIER).map(row).collect();
    let later: Vec<_> = (0..EARLIER + LATER)
        .map(|number| ExportRow { authenticator_sign_count: (number % 40).to_string(), ..row(number) })
        .collect();
    let Some(site) = Site::with(kind, csv(&earlier)) else { return };
    site.import();
    site.folder.write("later.csv", csv(&later));
    site.sql(match kind {
        Kind::Postgres => "CREATE TABLE logins (credential_id bytea, sign_count bigint)",
        Kind::MySql => {
            "CREATE TABLE logins (credential_id VARBINARY(1023), sign_count BIGINT) ENGINE = InnoDB"
        }
    });

    let (is_over, done) = (AtomicBool::new(false), Mutex::new(Done::default()));
    let seen = || site.number("SELECT count(*) FROM logins");
    let import = thread::scope(|scope| {
        for worker in 0..3 {
            let (site, is_over, done) = (&site, &is_over, &done);
            scope.spawn(move || work(site, worker, is_over, done));
        }
        until(|| seen() > 0);
        let before = seen();
        let import = site.carry("import", "later.csv", "");
        let after = seen();
        is_over.store(true, Ordering::SeqCst);
        assert!(after > before, "nobody logged in during the import");
        import
    });
    let done = done.into_inner().unwrap();
    let stood = stood(&site);

    // Every row of the report is accounted for, and what was not taken is what the application had a hand in.
    assert!(matches!(import.code, Some(0 | 1)), "{}", import.shown());
    let object = import.json();
    let counts = object["counts"].as_object().unwrap();
    let parts: u64 =
        counts.iter().filter(|(name, _)| *name != "read").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(
        (import.count("read"), parts),
        (later.len().try_into().unwrap(), later.len().try_into().unwrap())
    );
    assert_eq!(import.count("refused"), 0, "{}", import.counts());
    for fault in object["faults"].as_array().unwrap() {
        let number = usize::try_from(fault["row"].as_u64().unwrap()).unwrap() - 1;
        let of = match fault["code"].as_str().unwrap() {
            "user-changed" | "key-changed" => &done.added,
            "reactivated" => &done.revoked,
            other => panic!("{other}: {fault}"),
        };
        assert!(of.contains(&id(number)), "{fault}");
    }

    // Nothing was lost, nothing moved to another user, nothing that was barred is active again.
    for (number, row) in later.iter().enumerate() {
        let id = id(number);
        let there = stood.get(&id).unwrap_or_else(|| panic!("row {number} is lost"));
        if done.added.contains(&id) {
            assert!(there.account.starts_with("mallory-"), "row {number} moved");
            continue;
        }
        assert_eq!(there.account, row.external_user_id);
        assert!(
            there.sign_count >= row.authenticator_sign_count.parse().unwrap() || done.revoked.contains(&id)
        );
        assert_eq!(there.status == "revoked", done.revoked.contains(&id), "row {number}");
    }
    assert!(done.added.iter().all(|id| stood.contains_key(id)), "a new credential is lost");
    let ids: BTreeSet<_> = (0..later.len()).map(id).chain(done.added.iter().cloned()).collect();
    assert_eq!(stood.len(), ids.len());
    let fallen = "SELECT count(*) FROM logins l LEFT JOIN webauthn_credentials c ON c.credential_id = l.credential_id \
                  WHERE c.credential_id IS NULL OR c.sign_count < l.sign_count";
    assert_eq!(site.number(fallen), 0, "a counter fell below what a login saw");
    assert!(done.added.len() > 5 && !done.revoked.is_empty(), "the application did next to nothing");

    // After the switch the target is in charge: what exists stays as it is.
    let before = site.dump();
    let after: Vec<_> = (0..EARLIER + LATER + 50)
        .map(|number| ExportRow { authenticator_sign_count: "4000000000".to_owned(), ..row(number) })
        .collect();
    site.folder.write("after.csv", csv(&after));
    let import = site.carry("import", "after.csv", "--authority target");
    assert_eq!((import.count("inserted"), import.count("updated")), (50, 0), "{}", import.counts());
    let rows = site.dump();
    let there: BTreeSet<_> = rows.lines().collect();
    assert!(before.lines().all(|line| there.contains(line)), "something that was there changed");
    assert_eq!(there.len(), before.lines().count() + 50);
}
