//! The page around what it says: direction, look on screen and paper, digits, times, amounts.

use card_core::calendar::Calendar;
use card_core::text::Language;
use card_core::units::CardTime;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fmt::Display;

use crate::words::{EGP, month_name};

/// Which digits amounts and dates are written with. Identifiers and machine data always have Western ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// 0123456789.
    #[default]
    Western,
    /// ٠١٢٣٤٥٦٧٨٩, with ٫ before the decimals.
    ArabicIndic,
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

    /// An amount in EGP.
    pub(crate) fn amount(&self, amount: impl Display) -> Markup {
        html! { bdi dir="ltr" { (self.digits(amount)) } " " (EGP.of(self.language)) }
    }

    /// A number, or a text that must not be turned around.
    pub(crate) fn number(&self, number: impl Display) -> Markup {
        html! { bdi dir="ltr" { (self.digits(number)) } }
    }

    /// A month, such as "Nov 2026"; `index` is months since January 2020.
    pub(crate) fn month(&self, index: u16) -> String {
        let year = u32::from(index / 12).saturating_add(2020);
        self.digits(format_args!("{} {year}", month_name(index, self.language)))
    }

    /// Local date and time, such as "2026-11-30 17:05".
    pub(crate) fn time(&self, time: CardTime) -> Markup {
        let local = self.calendar.local(time);
        let first = jiff::civil::Date::constant(2020, 1, 1);
        let date = first.saturating_add(jiff::Span::new().days(i64::from(local.day)));
        self.number(format_args!("{date} {:02}:{:02}", local.minute / 60, local.minute % 60))
    }
}

/// An identifier: Western digits, in one piece, from left to right.
pub(crate) fn identifier(id: impl Display) -> Markup {
    html! { bdi.id dir="ltr" { (id) } }
}

fn arabic_indic(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32(u32::from(c).saturating_add(0x0630)).unwrap_or(c),
        '.' => '٫',
        _ => c,
    }
}

/// One line of a page: what, and how much.
pub(crate) struct Line {
    pub(crate) what: Markup,
    pub(crate) value: Markup,
    /// Whether it is what the reader looks for.
    pub(crate) strong: bool,
}

impl Line {
    pub(crate) fn new(what: impl maud::Render, value: Markup) -> Self {
        Self { what: what.render(), value, strong: false }
    }

    pub(crate) fn strong(what: impl maud::Render, value: Markup) -> Self {
        Self { strong: true, ..Self::new(what, value) }
    }
}

/// Lines as a table with a heading of its own for those who hear it.
pub(crate) fn lines(caption: &str, lines: &[Line]) -> Markup {
    html! {
        table.lines {
            caption.heard { (caption) }
            tbody {
                @for line in lines {
                    tr.strong[line.strong] { th scope="row" { (line.what) } td { (line.value) } }
                }
            }
        }
    }
}

/// The whole page.
pub(crate) fn page(look: &Look, title: &str, under: &str, content: &Markup) -> String {
    let (language, direction) = match look.language {
        Language::English => ("en", "ltr"),
        Language::Arabic => ("ar", "rtl"),
    };
    html! {
        (DOCTYPE)
        html lang=(language) dir=(direction) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (title) } p { (under) } }
                    (content)
                }
            }
        }
    }
    .into_string()
}

/// Logical properties only: one style for both directions. Wide, phone, A4 and the roll of a receipt printer (80 mm, of which 72 print).
const STYLE: &str = "
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 1rem/1.5 'Noto Naskh Arabic', 'Noto Sans Arabic', 'Segoe UI', Tahoma, 'DejaVu Sans', sans-serif; }
main { max-inline-size: 46rem; margin-inline: auto; padding: 1rem; }
header { border-block-end: 3px solid #0b5394; margin-block-end: 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin-block: 1.5rem .5rem; }
header p { margin: 0 0 .5rem; color: #444; }
table { border-collapse: collapse; inline-size: 100%; }
th, td { padding: .3rem .4rem; text-align: start; vertical-align: top; border-block-end: 1px solid #d0d0d0; }
.lines td, .figures td, .figures thead th { text-align: end; } .figures th:first-child { text-align: start; }
.lines th { font-weight: normal; } .strong th, .strong td { font-weight: bold; font-size: 1.2rem; }
.note { color: #444; font-size: .9rem; } .next { border-inline-start: 4px solid #0b5394; padding-inline-start: .75rem; }
.id { font-family: 'DejaVu Sans Mono', Consolas, monospace; font-size: .95em; overflow-wrap: anywhere; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
.scroll { overflow-x: auto; } figure { margin: 0; } svg { max-inline-size: 100%; block-size: auto; direction: ltr; }
.proof { text-align: center; break-inside: avoid; } .proof svg { inline-size: 12rem; }
@media screen and (max-width: 36rem) { .wide { display: none; } }
@media print {
  main { max-inline-size: none; padding: 0; } h2, figure, tr { break-inside: avoid; } .scroll { overflow: visible; }
  @page { margin: 12mm; }
}
@media print and (max-width: 90mm) {
  @page { margin: 2mm 4mm; }
  body { font-size: 9pt; } h1 { font-size: 12pt; } .strong th, .strong td { font-size: 11pt; }
  .wide { display: none; } th, td { padding: .1rem .15rem; }
}
";

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(Look::default().time(time).into_string(), "<bdi dir=\"ltr\">2024-07-01 03:00</bdi>");
    }
}
