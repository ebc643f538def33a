//! The schema and the statements of the SQL targets as text.
