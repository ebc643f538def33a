//! A software authenticator, an export generator and the conformance suite for sinks.
//!
//! * [`TestKey`] is a private key of any algorithm that servers meet, made again from its seed at any time.
//! * [`TestCredential`] is an authenticator with one passkey: it answers a login with an [`Assertion`], honest or, for
//!   negative tests, tampered with.
//! * [`Generator`] makes a vendor's export of any size together with the private keys, so that every row can prove that
//!   it still logs in after a move.
//!
//! # Examples
//!
//! ```
//! use keyferry_testkit::{Generator, HEADER};
//!
//! let generator = Generator::new(100, 7, "example.com");
//! let first = generator.credentials().next().ok_or("no row")?;
//! let login = first.assertion();
//!
//! assert_eq!(first.row.fields().len(), HEADER.len());
//! assert_eq!(login.credential_id, first.credential.credential_id);
//! # Ok::<(), &str>(())
//! ```

pub mod authenticator;
pub mod conformance;
pub mod databases;
pub mod export;
pub mod generate;
pub mod keys;
pub mod memory;
pub mod records;
pub mod servers;
pub mod snapshot;
mod stream;
pub mod survey;

pub use authenticator::{Assertion, AssertionOptions, Attachment, TestCredential};
pub use export::{ExportRow, HEADER};
pub use generate::{GenerateError, GeneratedCredential, GeneratedFiles, Generator, UserHandleRule};
pub use keys::{Algorithm, RsaSize, TestKey};
