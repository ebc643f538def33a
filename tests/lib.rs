//! Tests of the whole command and login proofs.
