//! Text of strangers within a line of a log: nothing in it ends the line, the quotes it stands in, or is seen by a terminal.

use std::fmt::Write;

/// Appends `bytes` as Go's `%q` has them between its quotes: quotes, backslashes, control characters and bytes that are no
/// UTF-8 are escaped.
pub(crate) fn escape(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        match chunk.valid().bytes().all(is_plain) {
            true => text.push_str(chunk.valid()),
            false => chunk.valid().chars().for_each(|character| escape_character(text, character)),
        }
        for byte in chunk.invalid() {
            number(text, 'x', 2, u32::from(*byte));
        }
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn escape_character(text: &mut String, character: char) {
    let letter = match character {
        '"' | '\\' => character,
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0c' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x0b' => 'v',
        ' '..='~' => return text.push(character),
        // Rust knows which characters can be seen; what it would escape is written in Go's way.
        _ if character.escape_debug().eq([character]) => return text.push(character),
        '\0'..='\x7f' => return number(text, 'x', 2, character.into()),
        '\u{80}'..='\u{ffff}' => return number(text, 'u', 4, character.into()),
        _ => return number(text, 'U', 8, character.into()),
    };
    text.extend(['\\', letter]);
}

fn number(text: &mut String, kind: char, digits: usize, value: u32) {
    // Writing to a text does not fail.
    let _ = write!(text, "\\{kind}{value:0digits$x}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut text = String::new();
        escape(&mut text, bytes);
        text
    }

    #[test]
    fn what_cannot_be_seen_is_written_as_go_does() {
        for (bytes, expected) in [
            (b"curl/7.88.1 ('x'; y)".as_slice(), "curl/7.88.1 ('x'; y)"),
            (b"it's \t".as_slice(), r"it's \t"),
            (br#"a "b" \"#, r#"a \"b\" \\"#),
            (b"a\r\nb\t\0\x1b[31m\x7f", r"a\r\nb\t\x00\x1b[31m\x7f"),
            ("caf\u{e9} \u{2028}\u{202e}\u{e0001}".as_bytes(), "caf\u{e9} \\u2028\\u202e\\U000e0001"),
            (b"\xffa\xc3", r"\xffa\xc3"),
        ] {
            assert_eq!(escaped(bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_ends_the_line_or_the_quotes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = escaped(&bytes);
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            prop_assert!(!text.replace(r"\\", "").replace("\\\"", "").contains('"'), "{text:?}");
        }
    }
}
