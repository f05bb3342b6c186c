//! A contract that has ended, and a customer at another meter.

use card_core::id::Binding;
use card_core::text::{Language, isolate};
use card_core::units::Piastres;
use card_ledger::{AtNewMeter, Ended, RequestId};
use serde::Serialize;

use super::View;
use super::card::contract;
use super::issue::Account;
use super::policy::FeeLine;
use super::table::Table;
use crate::words::say;

#[derive(Serialize)]
pub(crate) struct EndedView {
    request: RequestId,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    /// The contract that has ended.
    binding: u32,
    card: String,
    /// Whether the customer's card takes it to the meter.
    carried: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<FeeLine>,
}

impl EndedView {
    pub(crate) fn new(request: &RequestId, ended: &Ended, carried: bool, fee: Option<FeeLine>) -> Self {
        Self {
            request: request.clone(),
            account: ended.account,
            meter: ended.of.meter.number(),
            binding: ended.of.number,
            card: ended.nobodys.held.card.id.to_string(),
            carried,
            fee,
        }
    }
}

impl View for EndedView {
    fn text(&self, language: Language) -> String {
        let Self { meter, binding, .. } = *self;
        let of = Binding { meter: meter.into(), number: binding };
        let mut table = Table::new(language);
        table.line("ended", contract(of, language));
        table.line("account", self.account);
        table.line("card", &self.card);
        if let Some(fee) = &self.fee {
            table.line("fee", fee.line(language));
        }
        let (next, arabic) = if self.carried {
            (
                "take the card to the meter, bring it back: cardctl collect",
                "يوضع الكارت في العداد ثم يعاد إلى الفرع لاستلام ما عليه",
            )
        } else {
            (
                "a technician's card ends it at the meter: cardctl engineering",
                "ينهيه في العداد كارت فني ثم يستلم ما عليه",
            )
        };
        table.line("next", say(language, next, arabic));
        let give = format!("cardctl ledger give-back --of {meter}/{binding}");
        table.line(
            "then",
            say(
                language,
                format_args!("what is left: {give}"),
                format_args!("رد المتبقي: {}", isolate(&give)),
            ),
        );
        table.finish()
    }
}

/// A customer at another meter.
#[derive(Serialize)]
pub(crate) struct AtNewMeterView {
    request: RequestId,
    #[serde(flatten)]
    account: Account,
    /// The old meter, and its contract.
    #[serde(serialize_with = "crate::view::as_text")]
    from_meter: u64,
    from_binding: u32,
    /// Whether what was left there has come along.
    moved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<FeeLine>,
}

impl AtNewMeterView {
    pub(crate) fn new(request: &RequestId, done: &AtNewMeter, fee: Option<FeeLine>) -> Self {
        Self {
            request: request.clone(),
            account: (&done.account).into(),
            from_meter: done.from.meter.number(),
            from_binding: done.from.number,
            moved: done.moved,
            fee,
        }
    }
}

impl View for AtNewMeterView {
    fn text(&self, language: Language) -> String {
        let from = Binding { meter: self.from_meter.into(), number: self.from_binding };
        let mut table = Table::new(language);
        table.line("card", &self.account.card);
        table.line("account", self.account.account);
        table.line("meter", self.account.contract(language));
        table.line("ended", contract(from, language));
        table.egp("total credit", Piastres(self.account.total_credit));
        if let Some(fee) = &self.fee {
            table.line("fee", fee.line(language));
        }
        let next = if self.moved {
            say(language, "take the card to the new meter", "يوضع الكارت في العداد الجديد")
        } else {
            let again = format!("cardctl new-meter --from {} --to {}", self.from_meter, self.account.meter);
            say(
                language,
                format_args!("a technician's card brings the old meter's final report; then again: {again}"),
                format_args!("يحضر كارت فني التقرير الأخير للعداد القديم ثم يعاد: {}", isolate(&again)),
            )
        };
        table.line("next", next);
        table.finish()
    }
}
