//! The statements over a table of credentials, as text.
//!
//! No statement decides by a conflict that it does not name: `REPLACE`, `ON DUPLICATE KEY UPDATE` and `INSERT OR IGNORE`
//! hand one user's passkey to another, or drop it without an error. Values are always binds or copied rows.

use crate::{
    COPY_TABLE, Dialect, Kind, TableName,
    catalog::{FoundColumn, copy_type},
    name::quote,
    table::{Bound, BoundAccount, BoundRow, Table},
};

/// The most binds of one statement: SQLite's and MySQL's limits, less what a statement has beside its rows.
pub(crate) fn max_binds(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 32_000,
        Dialect::MySql | Dialect::Postgres => 65_000,
    }
}

/// Returns the columns that are read, in the order of [`select`].
pub(crate) fn read_columns(table: &Table) -> impl Iterator<Item = &Bound> {
    table.columns.iter().filter(|column| column.is_read())
}

/// Reads the credentials of these many keys: what stands in the columns of [`read_columns`], and then, where there is a
/// table of accounts, the name of the account.
///
/// With `is_locked` they stay as they are until the transaction ends.
pub(crate) fn select(table: &Table, keys: usize, is_locked: bool) -> String {
    let dialect = table.dialect;
    let mut columns: Vec<String> =
        read_columns(table).map(|column| read(dialect, &column.found, "t")).collect();
    if let Some(account) = &table.account {
        let bound =
            table.columns.iter().find(|column| matches!(column.content, crate::map::Content::AccountId));
        let bound = bound.map(|column| column.quoted(dialect)).unwrap_or_default();
        columns.push(format!(
            "(SELECT {} FROM {} AS u WHERE u.{} = t.{bound})",
            as_text(dialect, &account.matches, "u"),
            account.table.quoted(dialect),
            quote(dialect, &account.id.name),
        ));
    }
    format!(
        "SELECT {} FROM {} AS t WHERE {}{}",
        columns.join(", "),
        table.name.quoted(dialect),
        table.columns.get(table.key).map(|key| in_list(dialect, key, "t", keys)).unwrap_or_default(),
        locking(dialect, is_locked),
    )
}

/// Reads which of these many keys are there, as they stand there.
pub(crate) fn select_keys(
    dialect: Dialect,
    row: &TableName,
    key: &Bound,
    keys: usize,
    is_locked: bool,
) -> String {
    format!(
        "SELECT {} FROM {} AS t WHERE {}{}",
        read(dialect, &key.found, "t"),
        row.quoted(dialect),
        in_list(dialect, key, "t", keys),
        locking(dialect, is_locked),
    )
}

/// Finds accounts by these many names: the name as it stands there, and the account's own value.
pub(crate) fn select_accounts(dialect: Dialect, account: &BoundAccount, names: usize) -> String {
    let name = quote(dialect, &account.matches.name);
    let list = match (dialect, account.matches.kind) {
        (Dialect::Postgres, _) => {
            format!("u.{name} = ANY($1::text[]{})", cast_of_array(&account.matches))
        }
        _ => format!("u.{name} IN ({})", list("?", names)),
    };
    format!(
        "SELECT {}, {} FROM {} AS u WHERE {list}",
        as_text(dialect, &account.matches, "u"),
        read(dialect, &account.id, "u"),
        account.table.quoted(dialect),
    )
}

