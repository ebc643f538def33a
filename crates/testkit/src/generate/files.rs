//! Writes a generated export and the files beside it, with all cores and flat memory.

use core::num::NonZero;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use thiserror::Error;

use super::output::{ExportFile, create_private};
use super::{Generator, lines};
use crate::export::HEADER;

/// Rows that one thread makes at a time.
const CHUNK: u64 = 256;

/// Where [`Generator::write`] put its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFiles {
    /// The number of rows.
    pub rows: u64,
    /// The export itself.
    pub export: PathBuf,
    /// The checksum of the export: `CRC64NVME:` and the base64 of 8 bytes.
    pub checksum: String,
    /// The file that holds the checksum, in one line.
    pub checksum_file: PathBuf,
    /// The private keys, one JSON object a line, unless left out.
    pub keys: Option<PathBuf>,
    /// The assertions of the next logins, one JSON object a line, unless left out.
    pub assertions: Option<PathBuf>,
}

/// An export could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A file could not be created or written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Generator {
    /// Writes the export to `out`, and beside it its checksum, the private keys and the assertions.
    ///
    /// An existing directory gets the file `YYYY-MM-DD-<rows>.csv.gz`; any other path is the file itself, compressed
    /// if its name ends in `.gz`. The other files have the same name with `.checksum`, `.keys.jsonl` and
    /// `.assertions.jsonl` in place of `.csv` or `.csv.gz`. Existing files are overwritten; files that are left out
    /// are not touched.
    ///
    /// # Errors
    ///
    /// * [`GenerateError::Write`] if a file cannot be created or written.
    pub fn write(&self, out: &Path) -> Result<GeneratedFiles, GenerateError> {
        self.write_with_progress(out, |_| ())
    }

    /// Writes like [`write`](Self::write) and calls `progress` with the number of rows done, after every 256.
    ///
    /// # Errors
    ///
    /// * [`GenerateError::Write`] if a file cannot be created or written.
    pub fn write_with_progress(
        &self,
        out: &Path,
        mut progress: impl FnMut(u64),
    ) -> Result<GeneratedFiles, GenerateError> {
        let mut files = self.place(out);
        let mut writers = Writers::create(&files)?;
        let threads = self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
        let chunks = self.rows.div_ceil(CHUNK);

        // Thread t makes the chunks t, t + threads, … into a short queue of its own. Reading the queues in turn puts
        // the chunks in order, and a full queue holds its thread back: neither sorting nor memory grows with the rows.
        thread::scope(|scope| {
            let mut queues = Vec::with_capacity(threads);
            for (first, _) in (0..chunks).zip(0..threads) {
                let (sender, queue) = sync_channel(2);
                scope.spawn(move || self.make((first..chunks).step_by(threads), &sender));
                queues.push(queue);
            }
            (0..chunks).zip(queues.iter().cycle()).try_for_each(|(number, queue)| {
                let chunk = receive(queue).map_err(failed(&files.export))?;
                writers.write(&chunk)?;
                progress(self.rows.min((number + 1) * CHUNK));
                Ok(())
            })
        })?;

        files.checksum = writers.finish()?;
        fs::write(&files.checksum_file, format!("{}\n", files.checksum))
            .map_err(failed(&files.checksum_file))?;
        Ok(files)
    }

    /// The paths of all files; the checksum comes when the export is complete.
    fn place(&self, out: &Path) -> GeneratedFiles {
        let export = if out.is_dir() {
            out.join(format!("{}-{}.csv.gz", self.date, self.rows))
        } else {
            out.to_path_buf()
        };
        let name = export.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        let stem = stem.strip_suffix(".csv").unwrap_or(stem);
        let beside = |extension: &str| export.with_file_name(format!("{stem}.{extension}"));
        GeneratedFiles {
            rows: self.rows,
            checksum: String::new(),
            checksum_file: beside("checksum"),
            keys: self.with_assertions.then(|| beside("keys.jsonl")),
            assertions: self.with_assertions.then(|| beside("assertions.jsonl")),
            export,
        }
    }

    /// Makes these chunks until nobody takes them any more.
    fn make(&self, chunks: impl Iterator<Item = u64>, queue: &SyncSender<io::Result<Chunk>>) {
        for number in chunks {
            let start = number * CHUNK;
            let chunk = self.render(start, self.rows.min(start + CHUNK));
            if queue.send(chunk).is_err() {
                return;
            }
        }
    }

    fn render(&self, start: u64, end: u64) -> io::Result<Chunk> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut chunk = Chunk::default();
        for generated in self.range(start, end) {
            csv.write_record(generated.row.fields())?;
            if self.with_assertions {
                lines::append(&generated, &mut chunk.keys, &mut chunk.assertions)?;
            }
        }
        chunk.csv = csv.into_inner().map_err(io::Error::other)?;
        Ok(chunk)
    }
}

/// Some rows as they stand in the three files.
#[derive(Default)]
struct Chunk {
    csv: Vec<u8>,
    keys: Vec<u8>,
    assertions: Vec<u8>,
}

fn receive(queue: &Receiver<io::Result<Chunk>>) -> io::Result<Chunk> {
    queue.recv().unwrap_or_else(|_| Err(io::Error::other("a thread stopped before its rows were done")))
}

/// The open files.
struct Writers {
    export: Named<ExportFile>,
    keys: Option<Named<BufWriter<File>>>,
    assertions: Option<Named<BufWriter<File>>>,
}

impl Writers {
    fn create(files: &GeneratedFiles) -> Result<Self, GenerateError> {
        let gzip = files.export.extension().is_some_and(|extension| extension == "gz");
        let mut export = Named::create(&files.export, |path| ExportFile::create(path, gzip))?;
        export.write(format!("{}\n", HEADER.join(",")).as_bytes())?;
        let keys = files.keys.as_deref().map(|path| Named::create(path, create_private));
        let assertions = files.assertions.as_deref().map(|path| {
            Named::create(path, |path| Ok(BufWriter::with_capacity(1 << 16, File::create(path)?)))
        });
        Ok(Self { export, keys: keys.transpose()?, assertions: assertions.transpose()? })
    }

    fn write(&mut self, chunk: &Chunk) -> Result<(), GenerateError> {
        self.export.write(&chunk.csv)?;
        self.keys.as_mut().map_or(Ok(()), |file| file.write(&chunk.keys))?;
        self.assertions.as_mut().map_or(Ok(()), |file| file.write(&chunk.assertions))
    }

    /// Completes all files and returns the checksum of the export.
    fn finish(self) -> Result<String, GenerateError> {
        for mut file in self.keys.into_iter().chain(self.assertions) {
            file.writer.flush().map_err(failed(&file.path))?;
        }
        self.export.writer.finish().map_err(failed(&self.export.path))
    }
}

/// A file with its path, for the message when it fails.
struct Named<W> {
    path: PathBuf,
    writer: W,
}

impl<W: Write> Named<W> {
    fn create(path: &Path, open: impl FnOnce(&Path) -> io::Result<W>) -> Result<Self, GenerateError> {
        Ok(Self { path: path.to_path_buf(), writer: open(path).map_err(failed(path))? })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), GenerateError> {
        self.writer.write_all(bytes).map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> GenerateError {
    move |source| GenerateError::Write { path: path.to_path_buf(), source }
}
