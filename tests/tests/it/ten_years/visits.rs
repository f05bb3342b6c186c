//! Cards at the meter, exchange by exchange.

use card_core::apdu::MAX_COMMAND;
use card_core::bytes::Buffer;
use card_core::layout::{CertificateAnswer, Instruction};
use card_core::message::{Direction, Slot};
use card_core::meter::{Reason, Verdict, Visit, VisitError};
use card_host::transport::Link;

use super::cards::Outcome;
use super::field_card::FieldCard;
use super::model::Model;
use super::timekeeper::DISAGREES;
use super::world::World;

/// How a visit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visited {
    /// To its end.
    Done(Option<Outcome>),
    /// The card was taken away, or lost its power.
    Torn,
    /// The meter lost its power.
    Cut,
}

impl World {
    /// The present card visits, until a visit is not torn.
    pub fn tap_present(&mut self) -> Option<Outcome> {
        let mut held = self.cards.pop().expect("a card");
        let outcome = self.tap_until_done(&mut held.card);
        self.look(&mut held);
        self.cards.push(held);
        outcome
    }

    pub fn tap_until_done(&mut self, card: &mut FieldCard) -> Option<Outcome> {
        loop {
            if let Visited::Done(outcome) = self.visit(card) {
                return outcome;
            }
        }
    }

    /// A card visits once.
    pub fn visit(&mut self, card: &mut FieldCard) -> Visited {
        let again = card.insert(&mut self.dice, self.faults && !card.has_power());
        self.tally.add("cut: card's recovery", again);
        if self.faults {
            if self.dice.one_in(12) {
                card.remove_after(self.dice.between(0, 14), self.dice.one_in(2));
            } else if self.dice.one_in(15) {
                let how = super::field_card::any_cut(&mut self.dice);
                card.board.cut_after(self.dice.below(25), how);
            }
        }
        let visited = self.exchange(card);
        card.board.no_cut();
        match visited {
            Visited::Done(_) => self.count("taps"),
            Visited::Torn => self.count("torn taps"),
            Visited::Cut => self.count("taps cut at the meter"),
        }
        if !card.has_power() && !matches!(visited, Visited::Done(_)) {
            self.note("the visit is torn");
        }
        visited
    }

    fn exchange(&mut self, card: &mut FieldCard) -> Visited {
        let reading = self.reading();
        let (mut visit, first) = Visit::begin(reading).expect("a visit");
        let mut outcome = None;
        let mut mail: Option<std::vec::IntoIter<(u8, u32)>> = None;
        let mut next = Some(first);
        while let Some(command) = next {
            let Ok(response) = card.transmit(command.as_slice()) else { return Visited::Torn };
            let decided = visit.verdict().is_some();
            self.threaten(60);
            let meter = self.meter.as_mut().expect("the meter has power");
            let result = visit.respond(meter, &response);
            let received = visit.take_received();
            // What the plain model does meanwhile.
            let mut expected = None;
            let mut what = "tap";
            let mut out = Vec::new();
            let decides = !decided && (visit.verdict().is_some() || !self.board.is_powered());
            if let (true, Some(presented)) = (decides, visit.presented()) {
                let answer = *presented.answer();
                let account = presented.binding().map(|opened| opened.account);
                let (judged, states) =
                    self.model.certificate(reading, (&answer.certificate, account), Some(&answer));
                outcome = Some(judged);
                out = states;
            } else if is(&command, Instruction::LoadVoucher) {
                let mut next = self.model.clone();
                next.voucher = None;
                out = vec![next];
            } else if received.is_some() || !self.board.is_powered() {
                let answer = visit.presented().map(|presented| *presented.answer());
                let list = mail.get_or_insert_with(|| self.news(answer.as_ref()).into_iter());
                if let Some((slot, version)) = list.next() {
                    let sent = self.books.sent(slot, version).clone();
                    let number = sent.binding.number;
                    let (handled, states) =
                        self.model.mail(reading, Some(card.id), (number, slot, version), &sent.order);
                    expected = Some((slot, version, handled));
                    out = states;
                    what = if matches!(sent.order, super::orders::Order::Keys(..)) { "keys" } else { "mail" };
                }
            }
            if !self.board.is_powered() {
                self.settle(what, out, Ok(()));
                return Visited::Cut;
            }
            next = match result {
                Ok(next) => next,
                // A card of another meter has other keys.
                Err(VisitError::Exchange(_) | VisitError::Open(_))
                    if visit.presented().is_none() && card.meter != Some(self.meter().identity().id) =>
                {
                    self.board.no_cut();
                    self.count("cards of another meter");
                    return Visited::Done(None);
                }
                Err(error) => panic!("the meter breaks off: {error}"),
            };
            if out.is_empty() {
                self.board.no_cut();
                continue;
            }
            let before = self.model.clone();
            self.settle(what, out, Ok(()));
            if let (Some(received), Some((slot, version, handled))) = (received, expected) {
                let result = received.result.map_err(|refusal| refusal.code());
                let found = (received.slot.number(), received.version, result);
                assert_eq!(found, (slot, version, handled), "how mail was handled");
                self.mail_counted(&before, slot, handled);
            }
            if let (true, Some(outcome)) = (decides, outcome) {
                self.judged(&before, outcome, visit.verdict());
            }
        }
        let ours = card.meter == Some(self.meter().identity().id);
        assert!(!ours || outcome.is_some(), "the card is refused: {:?}", visit.verdict());
        Visited::Done(outcome)
    }

