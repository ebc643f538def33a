//! Whether two paths are the same file, and one path still is.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::bail;
use keyferry_core::Shown;

/// Refuses to write over a file that is needed, whether it is there already or not.
pub(crate) fn refuse_same(written: &Path, needed: &Path, what: &str) -> anyhow::Result<()> {
    if place(written).is_some_and(|place| Some(place) == place_of(needed)) {
        bail!("{} is {what}; it would be written over", Shown(&written.to_string_lossy()));
    }
    Ok(())
}

/// Standard input has no place.
fn place_of(path: &Path) -> Option<PathBuf> {
    if path.as_os_str() == "-" { None } else { place(path) }
}

/// Returns where a path leads, through every link; a file that is not there yet is known by its folder and name.
fn place(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    })
}

/// Device and inode, and length and the times of the last change of content and of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    place: (u64, u64),
    content: (u64, [i64; 4]),
}

impl Print {
    /// Returns what tells the file of a path from a later one; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let file = path.symlink_metadata().ok()?;
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Some(Self { place: (file.dev(), file.ino()), content: (file.size(), times) })
    }

    /// Tells whether it is the same file, whatever was written into it.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_file_in_its_place_has_another_print() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        assert_eq!(Print::of(&path), None);
        fs::write(&path, "one").unwrap();
        let before = Print::of(&path).unwrap();
        assert_eq!(Print::of(&path), Some(before));
        fs::write(&path, "longer").unwrap();
        let written = Print::of(&path).unwrap();
        assert!(written != before && written.is_same_file(&before));
        fs::write(&other, "longer").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!Print::of(&path).unwrap().is_same_file(&before));
    }
}
