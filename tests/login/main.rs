//! Login proofs: an export goes through the command into each target, and the target's own library says who logs in.
//!
//! An imported record is right when a genuine assertion, signed by the credential's own private key, verifies in the
//! target's own library, from the record as keyferry wrote it. What is said beforehand must be what happens, in both
//! directions, and what is not genuine must fail: a proof that cannot fail proves nothing.

#![allow(clippy::unwrap_used, reason = "a proof that cannot be made is a failure")]
#![allow(clippy::print_stdout, reason = "with --nocapture the proofs say what they have proven")]

mod agreement;
mod cases;
mod command;
mod django;
mod framework;
mod libraries;
mod lies;
mod rows;
mod simplewebauthn;
mod spring_security;
mod webauthn_rs;
