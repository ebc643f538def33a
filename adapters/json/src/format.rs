//! What a library's module provides.

use keyferry_core::{CannotLogIn, Profile, StoredRecord};
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

    /// Converts back; what the record has no place for is `None`.
    ///
    /// # Errors
    /// - the record is not one that this library can use; the message names the field.
    fn to_stored(record: &Self::Record) -> Result<StoredRecord, String>;
}
