//! The conformance suite on the reference sink, in every profile.

mod broken_sinks;
mod bugs;

use std::path::Path;

use keyferry_core::{CredentialId, Profile};
use keyferry_testkit::{
    conformance::{run_all, run_all_refusing},
    memory::{self, MemorySink},
};

fn open(profile: Profile) -> impl Fn(&Path) -> MemorySink + Clone {
    move |folder| MemorySink::open(folder, profile.clone())
}

fn refuse(folder: &Path, id: &CredentialId) {
    MemorySink::open(folder, memory::FULL).refuse(id);
}

mod full {
    use super::*;
    keyferry_testkit::conformance!(open(memory::FULL), refuse);
}

mod without_status {
    use super::*;
    keyferry_testkit::conformance!(open(memory::WITHOUT_STATUS), refuse);
}

mod lossy {
    use super::*;
    keyferry_testkit::conformance!(open(memory::LOSSY));
}

#[test]
fn a_function_runs_the_same_rules() {
    run_all(open(memory::LOSSY));
    run_all_refusing(open(memory::WITHOUT_STATUS), refuse);
}
