//! The rows that were refused or in conflict, as they were, to be mended and fed in again.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use csv::{ByteRecord, WriterBuilder};
use keyferry_core::{Report, RowFault, Shown};
use keyferry_json::FileLock;
use keyferry_sources::{Cells, CsvRows, corbado};

use crate::{export::Export, files};

/// A place for rejected rows that can be written and that no other run writes.
pub(crate) struct Rejects {
    path: PathBuf,
    _lock: FileLock,
}

impl Rejects {
    /// Finds out before the work is done whether the file can be written.
    pub(crate) fn prepare(path: &Path, export: &Path) -> anyhow::Result<Self> {
        files::refuse_same(path, export, "the export")?;
        let lock = FileLock::acquire(path)?;
        keyferry_json::check_replaceable(path)
            .with_context(|| format!("cannot write {}", Shown(&path.to_string_lossy())))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Writes the rejected rows.
    pub(crate) fn write(&self, export: &Export, report: &Report) -> anyhow::Result<()> {
        write(&self.path, export, report)
    }
}

/// Writes the rejected rows with their place, code and reason in front of their own cells.
///
/// Our columns come first, so that a row with too many or too few cells stays as it was. The rows are read once more
/// from the export: nothing of them had to be kept in memory.
fn write(path: &Path, export: &Export, report: &Report) -> anyhow::Result<()> {
    let mut faults: BTreeMap<u64, Vec<&RowFault>> = BTreeMap::new();
    for entry in &report.faults {
        faults.entry(entry.location.row).or_default().push(entry);
    }
    let mut rows = CsvRows::open(export.file())?;
    // Columns that an earlier rejects file added are made anew, not doubled.
    let own: Vec<usize> = positions(rows.header());
    keyferry_json::replace_file(path, |out| {
        let mut writer = WriterBuilder::new().flexible(true).from_writer(out);
        let mut header = ByteRecord::from(&corbado::REJECT_COLUMNS[..]);
        let kept = rows.header().iter().enumerate().filter(|(at, _)| !own.contains(at));
        kept.for_each(|(_, name)| header.push_field(name.as_bytes()));
        writer.write_byte_record(&header)?;
        let mut left = faults.len();
        while left > 0 {
            let Some((location, cells)) = rows.next_row().map_err(io::Error::other)? else { break };
            let Some(entries) = faults.get(&location.row) else { continue };
            left -= 1;
            writer.write_byte_record(&rejected(entries, cells, &own))?;
        }
        writer.flush()
    })
    .with_context(|| format!("cannot write {}", Shown(&path.to_string_lossy())))
}

fn rejected(entries: &[&RowFault], cells: Cells<'_>, own: &[usize]) -> ByteRecord {
    let join = |part: &dyn Fn(&RowFault) -> String| {
        entries.iter().map(|entry| part(entry)).collect::<Vec<_>>().join("; ")
    };
    let location = entries.first().map(|entry| entry.location).unwrap_or_default();
    let mut record = ByteRecord::new();
    record.push_field(location.row.to_string().as_bytes());
    record.push_field(location.line.to_string().as_bytes());
    record.push_field(join(&|entry| corbado::column(entry.fault.item).to_owned()).as_bytes());
    record.push_field(join(&|entry| entry.fault.code.to_string()).as_bytes());
    record.push_field(join(&|entry| entry.fault.message.clone()).as_bytes());
    cells
        .iter()
        .enumerate()
        .filter(|(at, _)| !own.contains(at))
        .for_each(|(_, cell)| record.push_field(cell));
    record
}

fn positions(header: &[String]) -> Vec<usize> {
    let is_own = |(_, name): &(usize, &String)| corbado::REJECT_COLUMNS.contains(&name.as_str());
    header.iter().enumerate().filter(is_own).map(|(at, _)| at).collect()
}
