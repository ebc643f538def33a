//! Which table of a database an import goes to: ours, ours under another name, or an application's own.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Args;
use keyferry_core::{SinkError, SinkErrorKind};
use keyferry_sql::{Dialect, MapError, SHIPPED, TableMap, TableName};

use crate::{output, targets::Target};

/// The arguments that say which table.
#[derive(Args)]
pub(crate) struct TableArgs {
    /// The table of a database, such as auth.webauthn_credentials [default: webauthn_credentials, or the map's]
    #[arg(long, value_name = "TABLE")]
    table: Option<TableName>,
    /// A table that belongs to an application: a map's name (see `keyferry maps`), or a TOML file
    #[arg(long, value_name = "MAP")]
    table_map: Option<String>,
}

/// Which table, decided before anything is opened.
pub(crate) struct Tables {
    table: Option<TableName>,
    map: Option<TableMap>,
}

impl TableArgs {
    /// Reads the map for the kind of database of the target.
    pub(crate) fn read(&self, target: &Target) -> anyhow::Result<Tables> {
        let Some(dialect) = target.dialect() else {
            if self.table.is_some() || self.table_map.is_some() {
                bail!("--table and --table-map are for databases, and {target} is none");
            }
            return Ok(Tables { table: None, map: None });
        };
        let mut map = match &self.table_map {
            Some(name) => Some(find(name, dialect)?),
            None => None,
        };
        if let (Some(map), Some(table)) = (&mut map, &self.table) {
            map.table = table.clone();
        }
        Ok(Tables { table: self.table.clone(), map })
    }
}

fn find(name: &str, dialect: Dialect) -> anyhow::Result<TableMap> {
    let shown = keyferry_core::Shown(name);
    let read = match TableMap::shipped(name, dialect) {
        Some(map) => map,
        None => match TableMap::open(Path::new(name), dialect) {
            Err(MapError::Read(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let known: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
                bail!("there is no map or file `{shown}`; maps: {}", known.join(", "))
            }
            read => read,
        },
    };
    read.with_context(|| format!("--table-map {shown}"))
}

impl Tables {
    /// Returns the map for a kind of database.
    pub(crate) fn map(&self, dialect: Dialect) -> Result<TableMap, SinkError> {
        match &self.map {
            Some(map) => Ok(map.clone()),
            None if self
                .table
                .as_ref()
                .is_some_and(|table| dialect == Dialect::Sqlite && table.schema().is_some()) =>
            {
                let action = "a SQLite file has no schemas: leave the one in --table out";
                Err(SinkError::new(SinkErrorKind::SchemaMismatch, action))
            }
            None => Ok(Target::default_map(dialect, self.table.as_ref())),
        }
    }
}

/// Prints the names of the maps, or one of them.
pub(crate) fn print(name: Option<&str>) -> anyhow::Result<bool> {
    let Some(name) = name else {
        let names: String = SHIPPED.iter().map(|(name, _)| format!("{name}\n")).collect();
        output::data(&names)?;
        return Ok(true);
    };
    match SHIPPED.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => output::data(text).map(|()| true),
        None => bail!("there is no map `{}`; `keyferry maps` lists them", keyferry_core::Shown(name)),
    }
}
