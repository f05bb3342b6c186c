//! What the plain model does with who asks for a loan and who presses a button (docs/meter.md, sections 5.1 and 5.2), and the world's
//! side of it.

use card_core::layout::CertificateAnswer;
use card_core::message::{Direction, Slot};
use card_core::meter::Reading;
use card_core::units::CardTime;

use super::model::{Model, NO_CREDIT, WAITS};
use super::world::World;

impl Model {
    pub fn loan_can_be_had(&self) -> bool {
        let asked_before = self.loan_until != 0;
        let bound = self.contract.number != 0;
        bound && self.balance() <= 0 && self.limits.loan_hours != 0 && !asked_before
    }

    pub fn loan_runs(&self) -> bool {
        let used = self.loan_from - self.balance();
        let most = i128::from(self.limits.loan_amount);
        self.clock.time < self.loan_until && (most == 0 || used < most)
    }

    /// A card that brought nothing else asks: the second time within the seconds of the limits it is given one.
    pub fn asked_by(&mut self, card: &CertificateAnswer) {
        let (id, now) = (card.summary.card.id, self.clock.time);
        let inbox = &self.contract.inbox;
        let ours = Slot::ALL.iter().filter(|slot| slot.direction() == Direction::ToMeter);
        let brings = ours.zip(inbox.versions).any(|(slot, held)| card.mail[slot.index()] > held);
        let technician = |time: CardTime| time.0 > now || now - time.0 < 3600;
        // Of the audit records that the meter keeps.
        let kept = inbox.audits.iter().rev().take(8);
        let brought = kept.filter(|record| record.card == Some(id)).any(|record| technician(record.time));
        if brings || brought || !self.loan_can_be_had() {
            return;
        }
        let seconds = u32::from(self.limits.loan_seconds);
        let again = self.asked.is_some_and(|(who, when)| who == id && when <= now && now - when <= seconds);
        if again && seconds != 0 {
            self.lend();
        } else {
            self.asked = Some((id, now));
        }
    }

    fn lend(&mut self) {
        self.loan_until = self.clock.time + u32::from(self.limits.loan_hours) * 3600;
        (self.loan_from, self.asked) = (self.balance(), None);
    }

    fn ask_loan(&self, reading: Reading) -> Vec<Self> {
        self.then(reading, |next| {
            if next.loan_can_be_had() {
                next.lend();
                next.cut &= !(NO_CREDIT | WAITS);
            }
        })
    }

    fn rearm(&self, reading: Reading) -> Vec<Self> {
        self.then(reading, |next| next.cut &= !WAITS)
    }
}

impl World {
    /// The customer presses what buttons the meter has.
    pub fn buttons(&mut self) {
        let reading = self.reading();
        let out = self.model.ask_loan(reading);
        let before = self.model.loan_until;
        self.threaten(5);
        let result = self.meter().ask_loan(reading);
        let given = result.as_ref().ok().copied();
        if self.settle("button for a loan", out, result.map(|_| ())) {
            let lent = self.model.loan_until != 0 && before == 0;
            assert_eq!(given, Some(lent), "whether a loan was given");
            if lent {
                self.count("loans by button");
                self.note("a loan");
            }
        }
        let reading = self.reading();
        let out = self.model.rearm(reading);
        self.threaten(5);
        let result = self.meter().rearm(reading);
        self.settle("button for the supply", out, result);
    }

    /// What the meter notices of its own parts.
    pub fn parts(&mut self) {
        let reading = self.reading();
        let low = self.dice.one_in(2);
        let out = self.model.battery(reading, low);
        self.threaten(5);
        let result = self.meter().battery(reading, low);
        if self.settle("battery", out, result) && low {
            self.count("battery low");
        }
        let reading = self.reading();
        let out = self.model.relay_stuck_off(reading);
        self.threaten(5);
        let result = self.meter().relay_stuck_off(reading);
        self.settle("relay", out, result);
    }
}
