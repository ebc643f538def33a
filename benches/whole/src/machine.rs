//! What a reader must know to compare figures: the day, the machine's shape, the file, and the versions of the peers.

use std::{fs, process::Command, thread};

use crate::bench::Bench;

/// The lines above the table.
pub(crate) fn heading(bench: &Bench) -> String {
    let date = jiff::Timestamp::now().to_string();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let export = &bench.export;
    let mut versions: Vec<String> = VERSIONS.iter().filter_map(|line| version(bench, line)).collect();
    versions.push(format!("SQLite {} (built in)", rusqlite::version()));
    versions.extend(version(bench, &["SQLite shell", "sqlite3", "--version"]));
    format!(
        "{}, {cores} cores, {}\n\n{} rows ({} MB as .csv.gz, {} MB as .csv), {} distinct credential IDs, {} distinct \
         public keys; medians of {} rounds.\nPeers: {}.\n",
        date.split('T').next().unwrap_or_default(),
        memory().unwrap_or_else(|| "unknown memory".to_owned()),
        export.rows,
        megabytes(&export.gz),
        megabytes(&export.csv),
        export.credential_ids,
        export.public_keys,
        bench.rounds,
        versions.join(", "),
    )
}

/// A name, a program of the folder of the benchmarks or of the PATH, and how it says its version.
const VERSIONS: [&[&str]; 10] = [
    &["gzip", "gzip", "--version"],
    &["csv", "cargo", "pkgid", "--offline", "-p", "csv"],
    &["Python", PYTHON, "--version"],
    &["webauthn", PYTHON, "-c", "from importlib.metadata import version; print(version('webauthn'))"],
    &["cryptography", PYTHON, "-c", "from importlib.metadata import version; print(version('cryptography'))"],
    &["awscrt", PYTHON, "-c", "from importlib.metadata import version; print(version('awscrt'))"],
    &["Node", "node", "--version"],
    &["csv-parse", "node", "-p", "require('./peers/node/node_modules/csv-parse/package.json').version"],
    &["PostgreSQL", "psql", "--version"],
    &["MariaDB", "mariadb", "--version"],
];
const PYTHON: &str = "peers/python/.venv/bin/python";

/// `None` for a peer that is not there.
fn version(bench: &Bench, line: &[&str]) -> Option<String> {
    let [name, program, arguments @ ..] = line else { return None };
    let inside = bench.folder.join(program);
    let program = if inside.exists() { inside } else { program.into() };
    let output = Command::new(program).args(arguments).current_dir(&bench.folder).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let number = output.status.success().then(|| number(&said))??;
    Some(format!("{name} {number}"))
}

/// The first word with a number and a point in it; MariaDB's clients name their own version before that.
fn number(said: &str) -> Option<&str> {
    let said = said.split_once("Distrib").map_or(said, |(_, rest)| rest);
    let mut words = said.split([' ', '@', ',', '\n']).map(|word| word.trim_start_matches('v'));
    words.find(|word| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit()))
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text.lines().next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} GiB of memory", kib.div_ceil(1 << 20)))
}

fn megabytes(path: &std::path::Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (said, found) in [
            ("gzip 1.12\nCopyright 2018", "1.12"),
            ("registry+https://example.org/index#csv@1.4.0", "1.4.0"),
            ("v20.1.0\n", "20.1.0"),
            ("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("mariadb  Ver 15.1 Distrib 10.11.19-MariaDB, for debian-linux-gnu", "10.11.19-MariaDB"),
        ] {
            assert_eq!(number(said), Some(found));
        }
    }
}
