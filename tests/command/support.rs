//! Runs the command in a folder of its own and keeps what it says.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The targets of one kind each, in both layouts of a file of records.
pub(crate) const TARGETS: [&str; 4] =
    ["sqlite:t.db", "simplewebauthn:t.json", "simplewebauthn:t.jsonl", "webauthn-rs:w.json"];

/// The file of a target's address.
pub(crate) fn file_of(target: &str) -> &str {
    target.split_once(':').unwrap().1
}

/// A folder in which the command runs; it goes away with the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with one export in it.
    pub(crate) fn with(name: &str, export: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, export);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The content of a file, `None` where there is none.
    pub(crate) fn find(&self, name: &str) -> Option<Vec<u8>> {
        self.path(name).exists().then(|| self.read(name))
    }

    /// The names of all files, hidden ones too, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The command, ready to be started in this folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyferry"));
        command.current_dir(self.0.path()).env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command with arguments that are separated by spaces.
    pub(crate) fn run(&self, args: &str) -> Outcome {
        let output = self.command().args(args.split_whitespace()).output().unwrap();
        Outcome::of(args, output)
    }

    /// Runs the command and writes `input` into its standard input.
    pub(crate) fn run_with_input(&self, args: &str, input: &[u8]) -> Outcome {
        let mut command = self.command();
        let mut child = command.args(args.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
        // The command may stop before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        Outcome::of(args, child.wait_with_output().unwrap())
    }

    /// Runs `plan`, `import` or `verify` of an export with `--json`; `more` are further arguments.
    pub(crate) fn carry(&self, verb: &str, export: &str, target: &str, more: &str) -> Outcome {
        let rp_id = if more.contains("--rp-id") { "" } else { "--rp-id example.com" };
        self.run(&format!("{verb} {export} --to {target} {rp_id} {more} --json"))
    }

    /// Imports and demands that every row was taken.
    pub(crate) fn import(&self, export: &str, target: &str) -> Outcome {
        self.carry("import", export, target, "").expect(0)
    }
}

/// What a run of the command ended with.
#[derive(Debug)]
pub(crate) struct Outcome {
    args: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(args: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            args: args.split_whitespace().collect::<Vec<_>>().join(" "),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Demands an exit code; a message shows everything that the command said.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.shown());
        self
    }

    /// Demands that the command stopped, and printed no data.
    pub(crate) fn expect_stopped(self) -> Self {
        let outcome = self.expect(2);
        assert_eq!(outcome.stdout, "", "{}", outcome.shown());
        outcome
    }

    /// The one object on standard output, and nothing else there.
    pub(crate) fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("{}", self.shown()));
        assert!(!line.contains('\n'), "{}", self.shown());
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}\n{}", self.shown()))
    }

    /// One of the counts.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.json()["counts"][name].as_u64().unwrap_or_else(|| panic!("{name}\n{}", self.shown()))
    }

    /// The counts that are not zero, such as `read 3, inserted 3`.
    pub(crate) fn counts(&self) -> String {
        let object = self.json();
        let counts = object["counts"].as_object().unwrap();
        let named = counts.iter().filter(|(_, count)| **count != 0);
        named.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// Row and code of each fault, such as `3 key-changed`.
    pub(crate) fn faults(&self) -> Vec<String> {
        let object = self.json();
        let faults = object["faults"].as_array().unwrap().iter();
        faults.map(|fault| format!("{} {}", fault["row"], fault["code"].as_str().unwrap())).collect()
    }

    /// Exit code and both outputs, as snapshots have them.
    pub(crate) fn shown(&self) -> String {
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        format!(
            "$ keyferry {}\nexit: {code}\n--- stdout\n{}--- stderr\n{}",
            self.args, self.stdout, self.stderr
        )
    }
}

/// Compares runs of the command with the snapshot of this name.
pub(crate) fn snapshot(name: &str, outcomes: &[Outcome]) {
    let text: Vec<_> = outcomes.iter().map(Outcome::shown).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r#""seconds":[0-9.e-]+"#, r#""seconds":[seconds]"#);
    settings.add_filter(r"\bprocess [0-9]+", "process [number]");
    settings.add_filter(r"/[^ \n]*/\.tmp[A-Za-z0-9]{6}", "[folder]");
    settings.bind(|| insta::assert_snapshot!(name, text.join("\n")));
}
