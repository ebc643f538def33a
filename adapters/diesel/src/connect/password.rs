//! Keeps the password of a URL out of messages.

/// Replaces each word of a message that is the password of this URL, or a part of it.
///
/// A part, because a password whose `/` or `@` is not percent-encoded is read as something else: libpq complains of a
/// port with half of it.
pub(super) fn without(message: &str, url: &str) -> String {
    let secrets = of_login(url).into_iter().chain(of_parameters(url));
    let mut words: Vec<String> = Vec::new();
    for secret in secrets {
        let parts: Vec<_> =
            secret.split(['/', ':', '?', '#', '@', '&', '[', ']']).map(str::to_owned).collect();
        for text in [secret].into_iter().chain(parts) {
            words.push(decode(&text));
            words.push(text);
        }
    }
    // The longest first: a part must not spoil the whole.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let words = words.iter().filter(|word| !word.is_empty());
    words.fold(message.to_owned(), |message, word| replace_word(&message, word))
}

/// What stands between the user and the host.
fn of_login(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    match rest.rsplit_once('@') {
        Some((login, _)) => login.split_once(':').map(|(_, password)| password.to_owned()),
        // Without a host, the password stands where its port should.
        None => {
            let port = rest.split_once(':')?.1.split(['/', '?']).next()?;
            (!port.bytes().all(|byte| byte.is_ascii_digit())).then(|| port.to_owned())
        }
    }
}

/// What follows `password=`, in the query of a URL or in libpq's own form with its quotes.
fn of_parameters(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, name) in url.match_indices("password") {
        let Some(value) = url[at + name.len()..].trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        found.push(match value.strip_prefix('\'') {
            Some(quoted) => unquote(quoted),
            None => value
                .split(|next: char| next.is_whitespace() || next == '&')
                .next()
                .unwrap_or_default()
                .to_owned(),
        });
    }
    found
}

fn unquote(quoted: &str) -> String {
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => break,
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let encoded =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| str::from_utf8(digits).ok());
        match encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Replaces a word where it is not a part of a longer one: blanks in the middle of words would tell a short password.
fn replace_word(message: &str, word: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let starts = before.chars().next_back().or(text.chars().next_back());
        let is_whole = ![starts, after.chars().next()].into_iter().flatten().any(char::is_alphanumeric);
        text.push_str(before);
        text.push_str(if is_whole { "…" } else { word });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out() {
        for (url, message, expected) in [
            ("postgres://app:canary@db/x", "canary refused for app", "… refused for app"),
            ("postgres://app:can%40ry@db/x", "no \"can@ry\" and can%40ry", "no \"…\" and …"),
            ("postgres://app:can/ary@db/x", "invalid port \"can\"", "invalid port \"…\""),
            ("postgres://app:can@ary@db/x", "host \"ary@db\"", "host \"…@db\""),
            ("postgres://app:canary", "invalid port \"canary\"", "invalid port \"…\""),
            ("postgres://db:5432/x", "port 5432 failed", "port 5432 failed"),
            ("postgres://db/x?user=a&password=canary&port=1", "canary", "…"),
            ("host=db password = 'can\\'a ry' port=1", "can'a ry", "…"),
            ("host=db password=canary", "canary, canary", "…, …"),
            ("mysql://app:on@db/x", "connection on db", "connection … db"),
            ("mysql://app@db/x", "for app", "for app"),
            ("", "for app", "for app"),
        ] {
            assert_eq!(without(message, url), expected, "{url}");
        }
    }
}
