//! Writes a file so that it appears whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Mode of new files: credential records are personal data.
const PRIVATE: u32 = 0o600;

/// Refuses a path at which writing would do something else than the operator means.
///
/// # Errors
/// - a symbolic link, a folder, a pipe or a device;
/// - a folder that everybody may write to, without the sticky bit: anybody could exchange the file.
pub(crate) fn check_path(path: &Path) -> io::Result<()> {
    let folder = fs::metadata(folder_of(path)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, "its folder does not exist"),
        _ => error,
    })?;
    let mode = folder.permissions().mode();
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(io::Error::other("everybody may write to its folder"));
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(io::Error::other("it is a symbolic link")),
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a regular file")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Finds out whether [`replace`] could write this file now; leaves no trace.
///
/// # Errors
/// - as [`replace`], but for a disk that becomes full.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    check_path(path)?;
    let beside = beside(path, "tmp");
    remove_if_there(&beside)?;
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&beside)?;
    fs::remove_file(&beside)
}

/// Replaces a file by what `write` writes: a file beside it, flushed to the disk, then renamed over it.
///
/// A new file gets mode 0600; one that was there keeps its mode, and its owner where the system allows it.
/// The caller holds the [`crate::FileLock`], so a left-over of a run that was killed belongs to nobody else.
///
/// # Errors
/// - the folder cannot be written or the disk is full; the file is then as it was.
pub fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    check_path(path)?;
    let beside = beside(path, "tmp");
    remove_if_there(&beside)?;
    let result = write_beside(path, &beside, write).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = result {
        // The first failure is the one to report; what is left is removed by the next run.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    File::open(folder_of(path))?.sync_all()
}

fn write_beside(
    path: &Path,
    beside: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(beside)?;
    if let Ok(metadata) = fs::metadata(path) {
        file.set_permissions(metadata.permissions())?;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            // Only a privileged user may give a file away; else the application could not read it any more.
            std::os::unix::fs::fchown(&file, Some(metadata.uid()), Some(metadata.gid()))
                .map_err(|_| io::Error::other("it belongs to another user, who could not be kept"))?;
        }
    }
    let mut writer = BufWriter::with_capacity(1 << 18, file);
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

/// Returns the name of a hidden file beside `path`.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.keyferry-{what}"))
}

/// Returns the folder of a path, `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_are_private_and_old_ones_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        replace(&path, |out| out.write_all(b"one")).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("one", 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, |out| out.write_all(b"two")).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("two", 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        fs::write(&path, "old").unwrap();
        let failed = replace(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        fs::write(beside(&path, "tmp"), "left by a killed run").unwrap();
        replace(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_written_through_links_or_into_open_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x.json"), folder.path().join("victim"));
        fs::write(&other, "keep").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(replace(&path, |out| out.write_all(b"new")).is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "keep");
        std::os::unix::fs::symlink(&other, beside(&folder.path().join("y.json"), "tmp")).unwrap();
        replace(&folder.path().join("y.json"), |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "keep");
        assert!(check_path(folder.path()).is_err());
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(check_path(&open.join("x.json")).is_err());
    }
}
