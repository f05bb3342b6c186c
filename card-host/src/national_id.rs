//! The Egyptian national ID: its form, and what stands for its person in the books. The number itself is kept nowhere.

use card_core::platform::Block;
use card_core::role::KeyVersion;
use core::fmt;
use std::str::FromStr;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Codes of governorates in it; 88 is who was born abroad.
const GOVERNORATES: [u8; 28] = [
    1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 35,
    88,
];

/// The 14 digits of a national ID: century (2: 1900, 3: 2000), birth date (YYMMDD), governorate, 4 digits of a series, and a check digit, whose
/// rule is not public. A secret: wiped when dropped, not `Clone`, not shown by `Debug`.
#[derive(ZeroizeOnDrop)]
pub struct NationalId([u8; 14]);

/// A text is no national ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NationalIdError {
    /// Not 14 digits (spaces and hyphens between them do not count).
    #[error("a national ID has 14 digits: compare the number with the card")]
    Length,
    /// The first digit is no century of people who live.
    #[error("a national ID begins with 2 or 3, the century of the birth: compare the number with the card")]
    Century,
    /// There is no such day.
    #[error(
        "digits 2 to 7 of a national ID are a birth date, and these are none: compare the number with the card"
    )]
    BirthDate,
    /// No such governorate.
    #[error(
        "digits 8 and 9 of a national ID are a governorate, and these are none: compare the number with the card"
    )]
    Governorate,
}

impl NationalIdError {
    /// In Arabic.
    pub const fn arabic(self) -> &'static str {
        match self {
            Self::Length => "الرقم القومي أربعة عشر رقمًا: يرجى مقارنته بالبطاقة",
            Self::Century => "أول رقم في الرقم القومي لا يدل على قرن الميلاد: يرجى مقارنته بالبطاقة",
            Self::BirthDate => "تاريخ الميلاد في الرقم القومي غير موجود: يرجى مقارنته بالبطاقة",
            Self::Governorate => "كود المحافظة في الرقم القومي غير موجود: يرجى مقارنته بالبطاقة",
        }
    }
}

impl NationalId {
    /// From its digits, also Arabic ones; spaces and hyphens are passed over.
    pub fn parse(text: &str) -> Result<Self, NationalIdError> {
        let mut digits = Zeroizing::new([0_u8; 14]);
        let mut count = 0_usize;
        for character in text.trim().chars().filter(|c| !matches!(c, ' ' | '-')) {
            let digit = digit(character).ok_or(NationalIdError::Length)?;
            *digits.get_mut(count).ok_or(NationalIdError::Length)? = digit;
            count += 1;
        }
        if count != digits.len() {
            return Err(NationalIdError::Length);
        }
        let [century, y1, y2, m1, m2, d1, d2, g1, g2, ..] = *digits;
        let year = match century {
            2 => 1900,
            3 => 2000,
            _ => return Err(NationalIdError::Century),
        } + u16::from(y1 * 10 + y2);
        if !(1..=days(year, m1 * 10 + m2)).contains(&(d1 * 10 + d2)) {
            return Err(NationalIdError::BirthDate);
        }
        if !GOVERNORATES.contains(&(g1 * 10 + g2)) {
            return Err(NationalIdError::Governorate);
        }
        for digit in digits.iter_mut() {
            *digit += b'0';
        }
        Ok(Self(*digits))
    }

    /// The digits in ASCII.
    pub const fn digits(&self) -> &[u8; 14] {
        &self.0
    }

    /// The birth date: year, month, day.
    pub fn born(&self) -> (u16, u8, u8) {
        let [century, y1, y2, m1, m2, d1, d2, ..] = self.0.map(|digit| digit.saturating_sub(b'0'));
        let year = u16::from(century).saturating_add(17).saturating_mul(100);
        (year.saturating_add(u16::from(y1 * 10 + y2)), m1 * 10 + m2, d1 * 10 + d2)
    }
}

impl FromStr for NationalId {
    type Err = NationalIdError;

    fn from_str(text: &str) -> Result<Self, NationalIdError> {
        Self::parse(text)
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NationalId(redacted)")
    }
}

/// What stands for a person in the books: a code of the national ID under a key that only the key store has (specification, 4.2). As text the key
/// version number and the code, in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonRef {
    /// The vending master that it is made with.
    pub version: KeyVersion,
    /// The code.
    pub code: Block,
}

impl PersonRef {
    /// Bytes.
    pub const SIZE: usize = 17;

    /// As the books have it.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        let mut bytes = [self.version.byte(); Self::SIZE];
        if let Some((_, code)) = bytes.split_first_mut() {
            code.copy_from_slice(&self.code);
        }
        bytes
    }

    /// From those.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let [version, code @ ..] = *bytes;
        Self { version: KeyVersion::from_byte(version), code }
    }
}

impl fmt::Display for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.emit().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// As people type it, in European, Arabic or Persian digits.
fn digit(character: char) -> Option<u8> {
    let value = match character {
        '\u{660}'..='\u{669}' => u32::from(character) - 0x660,
        '\u{6F0}'..='\u{6F9}' => u32::from(character) - 0x6F0,
        _ => character.to_digit(10)?,
    };
    u8::try_from(value).ok()
}

/// Of a month, 1 to 12; of any other number none.
const fn days(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::NationalIdError::*;
    use super::*;

    #[test]
    fn every_rule_of_the_form() {
        let cases = [
            ("29001011234567", Ok((1990, 1, 1))),
            ("304 1231 88 12345", Ok((2004, 12, 31))),
            ("٢٩٠٠١٠١١٢٣٤٥٦٧", Ok((1990, 1, 1))),
            ("30002290100000", Ok((2000, 2, 29))),
            ("20002290100000", Err(BirthDate)),
            ("29002300100000", Err(BirthDate)),
            ("29013010100000", Err(BirthDate)),
            ("29000010100000", Err(BirthDate)),
            ("29004310100000", Err(BirthDate)),
            ("29001000100000", Err(BirthDate)),
            ("19001011234567", Err(Century)),
            ("49001011234567", Err(Century)),
            ("29001010034567", Err(Governorate)),
            ("29001013634567", Err(Governorate)),
            ("2900101123456", Err(Length)),
            ("290010112345678", Err(Length)),
            ("2900101123456x", Err(Length)),
            ("", Err(Length)),
        ];
        for (text, expected) in cases {
            assert_eq!(NationalId::parse(text).map(|id| id.born()), expected, "{text:?}");
        }
    }

    #[test]
    fn it_is_shown_nowhere() {
        let id = NationalId::parse("29001011234567").unwrap();
        assert_eq!(format!("{id:?}"), "NationalId(redacted)");
        let person = PersonRef { version: KeyVersion::from_byte(0x21), code: [0xAB; 16] };
        assert_eq!(PersonRef::parse(&person.emit()), person);
        assert_eq!(person.to_string(), format!("21{}", "ab".repeat(16)));
    }
}
