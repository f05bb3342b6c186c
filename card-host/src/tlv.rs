//! BER-TLV data objects (ISO/IEC 7816-4, 6.3) of any card, and the key information: bounded, strict, and never trusted. What our
//! cards answer else, [`card_core::terminal`] reads.
//!
//! What a card answers is first walked through iteratively: its size and depth are bounded, lengths are definite and as short
//! as can be, and no child reaches over the end of its parent. Only then is it parsed, and the result is written again and
//! compared with the input.

use core::fmt;

use card_core::role::{KeyVersion, Role};
use iso7816_tlv::ber;

/// Largest input, in bytes.
pub const MAX_SIZE: usize = 4096;
/// Most objects within each other.
pub const MAX_DEPTH: usize = 8;

/// Why bytes are not one data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// More than [`MAX_SIZE`] bytes.
    #[error("the card's data object is too large: it is not ours")]
    TooLarge,
    /// More than [`MAX_DEPTH`] levels.
    #[error("the card's data object is nested too deeply: it is not ours")]
    TooDeep,
    /// It ends before its lengths say so.
    #[error("the card's data object is cut off: try again, or with another reader")]
    Truncated,
    /// An object reaches over the end of the one it is in.
    #[error("a part of the card's data object is longer than the whole: the card is not ours, or defective")]
    Overrun,
    /// A length of the indefinite form, with more than two bytes, or with more bytes than it needs.
    #[error("the card's data object has a length in a form that is not allowed: the card is not ours")]
    Length,
    /// A tag that starts with 00 or FF, or has more than three bytes or leading zeros.
    #[error("the card's data object has a tag that is not allowed: the card is not ours")]
    Tag,
    /// Bytes after the object.
    #[error("there are bytes after the card's data object: the card is not ours, or defective")]
    Trailing,
    /// Written again, it is not what was read.
    #[error("the card's data object is not in the one form that is allowed: the card is not ours")]
    NotCanonical,
    /// An object that must be there is not.
    #[error("the card's data object lacks the part {0:X}: the card is not ours")]
    Missing(u32),
    /// An object has not the form that it must have.
    #[error(
        "the part {0:X} of the card's data object is not in its form: the card is not ours, or of another version"
    )]
    Field(u32),
}

/// What an object contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Primitive(Vec<u8>),
    /// Objects.
    Constructed(Vec<Object>),
}

/// A data object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Tag, as a number: 6F, 9F65.
    pub tag: u32,
    /// Value.
    pub value: Value,
}

impl Object {
    /// The one object that `bytes` are.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlvError> {
        check(bytes)?;
        let object = ber::Tlv::from_bytes(bytes).map_err(|_| TlvError::NotCanonical)?;
        let object = Self::from_ber(&object)?;
        // The crate's own writer gives 127 bytes a length in two bytes; this one does not.
        if object.emit() == bytes { Ok(object) } else { Err(TlvError::NotCanonical) }
    }

    // Recursion is bounded: `check` has been there before.
    fn from_ber(from: &ber::Tlv) -> Result<Self, TlvError> {
        let tag = from.tag().to_bytes().iter().fold(0, |tag, byte| (tag << 8) | u32::from(*byte));
        let value = match from.value() {
            ber::Value::Primitive(bytes) => Value::Primitive(bytes.clone()),
            ber::Value::Constructed(children) => {
                Value::Constructed(children.iter().map(Self::from_ber).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { tag, value })
    }

    /// The object's bytes, with lengths as short as can be.
    pub fn emit(&self) -> Vec<u8> {
        let value = match &self.value {
            Value::Primitive(bytes) => bytes.clone(),
            Value::Constructed(children) => children.iter().flat_map(Self::emit).collect(),
        };
        let mut out: Vec<u8> = self.tag.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let [.., high, low] = value.len().to_be_bytes();
        match (high, low) {
            (0, 0..=0x7F) => out.push(low),
            (0, _) => out.extend([0x81, low]),
            _ => out.extend([0x82, high, low]),
        }
        out.extend(value);
        out
    }

    /// The objects in it; none in a primitive one.
    pub fn children(&self) -> &[Self] {
        match &self.value {
            Value::Primitive(_) => &[],
            Value::Constructed(children) => children,
        }
    }

    /// The first object with this tag directly in it.
    pub fn child(&self, tag: u32) -> Result<&Self, TlvError> {
        self.children().iter().find(|child| child.tag == tag).ok_or(TlvError::Missing(tag))
    }

    /// The bytes of a primitive object.
    pub fn bytes(&self) -> Result<&[u8], TlvError> {
        match &self.value {
            Value::Primitive(bytes) => Ok(bytes),
            Value::Constructed(_) => Err(TlvError::Field(self.tag)),
        }
    }

    fn expect(self, tag: u32) -> Result<Self, TlvError> {
        if self.tag == tag { Ok(self) } else { Err(TlvError::Missing(tag)) }
    }
}

impl fmt::Display for Object {
    /// One line for each object, indented by depth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = f.width().unwrap_or(0);
        match &self.value {
            Value::Primitive(bytes) => {
                writeln!(f, "{:indent$}{:02X}  {}", "", self.tag, hex::encode_upper(bytes))
            }
            Value::Constructed(children) => {
                writeln!(f, "{:indent$}{:02X}", "", self.tag)?;
                let deeper = indent + 3;
                children.iter().try_for_each(|child| write!(f, "{child:deeper$}"))
            }
        }
    }
}

