//! PostgreSQL's password file: <https://www.postgresql.org/docs/current/libpq-pgpass.html>
//!
//! sqlx reads it too, but says nothing of a file that it leaves out, and writes a line that it cannot read, with its
//! password, into the log.

use std::path::{Path, PathBuf};

use super::{ServerAddress, filled, settings};

/// Finds the password of an address.
pub(super) fn find(
    address: &ServerAddress,
    variable: &dyn Fn(&str) -> Option<String>,
    notes: &mut Vec<String>,
) -> Option<String> {
    let path = match variable("PGPASSFILE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(&variable("HOME")?).join(".pgpass"),
    };
    let (text, is_private) = settings::read(&path, notes)?;
    if !is_private {
        notes.push(format!(
            "the password file {} is not used: others can read it; make it chmod 600",
            settings::shown(&path)
        ));
        return None;
    }
    // As libpq does: the standard folders of a socket count as localhost, another one by its path.
    let host = match address.socket() {
        Some(folder)
            if ["/tmp", "/var/run/postgresql", "/run/postgresql"].map(Path::new).contains(&folder) =>
        {
            "localhost".to_owned()
        }
        Some(folder) => folder.to_string_lossy().into_owned(),
        None => address.host().unwrap_or("localhost").to_owned(),
    };
    let (port, user) = (address.port().to_string(), address.user().unwrap_or_default());
    let wanted = [&*host, &port, address.database(), user];
    text.lines().find_map(|line| password(line, &wanted)).and_then(filled)
}

/// Returns the password of a line if its other fields fit.
fn password(line: &str, wanted: &[&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut characters = line.chars();
    for value in wanted {
        let mut field = String::new();
        let mut is_escaped = false;
        loop {
            match characters.next()? {
                '\\' => {
                    is_escaped = true;
                    field.push(characters.next()?);
                }
                ':' => break,
                other => field.push(other),
            }
        }
        if field != *value && (field != "*" || is_escaped) {
            return None;
        }
    }
    let mut password = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => password.push(characters.next()?),
            // Further fields are for later versions of the format.
            ':' => break,
            other => password.push(other),
        }
    }
    Some(password)
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn lines_fit_by_all_four_fields() {
        let wanted = ["h", "5432", "d", "u"];
        for (line, expected) in [
            ("h:5432:d:u:secret", Some("secret")),
            ("*:*:*:*:secret", Some("secret")),
            (r"h:5432:d:u:se\:cr\\et", Some(r"se:cr\et")),
            (r"\h:5432:d:u:secret", Some("secret")),
            ("h:5432:d:other:secret", None),
            (r"\*:5432:d:u:secret", None),
            ("h:5432:d:u", None),
            ("#h:5432:d:u:secret", None),
            ("", None),
        ] {
            assert_eq!(password(line, &wanted).as_deref(), expected, "{line}");
        }
    }
}
