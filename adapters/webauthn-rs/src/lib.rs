//! Passkey structs of webauthn-rs and their JSON.
