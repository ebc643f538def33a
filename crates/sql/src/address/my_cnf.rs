//! The option files of MySQL and MariaDB: <https://mariadb.com/kb/en/configuring-mariadb-with-option-files/>

use super::{AddressError, Secret, ServerAddress, Tls};

/// The groups that the command-line clients of MySQL and of MariaDB read.
const GROUPS: [&str; 5] = ["client", "client-server", "client-mariadb", "mysql", "mariadb-client"];

/// The options that say where the server is, which a host or a socket in the address stands against.
const PLACE: [&str; 3] = ["host", "port", "socket"];

/// The options of the files that were read; of two with one name the later one counts.
#[derive(Default)]
pub(super) struct Options {
    options: Vec<(String, String)>,
    includes_files: bool,
}

impl Options {
    /// Reads a file.
    pub(super) fn read(&mut self, text: &str) {
        let mut is_ours = false;
        for line in text.lines().map(str::trim) {
            match line.as_bytes() {
                [] | [b'#' | b';', ..] => {}
                [b'!', ..] => self.includes_files = true,
                [b'[', ..] => {
                    let group = line.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
                    is_ours = GROUPS.contains(&group);
                }
                _ if is_ours => {
                    let line = without_comment(line);
                    // An option without a value is a switch, or asks at the terminal; none of ours is a switch.
                    if let Some((name, value)) = line.split_once('=') {
                        self.options.push((name.trim().replace('_', "-"), unquoted(value.trim())));
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn includes_files(&self) -> bool {
        self.includes_files
    }

    pub(super) fn has_password(&self) -> bool {
        self.get("password").is_some()
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        let found = self.options.iter().rev().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Fills in what the address leaves open.
    pub(super) fn apply(&self, address: &mut ServerAddress) -> Result<(), AddressError> {
        let get = |name| self.get(name).map(str::to_owned);
        address.user = address.user.take().or_else(|| get("user"));
        address.password = address.password.take().or_else(|| get("password").map(Secret));
        if address.host.is_none() && address.socket.is_none() {
            for (name, value) in PLACE.into_iter().filter_map(|name| Some((name, self.get(name)?))) {
                match name {
                    "host" => address.host = Some(value.to_owned()),
                    "port" if address.port.is_none() => {
                        address.port = Some(value.parse().map_err(|_| wrong(name))?);
                    }
                    // As the clients do: a socket is for this machine.
                    "socket" if address.host.as_deref().is_none_or(|host| host == "localhost") => {
                        address.socket = Some(value.into());
                    }
                    _ => {}
                }
            }
        }
        let mut tls = Tls::default();
        for name in ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key"] {
            if let Some(value) = self.get(name) {
                tls.set(address.dialect, name, value).map_err(|_| wrong(name))?;
            }
        }
        address.tls.or(tls);
        Ok(())
    }
}

fn wrong(name: &str) -> AddressError {
    AddressError::new(format!("the option {name} of my.cnf cannot be right"))
}

/// Cuts a `#` and what follows, unless it stands in quotes.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') => return line.get(..at).unwrap_or(line),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), other) if other == open && !is_escaped => quote = None,
            _ => {}
        }
        is_escaped = quote.is_some() && character == '\\' && !is_escaped;
    }
    line
}

/// Takes the quotes from around a value and replaces what is escaped in it.
fn unquoted(value: &str) -> String {
    let inside = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('s') => text.push(' '),
            Some(quoted @ ('\\' | '"' | '\'')) => text.push(quoted),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_clients_do() {
        let mut options = Options::default();
        options.read(concat!(
            "[mysqld]\npassword=server\n",
            "[client] # ours\n; no\n# no\nuser = alice # her\n",
            "password = \"a#b\\\\c\\sd'\" # secret\n",
            "ssl_ca='/etc/ca.pem'\nport=1\n",
            "[mysql]\nport = 2\nskip-ssl\nhost\n",
            "[other]\nport = 3\n",
        ));
        assert_eq!(options.get("user"), Some("alice"));
        assert_eq!(options.get("password"), Some("a#b\\c d'"));
        assert_eq!(options.get("ssl-ca"), Some("/etc/ca.pem"));
        assert_eq!(options.get("port"), Some("2"));
        assert_eq!(options.get("host"), None);
        assert!(!options.includes_files());
        options.read("!includedir /etc/mysql\n[client]\npassword=x#y\n");
        assert!(options.includes_files());
        assert_eq!(options.get("password"), Some("x")); // as the clients read it
    }
}
