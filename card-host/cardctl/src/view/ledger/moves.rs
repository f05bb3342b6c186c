//! `cardctl ledger move`.

use card_core::id::Binding;
use card_core::text::{Language, isolate};
use card_core::units::Balance;
use card_ledger::{MoveOrder, RequestId};
use serde::Serialize;

use super::correct::CertifiedView;
use crate::view::{View, customer};
use crate::words::say;

/// What was left in one contract goes to another.
#[derive(Serialize)]
pub(crate) struct MoveView {
    from: Contract,
    to: Contract,
    left: Option<i64>,
}

/// A contract by its numbers.
#[derive(Serialize)]
pub(crate) struct Contract {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
}

impl From<Binding> for Contract {
    fn from(Binding { meter, number }: Binding) -> Self {
        Self { meter: meter.number(), binding: number }
    }
}

impl std::fmt::Display for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "contract {}/{}", self.meter, self.binding)
    }
}

impl From<&MoveOrder> for MoveView {
    fn from(order: &MoveOrder) -> Self {
        Self { from: order.from().into(), to: order.to().into(), left: order.left() }
    }
}

impl MoveView {
    /// In one line.
    pub(crate) fn text(&self, language: Language) -> String {
        let left = customer::amount(Balance(self.left.unwrap_or_default()), language);
        let place = |contract: &Contract| format!("{}/{}", contract.meter, contract.binding);
        let (from, to) = (place(&self.from), place(&self.to));
        say(
            language,
            format_args!("{left} go from contract {from} to contract {to}"),
            format_args!("ينتقل {left} من التعاقد {} إلى التعاقد {}", isolate(&from), isolate(&to)),
        )
    }
}

/// A move, certified or proposed.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Moved {
    Certified(CertifiedView),
    Proposed {
        request: RequestId,
        #[serde(flatten)]
        order: MoveView,
    },
}

impl View for Moved {
    fn text(&self, language: Language) -> String {
        match self {
            Self::Certified(certified) => certified.text(language),
            Self::Proposed { request, order } => {
                let order = order.text(language);
                say(
                    language,
                    format_args!(
                        "proposed: {order}; another one agrees with `cardctl --actor NAME ledger approve {request}`"
                    ),
                    format_args!("اقتُرح بالرقم {}: {order}؛ يرجى موافقة شخص آخر", isolate(request)),
                )
            }
        }
    }
}
