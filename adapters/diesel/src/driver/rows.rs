//! The rows of an answer, whose types nobody knew before.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::row::{Field, Row as DieselRow};
use diesel::sql_types::Untyped;
use keyferry_sql::{Cells, Each, Kind, OtherKind, Value};

use super::Driver;

/// The cells of a row, so that what is read of them borrows from the row.
pub(super) struct Row<'f, F, C> {
    cells: Vec<F>,
    driver: PhantomData<&'f C>,
}

impl<'f, F: Field<'f, C::Backend>, C: Driver> Cells for Row<'f, F, C> {
    fn cell(&self, index: usize, kind: Kind) -> Result<Value<'_>, OtherKind> {
        match self.cells.get(index).ok_or(OtherKind)?.value() {
            None => Ok(Value::Null(kind)),
            Some(value) => C::read(value, kind),
        }
    }
}

/// Runs a query and shows each row.
pub(super) fn show<'q, C, Q>(connection: &mut C, query: Q, each: Each<'_>) -> QueryResult<()>
where
    C: Driver,
    Q: Query<SqlType = Untyped> + QueryFragment<C::Backend> + QueryId + 'q,
{
    for row in connection.load(query)? {
        let row = row?;
        let cells = (0..row.field_count()).filter_map(|index| row.get(index)).collect();
        each(&Row::<'_, _, C> { cells, driver: PhantomData });
    }
    Ok(())
}
