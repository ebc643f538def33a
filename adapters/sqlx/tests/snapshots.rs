//! Every fixture as rows.

use keyferry_core::CredentialId;
use keyferry_sqlx::{Access, BlockingSqliteSink};
use keyferry_testkit::snapshot;

#[test]
fn fixtures() {
    let open = |folder: &std::path::Path, access| {
        BlockingSqliteSink::connect(folder.join("passkeys.db"), access).unwrap()
    };
    let show =
        |folder: &std::path::Path, ids: &[CredentialId]| snapshot::rows(&mut open(folder, Access::Read), ids);
    for (name, text) in snapshot::fixtures(|folder| open(folder, Access::Write), show) {
        insta::assert_snapshot!(name, text);
    }
}
