//! The emergency loan: who gets it, and how it is asked for (docs/meter.md, section 5.2).

use super::events::{Happening, loan_end};
use super::state::MeterState;
use super::supply::{Asked, reason};
use crate::message::Slot;
use crate::terminal::exchange::Presented;
use crate::units::{Balance, CardTime};

/// For so many seconds a card that brought a command is a technician's.
const TECHNICIAN: u32 = 3600;

impl MeterState {
    /// Whether a loan can be had.
    pub fn loan_can_be_had(&self) -> bool {
        self.binding != 0
            && self.balance <= Balance(0)
            && self.limits.loan_hours != 0
            && self.supply.loan_until == CardTime::UNSET
    }

    /// Whether a loan that was given holds a cut off at this time.
    pub(super) fn is_lent(&self, time: CardTime) -> bool {
        time < self.supply.loan_until && self.is_not_used_up()
    }

    /// Whether the loan was not used up yet.
    const fn is_not_used_up(&self) -> bool {
        let most = self.limits.loan_amount;
        let used = self.supply.loan_from.0.saturating_sub(self.balance.0);
        most == 0 || used < most as i64
    }

    /// A card was accepted and has nothing to apply: it asks, unless it came for something else.
    pub(super) fn asked_by_card(&mut self, presented: &Presented) {
        let (card, now) = (presented.card().id, self.clock.time);
        let brings = Slot::ALL.iter().filter(|slot| self.inbox.version(**slot) < newest(presented, **slot));
        let brings = brings.count() > 0;
        let by_it = self.inbox.audits.records().filter(|audit| audit.card == Some(card));
        let lately = by_it.filter(|audit| now.0.saturating_sub(audit.time.0) < TECHNICIAN);
        if brings || lately.count() > 0 || !self.loan_can_be_had() {
            return;
        }
        let within = |asked: &Asked| {
            let since = now.0.checked_sub(asked.at.0);
            asked.card == card && since.is_some_and(|since| since <= self.limits.loan_seconds.into())
        };
        if self.limits.loan_seconds != 0 && self.supply.asked.as_ref().is_some_and(within) {
            self.lend();
        } else {
            self.supply.asked = Some(Asked { card, at: now });
        }
    }

    /// The button was pressed: it restores the supply as well, where that waits for one. Whether a loan was given.
    pub(super) fn asked_by_button(&mut self) -> bool {
        let given = self.loan_can_be_had();
        if given {
            self.lend();
            self.supply.set(reason::NO_CREDIT | reason::WAITS, false);
        }
        given
    }

    /// Once, when a loan is over; `lent`: it is not, unless it is repaid.
    pub(super) fn tell_of_loan(&mut self, lent: bool) {
        let repaid = self.balance > Balance(0);
        let over = self.supply.loan_until != CardTime::UNSET && (repaid || !lent);
        if !over || self.supply.loan_told {
            return;
        }
        let how = match (repaid, self.is_not_used_up()) {
            (true, _) => loan_end::REPAID,
            (_, true) => loan_end::HOURS,
            (_, false) => loan_end::AMOUNT,
        };
        let owed = self.balance.0.min(0).saturating_neg();
        self.history.add(self.clock.time, Happening::LoanOver { owed, how });
        self.supply.loan_told = true;
    }

    fn lend(&mut self) {
        let hours = u32::from(self.limits.loan_hours);
        // A meter that has no time yet lends too: its time begins at 0.
        let until = CardTime(self.clock.time.0.saturating_add(hours.saturating_mul(3600)));
        self.supply.loan_until = until;
        self.supply.loan_from = self.balance;
        self.supply.loan_told = false;
        self.supply.asked = None;
        self.history.add(self.clock.time, Happening::LoanGiven { until });
    }
}

/// Version of the mail to the meter that the card has in a slot; 0 for other slots.
fn newest(presented: &Presented, slot: Slot) -> u32 {
    let mail = &presented.answer().mail;
    let to_meter = slot.direction() == crate::message::Direction::ToMeter;
    mail.get(slot.index()).copied().filter(|_| to_meter).unwrap_or_default()
}
