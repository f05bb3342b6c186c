//! Whether the supply is on (docs/meter.md, sections 5 and 6): credit, loan, overload, tampering, commands.

use super::events::{Happening, fault};
use super::state::MeterState;
use crate::calendar::within;
use crate::id::CardId;
use crate::message::MeterFlags;
use crate::parameters::Limits;
use crate::units::{Balance, CardTime};

/// Reasons to cut the supply, as bits.
pub mod reason {
    /// No credit.
    pub const NO_CREDIT: u8 = 0x01;
    /// Tampering.
    pub const TAMPERING: u8 = 0x02;
    /// Overload: a pause.
    pub const OVERLOAD_PAUSE: u8 = 0x04;
    /// Overload: locked until the company acts.
    pub const OVERLOAD_LOCK: u8 = 0x08;
    /// A command.
    pub const COMMAND: u8 = 0x10;
    /// The meter has no binding.
    pub const NO_BINDING: u8 = 0x20;
    /// There is credit or a loan again, and the supply waits for the button ([`Meter::rearm`](super::super::Meter::rearm)).
    pub const WAITS: u8 = 0x40;
}

/// Kinds of tampering, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tampering {
    /// The cover was opened.
    Cover = 0x01,
    /// The terminal cover was opened.
    Terminal = 0x02,
    /// A magnetic field.
    Magnet = 0x04,
    /// Current flows backwards.
    Reverse = 0x08,
    /// The meter is bypassed.
    Bypass = 0x10,
}

impl Tampering {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Cover, Self::Terminal, Self::Magnet, Self::Reverse, Self::Bypass];

    /// Its bit.
    pub const fn bit(self) -> u8 {
        self as u8
    }
}

/// Seconds for which a cut supply is seen to be used before the relay is said not to open.
const RELAY_SECONDS: u32 = 60;

/// A card that asked once, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The card.
    pub card: CardId,
    /// When it asked.
    pub at: CardTime,
}

/// What decides whether the supply is on, beside the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Supply {
    /// Reasons to cut ([`reason`]); 0: the supply is on.
    pub cut: u8,
    /// Bits of [`Tampering`] that were seen.
    pub tampering: u8,
    /// End of the emergency loan; not set: none was given since the balance was above 0.
    pub loan_until: CardTime,
    /// The balance when it was given.
    pub loan_from: Balance,
    /// That it is over was told.
    pub loan_told: bool,
    /// End of the pause after an overload.
    pub pause_until: CardTime,
    /// Overloads that count towards the lock.
    pub overloads: u8,
    /// When the last one was.
    pub last_overload: CardTime,
    /// Who asked for a loan once.
    pub asked: Option<Asked>,
    /// Since when demand is reported though the supply is cut; not set: it is not.
    pub live_since: CardTime,
    /// Whether the battery is low.
    pub battery_low: bool,
}

impl Supply {
    /// Whether it is on.
    pub const fn is_on(&self) -> bool {
        self.cut == 0
    }

    /// What of it is the meter's, not the customer's.
    pub(super) const fn without_credit(self) -> Self {
        let cut = self.cut & !(reason::NO_CREDIT | reason::WAITS);
        Self {
            cut,
            loan_until: CardTime::UNSET,
            loan_from: Balance(0),
            loan_told: false,
            asked: None,
            ..self
        }
    }

    /// Where the clock was set back, what runs ends as much earlier: it does not last longer by that.
    pub(super) fn set_back(&mut self, before: CardTime, time: CardTime) {
        let back = before.0.saturating_sub(time.0);
        let Self { pause_until, loan_until, last_overload, live_since, .. } = self;
        for end in [pause_until, loan_until, last_overload, live_since] {
            if *end != CardTime::UNSET {
                *end = CardTime(end.0.saturating_sub(back).max(1));
            }
        }
    }

    pub(super) const fn set(&mut self, reason: u8, on: bool) {
        self.cut = if on { self.cut | reason } else { self.cut & !reason };
    }
}

