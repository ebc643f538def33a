//! Rows in the binary form of PostgreSQL's COPY.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, section "Binary Format".

use crate::Value;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;

/// Writes rows as COPY takes them.
pub(crate) fn encode<'a>(rows: impl Iterator<Item = &'a Vec<Value<'a>>>) -> Vec<u8> {
    let mut data = Vec::with_capacity(1 << 20);
    data.extend_from_slice(SIGNATURE);
    data.extend_from_slice(&[0; 8]); // no flags, no extension
    for row in rows {
        data.extend_from_slice(&i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
        for value in row {
            match value {
                Value::Binary(bytes) => field(&mut data, bytes),
                Value::Text(text) => field(&mut data, text.as_bytes()),
                Value::Integer(number) => field(&mut data, &number.to_be_bytes()),
                Value::Boolean(flag) => field(&mut data, &[u8::from(*flag)]),
                Value::Time(time) => field(&mut data, &(time - EPOCH).to_be_bytes()),
                Value::Null(_) | Value::Binaries(_) | Value::Texts(_) => {
                    data.extend_from_slice(&(-1_i32).to_be_bytes());
                }
            }
        }
    }
    data.extend_from_slice(&(-1_i16).to_be_bytes());
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
}
