//! One import at a time into a table of a server; the files of SQLite have a lock file beside them.

use keyferry_core::{Shown, SinkError, SinkErrorKind};
use sha2::{Digest as _, Sha256};

use crate::{Cells, Database, DatabaseError, Dialect, Kind, Statement, TableName, Value, encode::hex};

/// Keeps every other import away from a table, on a connection of its own, until it is dropped with that connection.
///
/// A batch is a transaction, so the lock must outlive it. In PostgreSQL it belongs to a transaction that does nothing
/// else, since a lock of the session is lost behind a pooler that hands sessions out by transaction.
pub struct SqlLock<D> {
    database: D,
    key: Key,
}

/// What is locked: the same for every way to write the table's name.
struct Key {
    number: i64,
    text: String,
}

impl Key {
    async fn of<D: Database>(database: &mut D, table: &TableName) -> Result<Self, DatabaseError> {
        // Without the schema: which one is meant may depend on the connection, and one lock too many harms nobody.
        let mut name = table.table().to_owned();
        if database.dialect() == Dialect::MySql {
            // Its locks are the whole server's, where another database may have a table of the same name.
            let schema = match table.schema() {
                Some(schema) => schema.to_owned(),
                None => {
                    let names = crate::catalog::rows(database, "SELECT DATABASE()", &[], |row| row.text(0));
                    names.await?.concat()
                }
            };
            name = format!("{schema}.{name}").to_lowercase(); // which some servers take for the same
        }
        let digest = Sha256::digest(format!("keyferry {name}"));
        let number = digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        Ok(Self { number, text: format!("keyferry {}", hex(digest.get(..16).unwrap_or_default())) })
    }
}

impl<D: Database> SqlLock<D> {
    /// Takes the lock, or says at once who holds it.
    ///
    /// `name` is the target in messages.
    ///
    /// # Errors
    /// - `Busy`: another import is running; the message says by whom, as far as the server tells;
    /// - the server cannot be asked.
    pub async fn acquire(mut database: D, table: &TableName, name: &str) -> Result<Self, SinkError> {
        let action = format!("locking {name}");
        let key = match Key::of(&mut database, table).await {
            Ok(key) => key,
            Err(error) => {
                database.close().await;
                return Err(error.while_doing(action));
            }
        };
        match acquire(&mut database, &key).await {
            Ok(true) => Ok(Self { database, key }),
            Ok(false) => {
                let holder = holder(&mut database, &key).await.unwrap_or_default();
                let who = if holder.is_empty() { "another process".to_owned() } else { holder };
                database.close().await;
                Err(SinkError::new(SinkErrorKind::Busy, format!("{who} is importing into {name} right now")))
            }
            Err(error) => {
                database.close().await;
                Err(error.while_doing(action))
            }
        }
    }

    /// Sees to it that the lock is still held: a connection that was cut has lost it.
    ///
    /// # Errors
    /// - it is not, or the server cannot be asked.
    pub async fn check(&mut self, name: &str) -> Result<(), SinkError> {
        let lost = || SinkError::new(SinkErrorKind::Unreachable, format!("the lock on {name} was lost"));
        let held = match self.database.dialect() {
            // The lock lives as long as its transaction, and that as long as the connection.
            Dialect::Postgres => number(&mut self.database, "SELECT 1::int8", &[]).await,
            Dialect::MySql => {
                let text = Value::text(&self.key.text);
                number(
                    &mut self.database,
                    "SELECT CAST(IS_USED_LOCK(?) = CONNECTION_ID() AS SIGNED)",
                    &[text],
                )
                .await
            }
            Dialect::Sqlite => Ok(Some(1)),
        };
        match held {
            Ok(Some(1)) => Ok(()),
            Ok(_) => Err(lost().because("another import may be running; run it again")),
            Err(error) => Err(lost().because(error.message)),
        }
    }

    /// Gives the lock back.
    pub async fn release(mut self) {
        // A server notices the end of a connection a moment later, and the next import may ask at once.
        let end = match self.database.dialect() {
            Dialect::MySql => "DO RELEASE_ALL_LOCKS()",
            Dialect::Postgres | Dialect::Sqlite => "ROLLBACK",
        };
        let _ = self.database.run(end).await; // what has ended already is given back
        self.database.close().await;
    }
}

async fn acquire<D: Database>(database: &mut D, key: &Key) -> Result<bool, DatabaseError> {
    let got = match database.dialect() {
        Dialect::Sqlite => return Ok(true),
        Dialect::Postgres => {
            // Who asks next is told the name of this program and its process.
            let name = format!("keyferry import, process {}", std::process::id());
            database
                .run(&format!(
                    "SET application_name = '{name}'; SET idle_in_transaction_session_timeout = 0; \
                     SET statement_timeout = 0; BEGIN ISOLATION LEVEL READ COMMITTED"
                ))
                .await?;
            let key = [Value::Integer(key.number)];
            number(database, "SELECT pg_catalog.pg_try_advisory_xact_lock($1)::int4", &key).await?
        }
        Dialect::MySql => {
            // As long as the server allows, in seconds: an import may take hours between two questions.
            database.run("SET SESSION wait_timeout = 2147483").await?;
            number(database, "SELECT CAST(GET_LOCK(?, 0) AS SIGNED)", &[Value::text(&key.text)]).await?
        }
    };
    Ok(got == Some(1))
}

/// Asks who holds the lock: as much as this user may know.
async fn holder<D: Database>(database: &mut D, key: &Key) -> Result<String, DatabaseError> {
    let (query, binds) = match database.dialect() {
        Dialect::Sqlite => return Ok(String::new()),
        Dialect::Postgres => (
            "SELECT coalesce(nullif(a.application_name, ''), 'a session') || ' (user ' || coalesce(a.usename::text, '?') \
             || ', from ' || coalesce(host(a.client_addr), 'this machine') || ', server process ' || l.pid \
             || ', since ' || to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS') || ' UTC)' \
             FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
             AND ((l.classid::int8 << 32) | l.objid::int8) = $1 \
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) LIMIT 1",
            vec![Value::Integer(key.number)],
        ),
        Dialect::MySql => (
            "SELECT CAST(CONCAT('a session (user ', user, ', from ', host, ', connection ', id, ')') AS CHAR) \
             FROM information_schema.processlist WHERE id = IS_USED_LOCK(?)",
            vec![Value::text(&key.text)],
        ),
    };
    if database.dialect() == Dialect::Postgres {
        database.run("SET TimeZone = 'UTC'").await?;
    }
    let mut found = String::new();
    database
        .query(&Statement::once(query), &binds, &mut |cells: &dyn Cells| {
            if let Ok(Value::Text(text)) = cells.cell(0, Kind::Text) {
                found = text.split(' ').map(|word| Shown(word).to_string()).collect::<Vec<_>>().join(" ");
            }
        })
        .await?;
    Ok(found)
}

async fn number<D: Database>(
    database: &mut D,
    query: &str,
    binds: &[Value<'_>],
) -> Result<Option<i64>, DatabaseError> {
    Ok(crate::catalog::rows(database, query, binds, |row| row.number(0)).await?.into_iter().next().flatten())
}