/// Finds rows of a further table: the value of its changing key column, and the account's own value where it has one.
pub(crate) fn select_companions(dialect: Dialect, row: &BoundRow, changing: &Bound, keys: usize) -> String {
    let mut conditions = Vec::new();
    let mut number = 0;
    for column in row.key.iter().filter_map(|at| row.columns.get(*at)) {
        if !std::ptr::eq(column, changing) {
            number += 1;
            let value = column.found.write.replace("{}", &placeholder(dialect, number));
            conditions.push(format!("t.{} = {value}", column.quoted(dialect)));
        }
    }
    let in_list = match dialect {
        Dialect::Postgres => {
            let cast = cast_of_array(&changing.found);
            format!("t.{} = ANY(${}{cast})", changing.quoted(dialect), number + 1)
        }
        _ => format!("t.{} IN ({})", changing.quoted(dialect), list("?", keys)),
    };
    conditions.push(in_list);
    let bound = row.columns.iter().find(|column| matches!(column.content, crate::map::Content::AccountId));
    let account = bound.map(|column| format!(", {}", read(dialect, &column.found, "t"))).unwrap_or_default();
    format!(
        "SELECT {}{account} FROM {} AS t WHERE {}",
        read(dialect, &changing.found, "t"),
        row.table.quoted(dialect),
        conditions.join(" AND ")
    )
}

/// Adds these many rows: every column of the first row, then of the second, and so on.
///
/// With `key`, a row whose key is there already is passed over, so fewer affected rows than were sent mean that one was.
/// A collision with any other unique constraint is an error. `OR ABORT` stands there because a table may say
/// `UNIQUE ON CONFLICT REPLACE` for a column of its own, which would delete another user's row without an error.
pub(crate) fn insert(
    dialect: Dialect,
    table: &TableName,
    columns: &[Bound],
    key: Option<&Bound>,
    rows: usize,
) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.quoted(dialect)).collect();
    let row = format!("({})", list("?", columns.len()));
    let or_abort = if dialect == Dialect::Sqlite { " OR ABORT" } else { "" };
    format!(
        "INSERT{or_abort} INTO {} ({}) VALUES {}{}",
        table.quoted(dialect),
        names.join(", "),
        list(&row, rows),
        key.map(|key| format!(" ON CONFLICT ({}) DO NOTHING", key.quoted(dialect))).unwrap_or_default(),
    )
}

/// Adds the rows that were copied, in the order of the key, where neighbours share their pages.
pub(crate) fn insert_copied(
    table: &TableName,
    columns: &[Bound],
    order: usize,
    key: Option<&Bound>,
) -> String {
    let dialect = Dialect::Postgres;
    let names: Vec<_> = columns.iter().map(|column| column.quoted(dialect)).collect();
    let values: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| column.found.write.replace("{}", &format!("s.c{number}")))
        .collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM pg_temp.{COPY_TABLE} AS s ORDER BY s.c{order}{}",
        table.quoted(dialect),
        names.join(", "),
        values.join(", "),
        key.map(|key| format!(" ON CONFLICT ({}) DO NOTHING", key.quoted(dialect))).unwrap_or_default(),
    )
}

/// Makes the table that rows are copied into; it goes with the transaction.
pub(crate) fn create_copy_table(kinds: &[Kind]) -> String {
    let columns: Vec<_> =
        kinds.iter().enumerate().map(|(number, kind)| format!("c{number} {}", copy_type(*kind))).collect();
    format!("CREATE TEMPORARY TABLE {COPY_TABLE} ({}) ON COMMIT DROP", columns.join(", "))
}

/// Copies rows into the table itself.
pub(crate) fn copy_into(table: &Table) -> String {
    let columns: Vec<_> = table.columns.iter().map(|column| column.quoted(table.dialect)).collect();
    let name = table.name.quoted(table.dialect);
    format!("COPY {name} ({}) FROM STDIN WITH (FORMAT binary)", columns.join(", "))
}

/// Gives the table that rows are copied into another name, so that one with other columns can take its place.
pub(crate) fn put_copy_table_away(number: usize) -> String {
    format!("ALTER TABLE pg_temp.{COPY_TABLE} RENAME TO {COPY_TABLE}_{number}")
}

/// Gives it its name back.
pub(crate) fn take_copy_table(number: usize) -> String {
    format!("ALTER TABLE pg_temp.{COPY_TABLE}_{number} RENAME TO {COPY_TABLE}")
}

/// Makes room in it for other rows.
pub(crate) fn empty_copy_table() -> String {
    format!("TRUNCATE TABLE pg_temp.{COPY_TABLE}")
}

