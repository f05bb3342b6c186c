//! The plain model of a meter, written from docs/meter.md and section 11 of the specification. It keeps what was consumed and prices it
//! afresh; the balance is no state of it.
//!
//! Every call gives the list of all states that it goes through, one for each atomic update: after a cut the meter must be in one of
//! them, or where it was before.

use std::rc::Rc;

use card_core::id::CardId;
use card_core::meter::Reading;
use card_core::parameters::Limits;

use super::local::Local;
use super::orders::Inbox;
use super::price::{self, Parts, Tariff};
use super::timekeeper::{NO_CLOCK, Timekeeper};

pub const NO_CREDIT: u8 = 0x01;
pub const TAMPERING: u8 = 0x02;
pub const PAUSE: u8 = 0x04;
pub const LOCK: u8 = 0x08;
pub const COMMAND: u8 = 0x10;
pub const NO_BINDING: u8 = 0x20;
pub const WAITS: u8 = 0x40;
pub const REGRESSED: u16 = 0x20;

/// Consumption that may be lost, in 10 Wh.
const UNWRITTEN: u32 = 10;

/// A closed month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub index: u16,
    pub flags: u8,
    pub parts: Parts,
    pub charge: i128,
    pub fees: i128,
    pub peak: u32,
}

/// What is one customer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub number: u32,
    pub account: u64,
    /// What its first month had cost in the contract before.
    pub brought: i128,
    pub credit: i128,
    pub debited: i128,
    pub sequence: u32,
    pub generation: u16,
    pub report: u32,
    /// All that were closed; where time was set back, an index may be there twice.
    pub months: Rc<Vec<Closed>>,
    /// How often a command took the month that runs back.
    pub set_back: u32,
    /// Charges and fees of closed months, instalments.
    pub charges: i128,
    pub fees: i128,
    pub instalments: i128,
    pub inbox: Rc<Inbox>,
}

impl Contract {
    pub fn new(number: u32, account: u64) -> Self {
        Self {
            number,
            account,
            brought: 0,
            credit: 0,
            debited: 0,
            sequence: 0,
            generation: 0,
            report: 0,
            months: Rc::default(),
            set_back: 0,
            charges: 0,
            fees: 0,
            instalments: 0,
            inbox: Rc::default(),
        }
    }

    pub fn close(&mut self, month: Closed) {
        self.charges += month.charge;
        self.fees += month.fees;
        Rc::make_mut(&mut self.months).push(month);
    }

    /// What was taken, computed afresh from the energy of each month.
    pub fn taken_afresh(&self) -> i128 {
        let of = |month: &Closed| {
            price::energy_charge(&month.parts) + price::fees(&month.parts, month.flags & 1 != 0, month.index)
        };
        self.months.iter().map(of).sum::<i128>() + self.instalments - self.brought
    }
}

/// What a final report says: the closed contract, its balance and the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Final {
    pub contract: Contract,
    pub balance: i128,
    pub register: u32,
    pub report: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub clock: Timekeeper,
    pub register: u32,
    pub tariff: Rc<Tariff>,
    pub waiting: Option<Rc<Tariff>>,
    pub limits: Limits,
    pub local: Rc<Local>,
    pub cut: u8,
    pub tampering: u8,
    pub loan_until: u32,
    /// The balance when it was given.
    pub loan_from: i128,
    /// Who asked for one once, and when.
    pub asked: Option<(CardId, u32)>,
    pub battery_low: bool,
    pub pause_until: u32,
    pub overloads: u8,
    pub last_overload: u32,
    pub flags: u16,
    /// The month that runs.
    pub month: u16,
    pub parts: Parts,
    pub partial: bool,
    pub peak: u32,
    pub doubtful_month: bool,
    pub contract: Contract,
    pub last_final: Option<Rc<Final>>,
    /// Sequence of the voucher that waits for its card.
    pub voucher: Option<u32>,
    /// What memory may lack of the register, and the time when it was written last.
    pub unwritten: u32,
    pub written_time: u32,
}

impl Model {
    /// A meter from its maker.
    pub fn new(tariff: Rc<Tariff>, register: u32) -> Self {
        Self {
            clock: Timekeeper::default(),
            register,
            parts: vec![(Rc::clone(&tariff), 0)],
            tariff,
            waiting: None,
            limits: Limits::DEFAULT,
            local: Rc::new(Local::new(card_core::calendar::Calendar::EGYPT)),
            cut: NO_BINDING,
            tampering: 0,
            loan_until: 0,
            loan_from: 0,
            asked: None,
            battery_low: false,
            pause_until: 0,
            overloads: 0,
            last_overload: 0,
            flags: 4,
            month: 0,
            partial: true,
            peak: 0,
            doubtful_month: false,
            contract: Contract::new(0, 0),
            last_final: None,
            voucher: None,
            unwritten: 0,
            written_time: 0,
        }
    }

