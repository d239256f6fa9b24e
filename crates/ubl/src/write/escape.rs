//! Text as element content: escaped, or refused when XML 1.0 cannot carry it.

/// Appends `text`; stops at the first character that no XML 1.0 document can carry and returns it.
///
/// `>` is escaped too, so that `]]>` never appears. A carriage return is written as a reference, since a parser would
/// turn it into a line feed. Content only: quotes stay, and no attribute of ours holds text from outside.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) -> Result<(), char> {
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let replacement: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'\r' => b"&#13;",
            0x00..=0x08 | 0x0B | 0x0C | 0x0E..=0x1F => return Err(char::from(byte)),
            // U+FFFE and U+FFFF; the surrogates, also forbidden, cannot stand in a str.
            0xEF => match bytes.get(at..at.saturating_add(3)) {
                Some([_, 0xBF, 0xBE]) => return Err('\u{FFFE}'),
                Some([_, 0xBF, 0xBF]) => return Err('\u{FFFF}'),
                _ => continue,
            },
            _ => continue,
        };
        out.extend_from_slice(bytes.get(clean_from..at).unwrap_or_default());
        out.extend_from_slice(replacement);
        clean_from = at.saturating_add(1);
    }
    out.extend_from_slice(bytes.get(clean_from..).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::push_text;

    fn escaped(text: &str) -> Result<String, char> {
        let mut out = Vec::new();
        push_text(&mut out, text).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escaped("أ & ب <c> ]]> \"d\" 'e'"), Ok("أ &amp; ب &lt;c&gt; ]]&gt; \"d\" 'e'".to_owned()));
        assert_eq!(escaped("&amp;"), Ok("&amp;amp;".to_owned()));
        assert_eq!(escaped("a\r\n\tb"), Ok("a&#13;\n\tb".to_owned()));
        assert_eq!(escaped(""), Ok(String::new()));
    }

    #[test]
    fn every_character_is_judged_as_xml_1_0_does() {
        for character in '\0'..=char::MAX {
            let legal = matches!(character,
                '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
            let mut out = Vec::new();
            let pushed = push_text(&mut out, character.encode_utf8(&mut [0; 4]));
            assert_eq!(pushed, if legal { Ok(()) } else { Err(character) }, "{character:?}");
        }
    }
}