/// The columns of a change: the key, what must be as it was read, and what is written.
pub(crate) struct Change<'t> {
    pub(crate) table: &'t Table,
    pub(crate) key: &'t Bound,
    pub(crate) guards: Vec<&'t Bound>,
    /// Empty: the row is removed.
    pub(crate) sets: Vec<&'t Bound>,
}

impl<'t> Change<'t> {
    pub(crate) fn new(table: &'t Table, key: &'t Bound, is_removal: bool) -> Self {
        let of = |wanted: fn(&Bound) -> bool| table.columns.iter().filter(|column| wanted(column)).collect();
        let sets = if is_removal { Vec::new() } else { of(Bound::is_changeable) };
        Self { table, key, guards: of(Bound::is_guard), sets }
    }

    /// Returns how many values one row of the statement has.
    pub(crate) fn width(&self) -> usize {
        1 + self.guards.len() + self.sets.len()
    }

    /// Returns the kinds of those values.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let read = |column: &&Bound| self.table.read_kind(column.kind);
        let mut kinds = vec![self.key.kind];
        kinds.extend(self.guards.iter().map(read));
        kinds.extend(self.sets.iter().map(|column| self.table.wire(column.kind)));
        kinds
    }

    /// Changes the rows that still are as they were read; the others are not affected.
    ///
    /// The sign count is no guard, or a live target would always be stale: it meets the stored one at the higher of the
    /// two. Backup eligibility and user handle are only ever filled in where they were not known.
    pub(crate) fn text(&self, rows: usize) -> String {
        match self.table.dialect {
            Dialect::Sqlite => self.of_one_row(),
            Dialect::Postgres => self.of_copied_rows(),
            Dialect::MySql => self.of_listed_rows(rows),
        }
    }

    /// Binds: what is written, the key, what was read.
    fn of_one_row(&self) -> String {
        let dialect = Dialect::Sqlite;
        let table = self.table.name.quoted(dialect);
        let same = |column: &&Bound| format!("{} IS ?{}", column.quoted(dialect), binary(column));
        let mut conditions = vec![format!("{} = ?{}", self.key.quoted(dialect), binary(self.key))];
        conditions.extend(self.guards.iter().map(same));
        let conditions = conditions.join(" AND ");
        if self.sets.is_empty() {
            return format!("DELETE FROM {table} WHERE {conditions}");
        }
        let sets: Vec<_> = self
            .sets
            .iter()
            .map(|column| {
                let name = column.quoted(dialect);
                let value = column.found.write.replace("{}", "?");
                format!("{name} = {}", met(column, &name, &value, "max"))
            })
            .collect();
        format!("UPDATE OR ABORT {table} SET {} WHERE {conditions}", sets.join(", "))
    }

    fn of_copied_rows(&self) -> String {
        let dialect = Dialect::Postgres;
        let table = self.table.name.quoted(dialect);
        let mut key = self.key.found.write.replace("{}", "s.c0");
        if !self.key.found.collation.is_empty() {
            key = format!("{key} COLLATE {}", self.key.found.collation);
        }
        let mut conditions = vec![format!("t.{} = {key}", self.key.quoted(dialect))];
        conditions.extend(self.guards.iter().zip(1..).map(|(column, number)| {
            let read = read(dialect, &column.found, "t");
            match self.table.read_kind(column.kind) {
                Kind::Text => {
                    format!("({read}) COLLATE \"C\" IS NOT DISTINCT FROM s.c{number} COLLATE \"C\"")
                }
                _ => format!("{read} IS NOT DISTINCT FROM s.c{number}"),
            }
        }));
        let conditions = conditions.join(" AND ");
        if self.sets.is_empty() {
            return format!("DELETE FROM {table} AS t USING pg_temp.{COPY_TABLE} AS s WHERE {conditions}");
        }
        let first = 1 + self.guards.len();
        let sets: Vec<_> = self
            .sets
            .iter()
            .zip(first..)
            .map(|(column, number)| {
                let name = column.quoted(dialect);
                let value = column.found.write.replace("{}", &format!("s.c{number}"));
                format!("{name} = {}", met(column, &format!("t.{name}"), &value, "greatest"))
            })
            .collect();
        format!(
            "UPDATE {table} AS t SET {} FROM pg_temp.{COPY_TABLE} AS s WHERE {conditions}",
            sets.join(", ")
        )
    }

    /// Binds: of each row the key, what was read, and what is written.
    fn of_listed_rows(&self, rows: usize) -> String {
        let dialect = Dialect::MySql;
        let table = self.table.name.quoted(dialect);
        let typed: Vec<_> = self
            .kinds()
            .iter()
            .enumerate()
            .map(|(number, kind)| match kind {
                // A parameter in a list of columns has no type of its own.
                Kind::Binary => format!("CAST(? AS BINARY) AS c{number}"),
                Kind::Integer | Kind::Boolean => format!("CAST(? AS SIGNED) AS c{number}"),
                Kind::Text | Kind::Time => format!("CAST(? AS CHAR CHARACTER SET utf8mb4) AS c{number}"),
            })
            .collect();
        let listed = vec![format!("SELECT {}", typed.join(", ")); rows].join(" UNION ALL ");
        let key = match self.key.found.collation() {
            Some((charset, collation)) => format!("CONVERT(s.c0 USING {charset}) COLLATE {collation}"),
            None => "s.c0".to_owned(),
        };
        let mut conditions = Vec::new();
        if self.key.kind == Kind::Text {
            conditions.push(format!("CAST(t.{} AS BINARY) = CAST(s.c0 AS BINARY)", self.key.quoted(dialect)));
        }
        conditions.extend(self.guards.iter().zip(1..).map(|(column, number)| {
            let read = read(dialect, &column.found, "t");
            match self.table.read_kind(column.kind) {
                Kind::Text => format!("CAST({read} AS BINARY) <=> CAST(s.c{number} AS BINARY)"),
                _ => format!("{read} <=> s.c{number}"),
            }
        }));
        if conditions.is_empty() {
            conditions.push("true".to_owned());
        }
        let conditions = conditions.join(" AND ");
        let from = format!("{table} AS t JOIN ({listed}) AS s ON t.{} = {key}", self.key.quoted(dialect));
        if self.sets.is_empty() {
            return format!("DELETE t FROM {from} WHERE {conditions}");
        }
        let first = 1 + self.guards.len();
        let sets: Vec<_> = self
            .sets
            .iter()
            .zip(first..)
            .map(|(column, number)| {
                let name = format!("t.{}", column.quoted(dialect));
                format!("{name} = {}", met(column, &name, &format!("s.c{number}"), "greatest"))
            })
            .collect();
        format!("UPDATE {from} SET {} WHERE {conditions}", sets.join(", "))
    }
}

