//! Genuine logins of every algorithm, every way in which one can be wrong, and texts that are none.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod algorithms;
mod hostile;
mod parsing;
mod refusals;
mod specification;
mod support;
