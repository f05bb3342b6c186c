//! A contract that has ended.

use card_core::id::Binding;
use card_core::text::{Language, isolate};
use card_ledger::{Ended, RequestId};
use serde::Serialize;

use super::View;
use super::card::contract;
use super::table::Table;
use super::words::say;

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
}

impl EndedView {
    pub(crate) fn new(request: &RequestId, ended: &Ended, carried: bool) -> Self {
        Self {
            request: request.clone(),
            account: ended.account,
            meter: ended.of.meter.number(),
            binding: ended.of.number,
            card: ended.nobodys.held.card.id.to_string(),
            carried,
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