    pub fn charge(&self) -> i128 {
        price::energy_charge(&self.parts)
    }

    pub fn balance(&self) -> i128 {
        let Contract { number, brought, credit, debited, charges, fees, instalments, .. } = self.contract;
        if number == 0 {
            0
        } else {
            credit - debited + brought - charges - fees - instalments - self.charge()
        }
    }

    pub const fn is_on(&self) -> bool {
        self.cut == 0
    }

    // ---- time (sections 2, 4.1)

    /// All states on the way to a reading of the clock; the last one is the one that counts then.
    pub fn tick(&self, reading: Reading) -> Vec<Self> {
        let mut next = self.clone();
        let was_set = next.clock.time != 0;
        next.doubtful_month |= next.clock.read(reading, self.limits.clock_step) != 0;
        if !was_set {
            next.month = next.local.month(next.clock.time);
        }
        let mut out = Vec::new();
        next.bring(&mut out);
        self.written(out)
    }

    /// What time brings, until nothing is due.
    pub fn bring(mut self, out: &mut Vec<Self>) {
        while self.step() {
            out.push(self.clone());
        }
        self.decide();
        out.push(self);
    }

    fn step(&mut self) -> bool {
        let end = self.local.begins(self.month + 1);
        let due = self.waiting.clone().filter(|next| next.start <= self.clock.time && next.start < end);
        // Four tariffs under which something was consumed fill a month.
        let used = self.parts.iter().filter(|(_, energy)| *energy > 0).count();
        let unused = self.parts.last().is_none_or(|(_, energy)| *energy == 0);
        if let Some(next) = due
            && (unused || used < 4)
        {
            if unused {
                self.parts.pop();
            }
            self.parts.push((Rc::clone(&next), 0));
            (self.tariff, self.waiting) = (next, None);
            return true;
        }
        if end <= self.clock.time {
            self.close_month(end);
            return true;
        }
        false
    }

    fn close_month(&mut self, end: u32) {
        let bound = self.contract.number != 0;
        if bound {
            let month = self.closed(self.partial);
            self.contract.close(month);
            Rc::make_mut(&mut self.contract.inbox).readings += 1;
        }
        if let Some(next) = self.waiting.take_if(|next| next.start <= end) {
            self.tariff = next;
        }
        self.parts = vec![(Rc::clone(&self.tariff), 0)];
        self.partial = !bound;
        self.month += 1;
        self.peak = 0;
        self.doubtful_month = self.clock.is_doubtful();
        if bound {
            self.contract.instalments += Rc::make_mut(&mut self.contract.inbox).take_instalments(self.month);
        }
    }

    /// The month that runs, were it closed now.
    pub fn closed(&self, partial: bool) -> Closed {
        let flags = u8::from(partial)
            | u8::from(price::is_re_rated(&self.parts)) << 1
            | u8::from(self.doubtful_month) << 2;
        Closed {
            index: self.month,
            flags,
            parts: self.parts.clone(),
            charge: self.charge(),
            fees: price::fees(&self.parts, partial, self.month),
            peak: self.peak,
        }
    }

    // ---- what firmware measures

    pub fn consume(&self, reading: Reading, energy: u32) -> Vec<Self> {
        self.then(reading, |next| {
            next.register = next.register.wrapping_add(energy);
            if next.contract.number != 0 {
                next.parts.last_mut().expect("a tariff is in force").1 += energy;
            }
        })
    }

    /// Section 5.3.
    pub fn demand(&self, reading: Reading, watts: u32) -> Vec<Self> {
        self.then(reading, |next| {
            next.peak = next.peak.max(watts);
            let Limits { overload_pause, overload_pauses, .. } = next.limits;
            let limit = next.power_limit();
            if limit == 0 || watts <= limit || !next.is_on() {
                return;
            }
            if next.overloads >= overload_pauses {
                next.cut |= LOCK;
            } else {
                next.cut |= PAUSE;
                next.pause_until = next.clock.time + u32::from(overload_pause);
            }
            next.overloads = next.overloads.saturating_add(1);
            next.last_overload = next.clock.time;
        })
    }

    /// The power limit in force; 0: none.
    pub fn power_limit(&self) -> u32 {
        let Limits { contracted_power, second_power, second_from, second_until, loan_power, .. } =
            self.limits;
        let time = self.clock.time;
        let second = self.local.is_within(time, second_from, second_until);
        let usual = if second { second_power } else { contracted_power };
        let on_loan = self.balance() <= 0 && self.loan_runs();
        let limits = [usual, if on_loan { loan_power } else { 0 }];
        limits.into_iter().filter(|limit| *limit != 0).min().unwrap_or(0)
    }

