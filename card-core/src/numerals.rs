//! Numbers as people type them: western digits, Arabic-Indic (٠ to ٩) and Persian ones (۰ to ۹), with `.` or the Arabic decimal separator `٫`, and in
//! groups of three by the Arabic thousands separator `٬`. A comma is none of these: it means thousands to some and decimals to others.

/// The decimal separator of Arabic.
pub const DECIMAL: char = '٫';
/// The thousands separator of Arabic.
pub const THOUSANDS: char = '٬';

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Something other than digits and separators in their places.
    #[error("a number is written with digits and at most one decimal separator")]
    NotANumber,
    /// Finer than the unit that is meant.
    #[error("the number has too many decimals")]
    TooManyDecimals,
    /// Does not fit 64 bits.
    #[error("the number is too large")]
    TooLarge,
}

/// The value of a digit.
pub const fn digit(letter: char) -> Option<u8> {
    let number = letter as u32;
    let value = match letter {
        '0'..='9' => number - 0x30,
        '٠'..='٩' => number - 0x660,
        '۰'..='۹' => number - 0x6F0,
        _ => return None,
    };
    // At most 9.
    Some(value as u8)
}

/// The text with western digits and a point; groups are kept together. What is no number stays as it is.
pub fn western(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.chars().filter(|letter| *letter != THOUSANDS).map(|letter| match digit(letter) {
        Some(value) => (b'0' + value) as char,
        None if letter == DECIMAL => '.',
        None => letter,
    })
}

/// A whole number.
pub fn whole(text: &str) -> Result<u64, NumberError> {
    decimal(text, 0)
}

/// A number in units of the last of `places` decimals: `١٬٢٣٤٫٥` with 2 places is 123450. No sign.
pub fn decimal(text: &str, places: u32) -> Result<u64, NumberError> {
    let (before, fraction) = match text.split_once(['.', DECIMAL]) {
        Some((_, _)) if places == 0 => return Err(NumberError::NotANumber),
        Some((before, fraction)) if !fraction.is_empty() => (before, fraction),
        Some(_) => return Err(NumberError::NotANumber),
        None => (text, ""),
    };
    if !grouped(before) || fraction.chars().any(|letter| digit(letter).is_none()) {
        return Err(NumberError::NotANumber);
    }
    let decimals = u32::try_from(fraction.chars().count()).unwrap_or(u32::MAX);
    let missing = places.checked_sub(decimals).ok_or(NumberError::TooManyDecimals)?;
    let mut value = 0_u64;
    for letter in before.chars().chain(fraction.chars()) {
        if let Some(digit) = digit(letter) {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit)))
                .ok_or(NumberError::TooLarge)?;
        }
    }
    let scale = 10_u64.checked_pow(missing);
    scale.and_then(|scale| value.checked_mul(scale)).ok_or(NumberError::TooLarge)
}

/// Digits only; or the first one to three, and then three in each group.
fn grouped(text: &str) -> bool {
    let digits = |part: &str| part.chars().all(|letter| digit(letter).is_some());
    let mut groups = text.split(THOUSANDS);
    let first = groups.next().unwrap_or_default();
    let in_groups = text.contains(THOUSANDS);
    let begins = digits(first) && !first.is_empty() && (!in_groups || first.chars().count() <= 3);
    begins && groups.all(|group| digits(group) && group.chars().count() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_all_digits() {
        for (text, places, value) in [
            ("0", 2, 0),
            ("50", 2, 5_000),
            ("50.25", 2, 5_025),
            ("٥٠٫٢٥", 2, 5_025),
            ("۵۰٫۲۵", 2, 5_025),
            ("٥٠.٢٥", 2, 5_025),
            ("١٬٢٣٤٬٥٦٧٫٨", 2, 123_456_780),
            ("1٬000", 2, 100_000),
            ("١٢٣", 0, 123),
            ("18446744073709551615", 0, u64::MAX),
        ] {
            assert_eq!(decimal(text, places), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            ".",
            "5.",
            ".5",
            "٫٥",
            "٥٫",
            "-5",
            "+5",
            "5,0",
            "٥،٠",
            "1e3",
            "1_000",
            " 5",
            "٥٫٥٫٥",
            "1٬00",
            "1234٬567",
            "٬123",
            "123٬",
            "1٬2345",
            "1٬٬000",
            "5.1٬000",
            "½",
            "५",
        ] {
            assert_eq!(decimal(text, 2), Err(NumberError::NotANumber), "{text}");
        }
        assert_eq!(whole("5.0"), Err(NumberError::NotANumber));
        assert_eq!(decimal("٥٫١٢٣", 2), Err(NumberError::TooManyDecimals));
        assert_eq!(whole("18446744073709551616"), Err(NumberError::TooLarge));
        assert_eq!(decimal("18446744073709551615", 1), Err(NumberError::TooLarge));
    }

    #[test]
    fn other_text_stays() {
        assert!(western("٢٠٢٧-٠٣-١٠").eq("2027-03-10".chars()));
        assert!(western("۱٬۰۰۰٫۵ x").eq("1000.5 x".chars()));
    }
}
