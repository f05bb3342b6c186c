//! Lines, times and amounts as people read them.

use card_core::units::CardTime;
use std::fmt::Write as _;

/// Lines of a name and a value, the values in one column.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<(String, String)>,
}

impl Table {
    pub(crate) fn line(&mut self, name: impl Into<String>, value: impl ToString) -> &mut Self {
        self.lines.push((name.into(), value.to_string()));
        self
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
