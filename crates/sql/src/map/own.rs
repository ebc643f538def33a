//! The map of our own table.

use keyferry_core::Item;

use super::{Column, Content, Derived, Encoding, Field, Key, Needs, TableMap};
use crate::{COLUMNS, Dialect, Kind, TableName};

pub(super) fn map(dialect: Dialect, table: TableName) -> TableMap {
    let columns = COLUMNS.map(|column| {
        let item = Item::ALL.iter().find(|item| item.name() == column.name);
        let encoding = match column.kind {
            Kind::Binary => Encoding::Bytes,
            Kind::Text if column.name == Item::Transports.name() => Encoding::JsonList,
            Kind::Text => Encoding::Text,
            Kind::Integer => Encoding::Integer,
            Kind::Boolean => Encoding::Boolean,
            // Text order is time order.
            Kind::Time if dialect == Dialect::Sqlite => Encoding::Iso(6),
            Kind::Time => Encoding::Time,
        };
        let content = match item {
            Some(item) => Content::Item(Field { item: *item, encoding, otherwise: None, is_required: false }),
            // The one column beside the items: a copy for people and queries.
            None => Content::Derived(Derived::CoseAlgorithm),
        };
        Column { name: column.name.to_owned(), content }
    });
    TableMap {
        name: String::new(),
        library: "whichever your application takes; a row holds the whole COSE key".to_owned(),
        table,
        columns: columns.into(),
        key: Key { column: Item::CredentialId.name().to_owned(), is_unique: true, folds_case: false },
        account: None,
        companions: Vec::new(),
        needs: Needs::default(),
        is_own: true,
    }
}
