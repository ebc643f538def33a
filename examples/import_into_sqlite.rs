//! How does my own Rust program import an export into its SQLite database?
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;

use keyferry_core::{Authority, Gate, Mode, Report, RpId, Rules, Run, Sink, UserHandleRule, gate, transfer};
use keyferry_json::FileLock;
use keyferry_sources::{ExportFile, Limits, corbado::Corbado};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use keyferry_testkit::Generator;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("passkeys.db");
    let made_up = Generator::new(500, 7, "example.com").write(folder.path())?;

    let file = ExportFile::open(&made_up.export, Limits::default())?;
    file.expect_checksum(made_up.checksum.parse()?)?;
    let export = Corbado::open(file)?;
    let rules =
        Rules { user_handle: UserHandleRule::ExternalUserId, ..Rules::new(RpId::parse("example.com")?) };

    // First the whole file, then the first write: the rows of a file are judged together.
    let checked = gate(|| Ok(export.batches(&rules)?), |_| {})?;
    assert_eq!(Some(checked.rows), export.file().rows_in_name());

    let _lock = FileLock::acquire(&database)?; // one import at a time
    let mut sink = BlockingSqliteSink::connect(&database, Access::Write)?;
    for mode in [Mode::Plan, Mode::Apply, Mode::Apply, Mode::Verify] {
        let report = run(&export, &rules, &checked, &mut sink, mode)?;
        println!("{mode:?}: {:?}", report.counts);
        assert!(report.is_clean() && report.counts.add_up());
    }
    Ok(())
}

fn run(
    export: &Corbado,
    rules: &Rules,
    checked: &Gate,
    sink: &mut dyn Sink,
    mode: Mode,
) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let mut report = Report::default();
    let run = Run { mode, authority: Authority::Export };
    transfer(export.rows(rules)?, checked, sink, run, &mut report, |_| {})?;
    Ok(report)
}
