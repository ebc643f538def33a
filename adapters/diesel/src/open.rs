//! Opening a table of credentials in each database.

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use keyferry_core::SinkError;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use keyferry_sql::{Access, Opening, TableMap};

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use crate::DieselSink;

/// Opens a table in a SQLite file.
///
/// For reading, nothing is created or changed, and what is missing counts as empty. For writing, a missing file is made
/// for its owner only, and a missing table of ours too; an existing database keeps its journal mode.
///
/// # Errors
/// - `Unreachable`: a symbolic link, a folder that does not exist or may not be written to, not a file;
/// - `SchemaMismatch`: not a SQLite database, or a table that does not take what the map says;
/// - `Busy`: another program has been writing for five seconds;
/// - `Refused`: a file that may not be written to, a full disk.
#[cfg(feature = "sqlite")]
pub fn open_sqlite(
    path: &std::path::Path,
    map: TableMap,
    access: Access,
) -> Result<DieselSink<crate::SqliteDatabase>, SinkError> {
    let file = keyferry_sql::SqliteFile::prepare(path, access)?;
    if !file.is_there() && access == Access::Read {
        return Ok(DieselSink::of_nothing());
    }
    let connected = match access {
        Access::Read if file.has_journal() => crate::connect_sqlite_read_only(file.path()),
        _ => crate::connect_sqlite(file.path()),
    };
    let name = file.name().to_owned();
    let opened =
        connected.map_err(|error| error.while_doing(format!("opening {name}"))).and_then(|mut database| {
            if access == Access::Read {
                let only =
                    keyferry_sql::ready(keyferry_sql::Database::run(&mut database, "PRAGMA query_only = ON"));
                if let Some(Err(error)) = only {
                    return Err(error.while_doing(format!("opening {name}")));
                }
            }
            DieselSink::open(database, Opening { map, access, name: name.clone() })
        });
    match opened {
        Ok(sink) if file.is_there() => Ok(sink),
        Ok(sink) => Ok(sink.with_new_file()),
        Err(error) => {
            file.undo();
            Err(error)
        }
    }
}

/// Opens a table in PostgreSQL by a URL, or what else libpq takes; `name` is the target in messages.
///
/// For writing, our own table is made where it is missing.
///
/// # Errors
/// - the server cannot be reached, or does not let this user in;
/// - as [`DieselSink::open`].
#[cfg(feature = "postgres")]
pub fn open_postgres(
    url: &str,
    name: &str,
    map: TableMap,
    access: Access,
) -> Result<DieselSink<crate::PgDatabase>, SinkError> {
    let database =
        crate::connect_postgres(url).map_err(|error| error.while_doing(format!("connecting to {name}")))?;
    DieselSink::open(database, Opening { map, access, name: name.to_owned() })
}

/// Opens a table in MySQL or MariaDB by a URL `mysql://user:password@host:port/database`; `name` is the target in
/// messages.
///
/// For writing, our own table is made where it is missing.
///
/// # Errors
/// - the server cannot be reached, or does not let this user in;
/// - as [`DieselSink::open`].
#[cfg(feature = "mysql")]
pub fn open_mysql(
    url: &str,
    name: &str,
    map: TableMap,
    access: Access,
) -> Result<DieselSink<crate::MySqlDatabase>, SinkError> {
    let database =
        crate::connect_mysql(url).map_err(|error| error.while_doing(format!("connecting to {name}")))?;
    DieselSink::open(database, Opening { map, access, name: name.to_owned() })
}