    /// Section 5.4: that the relay does not close leaves an event, and nothing else.
    pub fn relay_stuck_off(&self, reading: Reading) -> Vec<Self> {
        self.then(reading, |_| {})
    }

    pub fn battery(&self, reading: Reading, low: bool) -> Vec<Self> {
        self.then(reading, |next| next.battery_low = low)
    }

    /// Section 6.
    pub fn tamper(&self, reading: Reading, bit: u8) -> Vec<Self> {
        self.then(reading, |next| {
            if next.tampering & bit == 0 && next.limits.tamper_cuts & bit != 0 {
                next.cut |= TAMPERING;
            }
            next.tampering |= bit;
        })
    }

    pub fn then(&self, reading: Reading, change: impl FnOnce(&mut Self)) -> Vec<Self> {
        let mut out = self.tick(reading);
        let mut next = out.last().expect("a state").clone();
        change(&mut next);
        next.decide();
        out.push(next);
        self.written(out)
    }

    // ---- supply (section 5)

    pub fn decide(&mut self) {
        let bound = self.contract.number != 0;
        let (time, balance) = (self.clock.time, self.balance());
        self.cut = if bound { self.cut & !NO_BINDING } else { self.cut | NO_BINDING };
        if self.cut & PAUSE != 0 && self.pause_until <= time {
            self.cut &= !PAUSE;
        }
        if time.saturating_sub(self.last_overload) >= u32::from(self.limits.overload_reset) * 60 {
            self.overloads = 0;
        }
        if bound && balance > 0 {
            (self.loan_until, self.loan_from) = (0, 0);
        }
        let before = self.cut;
        if !bound || balance > 0 || self.loan_runs() {
            self.cut &= !NO_CREDIT;
        } else if !self.local.is_friendly(time) {
            self.cut |= NO_CREDIT;
        }
        if self.cut & NO_CREDIT != 0 || self.limits.policies & Limits::BUTTON == 0 {
            self.cut &= !WAITS;
        } else if before & NO_CREDIT != 0 {
            self.cut |= WAITS;
        }
        let flags = [
            (0x01, bound && balance < i128::from(self.limits.first_threshold)),
            (0x02, bound && balance < i128::from(self.limits.second_threshold)),
            (0x04, self.cut != 0),
            (0x08, self.tampering != 0),
            (0x10, self.clock.is_doubtful()),
            (0x80, self.loan_until != 0),
            (0x100, self.battery_low),
            (REGRESSED, self.flags & REGRESSED != 0),
        ];
        self.flags = flags.iter().filter(|(_, on)| *on).map(|(flag, _)| flag).sum();
    }

    // ---- what a cut can lose (section 1)

    /// Notes for each state what memory may lack of it.
    pub fn written(&self, mut out: Vec<Self>) -> Vec<Self> {
        let mut before = self;
        for next in &mut out {
            let more = next.register.wrapping_sub(before.register);
            // It may have been written more often than it must.
            next.unwritten = (before.unwritten + more).min(UNWRITTEN - 1);
            next.written_time = before.written_time;
            let day = |model: &Self| model.local.day(model.clock.time);
            if more >= UNWRITTEN || day(next) != day(before) || !next.differs_by_energy_and_time(before) {
                next.save();
            }
            before = next;
        }
        out
    }

    /// Everything is in memory.
    pub const fn save(&mut self) {
        (self.unwritten, self.written_time) = (0, self.clock.time);
    }

    fn differs_by_energy_and_time(&self, other: &Self) -> bool {
        let of = |model: &Self| {
            let mut model = model.clone();
            model.parts.clear();
            (model.clock.time, model.clock.expected) = (0, None);
            if model.clock.doubt & NO_CLOCK != 0 {
                model.clock.offset = 0;
            }
            model.balance_free();
            model
        };
        of(self) == of(other)
    }

    const fn balance_free(&mut self) {
        (self.register, self.unwritten, self.written_time) = (0, 0, 0);
    }

    /// Power was away: the last `energy` that was consumed is gone, and the clock stands at `time` again. The offset of a clock that does not
    /// go as it should need not have been written.
    pub fn lose(&mut self, energy: u32, time: u32, offset: i64) {
        self.register = self.register.wrapping_sub(energy);
        if self.contract.number != 0 {
            self.parts.last_mut().expect("a tariff is in force").1 -= energy;
        }
        (self.clock.time, self.clock.expected) = (time, None);
        if self.clock.doubt & NO_CLOCK != 0 {
            self.clock.offset = offset;
        }
        self.save();
    }
}
