//! Rows in the binary form of PostgreSQL's COPY.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, section "Binary Format".

mod out;

use crate::Value;
pub(crate) use out::RowReader;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;

/// How many bytes a whole number has in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Two,
    Four,
    Eight,
}

/// Begins the data of a COPY.
pub(crate) fn begin(data: &mut Vec<u8>) {
    data.extend_from_slice(SIGNATURE);
    data.extend_from_slice(&[0; 8]); // no flags, no extension
}

/// Ends it.
pub(crate) fn end(data: &mut Vec<u8>) {
    data.extend_from_slice(&(-1_i16).to_be_bytes());
}

/// Adds a row; a number that does not fit its column is left for the server to refuse, by its length.
pub(crate) fn add_row<'v>(data: &mut Vec<u8>, row: impl ExactSizeIterator<Item = (Value<'v>, Width)>) {
    data.extend_from_slice(&i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
    for (value, width) in row {
        match value {
            Value::Binary(bytes) => field(data, &bytes),
            Value::Text(text) => field(data, text.as_bytes()),
            Value::Integer(number) => match (width, i16::try_from(number), i32::try_from(number)) {
                (Width::Two, Ok(number), _) => field(data, &number.to_be_bytes()),
                (Width::Four, _, Ok(number)) => field(data, &number.to_be_bytes()),
                _ => field(data, &number.to_be_bytes()),
            },
            Value::Boolean(flag) => field(data, &[u8::from(flag)]),
            Value::Time(time) => field(data, &(time - EPOCH).to_be_bytes()),
            Value::Null(_) | Value::Binaries(_) | Value::Texts(_) => {
                data.extend_from_slice(&(-1_i32).to_be_bytes());
            }
        }
    }
}

/// Writes rows for the table that rows are copied into, whose whole numbers have eight bytes.
pub(crate) fn encode<'a>(rows: impl Iterator<Item = &'a Vec<Value<'a>>>) -> Vec<u8> {
    let mut data = Vec::new();
    begin(&mut data);
    for row in rows {
        add_row(&mut data, row.iter().map(|value| (value.borrowed(), Width::Eight)));
    }
    end(&mut data);
    data
}

fn field(data: &mut Vec<u8>, bytes: &[u8]) {
    // No value of a record comes near 2 GiB.
    data.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
    data.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_row_as_the_documentation_describes_it() {
        let row =
            vec![Value::Boolean(true), Value::Null(Kind::Text), Value::text("ab"), Value::Time(EPOCH + 1)];
        let data = encode([&row].into_iter());
        let mut expected = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        expected.extend_from_slice(&[0, 4]);
        expected.extend_from_slice(&[0, 0, 0, 1, 1]);
        expected.extend_from_slice(&[0xff; 4]);
        expected.extend_from_slice(&[0, 0, 0, 2, b'a', b'b']);
        expected.extend_from_slice(&[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend_from_slice(&[0xff, 0xff]);
        assert_eq!(data, expected);
    }

    #[test]
    fn a_number_has_the_bytes_of_its_column() {
        let row = |number, width| {
            let mut data = Vec::new();
            add_row(&mut data, [(Value::Integer(number), width)].into_iter());
            data[2..].to_vec()
        };
        assert_eq!(row(-7, Width::Two), [0, 0, 0, 2, 0xff, 0xf9]);
        assert_eq!(row(-7, Width::Four), [0, 0, 0, 4, 0xff, 0xff, 0xff, 0xf9]);
        assert_eq!(row(1, Width::Eight)[..4], [0, 0, 0, 8]);
        assert_eq!(row(1 << 40, Width::Four)[..4], [0, 0, 0, 8], "never cut");
    }
}
