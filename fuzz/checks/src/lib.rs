//! What the fuzz targets check, as plain functions of bytes that panic where two answers differ.
//!
//! Each module holds one of our readers against another implementation, or against a slower and plainer one here.
//! `scripts/fuzz` lets libFuzzer look for bytes that make them differ; `cargo test` replays the committed corpora.

pub mod base64url;
pub mod cose_form;
pub mod cose_key;
pub mod csv_rows;
pub mod curve_points;
pub mod export;
pub mod jsonl;
pub mod rsa_modulus;

mod choice;
mod one_file;

/// A fuzz target: its name, which is that of its corpus, and its check.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("base64url", base64url::check),
    ("cose_form", cose_form::check),
    ("cose_key", cose_key::check),
    ("csv_rows", csv_rows::check),
    ("curve_points", curve_points::check),
    ("export", export::check),
    ("jsonl", jsonl::check),
    ("rsa_modulus", rsa_modulus::check),
];
