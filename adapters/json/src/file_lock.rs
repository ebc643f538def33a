//! One import at a time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use keyferry_core::{Shown, SinkError, SinkErrorKind};

use crate::safe_file::{beside, check_path};

/// Keeps every other import away from a target file while it lives.
///
/// It is a lock of the operating system on a hidden file beside the target: it ends with the process, however that
/// ends, so a run that was killed bars nobody.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    _file: File,
}

impl FileLock {
    /// Takes the lock of a target file; does not wait.
    ///
    /// # Errors
    /// - `Busy`: another import holds it; the message says which process.
    /// - `Unreachable`: the folder is missing or cannot be written, or the target is a symbolic link.
    pub fn acquire(target: &Path) -> Result<Self, SinkError> {
        let unreachable = |error: io::Error| {
            let action = format!("cannot write {}", Shown(&target.to_string_lossy()));
            SinkError::new(SinkErrorKind::Unreachable, action).because(error)
        };
        check_path(target).map_err(unreachable)?;
        let path = beside(target, "lock");
        loop {
            let mut file = open(&path).map_err(unreachable)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(busy(target, &mut file)),
                Err(fs::TryLockError::Error(error)) => return Err(unreachable(error)),
            }
            // The one before may have removed the file between our opening and our locking it.
            let is_current = fs::symlink_metadata(&path).is_ok_and(|now| {
                file.metadata().is_ok_and(|ours| (now.dev(), now.ino()) == (ours.dev(), ours.ino()))
            });
            if is_current {
                is_ours(&mut file).map_err(unreachable)?;
                // Who holds it helps a person only; the lock itself does not depend on it.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("its lock file is not a regular file"));
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Refuses a file that was put there by somebody else: what we write into it would destroy what it holds.
fn is_ours(file: &mut File) -> io::Result<()> {
    let mut content = Vec::new();
    file.take(21).read_to_end(&mut content)?;
    if file.metadata()?.nlink() == 1 && content.len() <= 20 && content.iter().all(u8::is_ascii_digit) {
        return file.rewind();
    }
    Err(io::Error::other("the file of its lock was not made by keyferry; look at it and remove it"))
}

fn busy(target: &Path, file: &mut File) -> SinkError {
    let mut holder = String::new();
    let _ = file.take(20).read_to_string(&mut holder);
    let who = match holder.parse::<u32>() {
        Ok(process) => format!("process {process}"),
        Err(_) => "another process".to_owned(),
    };
    let action = format!("{who} is importing into {} right now", Shown(&target.to_string_lossy()));
    SinkError::new(SinkErrorKind::Busy, action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.db");
        let lock = FileLock::acquire(&target).unwrap();
        let error = FileLock::acquire(&target).unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Busy);
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        assert!(FileLock::acquire(&folder.path().join("y.db")).is_ok());
        drop(lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(FileLock::acquire(&target).is_ok());
    }

    #[test]
    fn a_left_over_bars_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.db");
        fs::write(beside(&target, "lock"), "99999").unwrap();
        assert!(FileLock::acquire(&target).is_ok());
        let victim = folder.path().join("victim");
        for is_symbolic in [false, true] {
            fs::write(&victim, "keep").unwrap();
            let lock = beside(&target, "lock");
            match is_symbolic {
                true => std::os::unix::fs::symlink(&victim, &lock).unwrap(),
                false => fs::hard_link(&victim, &lock).unwrap(),
            }
            assert!(FileLock::acquire(&target).is_err());
            assert_eq!(fs::read_to_string(&victim).unwrap(), "keep");
            fs::remove_file(beside(&target, "lock")).unwrap();
        }
        assert!(FileLock::acquire(&folder.path().join("missing/x.db")).is_err());
    }
}
