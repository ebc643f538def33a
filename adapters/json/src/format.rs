//! What a library's module provides.

use std::error::Error;

use keyferry_core::{CannotLogIn, CredentialRecord, Profile, StoredRecord};
use serde::{Serialize, de::DeserializeOwned};

/// How one library's records look: two pure conversions, and what is true of the library.
///
/// Everything else follows from them: what the target cannot keep is what does not come back, and an update changes
/// only the values in which the two views differ.
pub trait RecordFormat {
    /// The record as it stands in the file.
    type Record: Serialize + DeserializeOwned;

    /// What is true of the target.
    const PROFILE: Profile;

    /// Whether a file that is not `.jsonl` is an object with the records of each account under its name, and not an array.
    const KEYED_BY_ACCOUNT: bool = false;

    /// Converts to the library's record.
    ///
    /// # Errors
    /// - the record cannot be written for this library.
    fn to_record(view: &StoredRecord) -> Result<Self::Record, CannotLogIn>;

    /// Adds the text of a record that is to be written whole, without a line break.
    ///
    /// It is the text that serde writes of [`RecordFormat::to_record`]; a format may come to it in fewer steps.
    ///
    /// # Errors
    /// - the record cannot be written for this library.
    fn write(record: &CredentialRecord, text: &mut Vec<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
        let record = Self::to_record(&StoredRecord::from(record))
            .map_err(|reason| format!("the target cannot hold it: {reason}"))?;
        Ok(serde_json::to_writer(text, &record)?)
    }

    /// Converts back; what the record has no place for is `None`.
    ///
    /// # Errors
    /// - the record is not one that this library can use; the message names the field.
    fn to_stored(record: &Self::Record) -> Result<StoredRecord, String>;
}