/// Walks through `bytes` without recursion and without building anything.
fn check(bytes: &[u8]) -> Result<(), TlvError> {
    if bytes.len() > MAX_SIZE {
        return Err(TlvError::TooLarge);
    }
    // How many bytes are left in each open object, the innermost last; the outermost is the input.
    let mut open = Vec::with_capacity(MAX_DEPTH + 1);
    let mut rest = bytes;
    let mut first = true;
    loop {
        while open.last() == Some(&0) {
            open.pop();
        }
        if !first && open.is_empty() {
            return if rest.is_empty() { Ok(()) } else { Err(TlvError::Trailing) };
        }
        first = false;
        let before = rest.len();
        let constructed = take_tag(&mut rest)?;
        let length = take_length(&mut rest)?;
        if length > rest.len() {
            return Err(if open.is_empty() { TlvError::Truncated } else { TlvError::Overrun });
        }
        let header = before - rest.len();
        if let Some(left) = open.last_mut() {
            // All of the object belongs to its parent, which goes on behind it.
            *left = usize::checked_sub(*left, header + length).ok_or(TlvError::Overrun)?;
        }
        if constructed {
            if open.len() == MAX_DEPTH {
                return Err(TlvError::TooDeep);
            }
            open.push(length);
        } else {
            rest = rest.get(length..).ok_or(TlvError::Truncated)?;
            if open.is_empty() {
                open.push(0);
            }
        }
    }
}

/// Whether the object is a constructed one.
fn take_tag(rest: &mut &[u8]) -> Result<bool, TlvError> {
    let byte = take(rest)?;
    if matches!(byte, 0x00 | 0xFF) {
        return Err(TlvError::Tag);
    }
    if byte & 0x1F == 0x1F {
        let second = take(rest)?;
        // A number below 31 in the long form, or with leading zeros, has a shorter form.
        if second < 0x1F || second == 0x80 {
            return Err(TlvError::Tag);
        }
        if second & 0x80 != 0 && take(rest)? & 0x80 != 0 {
            return Err(TlvError::Tag);
        }
    }
    Ok(byte & 0x20 != 0)
}

fn take_length(rest: &mut &[u8]) -> Result<usize, TlvError> {
    match take(rest)? {
        short @ 0..=0x7F => Ok(short.into()),
        0x81 => match take(rest)? {
            0..=0x7F => Err(TlvError::Length),
            length => Ok(length.into()),
        },
        0x82 => match u16::from_be_bytes([take(rest)?, take(rest)?]) {
            0..=0xFF => Err(TlvError::Length),
            length => Ok(length.into()),
        },
        _ => Err(TlvError::Length),
    }
}

fn take(rest: &mut &[u8]) -> Result<u8, TlvError> {
    let (byte, tail) = rest.split_first().ok_or(TlvError::Truncated)?;
    *rest = tail;
    Ok(*byte)
}

/// One key of the key information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEntry {
    /// Key identifier: 01 ENC, 02 MAC, 03 DEK; a single key has 01.
    pub id: u8,
    /// Key version number.
    pub version: KeyVersion,
    /// Bytes in the key.
    pub length: u8,
}

/// The keys that a card says it has, GET DATA 00E0 (specification, 7.4). Not authenticated unless read in a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyInformation {
    /// By role, in the order of the card.
    pub keys: Vec<KeyEntry>,
}

impl KeyInformation {
    /// From the answer's data.
    pub fn parse(data: &[u8]) -> Result<Self, TlvError> {
        let object = Object::parse(data)?.expect(0xE0)?;
        let entry = |child: &Object| match (child.tag, child.bytes()?) {
            (0xC0, [id, version, 0x88, length]) => {
                Ok(KeyEntry { id: *id, version: KeyVersion::from_byte(*version), length: *length })
            }
            _ => Err(TlvError::Field(child.tag)),
        };
        Ok(Self { keys: object.children().iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// The key version number that the card has for `role`.
    pub fn version(&self, role: Role) -> Option<KeyVersion> {
        self.keys.iter().map(|key| key.version).find(|version| version.role() == Some(role))
    }
}

#[cfg(test)]
mod tests;
