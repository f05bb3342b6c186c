//! The issuer's mail and what the plain model does with it (docs/meter.md, sections 7 and 8).

use std::rc::Rc;

use card_core::id::CardId;
use card_core::meter::Reading;
use card_core::parameters::{AuditRecord, Command, Debt, DebtPlan, Limits, Notices};
use card_core::role::KeyVersion;
use card_core::units::CardTime;

use super::local::Local;
use super::model::{COMMAND, LOCK, Model, PAUSE, TAMPERING};
use super::price::Tariff;
use super::world::HOUR;

/// What a mail says.
#[derive(Debug, Clone)]
pub enum Order {
    Tariff(Rc<Tariff>),
    Limits(Limits),
    Calendar(Rc<Local>),
    Debts(DebtPlan),
    Command(Command),
    Notices(Notices),
    /// New keys: their key version number, and the plaintext.
    Keys(KeyVersion, Vec<u8>),
    /// Not of the form of its slot.
    Junk,
}

impl Order {
    pub fn plaintext(&self) -> Vec<u8> {
        match self {
            Self::Tariff(tariff) => tariff.bytes(),
            Self::Limits(limits) => limits.emit().to_vec(),
            Self::Calendar(local) => local.calendar.emit().as_slice().to_vec(),
            Self::Debts(plan) => plan.emit().as_slice().to_vec(),
            Self::Command(command) => command.emit().to_vec(),
            Self::Notices(notices) => notices.emit().as_slice().to_vec(),
            Self::Keys(_, plaintext) => plaintext.clone(),
            Self::Junk => vec![9, 9, 9],
        }
    }
}

/// What of the mail is a binding's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inbox {
    pub versions: [u32; 12],
    /// Counters of all commands that were handled.
    pub executed: Vec<u32>,
    /// The last commands to the relay and to the clock that were carried out.
    pub last: [u32; 2],
    pub audits: Vec<AuditRecord>,
    pub readings: u32,
    /// Debts of the plan with the number of instalments taken.
    pub debts: Vec<(Debt, u16)>,
    pub notices: Notices,
}

impl Inbox {
    /// Section 7.3.
    pub fn take_instalments(&mut self, month: u16) -> i128 {
        let mut sum = 0;
        for (debt, taken) in &mut self.debts {
            if month >= debt.first_month && *taken < debt.count {
                *taken += 1;
                sum += i128::from(if *taken == debt.count { debt.last } else { debt.amount });
            }
        }
        sum
    }

    pub fn newest(&self) -> u32 {
        self.executed.iter().max().copied().unwrap_or(0)
    }

    fn was_executed(&self, counter: u32) -> bool {
        self.executed.contains(&counter) || counter + 32 < self.newest()
    }

    fn replace_debts(&mut self, plan: &DebtPlan) {
        let before = std::mem::take(&mut self.debts);
        let taken = |debt: &Debt| before.iter().find(|(old, _)| old.id == debt.id).map_or(0, |(_, n)| *n);
        self.debts = plan.debts().iter().map(|debt| (*debt, taken(debt))).collect();
    }
}

/// How a mail is handled: the code of the refusal, if any.
pub type Handled = Result<(), u8>;

impl Model {
    /// A mail that is authentic comes. `number` is its binding's, `carrier` the card that brings it.
    pub fn mail(
        &self,
        reading: Reading,
        carrier: Option<CardId>,
        (number, slot, version): (u32, u8, u32),
        order: &Order,
    ) -> (Handled, Vec<Self>) {
        let mut out = self.tick(reading);
        let mut next = out.last().expect("a state").clone();
        let newest = next.contract.inbox.versions[usize::from(slot)];
        let handled = if number != next.contract.number {
            Err(0x03)
        } else if version <= newest {
            Err(0x04)
        } else {
            next.take(reading, carrier, order)
        };
        // All but these count as come.
        if !matches!(handled, Err(0x02..=0x06 | 0x0B)) {
            Rc::make_mut(&mut next.contract.inbox).versions[usize::from(slot)] = version;
        }
        next.bring(&mut out);
        if let (Order::Keys(..), Ok(())) = (order, handled) {
            // The keys are written first. Where only they were, the mail counts from the next power-up on.
            let mut keys_only = self.clone();
            let inbox = Rc::make_mut(&mut keys_only.contract.inbox);
            inbox.versions[usize::from(slot)] = version;
            inbox.readings += 1;
            out = self.written(out);
            out.insert(0, keys_only);
            return (handled, out);
        }
        (handled, self.written(out))
    }

