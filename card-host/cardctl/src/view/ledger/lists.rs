//! `cardctl ledger sales` and `report`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{Sale, Sold};
use serde::Serialize;

use super::show::SaleView;
use crate::view::{View, customer};
use crate::words::{comma, said};

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
            parts.push(said!(language, "no sales", "لا توجد مبيعات"));
        }
        if let Some(next) = self.next {
            parts.push(said!(
                language,
                "there are more: the same with {option} {next}",
                "يوجد المزيد: الأمر نفسه مع {option} {next}",
                option = "--after",
                next,
            ));
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
    fn text(&self, language: Language) -> String {
        let name = |english, arabic| crate::words::say(language, english, arabic);
        let mut lines = Vec::new();
        for Line { of, sold } in &self.lines {
            let of = if of.is_empty() { name("company", "الشركة") } else { of.clone() };
            let Sold { payments, taken, given_back, credit, debts, fees, levies } = *sold;
            let sums = [
                (name("taken", "المحصل"), taken),
                (name("given back", "المردود"), given_back),
                (name("credit", "الرصيد المضاف"), credit),
                (name("debts", "المديونية"), debts),
                (name("fees", "الرسوم"), fees),
                (name("levies", "الضرائب والدمغات"), levies),
            ];
            let sums =
                sums.map(|(name, sum)| format!("{name} {}", customer::amount(Piastres(sum), language)));
            let sums = sums.join(comma(language));
            lines.push(said!(
                language,
                "{of}: {payments} payments, {sums}",
                "{of}: عدد المدفوعات {payments}، {sums}",
                of,
                payments,
                sums
            ));
        }
        if lines.is_empty() {
            lines.push(said!(language, "nothing was sold", "لم يُبع شيء"));
        }
        lines.join("\n")
    }
}