impl MeterState {
    /// Decides on the supply at the present time, and sets the flags that follow from the state.
    pub(super) fn decide_supply(&mut self) {
        let time = self.clock.time;
        let credit = self.balance > Balance(0);
        let bound = self.binding != 0;
        let was_on = !self.flags.has(MeterFlags::SUPPLY_CUT);
        let lent = self.is_lent(time);
        self.tell_of_loan(lent);
        let supply = &mut self.supply;
        let without_credit = supply.cut & reason::NO_CREDIT != 0;
        supply.set(reason::NO_BINDING, !bound);
        if supply.cut & reason::OVERLOAD_PAUSE != 0 && supply.pause_until <= time {
            supply.set(reason::OVERLOAD_PAUSE, false);
        }
        let forgotten = u32::from(self.limits.overload_reset).saturating_mul(60);
        if time.0.saturating_sub(supply.last_overload.0) >= forgotten {
            supply.overloads = 0;
        }
        if !bound {
            supply.set(reason::NO_CREDIT, false);
        } else if credit {
            supply.set(reason::NO_CREDIT, false);
            (supply.loan_until, supply.loan_from, supply.loan_told) = (CardTime::UNSET, Balance(0), false);
        } else if lent {
            supply.set(reason::NO_CREDIT, false);
        } else if supply.cut & reason::NO_CREDIT == 0 && !self.calendar.is_friendly(time) {
            supply.set(reason::NO_CREDIT, true);
        }
        if supply.cut & reason::NO_CREDIT != 0 || self.limits.policies & Limits::BUTTON == 0 {
            supply.set(reason::WAITS, false);
        } else if without_credit {
            supply.set(reason::WAITS, true);
        }
        if supply.is_on() {
            supply.live_since = CardTime::UNSET;
        }
        if was_on != supply.is_on() {
            let cut = Happening::SupplyCut { reasons: supply.cut };
            self.history.add(time, if was_on { cut } else { Happening::SupplyRestored });
        }
        let below = |threshold: u32| bound && self.balance < Balance(threshold.into());
        let flags = [
            (MeterFlags::LOW_CREDIT, below(self.limits.first_threshold)),
            (MeterFlags::VERY_LOW_CREDIT, below(self.limits.second_threshold)),
            (MeterFlags::SUPPLY_CUT, !self.supply.is_on()),
            (MeterFlags::TAMPER, self.supply.tampering != 0),
            (MeterFlags::CLOCK_DOUBTFUL, self.clock.is_doubtful()),
            (MeterFlags::LOAN, self.supply.loan_until != CardTime::UNSET),
            (MeterFlags::BATTERY_LOW, self.supply.battery_low),
        ];
        for (flag, on) in flags {
            self.flags = if on { self.flags.with(flag) } else { self.flags.without(flag) };
        }
    }

    /// Demand in W was measured (section 5.3).
    pub(super) fn demanded(&mut self, watts: u32) {
        self.peak = self.peak.max(watts);
        self.look_at_relay(watts);
        let limit = self.power_limit();
        if limit == 0 || watts <= limit || !self.supply.is_on() {
            return;
        }
        let limits = &self.limits;
        let time = self.clock.time;
        let supply = &mut self.supply;
        let locks = supply.overloads >= limits.overload_pauses;
        supply.overloads = supply.overloads.saturating_add(1);
        supply.last_overload = time;
        if locks {
            supply.set(reason::OVERLOAD_LOCK, true);
        } else {
            supply.set(reason::OVERLOAD_PAUSE, true);
            supply.pause_until = CardTime(time.0.saturating_add(limits.overload_pause.into()));
        }
        let count = supply.overloads;
        self.history.add(time, Happening::Overload { watts, count });
    }

    /// The power limit in force, in W; 0: unlimited (section 5.3).
    pub fn power_limit(&self) -> u32 {
        let Self { limits, clock, .. } = self;
        let minute = self.calendar.local(clock.time).minute;
        let second = within(limits.second_from, limits.second_until, minute);
        let usual = if second { limits.second_power } else { limits.contracted_power };
        match limits.loan_power {
            0 => usual,
            _ if self.balance > Balance(0) || !self.is_lent(clock.time) => usual,
            on_loan if usual == 0 => on_loan,
            on_loan => usual.min(on_loan),
        }
    }

    /// Whether a supply that is cut is used all the same (section 5.4).
    fn look_at_relay(&mut self, watts: u32) {
        let (time, limit) = (self.clock.time, u32::from(self.limits.relay_power));
        let since = self.supply.live_since;
        if self.supply.is_on() || limit == 0 || watts <= limit {
            self.supply.live_since = CardTime::UNSET;
        } else if since == CardTime::UNSET {
            self.supply.live_since = CardTime(time.0.max(1));
        } else if time.0.saturating_sub(since.0) >= RELAY_SECONDS {
            let fault = Happening::Relay { fault: fault::RELAY_ON, watts };
            self.history.add_daily(self.today(), time, fault);
        }
    }

    /// Firmware measures that the relay does not close (section 5.4).
    pub(super) fn relay_stuck_off(&mut self) {
        if self.supply.is_on() {
            let fault = Happening::Relay { fault: fault::RELAY_OFF, watts: 0 };
            self.history.add_daily(self.today(), self.clock.time, fault);
        }
    }

    /// How the battery is (section 5.4).
    pub(super) fn battery(&mut self, low: bool) {
        if low && !self.supply.battery_low {
            self.history.add_daily(self.today(), self.clock.time, Happening::BatteryLow);
        }
        self.supply.battery_low = low;
    }

    /// The button that restores the supply was pressed (section 5.1).
    pub(super) const fn rearm(&mut self) {
        self.supply.set(reason::WAITS, false);
    }

    /// Tampering was seen (section 6).
    pub(super) fn tampered(&mut self, kind: Tampering) {
        let bit = kind.bit();
        if self.supply.tampering & bit != 0 {
            return;
        }
        self.supply.tampering |= bit;
        if self.limits.tamper_cuts & bit != 0 {
            self.supply.set(reason::TAMPERING, true);
        }
        self.history.add(self.clock.time, Happening::Tampering { kind: bit });
    }

    pub(super) fn clear_tampering(&mut self) {
        self.supply.tampering = 0;
        self.supply.set(reason::TAMPERING, false);
    }

    pub(super) fn end_overload(&mut self) {
        self.supply.set(reason::OVERLOAD_PAUSE | reason::OVERLOAD_LOCK, false);
        self.supply.overloads = 0;
    }

    pub(super) fn cut_by_command(&mut self, on: bool) {
        self.supply.set(reason::COMMAND, on);
    }
}
