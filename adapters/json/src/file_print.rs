//! Whether a path still leads to the same file.

use std::{io, os::unix::fs::MetadataExt as _, path::Path};

/// Device and inode, and length and the times of the last change of content and of anything.
///
/// ```
/// use keyferry_json::FilePrint;
/// let folder = tempfile::tempdir()?;
/// assert_eq!(FilePrint::of(&folder.path().join("passkeys.jsonl"))?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePrint {
    place: (u64, u64),
    content: (u64, [i64; 4]),
}

impl FilePrint {
    /// Returns what tells the file of a path from every later one there; `None` where there is none.
    ///
    /// # Errors
    /// - the folder cannot be read.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let file = match path.symlink_metadata() {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Ok(Some(Self { place: (file.dev(), file.ino()), content: (file.size(), times) }))
    }

    /// Tells whether it is the same file, whatever was written into it.
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn print(path: &Path) -> FilePrint {
        FilePrint::of(path).unwrap().unwrap()
    }

    #[test]
    fn another_file_in_its_place_has_another_print() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        assert_eq!(FilePrint::of(&path).unwrap(), None);
        fs::write(&path, "one").unwrap();
        let before = print(&path);
        assert_eq!(print(&path), before);
        fs::write(&path, "longer").unwrap();
        let written = print(&path);
        assert!(written != before && written.is_same_file(&before));
        fs::write(&other, "longer").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!print(&path).is_same_file(&before));
    }
}