/// Removes one row of a further table; binds: its key.
pub(crate) fn delete_companion(dialect: Dialect, row: &BoundRow) -> String {
    let conditions: Vec<_> = row
        .key
        .iter()
        .filter_map(|at| row.columns.get(*at))
        .zip(1..)
        .map(|(column, number)| {
            let value = column.found.write.replace("{}", &placeholder(dialect, number));
            format!("{} = {value}", column.quoted(dialect))
        })
        .collect();
    format!("DELETE FROM {} WHERE {}", row.table.quoted(dialect), conditions.join(" AND "))
}

/// Changes nothing, but fails where this user may not do what an import does.
pub(crate) fn write_nothing(table: &Table) -> Vec<String> {
    let dialect = table.dialect;
    let name = table.name.quoted(dialect);
    let key = table.columns.get(table.key).map(|key| key.quoted(dialect)).unwrap_or_default();
    let changed: Vec<_> = table
        .columns
        .iter()
        .filter(|column| column.is_changeable())
        .map(|column| format!("{0} = {0}", column.quoted(dialect)))
        .collect();
    let add_nothing = |table: &TableName, columns: &[Bound]| {
        let columns: Vec<_> = columns.iter().map(|column| column.quoted(dialect)).collect();
        let (name, columns) = (table.quoted(dialect), columns.join(", "));
        format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {name} WHERE false")
    };
    let mut statements = vec![
        format!("UPDATE {name} SET {} WHERE false", changed.join(", ")),
        add_nothing(&table.name, &table.columns),
    ];
    let made = table.account.iter().filter_map(|account| account.create.as_ref());
    statements.extend(table.companions.iter().chain(made).map(|row| add_nothing(&row.table, &row.columns)));
    if !table.keeps_status() {
        statements.push(format!("DELETE FROM {name} WHERE false AND {key} = {key}"));
        statements.extend(table.companions.iter().map(|row| {
            let key =
                row.key.iter().filter_map(|at| row.columns.get(*at)).map(|column| column.quoted(dialect));
            let same: Vec<_> = key.map(|key| format!("{key} = {key}")).collect();
            format!("DELETE FROM {} WHERE false AND {}", row.table.quoted(dialect), same.join(" AND "))
        }));
    }
    statements
}

