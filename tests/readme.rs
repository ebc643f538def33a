//! What the README shows is what the command prints.
#![allow(clippy::unwrap_used, reason = "a README that cannot be checked is a failure")]

use std::{path::Path, process::Command};

/// Returns the lines of the console block whose command begins with `start`.
fn block(start: &str) -> (String, Vec<String>) {
    let text = include_str!("../README.md");
    let block = text.split("```console\n").skip(1).find(|block| block.starts_with(start)).unwrap();
    let mut lines = block.split("```").next().unwrap().lines();
    (lines.next().unwrap().to_owned(), lines.map(str::to_owned).collect())
}

fn run(command: &str) -> String {
    let (_, arguments) = command.split_once(" -- ").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"),
        folder.path().join("fixtures"),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_keyferry"))
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let (command, shown) = block("$ cargo run --release -- import");
    assert_eq!(run(&command).lines().collect::<Vec<_>>(), shown);
}

#[test]
fn the_readiness_table_is_the_one_of_the_readme() {
    let (command, shown) = block("$ cargo run --release -- inspect");
    let printed = run(&command);
    let from = printed.lines().position(|line| line == "who could log in where").unwrap();
    assert_eq!(shown[0], "…");
    assert_eq!(printed.lines().skip(from).collect::<Vec<_>>(), shown[1..]);
}
