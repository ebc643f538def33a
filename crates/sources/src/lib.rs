//! Reads exports of passkey vendors into credential records.
