//! A software authenticator, an export generator and the conformance suite for sinks.
