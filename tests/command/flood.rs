//! A long export, and what an undisturbed import makes of it; made once for all tests.

use std::{
    collections::HashMap,
    fs,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use keyferry_testkit::Generator;

use crate::{
    database::dump,
    support::{Folder, Outcome, file_of},
};

/// The records of one batch of a new SQLite database, and so of one transaction.
pub(crate) const BATCH: usize = 24_576;

/// The rows of the export: few enough for a debug build, or more than a batch where `KEYFERRY_LARGE` is set.
pub(crate) fn row_count() -> usize {
    if is_large() { 40_000 } else { 2000 }
}

pub(crate) fn is_large() -> bool {
    std::env::var_os("KEYFERRY_LARGE").is_some()
}

static EXPORT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    let rows = u64::try_from(row_count()).unwrap();
    let generator = Generator::new(rows, 7, "example.com").with_assertions(false);
    fs::read(generator.write(&folder.path("export.csv")).unwrap().export).unwrap()
});

/// A folder with the export in it.
pub(crate) fn folder() -> Folder {
    Folder::with("export.csv", &*EXPORT)
}

/// An undisturbed import: what stands in the target at its end, and how long it took.
#[derive(Clone)]
pub(crate) struct Undisturbed {
    pub(crate) content: Content,
    pub(crate) took: Duration,
}

/// What stands in a target: the bytes of a file of records, the rows of a database.
#[derive(Clone, PartialEq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Rows(Vec<String>),
}

pub(crate) fn undisturbed(target: &'static str) -> Undisturbed {
    static KNOWN: LazyLock<Mutex<HashMap<&str, Undisturbed>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let made = known.entry(target).or_insert_with(|| {
        let folder = folder();
        let started = Instant::now();
        folder.import("export.csv", target);
        Undisturbed { content: content(&folder, target), took: started.elapsed() }
    });
    made.clone()
}

pub(crate) fn content(folder: &Folder, target: &str) -> Content {
    match target.split_once(':') {
        Some(("sqlite", file)) => Content::Rows(dump(&folder.path(file))),
        _ => Content::Bytes(folder.read(file_of(target))),
    }
}

/// Runs an import to its end and demands that nothing shows that others were disturbed before.
pub(crate) fn finishes(folder: &Folder, target: &'static str) -> Outcome {
    let last = folder.import("export.csv", target);
    assert!(content(folder, target) == undisturbed(target).content, "{target} ends otherwise");
    assert_eq!(folder.files(), ["export.csv", file_of(target)], "something was left over");
    if let Some(("sqlite", file)) = target.split_once(':') {
        let indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
        let ours = keyferry_sql::schema(keyferry_sql::Dialect::Sqlite);
        let made = crate::database::ask(&folder.path(file), indexes);
        assert!(made.len() == 2 && made.iter().all(|sql| ours.contains(&format!("{sql};"))), "{made:?}");
    }
    last
}
