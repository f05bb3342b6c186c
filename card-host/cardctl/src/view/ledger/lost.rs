//! `cardctl ledger lost`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{LostSale, LostSales, RequestId};
use serde::Serialize;
use std::fmt::Write as _;

use crate::view::View;
use crate::view::table::egp;

/// What became of a voucher that was handed in.
pub(crate) struct HandedIn {
    pub(crate) code: &'static str,
    pub(crate) says: String,
    pub(crate) good: bool,
}

/// What a channel has sold, and the ledger does not know.
#[derive(Serialize)]
pub(crate) struct Lost {
    known: u64,
    lost: Vec<LostView>,
    contradicting: Vec<Contradicting>,
    /// Whether nobody has to do anything more.
    #[serde(skip)]
    good: bool,
}

#[derive(Serialize)]
struct LostView {
    line: u64,
    request: RequestId,
    amount: u64,
    card: String,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    sequence: u32,
    total_credit: u64,
    /// What became of it, where it was handed in.
    finding: Option<&'static str>,
    says: Option<String>,
}

#[derive(Serialize)]
struct Contradicting {
    line: u64,
    why: String,
}

impl LostView {
    fn new(sale: LostSale, became: Option<HandedIn>) -> Self {
        let (finding, says) = became.map_or((None, None), |became| (Some(became.code), Some(became.says)));
        Self {
            line: sale.line,
            request: sale.request,
            amount: sale.amount.0,
            card: sale.card.to_string(),
            meter: sale.binding.meter.number(),
            binding: sale.binding.number,
            sequence: sale.sequence,
            total_credit: sale.total_credit.0,
            finding,
            says,
        }
    }
}

impl Lost {
    /// `handed` is what became of those that were handed in, in their order; nothing where none was to be.
    pub(crate) fn new(found: LostSales, handed: Option<Vec<HandedIn>>) -> Self {
        let settled = match &handed {
            Some(handed) => handed.iter().all(|handed| handed.good),
            None => found.lost.is_empty(),
        };
        let good = found.contradicting.is_empty() && settled;
        let became = handed.into_iter().flatten().map(Some).chain(std::iter::repeat_with(|| None));
        let contradicting = found.contradicting.into_iter().map(|(line, why)| Contradicting { line, why });
        Self {
            known: found.known,
            lost: found
                .lost
                .into_iter()
                .zip(became)
                .map(|(sale, became)| LostView::new(sale, became))
                .collect(),
            contradicting: contradicting.collect(),
            good,
        }
    }
}

impl View for Lost {
    fn text(&self, _: Language) -> String {
        let paid = self.lost.iter().fold(0_u64, |sum, sale| sum.saturating_add(sale.amount));
        let mut text = format!(
            "{} sales are known, {} are lost ({}), {} lines contradict the ledger",
            self.known,
            self.lost.len(),
            egp(Piastres(paid)),
            self.contradicting.len()
        );
        for sale in &self.lost {
            let LostView { line, request, sequence, meter, binding, .. } = sale;
            let amount = egp(Piastres(sale.amount));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\nline {line}: lost: request {request}, {amount}, certificate {sequence} of meter {meter} (binding {binding})"
            );
            if let Some(says) = &sale.says {
                let _ = write!(text, "\n  handed in: {says}");
            }
        }
        for Contradicting { line, why } in &self.contradicting {
            let _ = write!(text, "\nline {line}: contradicts: {why}");
        }
        if self.lost.iter().any(|sale| sale.says.is_none()) {
            text.push_str("\nhand in what is lost: the same command with --hand-in");
        }
        text
    }

    fn is_good(&self) -> bool {
        self.good
    }
}
