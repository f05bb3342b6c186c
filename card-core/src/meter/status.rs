//! What a meter's display shows (docs/meter.md, section 14).

use super::forecast::Forecast;
use super::news::News;
use super::state::MeterState;
use super::supply::{Supply, Tampering};
use crate::calendar::within;
use crate::message::MeterFlags;
use crate::parameters::Notice;
use crate::tariff::{Bracket, Price};
use crate::text::Situation;
use crate::units::{Balance, CardTime, Energy};

/// What a meter's display shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The engine's time; not set where it is not known.
    pub time: CardTime,
    /// Credit; below zero it is a debt.
    pub balance: Balance,
    /// What it buys in this month, restarts and what falls due included; `None` where that is all that a month holds.
    pub energy_left: Option<Energy>,
    /// Number from 1 of the slab that the month has reached.
    pub slab: u8,
    /// Price in that slab.
    pub price: Price,
    /// Where the price changes; `None` in the last slab.
    pub bracket: Option<Bracket>,
    /// Whether crossing that takes something, and is so near that it is to be shown (text B06).
    pub restart_near: bool,
    /// Days that the credit lasts at the recent rate, begun ones not counted; `None` where there is no rate.
    pub days_left: Option<u32>,
    /// How the meter stands.
    pub flags: MeterFlags,
    /// What decides on the supply.
    pub supply: Supply,
    /// The power limit in force, W; 0: unlimited.
    pub power_limit: u32,
    /// Whether an emergency loan can be had.
    pub loan_offered: bool,
    /// Whether it is a friendly time.
    pub friendly: bool,
    /// What the buzzer says.
    pub buzzer: Buzzer,
}

/// What is to be said to the customer, the most urgent first. It derefs to a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situations {
    said: [Situation; Self::MOST],
    count: usize,
}

impl Situations {
    /// More than there is to say at once: 7 reasons and the loan, 9 flags, the restart, 5 news, 5 kinds of tampering, 2 others.
    const MOST: usize = 32;

    fn say(&mut self, is_so: bool, text: Situation) {
        if let (true, Some(place)) = (is_so, self.said.get_mut(self.count)) {
            *place = text;
            self.count = self.count.saturating_add(1);
        }
    }
}

impl Default for Situations {
    fn default() -> Self {
        Self { said: [Situation::SupplyOn; Self::MOST], count: 0 }
    }
}

impl core::ops::Deref for Situations {
    type Target = [Situation];
    fn deref(&self) -> &[Situation] {
        self.said.get(..self.count).unwrap_or_default()
    }
}

/// What the buzzer says; firmware chooses the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Buzzer {
    /// Nothing.
    #[default]
    Silent = 0,
    /// Credit is low.
    LowCredit = 1,
    /// The supply will be cut within a quarter of an hour.
    CutIsNear = 2,
}

/// From seven until ten in the evening it may sound, in minutes of the day.
const AWAKE: (u16, u16) = (7 * 60, 22 * 60);
/// The texts of news.
const NEWS: [(u8, Situation); 5] = [
    (News::RE_RATED, Situation::MonthRatedAgain),
    (News::RATED_LOWER, Situation::MonthRatedLower),
    (News::INSTALMENT, Situation::InstalmentTaken),
    (News::FEES, Situation::FeesTaken),
    (News::TARIFF, Situation::TariffInForce),
];
/// So many seconds before a cut.
const NEAR: u32 = 15 * 60;

impl MeterState {
    /// What the display shows now. It searches (tariff, months): firmware asks for it when it draws, not with each pulse.
    pub fn status(&self) -> Status {
        let total = self.running.total();
        let tariff = self.running.tariff();
        let Forecast { energy, days } = self.foretell();
        Status {
            time: self.clock.time,
            balance: self.balance,
            energy_left: energy,
            slab: tariff.slab_reached(total),
            price: tariff.price_at(total),
            bracket: self.running.bracket(),
            restart_near: self.restart_near().is_some(),
            days_left: days,
            flags: self.flags,
            supply: self.supply,
            power_limit: self.power_limit(),
            loan_offered: self.loan_can_be_had(),
            friendly: self.calendar.is_friendly(self.clock.time),
            buzzer: self.buzzer(),
        }
    }

    /// What is to be said to the customer now, the most urgent first; notices beside it.
    #[inline(never)]
    pub fn situations(&self) -> Situations {
        let mut said = Situations::default();
        let Supply { cut, tampering, loan_until, .. } = self.supply;
        for reason in Situation::in_cut(cut) {
            said.say(true, reason);
            said.say(reason == Situation::CutNoCredit && self.loan_can_be_had(), Situation::LoanOffered);
        }
        for flag in Situation::in_flags(self.flags) {
            // That it is cut is said by why.
            said.say(flag != Situation::SupplyCut, flag);
        }
        said.say(self.restart_near().is_some(), Situation::RestartNear);
        let news = self.news.shown(self.clock.time);
        for (bit, text) in NEWS {
            said.say(news & bit != 0, text);
        }
        for kind in Tampering::ALL {
            if let Some(text) = Situation::of_tampering(tampering & kind.bit()) {
                said.say(true, text);
            }
        }
        let on = self.supply.is_on();
        let no_loan = loan_until <= self.clock.time;
        said.say(on && self.balance <= Balance(0) && no_loan, Situation::FriendlyTime);
        said.say(!on && no_loan && loan_until != CardTime::UNSET, Situation::LoanOver);
        said
    }

    /// What the issuer wants to be shown now.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        let Self { clock, inbox, .. } = self;
        let ended = |notice: &Notice| notice.until != CardTime::UNSET && notice.until <= clock.time;
        inbox.notices.notices().iter().filter(move |notice| !ended(notice))
    }

    fn buzzer(&self) -> Buzzer {
        let time = self.clock.time;
        let minute = self.calendar.local(time).minute;
        if self.binding == 0 || !self.supply.is_on() || !within(AWAKE.0, AWAKE.1, minute) {
            return Buzzer::Silent;
        }
        if self.balance > Balance(0) {
            let low = self.flags.has(MeterFlags::VERY_LOW_CREDIT) && minute.is_multiple_of(60);
            return if low { Buzzer::LowCredit } else { Buzzer::Silent };
        }
        let soon = CardTime(time.0.saturating_add(NEAR));
        let held = self.calendar.is_friendly(soon) || self.is_lent(soon);
        if held { Buzzer::Silent } else { Buzzer::CutIsNear }
    }
}