/// PostgreSQL: gives an array the type of the column that it is compared with, so that an index on it is of use.
fn cast_of_array(found: &FoundColumn) -> String {
    let cast = found.write.strip_prefix("{}").filter(|cast| cast.starts_with("::"));
    cast.map(|cast| format!("{cast}[]")).unwrap_or_default()
}

/// Reads a column in one of the kinds that drivers give.
fn read(dialect: Dialect, found: &FoundColumn, alias: &str) -> String {
    found.read.replace("{}", &format!("{alias}.{}", quote(dialect, &found.name)))
}

/// Reads a column as text, whatever it is.
fn as_text(dialect: Dialect, found: &FoundColumn, alias: &str) -> String {
    let column = format!("{alias}.{}", quote(dialect, &found.name));
    match (dialect, found.kind) {
        (_, Some(Kind::Text)) => read(dialect, found, alias),
        (Dialect::Postgres, _) => format!("{column}::pg_catalog.text"),
        (Dialect::MySql, _) => format!("CAST({column} AS CHAR)"),
        (Dialect::Sqlite, _) => format!("CAST({column} AS TEXT)"),
    }
}

/// The stored value and the new one, joined by the rule of the item.
fn met(column: &Bound, stored: &str, value: &str, greatest: &str) -> String {
    use keyferry_core::Item;
    match &column.content {
        _ if column.is_sign_count() => format!("{greatest}({stored}, {value})"),
        crate::map::Content::Item(field) if matches!(field.item, Item::BackupEligible | Item::UserHandle) => {
            format!("coalesce({stored}, {value})")
        }
        _ => value.to_owned(),
    }
}

/// What makes SQLite compare texts byte for byte, whatever the column says.
fn binary(column: &Bound) -> &'static str {
    if column.kind == Kind::Text { " COLLATE BINARY" } else { "" }
}

pub(crate) fn in_list(dialect: Dialect, key: &Bound, alias: &str, keys: usize) -> String {
    let name = format!("{alias}.{}", key.quoted(dialect));
    match dialect {
        Dialect::Postgres => format!("{name} = ANY($1{})", cast_of_array(&key.found)),
        Dialect::Sqlite => format!("{name}{} IN ({})", binary(key), list("?", keys)),
        Dialect::MySql => format!("{name} IN ({})", list("?", keys)),
    }
}

fn locking(dialect: Dialect, is_locked: bool) -> &'static str {
    match dialect {
        // A transaction that may write is alone there.
        Dialect::Sqlite => "",
        _ if is_locked => " FOR UPDATE",
        _ => "",
    }
}

fn placeholder(dialect: Dialect, number: usize) -> String {
    match dialect {
        Dialect::Postgres => format!("${number}"),
        Dialect::Sqlite | Dialect::MySql => "?".to_owned(),
    }
}

fn list(item: &str, times: usize) -> String {
    vec![item; times].join(", ")
}
