//! One run of one process: what it took, and what it said.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Context as _;
use serde_json::Value;
use wait4::Wait4 as _;

/// What a process and the children it waited for took.
pub(crate) struct Run {
    /// User and system time, in seconds. A database's server is nobody's child: its time is not in here.
    pub(crate) cpu: f64,
    /// From the start to the end, in seconds.
    pub(crate) wall: f64,
    /// The highest resident memory of any one of them, in bytes.
    pub(crate) peak_memory: u64,
    /// What was printed.
    pub(crate) output: String,
}

impl Run {
    /// Reads what was printed as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.output).with_context(|| format!("not JSON: {}", self.output))
    }

    /// Takes a whole number out of the JSON that was printed, by its path.
    pub(crate) fn number(&self, pointer: &str) -> anyhow::Result<u64> {
        let value = self.json()?.pointer(pointer).and_then(Value::as_u64);
        value.with_context(|| format!("no number {pointer} in {}", self.output))
    }
}

/// Runs a process to its end and keeps its output in a file, which no pipe can hold up.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Run> {
    let mut output = tempfile::tempfile()?;
    let run = measured(command, output.try_clone()?.into())?;
    Ok(Run { output: read(&mut output)?, ..run })
}

/// Runs a process whose output nobody reads.
pub(crate) fn run_to_null(command: &mut Command) -> anyhow::Result<Run> {
    measured(command, Stdio::null())
}

fn measured(command: &mut Command, output: Stdio) -> anyhow::Result<Run> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut errors = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors.try_clone()?);
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
    let used = child.wait4()?;
    let wall = start.elapsed().as_secs_f64();
    anyhow::ensure!(used.status.success(), "{name}: {}: {}", used.status, read(&mut errors)?.trim_end());
    Ok(Run {
        cpu: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        wall,
        peak_memory: used.rusage.maxrss,
        output: String::new(),
    })
}

fn read(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_its_children() {
        let busy = "head -c 30000000 /dev/zero | cksum";
        let run = run(Command::new("sh").args(["-c", busy])).unwrap();
        assert!(run.cpu > 0.0 && run.wall > 0.0, "{} {}", run.cpu, run.wall);
        assert!(run.peak_memory > 100_000 && run.peak_memory < 1 << 30, "{}", run.peak_memory);
        assert!(run.output.contains("30000000"), "{}", run.output);
    }

    #[test]
    fn a_failure_is_none_of_ours() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).err().unwrap();
        assert!(error.to_string().contains("why"), "{error}");
    }
}
