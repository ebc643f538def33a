//! What the micro-benchmarks and the count of allocations share: rows and keys to work on.

use keyferry_core::{DecodeError, RpId, Rules};
use keyferry_sources::{ExportFile, Limits, corbado::Corbado};
use keyferry_testkit::{Algorithm, Generator, HEADER, TestKey};

/// A plain export of generated rows, open.
pub struct Export {
    export: Corbado,
    rules: Rules,
    rows: u64,
    _file: tempfile::NamedTempFile,
}

impl Export {
    /// Writes the first rows of a generated export; those of a longer one begin with the same.
    ///
    /// # Errors
    /// - the temporary folder cannot be written to.
    pub fn new(rows: u64) -> anyhow::Result<Self> {
        let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
        let mut writer = csv::Writer::from_path(file.path())?;
        writer.write_record(HEADER)?;
        for generated in Generator::new(rows, 1, "example.com").credentials() {
            writer.write_record(generated.row.fields())?;
        }
        writer.flush()?;
        let export = Corbado::open(ExportFile::open(file.path(), Limits::default())?)?;
        Ok(Self { export, rules: Rules::new(RpId::parse("example.com")?), rows, _file: file })
    }

    /// Decodes every row into a record and drops it.
    ///
    /// # Errors
    /// - a row is refused: what is measured would be something else.
    pub fn decode(&self) -> anyhow::Result<()> {
        let mut decoded = 0;
        for row in self.export.rows(&self.rules)? {
            decoded += 1;
            row.map_err(|error| match error {
                DecodeError::Stop(error) => anyhow::anyhow!("{error}"),
                DecodeError::Row(faults) => anyhow::anyhow!("{:?}", faults.faults),
            })?;
        }
        anyhow::ensure!(decoded == self.rows, "decoded {decoded} of {} rows", self.rows);
        Ok(())
    }
}

/// The algorithms whose keys are checked in different ways.
pub const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Es256k,
    Algorithm::EdDsa,
    Algorithm::Rs256,
];

/// Keys of an algorithm as COSE_Key, each another one; RSA has 16.
#[must_use]
pub fn keys(algorithm: Algorithm) -> Vec<Vec<u8>> {
    (0..16).map(|seed| TestKey::from_seed(algorithm, &[seed; 32]).cose()).collect()
}
