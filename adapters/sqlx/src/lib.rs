//! The SQL targets through sqlx.
