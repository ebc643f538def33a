//! The login proof: every verdict of the profile against a login at the real library.

#![allow(clippy::unwrap_used, reason = "the helpers here are part of the tests")]

mod refusals;
mod rsa_keys;
mod support;
mod user_handles;
mod verdicts;
