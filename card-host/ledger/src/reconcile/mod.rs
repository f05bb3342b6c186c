//! Reconciliation: what cards and meters show against what was certified, and what waits for too long (docs/ledger.md, section 8).

mod given;
mod run;
mod signed;
mod spoken;

use card_core::id::Binding;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::Memory;
use std::collections::BTreeMap;
use std::fmt;

use super::audit::Progress;
use super::entry::{RequestKey, codes};
use super::error::LedgerError;
use super::names::PointCode;
use super::store::{Ledger, read};

/// From when on something is an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// When it is made.
    pub now: CardTime,
    /// A meter that has not reported for so many days is silent.
    pub silent_days: u32,
    /// A voucher that has not reached its card, and what was left in a superseded binding, for so many days.
    pub carry_days: u32,
    /// What was paid and is not certified after so many minutes.
    pub paid_minutes: u32,
    /// What was announced and is neither confirmed nor cancelled after so many hours.
    pub announced_hours: u32,
    /// A vending point that has sold and not closed a day for so many days.
    pub close_days: u32,
    /// A balance in a meter below minus this.
    pub most_debt: Piastres,
    /// Energy between two reports that must have cost something, in 10 Wh.
    pub free_energy: u32,
    /// The most exceptions that are listed; all are counted.
    pub most: usize,
}

impl ReconcileOptions {
    /// What is usual.
    pub const fn at(now: CardTime) -> Self {
        Self {
            now,
            silent_days: 45,
            carry_days: 30,
            paid_minutes: 15,
            announced_hours: 24,
            close_days: 2,
            most_debt: Piastres(50_000),
            free_energy: 1_000,
            most: 10_000,
        }
    }
}

codes! {
    /// How bad an exception is. The worst come first.
    Severity {
        /// Money, credit or keys are at stake: look into it today.
        Alarm = "alarm",
        /// Somebody has to do something.
        Warning = "warning",
        /// To be known.
        Notice = "notice",
    }
}

codes! {
    /// What an exception is about.
    ExceptionKind {
        /// A meter has applied more than was ever certified.
        MeterAbove = "meter-above",
        /// The signer has certified more than the books say.
        SignedAbove = "signed-above",
        /// The signer has refused something, or a ceiling of it is near.
        Signer = "signer",
        /// A card holds a newer certificate than was ever made.
        CardAbove = "card-above",
        /// What a meter has applied, or its energy register, went back.
        WentBack = "went-back",
        /// A meter's report number began anew.
        BeganAnew = "began-anew",
        /// A meter has seen that its memory went back.
        Regressed = "regressed",
        /// A report says that more is left than can be.
        BalanceAbove = "balance-above",
        /// Energy was used that cost nothing.
        FreeEnergy = "free-energy",
        /// Energy is used on a binding that has been superseded.
        SupersededUsed = "superseded-used",
        /// A meter has seen tampering.
        Tampering = "tampering",
        /// A balance below the limit.
        Debt = "debt",
        /// A meter has not reported for long.
        Silent = "silent",
        /// A voucher has not reached its card for long.
        NotCarried = "not-carried",
        /// Paid, and not certified.
        PaidWaits = "paid-waits",
        /// Announced, and neither confirmed nor cancelled.
        AnnouncedWaits = "announced-waits",
        /// Proposed to a second person, and neither approved nor withdrawn.
        ProposedWaits = "proposed-waits",
        /// What was left in a superseded binding has not been moved.
        NotMoved = "not-moved",
        /// A vending point holds more cash than it may.
        CashAbove = "cash-above",
        /// A vending point has not closed its day.
        NotClosed = "not-closed",
        /// Credit came of something that nobody has paid for.
        WithoutPayment = "without-payment",
        /// Cash was missing when a day was closed.
        CashShort = "cash-short",
        /// A binding has not been seen since the ledger was restored.
        EvidenceNeeded = "evidence-needed",
    }
}

/// Something that somebody has to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub kind: ExceptionKind,
    /// Which binding.
    pub binding: Option<Binding>,
    /// Which vending point.
    pub point: Option<PointCode>,
    /// Which request.
    pub request: Option<RequestKey>,
    /// The customer's account; 0: none.
    pub account: u64,
    /// How much, in piastres; 0 where it is not about money.
    pub amount: i128,
    /// Since when, or when it was seen; not set: never.
    pub since: CardTime,
    /// In words, with the numbers.
    pub what: String,
}

