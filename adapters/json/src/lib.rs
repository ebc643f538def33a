//! Records for the WebAuthn libraries of other languages.
