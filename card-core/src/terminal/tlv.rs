//! BER-TLV data objects (ISO/IEC 7816-4, 5.2.2), read where they lie: no copy, no recursion, work bounded by the bytes.

use crate::bytes::{Reader, WrongLength};

/// One data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// Its tag as written: one to three bytes, big-endian.
    pub tag: u32,
    /// Its value, as many bytes as its length says.
    pub value: &'a [u8],
}

/// Bytes are not data objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// A tag, a length or a value ends behind the bytes that hold it.
    #[error("a data object ends behind what holds it")]
    Truncated,
    /// A tag of more than three bytes, or one that is not written in the shortest way.
    #[error("a data object has a tag that is not allowed")]
    Tag,
    /// An indefinite length, or one of more than two bytes.
    #[error("a data object has a length that is not allowed")]
    Length,
}

impl From<WrongLength> for TlvError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::Truncated
    }
}

/// The data objects of one level, in order. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Objects<'a> {
    rest: Reader<'a>,
}

impl<'a> Objects<'a> {
    /// The data objects in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Reader::new(bytes) }
    }

    fn object(&mut self) -> Result<Object<'a>, TlvError> {
        let tag = tag(&mut self.rest)?;
        let length = match self.rest.u8()? {
            short @ 0..=0x7F => usize::from(short),
            0x81 => usize::from(self.rest.u8()?),
            0x82 => usize::from(self.rest.u16()?),
            _ => return Err(TlvError::Length),
        };
        Ok(Object { tag, value: self.rest.take(length)? })
    }
}

/// ISO/IEC 7816-4, 5.2.2.1: one byte, or more where its low five bits are 1.
fn tag(reader: &mut Reader<'_>) -> Result<u32, TlvError> {
    let first = reader.u8()?;
    if first & 0x1F != 0x1F {
        return if first == 0 { Err(TlvError::Tag) } else { Ok(first.into()) };
    }
    match reader.u8()? {
        // A number below 31 has a tag of one byte; a leading zero is not the shortest way.
        0..=0x1E | 0x80 => Err(TlvError::Tag),
        last @ 0x1F..=0x7F => Ok(u32::from(u16::from_be_bytes([first, last]))),
        middle => match reader.u8()? {
            last @ 0..=0x7F => Ok(u32::from_be_bytes([0, first, middle, last])),
            _ => Err(TlvError::Tag),
        },
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.left() == 0 {
            return None;
        }
        let object = self.object();
        if object.is_err() {
            self.rest.rest();
        }
        Some(object)
    }
}

/// The value at the end of a path of tags, from the outermost to the innermost; `None` where there is none.
///
/// Every level on the way is read to its end: bytes that are malformed behind what is looked for are an error too. Of objects
/// with the same tag the first counts.
pub fn find<'a>(bytes: &'a [u8], path: &[u32]) -> Result<Option<&'a [u8]>, TlvError> {
    let mut level = bytes;
    for tag in path {
        let mut found = None;
        for object in Objects::new(level) {
            let object = object?;
            if object.tag == *tag && found.is_none() {
                found = Some(object.value);
            }
        }
        match found {
            Some(value) => level = value,
            None => return Ok(None),
        }
    }
    Ok(Some(level))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use hex_literal::hex;
    use std::vec::Vec;

    #[test]
    fn a_path_leads_to_a_value() {
        let bytes = hex!("6F0E 8402F045 A508 9F6501FF C102AABB");
        assert_eq!(find(&bytes, &[0x6F, 0xA5, 0xC1]), Ok(Some(&hex!("AABB")[..])));
        assert_eq!(find(&bytes, &[0x6F, 0xA5, 0x9F65]), Ok(Some(&hex!("FF")[..])));
        assert_eq!(find(&bytes, &[0x6F, 0x84]), Ok(Some(&hex!("F045")[..])));
        assert_eq!(find(&bytes, &[0x6F, 0xC1]), Ok(None));
        assert_eq!(find(&bytes, &[]), Ok(Some(&bytes[..])));
        // Of two with the same tag the first counts.
        assert_eq!(find(&hex!("C10101 C10102"), &[0xC1]), Ok(Some(&[1][..])));
    }

    #[test]
    fn long_forms() {
        let mut bytes = Vec::from(hex!("DF8101 820100"));
        bytes.extend([7; 256]);
        assert_eq!(find(&bytes, &[0xDF8101]), Ok(Some(&[7; 256][..])));
        assert_eq!(find(&hex!("C1810101"), &[0xC1]), Ok(Some(&[1][..])));
    }

    #[test]
    fn what_is_malformed() {
        for (bytes, error) in [
            (&hex!("C1")[..], TlvError::Truncated),
            (&hex!("C102AA"), TlvError::Truncated),
            (&hex!("C181"), TlvError::Truncated),
            (&hex!("9F"), TlvError::Truncated),
            (&hex!("C180AA0000"), TlvError::Length),
            (&hex!("C18300000100"), TlvError::Length),
            (&hex!("9F1E00"), TlvError::Tag),
            (&hex!("9F800100"), TlvError::Tag),
            (&hex!("9F81818100"), TlvError::Tag),
            (&hex!("0000"), TlvError::Tag),
            // A child may not overrun its parent, though bytes follow.
            (&hex!("6F03C102AA BB"), TlvError::Truncated),
            // Behind what is looked for.
            (&hex!("C101AA C2"), TlvError::Truncated),
        ] {
            let path: &[u32] = if bytes[0] == 0x6F { &[0x6F, 0xC1] } else { &[0xC1] };
            assert_eq!(find(bytes, path), Err(error), "{bytes:02X?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_read(bytes: Vec<u8>) {
            let mut size = 0;
            for object in Objects::new(&bytes).flatten() {
                size += object.value.len() + 2;
            }
            assert!(size <= bytes.len());
            let _ = find(&bytes, &[0x6F, 0xA5, 0xC1]);
        }
    }
}