/// How many exceptions of a kind, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExceptionSums {
    /// How many.
    pub count: u64,
    /// What their amounts add up to.
    pub amount: i128,
}

/// What a reconciliation found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Bindings that were looked at.
    pub bindings: u64,
    /// Vending points that were looked at.
    pub points: u64,
    /// The exceptions, the worst first.
    pub exceptions: Vec<Exception>,
    /// All of them, by kind.
    pub summary: BTreeMap<ExceptionKind, ExceptionSums>,
}

/// Looks at every binding, vending point and waiting request, in pages, in one state of the ledger; and compares that with what the signer remembers,
/// where it does.
pub fn reconcile(
    ledger: &dyn Ledger,
    memory: Option<&dyn Memory>,
    options: &ReconcileOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Reconciliation, LedgerError> {
    read(ledger, |t| run::Run::new(options).run(t, memory, progress))
}

impl ExceptionKind {
    /// What to do about it.
    pub const fn to_do(self) -> &'static str {
        match self {
            Self::MeterAbove => {
                "after a restore, hand in the channels' vouchers; otherwise somebody can sign credit: block the card and find out which key it was"
            }
            Self::SignedAbove => {
                "where a sale was not finished a moment ago, look again once it is; otherwise somebody has had credit signed beside the books: stop selling and find out who"
            }
            Self::Signer => {
                "find out who asked for that; where it is right, two custodians raise the ceiling (`cardctl signer ceilings`)"
            }
            Self::CardAbove => {
                "after a restore, read the card and hand it in; otherwise somebody can sign vouchers: block the card and find out which key it was"
            }
            Self::WentBack => {
                "have the meter inspected: its memory or its register was exchanged or set back"
            }
            Self::BeganAnew => {
                "have the meter inspected: its memory was exchanged or wiped, unless its clock was set back by a command; give it a new contract"
            }
            Self::Regressed => {
                "have the meter inspected, and give it a new contract: until then it takes no credit; what was left is estimated by two people"
            }
            Self::BalanceAbove => {
                "have the meter inspected: its word is worth nothing; what is left in it is estimated by two people"
            }
            Self::FreeEnergy => {
                "look at the tariff that the meter has; where that is right, have the meter inspected"
            }
            Self::SupersededUsed => {
                "take the card of the new contract to the meter, and move what is left by the final report"
            }
            Self::Tampering => "have the meter inspected, then clear the tampering by command",
            Self::Debt => "see that the customer charges, or agree on a plan of debts",
            Self::Silent => "read the meter, or have the customer bring the card",
            Self::NotCarried => "tell the customer to collect the charge, and to take the card to the meter",
            Self::PaidWaits => "confirm the sale again, or give the money back",
            Self::AnnouncedWaits => "ask the channel whether it has the money: confirm, or cancel",
            Self::ProposedWaits => "have a second person approve it, or withdraw it",
            Self::NotMoved => {
                "collect the final report of the meter, then `cardctl ledger move --from METER/BINDING --to METER/BINDING`; where there is none, with --estimate EGP --reason TEXT, which a second person approves. After a restore, first look whether it had been moved"
            }
            Self::CashAbove => "have the cash handed over and book the deposit",
            Self::WithoutPayment => "see that the reason holds, and that both persons know of it",
            Self::CashShort => "find out where the cash is, with whoever counted it",
            Self::NotClosed => "count the cash and close the day",
            Self::EvidenceNeeded => {
                "read the card, or hand in a report of the meter or a voucher of a channel"
            }
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.severity.code(), self.kind.code())?;
        if let Some(Binding { meter, number }) = &self.binding {
            write!(f, "binding {number} of meter {meter}, ")?;
        }
        if self.account != 0 {
            write!(f, "account {}, ", self.account)?;
        }
        if let Some(request) = &self.request {
            write!(f, "request {} of {}, ", request.id, request.party)?;
        }
        if let Some(point) = &self.point {
            write!(f, "vending point {point}, ")?;
        }
        f.write_str(&self.what)
    }
}
