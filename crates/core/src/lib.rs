//! The credential record and the rules of a safe import.
