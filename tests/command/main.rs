//! The whole command, as an operator and as a script meet it: exit codes, both outputs, and what stands on the disk.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod contract;
mod database;
mod disk;
mod exports;
mod fixture;
mod flood;
mod help;
mod host;
mod hostile;
mod kill;
mod lock;
mod private;
mod probe;
mod random;
mod refused;
mod rejects;
mod replay;
mod runs;
mod standing;
mod support;
mod target_files;
mod untrusted;
mod whole;
