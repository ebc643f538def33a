//! The file of a SQLite database: found, or made for its owner alone; without a driver.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf, absolute},
};

use keyferry_core::{Shown, SinkError, SinkErrorKind};

use crate::Access;

/// A database file that is about to be opened.
#[derive(Debug)]
pub struct SqliteFile {
    path: PathBuf,
    name: String,
    is_there: bool,
}

impl SqliteFile {
    /// Looks at a path and, for writing, makes an empty file there where none is.
    ///
    /// # Errors
    /// - `Unreachable`: a symbolic link, a folder that does not exist or may not be written to, not a file.
    pub fn prepare(path: &Path, access: Access) -> Result<Self, SinkError> {
        let name = Shown(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()).to_string();
        let unreachable = |error: io::Error| {
            SinkError::new(SinkErrorKind::Unreachable, format!("opening {name}")).because(error)
        };
        // An absolute path is a path: SQLite takes `:memory:`, `file:...` and an empty one for something else.
        let path = absolute(path).map_err(unreachable)?;
        let is_there = look_at(&path).map_err(unreachable)?;
        if !is_there && access == Access::Write {
            create(&path).map_err(unreachable)?;
        }
        Ok(Self { path, name, is_there })
    }

    /// Returns the absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the name of the file, as messages show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether there was a file before.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// Tells whether a journal lies beside it: somebody is at work or has crashed, and even recovery would be a change.
    ///
    /// Where none does, a reader that may write is the better one: one that may not leaves `-wal` and `-shm` files
    /// behind where a database in WAL mode had none.
    pub fn has_journal(&self) -> bool {
        ["-wal", "-journal"].iter().any(|suffix| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name).exists()
        })
    }

    /// Takes the file away that was made here and is still empty, so that a failed run leaves no trace.
    pub fn undo(&self) {
        if !self.is_there && fs::symlink_metadata(&self.path).is_ok_and(|made| made.len() == 0) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Tells whether a database file is there.
fn look_at(path: &Path) -> io::Result<bool> {
    let refused = |message| Err(io::Error::other(message));
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            // Whoever may write into the folder could have put it there, to have another file written to.
            refused("it is a symbolic link; name the file that it points to")
        }
        Ok(found) if !found.is_file() => refused("it is not a file"),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent().map(fs::metadata) {
            Some(Ok(folder)) if folder.is_dir() => Ok(false),
            _ => refused("its folder does not exist"),
        },
        Err(error) => Err(error),
    }
}

/// Makes an empty file for the owner alone; fails where something has come to stand there meanwhile.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
