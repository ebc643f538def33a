//! Shows text of unknown origin without harm.

use std::fmt::{self, Write as _};

/// The most characters of untrusted text that a message shows.
const LIMIT: usize = 60;

/// Displays untrusted text with control, bidirectional and invisible characters escaped, and cut to 60 characters.
///
/// Every text from a file, a table or a driver's message passes through it on its way to a person, so that an
/// escape sequence in an export cannot steer the operator's terminal.
///
/// ```
/// use keyferry_core::Shown;
/// assert_eq!(Shown("a\u{1b}[31mb").to_string(), "a\\u{1b}[31mb");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.0.chars().enumerate() {
            if index == LIMIT {
                return f.write_char('…');
            }
            if steers(character) {
                write!(f, "\\u{{{:x}}}", u32::from(character))?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Tells whether a character changes how the text around it is shown instead of being shown itself.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        for character in
            ['\0', '\n', '\r', '\u{7}', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}']
        {
            let text = Shown(&format!("a{character}b")).to_string();
            assert!(!text.contains(character), "{text:?}");
            assert!(text.starts_with('a') && text.ends_with('b'));
        }
        assert_eq!(Shown("José =cmd()").to_string(), "José =cmd()");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(Shown(&"x".repeat(1_000_000)).to_string().chars().count(), LIMIT + 1);
        assert_eq!(Shown(&"x".repeat(LIMIT)).to_string().chars().count(), LIMIT);
    }
}
