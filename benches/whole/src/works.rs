//! The works that are measured: one function each, which runs ours and the peer and makes sure that both did it.

mod checksum;
mod inspect;
mod jsonl;
mod large;
mod mariadb;
mod postgres;
mod sqlite;
mod start;
mod verify;

use crate::{bench::Bench, table::Line};

/// A work and how it is measured.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Needs an export of ten times as many rows.
    pub(crate) is_large: bool,
    pub(crate) run: fn(&Bench) -> anyhow::Result<Vec<Line>>,
}

const fn work(name: &'static str, about: &'static str, run: fn(&Bench) -> anyhow::Result<Vec<Line>>) -> Work {
    Work { name, about, is_large: false, run }
}

const fn large(
    name: &'static str,
    about: &'static str,
    run: fn(&Bench) -> anyhow::Result<Vec<Line>>,
) -> Work {
    Work { name, about, is_large: true, run }
}

/// All of them, in the order of the table.
pub(crate) const WORKS: &[Work] = &[
    work("inspect-gzip", "inspect of the .csv.gz beside gzip -dc", inspect::gzip),
    work("inspect-csv", "inspect of the .csv beside a loop over csv's ByteRecord", inspect::csv),
    work("inspect-python", "inspect beside csv, webauthn and cryptography in Python", inspect::python),
    work("checksum", "checksum beside the vendor's program with awscrt", checksum::awscrt),
    work("jsonl-node", "import to JSON Lines beside csv-parse in Node", jsonl::node),
    work(
        "sqlite-shell",
        "import to a new SQLite file beside the shell's .import and an upsert",
        sqlite::shell,
    ),
    work("sqlite-insert", "the same beside a raw insert of ready rows", sqlite::insert),
    work("postgres-copy", "import to PostgreSQL beside COPY BINARY of ready rows", postgres::copy),
    work("postgres-recipe", "the same beside a recipe for psql", postgres::recipe),
    work("postgres-second", "a second import beside the recipe's second run", postgres::second),
    work("mariadb-load", "import to MariaDB beside LOAD DATA of ready rows", mariadb::load),
    work("mariadb-second", "a second import into MariaDB beside the first one", mariadb::second),
    work("sqlite-second", "a second import into SQLite beside the first one", sqlite::second),
    work("verify-sqlite", "verify beside import, SQLite", verify::sqlite),
    work("verify-postgres", "verify beside import, PostgreSQL", verify::postgres),
    work("verify-mariadb", "verify beside import, MariaDB", verify::mariadb),
    work("verify-jsonl", "verify beside import, JSON Lines", verify::jsonl),
    large("large-inspect", "inspect of ten times as many rows: memory, time", large::inspect),
    large("large-sqlite", "import of ten times as many rows into SQLite: memory, time", large::sqlite),
    large("large-postgres", "the same into PostgreSQL", large::postgres),
    large("large-jsonl", "the same to JSON Lines: memory", large::jsonl),
    work("start", "cold start of keyferry --help", start::help),
    work("size", "size of the stripped release binary", start::size),
];

/// The rows of a peer's answer must be those of the export: a peer that loaded nothing is fast and proves nothing.
fn same_rows(what: &str, found: u64, expected: u64) -> anyhow::Result<()> {
    anyhow::ensure!(found == expected, "{what}: {found} rows instead of {expected}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_work_has_a_name_of_its_own() {
        let mut names = HashSet::new();
        assert!(WORKS.iter().all(|work| names.insert(work.name)));
    }
}
