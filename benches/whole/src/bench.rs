//! What every work needs: the programs, the export, and places to write to.

use std::{
    cell::OnceCell,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{
    data::{self, Export},
    measure::{Run, run},
    servers::Servers,
};

/// The RP ID of every import.
const RP_ID: &str = "example.com";

/// What was built beside this program.
pub(crate) struct Programs {
    pub(crate) itself: PathBuf,
    pub(crate) keyferry: PathBuf,
    pub(crate) csv_loop: PathBuf,
    pub(crate) sqlite_insert: PathBuf,
}

/// A benchmark that is under way.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
    pub(crate) programs: Programs,
    pub(crate) export: Export,
    pub(crate) servers: Servers,
    /// `benches/`.
    pub(crate) folder: PathBuf,
    work: TempDir,
    ready: OnceCell<PathBuf>,
    large: OnceCell<PathBuf>,
}

impl Bench {
    /// Finds the programs and generates the export.
    pub(crate) fn start(rows: u64, rounds: u32) -> anyhow::Result<Self> {
        let itself = env::current_exe()?;
        let beside = |name: &str| {
            let path = itself.with_file_name(name);
            anyhow::ensure!(path.exists(), "{} is missing: start benches/whole.sh", path.display());
            Ok(path)
        };
        let programs = Programs {
            keyferry: beside("keyferry")?,
            csv_loop: beside("csv_loop")?,
            sqlite_insert: beside("sqlite_insert")?,
            itself: itself.clone(),
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no folder benches")?.to_owned();
        let work = tempfile::Builder::new().prefix("keyferry-whole.").tempdir()?;
        let export = Export::make(&programs, rows, work.path())?;
        Ok(Self {
            rounds,
            programs,
            export,
            servers: Servers::default(),
            folder,
            work,
            ready: OnceCell::new(),
            large: OnceCell::new(),
        })
    }

    /// A place in the working folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// A place where nothing stands.
    pub(crate) fn new_path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        for beside in ["", "-journal", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(beside);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(path)
    }

    /// A program in the folder of the peers.
    pub(crate) fn peer(&self, name: &str) -> Command {
        Command::new(self.folder.join("peers").join(name))
    }

    /// The Python of the peers with a script of theirs, set up if it is not yet.
    pub(crate) fn python(&self, script: &str) -> anyhow::Result<Command> {
        run(&mut self.peer("python/setup"))?;
        let mut command = self.peer("python/.venv/bin/python");
        command.arg(self.folder.join("peers/python").join(script));
        Ok(command)
    }

    /// An export of ten times as many rows.
    pub(crate) fn large_rows(&self) -> u64 {
        self.export.rows * 10
    }

    /// The file of it, which is generated when it is first asked for.
    pub(crate) fn large(&self) -> anyhow::Result<&Path> {
        once(&self.large, || data::generate(&self.programs, self.large_rows(), self.work.path()))
    }

    /// The folder of the rows that are ready for each database: `ready.db`, `postgres.copy`, `mariadb.tsv`.
    pub(crate) fn ready(&self) -> anyhow::Result<&Path> {
        once(&self.ready, || {
            let folder = self.path("ready");
            fs::create_dir(&folder)?;
            let imported = self.path("imported.db");
            self.import(&self.export.gz, &sqlite(&imported))?;
            let mut command = Command::new(&self.programs.itself);
            run(command.arg("ready").args([&imported, &self.export.csv, &folder]))?;
            Ok(folder)
        })
    }

    /// Writes the DDL of our table for a database and returns the file.
    pub(crate) fn schema(&self, database: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(&format!("{database}.sql"));
        fs::write(&path, run(Command::new(&self.programs.keyferry).args(["schema", database]))?.output)?;
        Ok(path)
    }

    /// Runs `inspect`, and makes sure that it has read every row.
    pub(crate) fn inspect(&self, export: &Path, rows: u64) -> anyhow::Result<Run> {
        let done = run(Command::new(&self.programs.keyferry).arg("inspect").arg(export).arg("--json"))?;
        let (read, refused) = (done.number("/counts/read")?, done.number("/counts/refused")?);
        anyhow::ensure!((read, refused) == (rows, 0), "read {read} of {rows}, refused {refused}");
        Ok(done)
    }

    /// Runs `import` into an empty target, and makes sure that it wrote every row that the target can hold.
    pub(crate) fn import(&self, export: &Path, target: &str) -> anyhow::Result<Run> {
        let done = self.keyferry("import", export, target)?;
        let [read, inserted, skipped] =
            ["read", "inserted", "skipped"].map(|name| done.number(&format!("/counts/{name}")));
        let (read, inserted, skipped) = (read?, inserted?, skipped?);
        let is_whole =
            inserted > 0 && read == inserted + skipped && (skipped == 0 || target.contains(".json"));
        anyhow::ensure!(is_whole, "read {read}, inserted {inserted}, skipped {skipped}");
        Ok(done)
    }

    /// Runs a command on a target that holds the export already, and makes sure that it found nothing to do.
    pub(crate) fn again(&self, name: &str, target: &str) -> anyhow::Result<Run> {
        let done = self.keyferry(name, &self.export.gz, target)?;
        let (read, unchanged) = (done.number("/counts/read")?, done.number("/counts/unchanged")?);
        let skipped = done.number("/counts/skipped")?;
        let is_whole = unchanged > 0 && read == self.export.rows && read == unchanged + skipped;
        anyhow::ensure!(is_whole, "read {read}, unchanged {unchanged}, skipped {skipped}");
        Ok(done)
    }

    fn keyferry(&self, name: &str, export: &Path, target: &str) -> anyhow::Result<Run> {
        let mut command = Command::new(&self.programs.keyferry);
        run(command.arg(name).arg(export).args(["--rp-id", RP_ID, "--to", target, "--json"]))
    }
}

/// The address of a SQLite file.
pub(crate) fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// The address of a file of SimpleWebAuthn's records.
pub(crate) fn simplewebauthn(path: &Path) -> String {
    format!("simplewebauthn:{}", path.display())
}

fn once(cell: &OnceCell<PathBuf>, make: impl FnOnce() -> anyhow::Result<PathBuf>) -> anyhow::Result<&Path> {
    if cell.get().is_none() {
        // Nobody else can have set it.
        let _ = cell.set(make()?);
    }
    cell.get().map(PathBuf::as_path).context("nothing was made")
}
