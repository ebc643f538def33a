//! The command, run as an operator runs it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A folder with an export, and the command to move it.
pub(crate) struct Run {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) export: PathBuf,
}

impl Run {
    pub(crate) fn new(export: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.csv");
        std::fs::write(&path, export).unwrap();
        Self { folder, export: path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports into `adapter` and returns the file that was written.
    pub(crate) fn import(&self, adapter: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let target = format!("{adapter}:{}", path.display());
        for command in ["import", "verify"] {
            let report = self.keyferry(
                command,
                &["--rp-id", "example.com", "--user-handle", "external-user-id", "--to", &target],
            );
            assert_eq!(
                (report.pointer("/counts/refused"), report.pointer("/counts/conflict")),
                (Some(&0.into()), Some(&0.into()))
            );
        }
        path
    }

    /// Returns how many credentials `inspect` says will log in at a target.
    pub(crate) fn promised(&self, target: &str) -> u64 {
        let report = self.keyferry("inspect", &[]);
        let table = report.pointer("/inspect/readiness").and_then(Value::as_array).unwrap();
        let line = table.iter().find(|line| line["target"] == target).unwrap();
        line["log_in"].as_u64().unwrap()
    }

    fn keyferry(&self, command: &str, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_keyferry"))
            .arg(command)
            .arg(&self.export)
            .arg("--json")
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Finds a tool of another language; its absence is a failure in CI and said aloud elsewhere.
pub(crate) fn tool(name: &str, needs: &Path) -> Option<PathBuf> {
    let found = std::env::var_os("PATH").and_then(|paths| {
        std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.is_file())
    });
    if found.is_some() && needs.exists() {
        return found;
    }
    let reason =
        format!("{name} or {} is missing; scripts/test sets them up", needs.file_name().unwrap().display());
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{reason}");
    eprintln!("SKIPPED: {reason}");
    None
}
