//! `cardctl ledger lost`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{LostSale, LostSales, RequestId};
use serde::Serialize;

use crate::view::{View, customer};
use crate::words::{Both, said};

/// What became of a voucher that was handed in.
pub(crate) struct HandedIn {
    pub(crate) code: &'static str,
    pub(crate) says: Both,
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
    #[serde(skip)]
    became: Option<Both>,
}

#[derive(Serialize)]
struct Contradicting {
    line: u64,
    why: String,
}

impl LostView {
    fn new(sale: LostSale, became: Option<HandedIn>) -> Self {
        let finding = became.as_ref().map(|became| became.code);
        let became = became.map(|became| became.says);
        let says = became.as_ref().map(|became| became.0.clone());
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
            became,
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
    fn text(&self, language: Language) -> String {
        let paid = self.lost.iter().fold(0_u64, |sum, sale| sum.saturating_add(sale.amount));
        let mut text = said!(
            language,
            "{known} sales are known, {lost} are lost ({paid}), {wrong} lines contradict the ledger",
            "معروف {known} من المبيعات، ومفقود {lost} ({paid})، ويخالف الدفاتر {wrong} من السطور",
            known = self.known,
            lost = self.lost.len(),
            paid = customer::amount(Piastres(paid), language),
            wrong = self.contradicting.len(),
        );
        for sale in &self.lost {
            let LostView { line, request, sequence, meter, binding, .. } = sale;
            text.push_str(&said!(
                language,
                "\nline {line}: lost: request {request}, {amount}, certificate {sequence} of meter {meter} (binding {binding})",
                "\nالسطر {line}: مفقود: الطلب {request}، {amount}، الشهادة {sequence} للعداد {meter} (التعاقد {binding})",
                line,
                request,
                amount = customer::amount(Piastres(sale.amount), language),
                sequence,
                meter,
                binding,
            ));
            if let Some(became) = &sale.became {
                let became = became.of(language);
                text.push_str(&said!(language, "\n  handed in: {became}", "\n  سُلم: {became}", became));
            }
        }
        for Contradicting { line, why } in &self.contradicting {
            text.push_str(&said!(
                language,
                "\nline {line}: contradicts: {why}",
                "\nالسطر {line} يخالف الدفاتر ({why})",
                line,
                why,
            ));
        }
        if self.lost.iter().any(|sale| sale.says.is_none()) {
            text.push_str(&said!(
                language,
                "\nhand in what is lost: the same command with {option}",
                "\nلتسليم المفقود: الأمر نفسه مع {option}",
                option = "--hand-in",
            ));
        }
        text
    }

    fn is_good(&self) -> bool {
        self.good
    }
}
