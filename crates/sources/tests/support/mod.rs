//! What the tests of this crate share: sheets to write, and a reader that keeps everything that became of them.

#![allow(dead_code, unused_imports, reason = "no test uses all of it")]

mod outcome;
mod sheet;

pub(crate) use outcome::{Outcome, decode, read, rules};
pub(crate) use sheet::{Row, Sheet, credential_id, gzip, person};
