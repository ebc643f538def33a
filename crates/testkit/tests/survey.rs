//! A target in memory, compared as a whole and one by one.

use std::path::Path;

use keyferry_testkit::{
    memory::{self, MemorySink},
    survey::{Target, says_the_same},
};

fn check(profile: &keyferry_core::Profile) {
    let folder = Path::new("survey").join(profile.name);
    let open = || MemorySink::open(&folder, profile.clone());
    says_the_same(&Target {
        writer: &|| Box::new(open()),
        reader: &|| Box::new(open()),
        survey: &|| Some(Box::new(open())),
    });
}

#[test]
fn a_target_that_keeps_everything() {
    check(&memory::FULL);
}

#[test]
fn a_target_without_a_status() {
    check(&memory::WITHOUT_STATUS);
}

#[test]
fn a_target_that_keeps_little() {
    check(&memory::LOSSY);
}
