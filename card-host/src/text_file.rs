//! Text files as people's editors write them: UTF-8 with or without a byte order mark, or UTF-16 with one.

use std::io::{self, ErrorKind};
use std::path::Path;

/// The text of a file.
pub fn read(path: &Path) -> io::Result<String> {
    decoded(std::fs::read(path)?)
}

/// The text in the bytes of a file.
pub fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = || {
        let text = "the text is neither UTF-8 nor UTF-16 with a byte order mark: save it as UTF-8";
        io::Error::new(ErrorKind::InvalidData, text)
    };
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, []) = bytes.as_chunks::<2>() else { return Err(wrong()) };
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).map_err(|_| wrong())
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, text @ ..] => units(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => units(text, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, text @ ..] => String::from_utf8(text.to_vec()).map_err(|_| wrong()),
        _ => String::from_utf8(bytes).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn one_text_in_every_form() {
        let text = "سبب: old\n";
        let utf_16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(order).collect()
        };
        let forms = [
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
            utf_16(u16::to_le_bytes),
            utf_16(u16::to_be_bytes),
        ];
        for form in forms {
            assert_eq!(decoded(form).unwrap(), text);
        }
        for wrong in [&[0xFF, 0xFE, 0x41][..], &[0xFF, 0xFE, 0x00, 0xD8], &[0xC7, 0xE1]] {
            let said = decoded(wrong.to_vec()).unwrap_err().to_string();
            assert!(said.contains("save it as UTF-8"), "{said}");
        }
    }
}
