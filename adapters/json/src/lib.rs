//! Records for the WebAuthn libraries of other languages: one JSON file, one module for each library.
//!
//! A library's module says how its record looks and converts both ways; [`JsonSink`] does the rest: it reads and writes
//! a JSON array, or an object keyed by account, or one record a line if the name ends in `.jsonl`; it keeps what the application added to a record;
//! the file appears whole or not at all.
//!
//! ```
//! use keyferry_core::Sink as _;
//! use keyferry_json::{JsonSink, simplewebauthn::SimpleWebAuthn};
//!
//! let folder = tempfile::tempdir()?;
//! let mut sink = JsonSink::<SimpleWebAuthn>::open_for_writing(&folder.path().join("passkeys.json"))?;
//! sink.finish()?;
//! assert_eq!(std::fs::read_to_string(folder.path().join("passkeys.json"))?, "[]\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod fido2_net_lib;
pub mod go_webauthn;
pub mod lbuchs;
pub mod py_webauthn;
pub mod simplewebauthn;
pub mod webauthn4j;
pub mod yubico;

mod base64url;
mod careful;
mod change;
mod file_lock;
mod file_print;
mod format;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod java_key;
mod journal;
mod lines;
mod parts;
mod place;
mod places;
mod records_file;
mod records_writer;
mod safe_file;
mod sink;
mod splitter;
mod survey;
mod window;

pub use base64url::{decode, encode};
pub use file_lock::FileLock;
pub use file_print::FilePrint;
pub use format::RecordFormat;
pub use safe_file::{check_replaceable, replace as replace_file};
pub use sink::JsonSink;
