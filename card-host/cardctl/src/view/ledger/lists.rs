//! `cardctl ledger sales` and `report`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{Sale, Sold};
use serde::Serialize;
use std::fmt::Write as _;

use super::show::SaleView;
use crate::view::View;
use crate::view::table::egp;

/// Some sales.
#[derive(Serialize)]
pub(crate) struct Sales {
    sales: Vec<SaleView>,
    /// After which number the next page begins.
    next: Option<u64>,
}

impl Sales {
    pub(crate) fn new(sales: Vec<Sale>, next: Option<u64>) -> Self {
        Self { sales: sales.into_iter().map(SaleView::from).collect(), next }
    }
}

impl View for Sales {
    fn text(&self, language: Language) -> String {
        let mut parts: Vec<String> = self.sales.iter().map(|sale| sale.text(language)).collect();
        if parts.is_empty() {
            parts.push("no sales".to_owned());
        }
        if let Some(next) = self.next {
            parts.push(format!("there are more: the same with --after {next}"));
        }
        parts.join("\n\n")
    }
}

/// What was sold, added up.
#[derive(Serialize)]
pub(crate) struct Reported {
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    of: String,
    #[serde(flatten)]
    sold: Sold,
}

impl Reported {
    pub(crate) fn new(lines: Vec<(String, Sold)>) -> Self {
        Self { lines: lines.into_iter().map(|(of, sold)| Line { of, sold }).collect() }
    }
}

impl View for Reported {
    fn text(&self, _: Language) -> String {
        let mut text = String::new();
        for Line { of, sold } in &self.lines {
            let of = if of.is_empty() { "company" } else { of };
            let Sold { payments, taken, given_back, credit, debts, fees, levies } = *sold;
            let sums = [
                ("taken", taken),
                ("given back", given_back),
                ("credit", credit),
                ("debts", debts),
                ("fees", fees),
                ("levies", levies),
            ];
            let sums = sums.map(|(name, sum)| format!("{name} {}", egp(Piastres(sum))));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{of}: {payments} payments, {}", sums.join(", "));
        }
        if text.is_empty() { "nothing was sold".to_owned() } else { text.trim_end().to_owned() }
    }
}
