//! Rows that are ready for each database's own bulk load, in the order of the export: taken from an import, so that what
//! the peers load is what keyferry wrote.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rusqlite::{Connection, Row, types::ValueRef};

/// How PostgreSQL keeps a column.
#[derive(Clone, Copy)]
enum Kind {
    Bytes,
    Text,
    Int4,
    Int8,
    Bool,
    Time,
}

const COLUMNS: [(&str, Kind); 18] = [
    ("credential_id", Kind::Bytes),
    ("public_key", Kind::Bytes),
    ("cose_algorithm", Kind::Int4),
    ("sign_count", Kind::Int8),
    ("transports", Kind::Text),
    ("uv_initialized", Kind::Bool),
    ("backup_eligible", Kind::Bool),
    ("backup_state", Kind::Bool),
    ("aaguid", Kind::Bytes),
    ("authenticator_attachment", Kind::Text),
    ("attestation_format", Kind::Text),
    ("created_at", Kind::Time),
    ("status", Kind::Text),
    ("user_id", Kind::Text),
    ("external_user_id", Kind::Text),
    ("user_handle", Kind::Bytes),
    ("rp_id", Kind::Text),
    ("account", Kind::Text),
];

/// Writes `ready.db`, `postgres.copy` and `mariadb.tsv`.
pub(crate) fn write(imported: &Path, export: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut database = Connection::open(folder.join("ready.db"))?;
    database
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")?;
    order(&mut database, imported, export)?;

    let mut select = database.prepare("SELECT * FROM ready ORDER BY rowid")?;
    anyhow::ensure!(select.column_names() == COLUMNS.map(|(name, _)| name), "the table has other columns");
    let mut postgres = BufWriter::new(File::create(folder.join("postgres.copy"))?);
    let mut mariadb = BufWriter::new(File::create(folder.join("mariadb.tsv"))?);
    postgres.write_all(b"PGCOPY\n\xff\r\n\0")?;
    postgres.write_all(&[0; 8])?; // no flags, no more header
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        write_postgres(row, &mut postgres)?;
        write_mariadb(row, &mut mariadb)?;
    }
    postgres.write_all(&(-1_i16).to_be_bytes())?;
    postgres.flush()?;
    mariadb.flush()?;
    Ok(())
}

/// Copies the rows into a table without keys, in the order of the export.
fn order(database: &mut Connection, imported: &Path, export: &Path) -> anyhow::Result<()> {
    database.execute("ATTACH ? AS imported", [imported.to_str().context("a path that is no text")?])?;
    database
        .execute_batch("CREATE TABLE ready AS SELECT * FROM imported.webauthn_credentials WHERE false")?;
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64url = GeneralPurpose::new(&alphabet::URL_SAFE, lenient);
    let mut reader = csv::Reader::from_path(export)?;
    let column = reader.headers()?.iter().position(|name| name == "credentialId");
    let column = column.context("no column credentialId")?;
    let transaction = database.transaction()?;
    let mut copy = transaction
        .prepare("INSERT INTO ready SELECT * FROM imported.webauthn_credentials WHERE credential_id = ?")?;
    let mut row = csv::ByteRecord::new();
    while reader.read_byte_record(&mut row)? {
        let id = base64url.decode(&row[column])?;
        anyhow::ensure!(copy.execute([id])? == 1, "a row of the export was not imported");
    }
    drop(copy);
    Ok(transaction.commit()?)
}

/// One row of PostgreSQL's binary COPY.
fn write_postgres(row: &Row<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    out.write_all(&i16::try_from(COLUMNS.len())?.to_be_bytes())?;
    for (at, (name, kind)) in COLUMNS.into_iter().enumerate() {
        let mut field = |bytes: &[u8]| {
            out.write_all(&i32::try_from(bytes.len()).map_err(std::io::Error::other)?.to_be_bytes())?;
            out.write_all(bytes)
        };
        match (kind, row.get_ref(at)?) {
            (_, ValueRef::Null) => out.write_all(&(-1_i32).to_be_bytes())?,
            (Kind::Bytes, ValueRef::Blob(bytes)) | (Kind::Text, ValueRef::Text(bytes)) => field(bytes)?,
            (Kind::Int4, ValueRef::Integer(number)) => field(&i32::try_from(number)?.to_be_bytes())?,
            (Kind::Int8, ValueRef::Integer(number)) => field(&number.to_be_bytes())?,
            (Kind::Bool, ValueRef::Integer(number)) => field(&[u8::from(number != 0)])?,
            (Kind::Time, ValueRef::Text(text)) => field(&microseconds(text)?.to_be_bytes())?,
            _ => anyhow::bail!("{name} is of another type"),
        }
    }
    Ok(())
}

/// Since 2000, as PostgreSQL counts.
fn microseconds(text: &[u8]) -> anyhow::Result<i64> {
    const EPOCH: i64 = 946_684_800_000_000;
    let time: jiff::Timestamp = std::str::from_utf8(text)?.parse()?;
    Ok(time.as_microsecond() - EPOCH)
}

/// One line as MariaDB writes it itself, with `INTO OUTFILE`.
fn write_mariadb(row: &Row<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    for (at, (_, kind)) in COLUMNS.into_iter().enumerate() {
        if at > 0 {
            out.write_all(b"\t")?;
        }
        match (kind, row.get_ref(at)?) {
            (_, ValueRef::Null) => out.write_all(b"\\N")?,
            (_, ValueRef::Integer(number)) => write!(out, "{number}")?,
            (Kind::Time, ValueRef::Text(text)) => {
                let text = std::str::from_utf8(text)?.replace('T', " ");
                out.write_all(text.trim_end_matches('Z').as_bytes())?;
            }
            (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => escape(bytes, out)?,
            (_, ValueRef::Real(_)) => anyhow::bail!("no column holds such numbers"),
        }
    }
    out.write_all(b"\n")?;
    Ok(())
}

fn escape(bytes: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    for piece in bytes.split_inclusive(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | 0)) {
        let (last, before) = piece.split_last().unwrap_or((&b' ', &[]));
        let escaped: &[u8] = match last {
            b'\\' => b"\\\\",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            0 => b"\\0",
            _ => {
                out.write_all(piece)?;
                continue;
            }
        };
        out.write_all(before)?;
        out.write_all(escaped)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mariadb_would_take_for_its_own_is_escaped() {
        let mut out = Vec::new();
        escape(b"a\tb\\\n\0\0c", &mut out).unwrap();
        assert_eq!(out, b"a\\tb\\\\\\n\\0\\0c");
    }

    #[test]
    fn times_of_postgresql() {
        assert_eq!(microseconds(b"2000-01-01T00:00:01.000002Z").unwrap(), 1_000_002);
        assert_eq!(microseconds(b"1999-12-31T23:59:59.000000Z").unwrap(), -1_000_000);
    }
}
