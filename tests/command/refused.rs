//! Rows that are wrong: the others are imported, these are named with their place and code, and the exit code is 1.

use crate::{
    exports::{another_row, csv, rows},
    support::{Folder, TARGETS, snapshot},
};

#[test]
fn bad_rows_do_not_keep_the_good_ones_out() {
    let mut list = rows(9);
    list[1].authenticator_sign_count = "12abc".to_owned();
    list[2].credential_id = "not base64!".to_owned();
    list[3].backup_eligible = "yes".to_owned();
    list[4].created = "15.01.2024".to_owned();
    list[5].external_user_id.clear();
    list[6].authenticator_aaguid = "0".to_owned();
    list[7].public_key.truncate(20);
    let folder = Folder::with("export.csv", csv(&list));
    for target in TARGETS {
        let outcome = folder.carry("import", "export.csv", target, "").expect(1);
        assert_eq!(outcome.counts(), "read 9, inserted 2, refused 7");
        // Again: what is there stays, what is wrong stays wrong.
        let again = folder.carry("import", "export.csv", target, "").expect(1);
        assert_eq!(again.counts(), "read 9, unchanged 2, refused 7");
        assert_eq!(again.faults(), outcome.faults());
    }
    let text = |verb: &str, more: &str| folder.run(&format!("{verb} export.csv {more}")).expect(1);
    let import = text("import", "--rp-id example.com --to sqlite:text.db");
    snapshot("bad-rows", &[import, text("inspect", ""), text("inspect", "--json")]);
}

#[test]
fn a_credential_id_that_stands_twice() {
    let mut list = rows(8);
    list.push(list[0].clone()); // the same once more: a duplicate
    let mut other_key = list[1].clone();
    other_key.public_key = another_row(0).public_key;
    let mut other_user = list[2].clone();
    (other_user.user_id, other_user.external_user_id) =
        (another_row(1).user_id, another_row(1).external_user_id);
    let mut refused = list[3].clone();
    refused.status.clear();
    list.extend([other_key, other_user, refused]);
    let faults = [
        "2 credential-id-twice",
        "3 credential-id-twice",
        "4 credential-id-twice",
        "10 credential-id-twice",
        "11 credential-id-twice",
        "12 missing-value",
    ];
    let folder = Folder::with("export.csv", csv(&list));
    for target in TARGETS {
        let outcome = folder.carry("import", "export.csv", target, "").expect(1);
        assert_eq!(outcome.counts(), "read 12, inserted 5, duplicate 1, conflict 5, refused 1", "{target}");
        assert_eq!(outcome.faults(), faults, "{target}");
        // None of the group was written, neither the first nor the last.
        let good = [&rows(1)[..], &rows(8)[4..]].concat();
        folder.write("good.csv", csv(&good));
        folder.carry("verify", "good.csv", target, "").expect(0);
        folder.write("bad.csv", csv(&rows(4)[1..]));
        assert_eq!(folder.carry("plan", "bad.csv", target, "").expect(0).counts(), "read 3, inserted 3");
    }
    snapshot("credential-id-twice", &[folder.run("inspect export.csv").expect(1)]);
}

#[test]
fn users_that_are_not_one_to_one() {
    let mut list = rows(4);
    list[1].user_id = list[0].user_id.clone(); // one user, two external IDs
    list[3].external_user_id = list[2].external_user_id.clone(); // two users, one external ID
    let folder = Folder::with("export.csv", csv(&list));
    let outcome = folder.carry("import", "export.csv", "sqlite:t.db", "").expect(1);
    assert_eq!(outcome.counts(), "read 4, conflict 4");
    assert_eq!(outcome.faults(), [1, 2, 3, 4].map(|row| format!("{row} user-not-one-to-one")));
}

#[test]
fn a_status_of_another_spelling_bars_nobody_and_lets_nobody_in() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(2)));
        folder.import("export.csv", target);
        let mut list = rows(3);
        list.iter_mut().for_each(|row| row.status = "ACTIVE".to_owned());
        folder.write("drifted.csv", csv(&list));
        let outcome = folder.carry("import", "drifted.csv", target, "").expect(1);
        assert_eq!(outcome.counts(), "read 3, conflict 3", "{target}");
        folder.carry("verify", "export.csv", target, "").expect(0);
    }
}

#[test]
fn many_faults_are_cut_in_text_only() {
    let mut list = rows(30);
    list.iter_mut().for_each(|row| row.authenticator_sign_count = "-1".to_owned());
    let folder = Folder::with("export.csv", csv(&list));
    let text = folder.run("plan export.csv --rp-id example.com --to sqlite:t.db").expect(1);
    assert_eq!(folder.carry("plan", "export.csv", "sqlite:t.db", "").expect(1).faults().len(), 30);
    snapshot("many-faults", &[text]);
}
