//! MySQL and MariaDB: a cell has the type of its column.

use std::str;

use diesel::MysqlConnection;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::mysql::{Mysql, MysqlType};
use keyferry_sql::{Dialect, Kind, OtherKind, Statement, Value};

use super::Driver;
use super::query::{Bind, Prepared};
use super::rows;

/// Keeps what the last statement failed with: diesel hands on the words alone, and a trigger may say anything.
///
/// Warnings may stand before the error, and where it happened in a trigger after it. To prepare a statement would clear
/// them all.
const DIAGNOSE: &str = "GET DIAGNOSTICS @keyferry_count = NUMBER;
    GET DIAGNOSTICS CONDITION @keyferry_count @keyferry_number = MYSQL_ERRNO, @keyferry_words = MESSAGE_TEXT;
    GET DIAGNOSTICS CONDITION 1 @keyferry_number_1 = MYSQL_ERRNO, @keyferry_words_1 = MESSAGE_TEXT;
    GET DIAGNOSTICS CONDITION 2 @keyferry_number_2 = MYSQL_ERRNO, @keyferry_words_2 = MESSAGE_TEXT";
const CONDITIONS: &str = "SELECT @keyferry_number, @keyferry_words, @keyferry_number_1, @keyferry_words_1,
    @keyferry_number_2, @keyferry_words_2";

impl Driver for MysqlConnection {
    const DIALECT: Dialect = Dialect::MySql;
    type Bind<'a> = Bind<'a>;

    fn bind<'a>(value: &'a Value<'_>) -> Option<Bind<'a>> {
        Bind::new(value)
    }

    fn read<'a>(value: <Mysql as Backend>::RawValue<'a>, kind: Kind) -> Result<Value<'a>, OtherKind> {
        let bytes = value.as_bytes();
        match (value.value_type(), kind) {
            (MysqlType::Blob, Kind::Binary) => Ok(Value::bytes(bytes)),
            // A text whose collation compares bytes, such as `utf8mb4_bin`, is marked as a binary one is, and diesel does
            // not say which character set it has.
            (MysqlType::String | MysqlType::Blob, Kind::Text) => {
                str::from_utf8(bytes).map(Value::text).map_err(|_| OtherKind)
            }
            (integer, Kind::Integer) => read_integer(integer, bytes).map(Value::Integer).ok_or(OtherKind),
            _ => Err(OtherKind),
        }
    }

    fn error_number(&mut self, message: &str) -> u16 {
        // There may be no second condition; where nothing was learned, no words match.
        let _ = self.batch_execute(DIAGNOSE);
        let ask = Statement::once(CONDITIONS);
        let mut number = 0;
        let asked =
            rows::show(self, Prepared::<Bind<'_>> { statement: &ask, binds: Vec::new() }, &mut |row| {
                for index in [0, 2, 4] {
                    if let (Ok(Value::Integer(found)), Ok(Value::Text(words))) =
                        (row.cell(index, Kind::Integer), row.cell(index + 1, Kind::Text))
                        && words == message
                    {
                        number = u16::try_from(found).unwrap_or(0);
                    }
                }
            });
        // Without an answer the connection is gone, and the words say so.
        asked.map_or(0, |()| number)
    }
}

fn read_integer(kind: MysqlType, bytes: &[u8]) -> Option<i64> {
    Some(match kind {
        MysqlType::Tiny => i8::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedTiny => u8::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::Short => i16::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedShort => u16::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::Long => i32::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedLong => u32::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::LongLong => i64::from_ne_bytes(bytes.try_into().ok()?),
        MysqlType::UnsignedLongLong => u64::from_ne_bytes(bytes.try_into().ok()?).try_into().ok()?,
        _ => return None,
    })
}
