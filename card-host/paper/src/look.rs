//! How a paper looks: language, digits, times.

use card_core::calendar::Calendar;
use card_core::text::Language;
use card_core::units::CardTime;
use std::fmt::Display;

use crate::words::month_name;

/// Which digits amounts and dates are written with. Identifiers and machine data always have Western ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// 0123456789.
    #[default]
    Western,
    /// ٠١٢٣٤٥٦٧٨٩, with ٫ before the decimals.
    ArabicIndic,
}

#[cfg(feature = "pdf")]
/// What a PDF is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Sheets of A4.
    #[default]
    A4,
    /// The roll of a receipt printer: 80 mm wide, as long as it has to be.
    Roll,
}

/// How a page looks.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The language, and with it the direction.
    pub language: Language,
    /// The digits.
    pub digits: Digits,
    /// The zone in which times are shown.
    pub calendar: Calendar,
}

impl Default for Look {
    /// English, Western digits, Cairo's time.
    fn default() -> Self {
        Self { language: Language::English, digits: Digits::Western, calendar: Calendar::EGYPT }
    }
}

impl Look {
    /// A text with digits as they are wanted.
    pub(crate) fn digits(&self, text: impl Display) -> String {
        let text = text.to_string();
        match self.digits {
            Digits::Western => text,
            Digits::ArabicIndic => text.chars().map(arabic_indic).collect(),
        }
    }

    /// A month, such as "Nov 2026"; `index` is months since January 2020.
    pub(crate) fn month(&self, index: u16) -> String {
        let year = u32::from(index / 12).saturating_add(2020);
        self.digits(format_args!("{} {year}", month_name(index, self.language)))
    }

    /// Local date and time, such as "2026-11-30 17:05".
    pub(crate) fn time(&self, time: CardTime) -> crate::sheet::Text {
        let local = self.calendar.local(time);
        let first = jiff::civil::Date::constant(2020, 1, 1);
        let date = first.saturating_add(jiff::Span::new().days(i64::from(local.day)));
        self.number(format_args!("{date} {:02}:{:02}", local.minute / 60, local.minute % 60))
    }
}

fn arabic_indic(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32(u32::from(c).saturating_add(0x0630)).unwrap_or(c),
        '.' => '٫',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::Run;

    #[test]
    fn digits_and_months_are_those_of_the_language() {
        let arabic = Look { language: Language::Arabic, digits: Digits::ArabicIndic, ..Look::default() };
        assert_eq!(arabic.digits("1234567890.5"), "١٢٣٤٥٦٧٨٩٠٫٥");
        assert_eq!(arabic.month(82), "نوفمبر ٢٠٢٦");
        assert_eq!(Look::default().month(82), "Nov 2026");
    }

    #[test]
    fn times_are_local() {
        // 2024-07-01T00:00:00Z is three o'clock in Cairo's summer.
        let time = CardTime::from_unix(1_719_792_000).unwrap_or_default();
        let said = Look::default().time(time);
        assert!(matches!(said.as_slice(), [Run::Number(text)] if text == "2024-07-01 03:00"));
    }
}
