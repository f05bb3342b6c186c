//! `cardctl meter network`.

use card_core::id::MeterId;
use card_core::message::Voucher;
use card_core::meter::{MeterState, Verdict};
use card_core::text::{Language, Situation};
use card_core::units::Balance;
use serde::Serialize;

use crate::view::verdict::VerdictView;
use crate::view::{View, customer};
use crate::words::said;

/// What a meter did with vouchers that came without a card.
#[derive(Serialize)]
pub(crate) struct Received {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    vouchers: Vec<VoucherView>,
    waits_for_its_card: bool,
    balance: i64,
}

#[derive(Serialize)]
struct VoucherView {
    card: String,
    sequence: u32,
    #[serde(flatten)]
    verdict: VerdictView,
}

impl Received {
    pub(crate) fn new(meter: MeterId, taken: &[(Voucher, Verdict)], state: &MeterState) -> Self {
        let vouchers = taken.iter().map(|(voucher, verdict)| VoucherView {
            card: voucher.card.to_string(),
            sequence: voucher.certificate.sequence,
            verdict: Some(*verdict).into(),
        });
        Self {
            meter: meter.number(),
            vouchers: vouchers.collect(),
            waits_for_its_card: state.voucher.is_some(),
            balance: state.balance.0,
        }
    }
}

impl View for Received {
    fn text(&self, language: Language) -> String {
        let mut lines = Vec::new();
        for VoucherView { card, sequence, verdict } in &self.vouchers {
            let text = match verdict.verdict() {
                Some(Verdict::Apply { credit, .. }) if credit.0 != 0 => {
                    let added = Situation::AddedOverNetwork.text(language);
                    customer::with_amount(added, credit, language)
                }
                _ => verdict.text(language),
            };
            lines.push(said!(
                language,
                "voucher {sequence} for card {card}: {text}",
                "الشحنة {sequence} للكارت {card}: {text}",
                sequence,
                card,
                text,
            ));
        }
        if self.vouchers.is_empty() {
            lines.push(said!(
                language,
                "no voucher waits for this meter: sell one with `{command}`",
                "لا توجد شحنة في انتظار هذا العداد: يرجى الشحن أولًا: {command}",
                command = "cardctl top-up AMOUNT --channel wallet --out FILE",
            ));
        }
        if self.waits_for_its_card {
            lines.push(said!(
                language,
                "the meter keeps it for its card, and loads it when that is presented",
                "يحتفظ بها العداد لكارته ويحملها عليه عند وضعه",
            ));
        }
        let balance = customer::amount(Balance(self.balance), language);
        lines.push(format!("{}: {balance}", language.balance_in_the_meter()));
        lines.join("\n")
    }

    fn is_good(&self) -> bool {
        self.vouchers.iter().all(|voucher| voucher.verdict.is_good())
    }
}
