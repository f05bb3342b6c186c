//! `cardctl batch issue`.

use card_core::text::Language;
use serde::Serialize;
use std::time::Duration;

use super::View;
use crate::words::said;

/// Where the time went, over all cards.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    /// Cards that were issued now.
    pub(crate) cards: u32,
    pub(crate) card: Duration,
    pub(crate) keys: Duration,
    pub(crate) ledger: Duration,
}

/// How the rows stand.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) rows: usize,
    pub(crate) issued: usize,
    /// Of these, before this run.
    pub(crate) before: usize,
    pub(crate) refused: usize,
}

/// How a batch went.
#[derive(Serialize)]
pub(crate) struct Issued {
    rows: usize,
    issued: usize,
    /// Of these, before this run.
    before: usize,
    refused: usize,
    seconds: u64,
    /// Microseconds a card, of those that were issued in this run.
    card_us: u64,
    keys_us: u64,
    ledger_us: u64,
    /// The time that passed, by the cards that were issued in this run: readers work side by side.
    passed_us: u64,
    results: String,
}

impl Issued {
    pub(crate) fn new(done: Done, spent: &Spent, passed: Duration, results: String) -> Self {
        let each = |time: Duration| {
            let cards = u128::from(spent.cards.max(1));
            u64::try_from(time.as_micros() / cards).unwrap_or(u64::MAX)
        };
        Self {
            rows: done.rows,
            issued: done.issued,
            before: done.before,
            refused: done.refused,
            seconds: passed.as_secs(),
            card_us: each(spent.card),
            keys_us: each(spent.keys),
            ledger_us: each(spent.ledger),
            passed_us: each(passed),
            results,
        }
    }
}

/// Minutes for a thousand cards, from microseconds for one.
fn minutes(us: u64) -> String {
    // A thousand microseconds are a thousandth of a minute's 60 seconds, in hundredths of a minute.
    let hundredths = us / 600;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

impl View for Issued {
    fn text(&self, language: Language) -> String {
        let Self { rows, issued, before, refused, results, .. } = self;
        let mut text = said!(
            language,
            "{issued} of {rows} rows have their card ({before} had it before), {refused} are refused",
            "صدرت كروت {issued} من {rows} من السطور (منها {before} من قبل)، ورُفض {refused}",
            issued,
            rows,
            before,
            refused,
        );
        let [passed, card, keys, ledger] =
            [self.passed_us, self.card_us, self.keys_us, self.ledger_us].map(minutes);
        if issued > before {
            text.push_str(&said!(
                language,
                "\n{passed} minutes for a thousand cards; of the work at them {card} in the card, {keys} in the key store, {ledger} in the ledger",
                "\n{passed} دقيقة لكل ألف كارت، منها {card} في الكارت و{keys} في بيانات التشفير و{ledger} في الدفاتر",
                passed,
                card,
                keys,
                ledger,
            ));
        }
        text.push_str(&said!(
            language,
            "\nresults, with the access numbers to print: {results}",
            "\nالنتائج مع أرقام الاطلاع التي تُطبع: {results}",
            results,
        ));
        text
    }

    fn is_good(&self) -> bool {
        self.refused == 0
    }
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn minutes_for_a_thousand() {
        // 60 ms each: a minute for a thousand.
        for (us, text) in
            [(60_000, "1.00"), (90_000, "1.50"), (0, "0.00"), (3_600_000, "60.00"), (599, "0.00")]
        {
            assert_eq!(minutes(us), text);
        }
    }
}