    fn take(&mut self, reading: Reading, carrier: Option<CardId>, order: &Order) -> Handled {
        match order {
            Order::Tariff(tariff) => {
                if tariff.version <= self.waiting.as_ref().unwrap_or(&self.tariff).version {
                    return Err(0x08);
                }
                self.waiting = Some(Rc::clone(tariff));
            }
            Order::Limits(limits) => self.limits = *limits,
            Order::Calendar(local) => self.local = Rc::clone(local),
            Order::Debts(plan) => Rc::make_mut(&mut self.contract.inbox).replace_debts(plan),
            Order::Notices(notices) => Rc::make_mut(&mut self.contract.inbox).notices = *notices,
            Order::Command(command) => return self.command(reading, carrier, command),
            Order::Keys(..) => Rc::make_mut(&mut self.contract.inbox).readings += 1,
            Order::Junk => return Err(0x07),
        }
        Ok(())
    }

    fn command(&mut self, reading: Reading, carrier: Option<CardId>, command: &Command) -> Handled {
        let Command { counter, expiry, card, action } = *command;
        let (kind, value) = (action.kind(), action.value());
        if self.contract.inbox.was_executed(counter) {
            return Err(0x09);
        }
        if card.is_some() && card != carrier {
            return Err(0x0B);
        }
        let right = match kind {
            1 | 2 | 5 | 6 => value == 0,
            3 => value == 0 && card.is_some(),
            4 | 8 => value != 0 && card.is_some() && value < expiry.0,
            7 => (1..=0xFFFF).contains(&value),
            _ => false,
        };
        let expired = !matches!(kind, 4 | 8) && expiry.0 != 0 && self.clock.time >= expiry.0;
        let handled = if !right {
            Err(0x0C)
        } else if expired {
            Err(0x0A)
        } else {
            self.in_order(reading, command)
        };
        let outcome = handled.err().unwrap_or(1);
        let record = AuditRecord { counter, time: CardTime(self.clock.time), kind, outcome, card: carrier };
        let inbox = Rc::make_mut(&mut self.contract.inbox);
        inbox.executed.push(counter);
        inbox.audits.push(record);
        handled
    }

    /// Where the last one counts, it is the one with the highest counter.
    fn in_order(&mut self, reading: Reading, command: &Command) -> Handled {
        let Command { counter, expiry, action, .. } = *command;
        let (kind, value) = (action.kind(), action.value());
        let last = &mut Rc::make_mut(&mut self.contract.inbox).last;
        let of_kind = match kind {
            1 | 2 => Some(&mut last[0]),
            4 | 8 => Some(&mut last[1]),
            _ => None,
        };
        if let Some(newest) = of_kind {
            if counter < *newest {
                return Err(0x0E);
            }
            *newest = counter;
        }
        self.execute(reading, kind, value, expiry.0);
        Ok(())
    }

    fn execute(&mut self, reading: Reading, kind: u8, value: u32, expiry: u32) {
        match kind {
            1 => self.cut |= COMMAND,
            2 => self.cut &= !COMMAND,
            3 => {
                self.cut &= !TAMPERING;
                self.tampering = 0;
            }
            4 | 8 => {
                let before = self.clock.time;
                self.clock.command(reading.clock.0, value, expiry, kind == 8);
                self.doubtful_month |= before.abs_diff(self.clock.time) > HOUR;
                let next = self.local.month(self.clock.time) + 1;
                if self.month > next {
                    self.month = next;
                    self.contract.set_back += 1;
                }
                let back = before.saturating_sub(self.clock.time);
                for end in [&mut self.pause_until, &mut self.loan_until, &mut self.last_overload] {
                    if *end != 0 {
                        *end = end.saturating_sub(back).max(1);
                    }
                }
            }
            5 => Rc::make_mut(&mut self.contract.inbox).readings += 1,
            6 => {
                self.cut &= !(PAUSE | LOCK);
                self.overloads = 0;
            }
            _ => {
                self.contract.generation = self.contract.generation.max(value as u16);
            }
        }
    }
}
