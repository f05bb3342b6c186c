//! Lines, times and amounts as people read them, in their language.

use card_core::text::{Language, isolate};
use card_core::units::{CardTime, Energy};
use std::fmt::Write as _;

use super::customer::{self, kwh};
use crate::words::{is_arabic, word};

/// Lines of a name and a value, the values in one column. Names, and values that are words, are put into the language.
#[derive(Default)]
pub(crate) struct Table {
    language: Language,
    lines: Vec<(String, String)>,
}

impl Table {
    pub(crate) const fn new(language: Language) -> Self {
        Self { language, lines: Vec::new() }
    }

    pub(crate) fn line(&mut self, name: impl Into<String>, value: impl ToString) -> &mut Self {
        let (name, value) = (in_language(self.language, name.into()), value.to_string());
        let value = if value.is_empty() { value } else { in_language(self.language, value) };
        self.lines.push((name, value));
        self
    }

    /// An amount with its currency.
    pub(crate) fn egp(&mut self, name: impl Into<String>, amount: impl std::fmt::Display) -> &mut Self {
        self.line(name, customer::amount(amount, self.language))
    }

    /// Energy with its unit.
    pub(crate) fn energy(&mut self, name: impl Into<String>, energy: Energy) -> &mut Self {
        self.line(name, kwh(energy, self.language))
    }

    pub(crate) fn finish(&self) -> String {
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in &self.lines {
            let pad = " ".repeat(width - name.chars().count());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}{pad}  {value}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// A word in the language; what is none, in an Arabic line, is kept in one piece.
pub(crate) fn in_language(language: Language, text: String) -> String {
    match (language, word(&text)) {
        (Language::English, _) => text,
        (Language::Arabic, Some(arabic)) => arabic.to_owned(),
        (Language::Arabic, None) if is_arabic(&text) => text,
        (Language::Arabic, None) => isolate(text).to_string(),
    }
}

/// A time as people write it, in UTC.
pub(crate) fn time(time: CardTime) -> String {
    if time == CardTime::UNSET {
        return "not set".to_owned();
    }
    let seconds = i64::try_from(time.to_unix()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "out of range".to_owned(), |time| time.to_string())
}

pub(crate) fn egp(amount: impl ToString) -> String {
    format!("{} EGP", amount.to_string())
}

/// POSIX seconds, for programs; nothing where it is not set.
pub(crate) fn posix(time: CardTime) -> Option<u64> {
    (time != CardTime::UNSET).then(|| time.to_unix())
}
