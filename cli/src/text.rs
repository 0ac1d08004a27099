//! Text that others wrote, made safe to print.
//!
//! Names, licences and endpoints on chain are bytes that anybody chose. Printed raw they could
//! move the cursor, recolour the terminal, or show a reader another order of letters than is
//! there. Everything that comes from the chain or from a peer passes through here.

use std::fmt::Write as _;

/// Bytes from the chain as printable text: controls, invisible characters and invalid UTF-8 become
/// escapes such as `\u{1b}` and `\xff`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unsafe(character) {
                let _ = write!(out, "{}", character.escape_unicode());
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// [`printable`], but lines stay lines.
pub(crate) fn paragraphs(bytes: &[u8]) -> String {
    bytes.split(|byte| *byte == b'\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// [`printable`], cut to `most` characters with an ellipsis.
pub(crate) fn brief(bytes: &[u8], most: usize) -> String {
    shorten(&printable(bytes), most)
}

/// The first `most` characters of a text; the last is an ellipsis when there were more.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Controls, and characters that are invisible or change the order in which others are shown.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn printable_should_escape_what_could_drive_a_terminal() {
        assert_eq!(printable(b"\x1b[2Jgone\r\n\x07"), "\\u{1b}[2Jgone\\u{d}\\u{a}\\u{7}");
        assert_eq!(printable("\u{9b}31m".as_bytes()), "\\u{9b}31m");
        assert_eq!(printable("abc\u{202e}def".as_bytes()), "abc\\u{202e}def");
        assert_eq!(printable("a\u{200b}b".as_bytes()), "a\\u{200b}b");
        assert_eq!(printable(b"ok\xff\xc3"), "ok\\xff\\xc3");
    }

    #[test]
    fn printable_should_keep_ordinary_text() {
        for text in ["all-MiniLM-L6-v2", "Übersetzer (klein)", "模型", "модель 2.0", ""] {
            assert_eq!(printable(text.as_bytes()), text);
        }
    }

    #[test]
    fn brief_should_cut_by_characters() {
        assert_eq!(brief("ééééé".as_bytes(), 5), "ééééé");
        assert_eq!(brief("éééééé".as_bytes(), 5), "éééé…");
        assert_eq!(brief(&[0; 64], 8), "\\u{0}\\u…");
    }

    proptest! {
        #[test]
        fn printable_should_leave_nothing_unsafe(bytes: Vec<u8>) {
            prop_assert!(!printable(&bytes).chars().any(is_unsafe));
        }

        #[test]
        fn printable_should_leave_nothing_unsafe_of_any_text(text: String) {
            prop_assert!(!printable(text.as_bytes()).chars().any(is_unsafe));
        }
    }
}
