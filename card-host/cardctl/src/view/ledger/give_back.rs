//! `cardctl ledger give-back`.

use card_core::id::Binding;
use card_core::text::{Language, isolate};
use card_core::units::{Balance, Piastres};
use card_ledger::{GiveBack, GivenBack, RequestId};
use serde::Serialize;

use crate::view::card::contract;
use crate::view::table::Table;
use crate::view::words::say;
use crate::view::{View, customer};

/// What was given back. Amounts are in piastres.
#[derive(Serialize)]
pub(crate) struct Given {
    request: RequestId,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    paid: u64,
    /// What of it has paid the customer's debt.
    debt: u64,
    /// What the customer owes from now on, where less than nothing was left.
    owed: u64,
}

impl Given {
    pub(crate) fn new(request: &RequestId, given: &GivenBack) -> Self {
        let GivenBack { of, account, paid, debt, owed } = *given;
        Self {
            request: request.clone(),
            meter: of.meter.number(),
            binding: of.number,
            account,
            paid: paid.0,
            debt: debt.0,
            owed: owed.0,
        }
    }
}

impl View for Given {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        table.line("ended", contract(Binding { meter: self.meter.into(), number: self.binding }, language));
        table.line("account", self.account);
        table.egp("given back", Piastres(self.paid));
        for (name, amount) in [("paid of a debt", self.debt), ("owed from now on", self.owed)] {
            if amount > 0 {
                table.egp(name, Piastres(amount));
            }
        }
        table.finish()
    }
}

/// It was given back, or waits for a second person.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum GaveBack {
    Done(Given),
    Proposed {
        request: RequestId,
        #[serde(serialize_with = "crate::view::as_text")]
        meter: u64,
        binding: u32,
        /// What is estimated, in piastres; by the final report where there is none.
        left: Option<i64>,
    },
}

impl GaveBack {
    pub(crate) fn proposed(request: &RequestId, order: &GiveBack) -> Self {
        let Binding { meter, number } = order.of();
        Self::Proposed {
            request: request.clone(),
            meter: meter.number(),
            binding: number,
            left: order.left(),
        }
    }
}

impl View for GaveBack {
    fn text(&self, language: Language) -> String {
        match self {
            Self::Done(given) => given.text(language),
            Self::Proposed { request, meter, binding, left } => {
                let of = format!("{meter}/{binding}");
                let (what, arabic) = match left.map(|left| customer::amount(Balance(left), language)) {
                    Some(left) => (left.clone(), left),
                    None => ("what the final report says".to_owned(), "ما في التقرير الأخير".to_owned()),
                };
                say(
                    language,
                    format_args!(
                        "proposed to give back {what} of contract {of}; another one agrees with `cardctl --actor NAME ledger approve {request}`"
                    ),
                    format_args!(
                        "اقتُرح رد {arabic} من التعاقد {} بالرقم {}: يرجى موافقة شخص آخر",
                        isolate(&of),
                        isolate(request)
                    ),
                )
            }
        }
    }
}
