//! Whether two paths are the same file.

use std::path::{Path, PathBuf};

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
