//! The table maps, each on the tables that its framework makes, in every database that it supports.
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod accounts;
mod conformance;
mod database;
mod documented;
mod frameworks;
mod hostile;
mod mismatch;
mod privileges;
mod rows;
mod rules;
mod runs;