    /// Mail on the card that the meter has not handled yet, in the order of the slots.
    fn news(&self, answer: Option<&CertificateAnswer>) -> Vec<(u8, u32)> {
        let Some(answer) = answer else { return Vec::new() };
        let ours = Slot::ALL.iter().filter(|slot| slot.direction() == Direction::ToMeter);
        let versions = ours.map(|slot| (slot.number(), answer.mail[slot.index()]));
        let held = self.model.contract.inbox.versions;
        versions.filter(|(slot, version)| *version > held[usize::from(*slot)]).collect()
    }

    pub fn judged(&mut self, before: &Model, outcome: Outcome, verdict: Option<Verdict>) {
        let said = match verdict {
            Some(Verdict::Apply { credit, debit, .. }) => Outcome::Applied {
                credit: credit.0.into(),
                debit: debit.0.into(),
                opens: self.model.contract.number != before.contract.number,
            },
            Some(Verdict::Nothing) => Outcome::Nothing { opens: false },
            Some(Verdict::Refuse(Reason::OldBinding)) => Outcome::OldBinding,
            Some(Verdict::Refuse(Reason::ReplacedCard)) => Outcome::Replaced,
            Some(Verdict::Refuse(Reason::Regressed)) => Outcome::Regressed,
            Some(Verdict::Refuse(Reason::Inconsistent)) => Outcome::Inconsistent,
            other => panic!("an outcome that nobody expects: {other:?}"),
        };
        assert_eq!(said, outcome, "the meter's verdict");
        match outcome {
            Outcome::Applied { opens: true, .. } => self.count("bindings opened"),
            Outcome::Applied { credit: 0, debit: 0, .. } => self.count("refreshes applied"),
            Outcome::Applied { debit: 0, .. } => self.count("credit applied"),
            Outcome::Applied { .. } => self.count("debits applied"),
            Outcome::Nothing { .. } => self.count("nothing to apply"),
            Outcome::Replaced => self.count("replaced card refused"),
            Outcome::OldBinding => self.count("old binding refused"),
            Outcome::Regressed => self.count("regression noticed"),
            Outcome::Inconsistent => {}
        }
        if self.model.loan_until != 0 && before.loan_until == 0 {
            self.count("loans by card");
            self.note("a loan");
        }
        let begun = self.model.clock.doubt & !before.clock.doubt & DISAGREES != 0;
        if begun && self.model.clock.floor == before.clock.floor {
            self.count("a certificate's time is not believed, or below the floor");
        } else if begun {
            self.count("a certificate's time disagrees with the clock");
        } else if before.clock.doubt & !self.model.clock.doubt & DISAGREES != 0 {
            self.count("a certificate's time agrees again");
        }
        if self.model.clock.floor > before.clock.floor && self.model.clock.time > before.clock.time {
            let raised = self.model.clock.time == self.model.clock.floor && before.clock.is_doubtful();
            if raised {
                self.count("time raised by a certificate");
            }
        }
        let debit = matches!(outcome, Outcome::Applied { debit, .. } if debit > 0);
        if debit && before.balance() > 0 && self.model.balance() < 0 {
            self.count("debit below the balance");
        }
    }

    pub fn mail_counted(&mut self, before: &Model, slot: u8, handled: Result<(), u8>) {
        match handled {
            Ok(()) => self.count(&format!("mail taken: slot {slot:02X}")),
            Err(refusal) => self.count(&format!("mail refused: {refusal:02X}")),
        }
        if before.clock.is_doubtful() && !self.model.clock.is_doubtful() && handled.is_ok() {
            self.count("clock put right by command");
        }
        if self.model.clock.floor < before.clock.floor {
            self.count("clock set below its floor by command");
        }
        if self.model.contract.set_back > before.contract.set_back {
            self.count("a month comes a second time");
        }
    }
}

fn is(command: &Buffer<MAX_COMMAND>, instruction: Instruction) -> bool {
    command.as_slice().get(1) == Some(&(instruction as u8))
}
