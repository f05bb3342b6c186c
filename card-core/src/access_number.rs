//! The access number printed on the card: the root of the holder's key set (specification, 4.2).

use crate::key::AesKey;
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// 80 random bits. A secret: wiped when dropped, not `Clone`, not shown by `Debug`.
#[derive(ZeroizeOnDrop)]
pub struct AccessNumber([u8; 10]);

/// A text is not an access number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessNumberError {
    /// Not 26 digits (spaces and hyphens between them do not count).
    #[error("an access number has 26 digits, as printed on the card")]
    Length,
    /// The last digit does not fit the others.
    #[error("the check digit is wrong: compare the number with the card")]
    CheckDigit,
    /// More than 80 bits.
    #[error("no card has this access number: compare the number with the card")]
    Range,
}

impl AccessNumber {
    /// From its 80 bits.
    pub const fn new(bits: [u8; 10]) -> Self {
        Self(bits)
    }

    /// From print: 26 digits; spaces and hyphens are passed over.
    pub fn parse(text: &str) -> Result<Self, AccessNumberError> {
        let mut digits = Zeroizing::new([0_u8; 26]);
        let mut count = 0_usize;
        for character in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let digit = character.to_digit(10).ok_or(AccessNumberError::Length)?;
            *digits.get_mut(count).ok_or(AccessNumberError::Length)? = digit as u8;
            count += 1;
        }
        if count != digits.len() {
            return Err(AccessNumberError::Length);
        }
        let (check, number) = digits.split_last().ok_or(AccessNumberError::Length)?;
        if luhn(number) != *check {
            return Err(AccessNumberError::CheckDigit);
        }
        let value = number.iter().fold(0_u128, |value, digit| value * 10 + u128::from(*digit));
        let bytes = Zeroizing::new(value.to_be_bytes());
        match bytes.split_last_chunk::<10>() {
            Some((high, low)) if high.iter().all(|byte| *byte == 0) => Ok(Self(*low)),
            _ => Err(AccessNumberError::Range),
        }
    }

    /// The 26 digits for print, as ASCII.
    pub fn digits(&self) -> Zeroizing<[u8; 26]> {
        let mut value = self.0.iter().fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
        let mut digits = Zeroizing::new([0_u8; 26]);
        if let Some((check, number)) = digits.split_last_mut() {
            for digit in number.iter_mut().rev() {
                *digit = (value % 10) as u8;
                value /= 10;
            }
            *check = luhn(number);
        }
        for digit in digits.iter_mut() {
            *digit += b'0';
        }
        digits
    }

    /// The parent key of the holder's key set: the ten bytes and six bytes 00.
    pub fn key(&self) -> Option<AesKey> {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        for (to, from) in bytes.iter_mut().zip(self.0) {
            *to = from;
        }
        AesKey::new(&*bytes)
    }
}

impl PartialEq for AccessNumber {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for AccessNumber {}

impl fmt::Debug for AccessNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessNumber(redacted)")
    }
}

/// Check digit by ISO/IEC 7812-1, annex B, over digits 0 to 9.
fn luhn(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit) * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_of_a_published_number() {
        // ISO/IEC 7812-1's well-known example, 7992739871 with check digit 3.
        assert_eq!(luhn(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1]), 3);
    }

    #[test]
    fn print_and_back() {
        for bits in [[0; 10], [0xFF; 10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            let number = AccessNumber::new(bits);
            let digits = number.digits();
            let text = core::str::from_utf8(&*digits).unwrap();
            assert_eq!(AccessNumber::parse(text), Ok(AccessNumber::new(bits)));
        }
    }

    #[test]
    fn typing_mistakes_are_named() {
        use AccessNumberError::*;
        assert_eq!(AccessNumber::parse("12"), Err(Length));
        assert_eq!(AccessNumber::parse("0000000000000000000000000000"), Err(Length));
        assert_eq!(AccessNumber::parse("00000000000000000000000001"), Err(CheckDigit));
        assert_eq!(AccessNumber::parse("0000000000000000000000000x"), Err(Length));
        assert!(AccessNumber::parse("00000 00000-00000 00000 00000 0").is_ok());
        // 2^80, one more than fits, with its right check digit.
        assert_eq!(AccessNumber::parse("12089258196146291747061764"), Err(Range));
    }
}
