//! What a meter knows: one value, changed as a whole (docs/meter.md, section 1). Nothing here writes.

use super::charge::Charge;
use super::clock::{Clock, Issued, doubt};
use super::events::{Happening, History};
use super::inbox::Inbox;
use super::keys::{MeterIdentity, ReportKeys};
use super::metering::{Brought, DailyProfile, Debts};
use super::news::News;
use super::supply::Supply;
use super::verdict::{Decision, Verdict};
use crate::calendar::Calendar;
use crate::id::Binding;
use crate::message::{
    BindingCertificate, Certificate, FinalReport, MeterFlags, MeterReceipt, Month, Voucher,
};
use crate::parameters::Limits;
use crate::platform::Engine;
use crate::role::KeyVersion;
use crate::scp03::Mode;
use crate::tariff::{Bill, MonthMeter, Tables, Tariff};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// Everything that a meter knows, but its keys and histories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterState {
    /// Applied credit - applied debited - what was consumed and charged, in piastres.
    pub balance: Balance,
    /// Energy register in units of 10 Wh; wraps. It belongs to the meter and outlives bindings.
    pub energy: Energy,
    /// The engine's time.
    pub clock: Clock,
    /// Index of the month that runs.
    pub month_index: u16,
    /// What was consumed in it, and by which tariffs.
    pub running: MonthMeter,
    /// What was brought into it from other contracts.
    pub brought: Brought,
    /// What restarts have brought in it, in piastres.
    pub re_rating: Balance,
    /// Instalments taken as it began.
    pub instalments: Piastres,
    /// Highest demand reported in it, in W.
    pub peak: u32,
    /// What doubts of the clock there were at any time in it ([`doubt`](super::doubt)).
    pub month_doubt: u8,
    /// The month's total when a doubt of the clock last began in it where there was none, or a command last moved time (docs/meter.md,
    /// section 2).
    pub month_break: Energy,
    /// The month's total at the last restart in it that was told of before; 0: none.
    pub restart_told: Energy,
    /// Energy of the last days.
    pub days: DailyProfile,
    /// How the meter stands; [`MeterFlags::CLOSED`] never is here.
    pub flags: MeterFlags,
    /// What decides on the supply.
    pub supply: Supply,
    /// Number of the last report in this binding; 0: none yet.
    pub report_number: u32,
    /// Credit applied in this binding.
    pub applied_credit: Piastres,
    /// Corrections applied in this binding.
    pub applied_debited: Piastres,
    /// Sequence of the newest certificate applied in this binding; 0: none yet.
    pub sequence: u32,
    /// The highest generation of a card that completed an exchange in this binding.
    pub generation: u16,
    /// Number of the binding; 0: none yet.
    pub binding: u32,
    /// The customer's account.
    pub account: u64,
    /// What has happened to the balance and the prices.
    pub news: News,
    /// Events, the closed month and charges.
    pub history: History,
    /// Debts that are paid by instalments.
    pub debts: Debts,
    /// What came from the issuer, and what goes back.
    pub inbox: Inbox,
    /// Cards refused, each reason counted once in a local day.
    pub refused_cards: u32,
    /// The mode of the last card.
    pub mode: Mode,
    /// Version of the meter's firmware, for its readings.
    pub firmware: u32,
    /// Limits.
    pub limits: Limits,
    /// Calendar.
    pub calendar: Calendar,
    /// The tariff in force and the one that waits.
    pub tables: Tables,
    /// Final report of the binding that was closed last. It is kept until the next one closes: whichever card comes takes it.
    pub final_report: Option<FinalReport>,
    /// A voucher from the network that waits for its card.
    pub voucher: Option<Voucher>,
}

/// A balance, an energy or a month would leave its range. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

impl MeterState {
    /// A meter without a binding at `time` (not set where it has no clock yet), with a tariff in force.
    pub fn new(tariff: Tariff, energy: Energy, time: CardTime) -> Self {
        let calendar = Calendar::EGYPT;
        let mut state = Self {
            balance: Balance(0),
            energy,
            clock: Clock { time, ..Clock::default() },
            month_index: calendar.month_index(time),
            running: MonthMeter::begin(tariff, true),
            brought: Brought::default(),
            re_rating: Balance(0),
            instalments: Piastres::ZERO,
            peak: 0,
            month_doubt: 0,
            month_break: Energy(0),
            restart_told: Energy(0),
            days: DailyProfile::default(),
            flags: MeterFlags::default(),
            supply: Supply::default(),
            report_number: 0,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            sequence: 0,
            generation: 0,
            binding: 0,
            account: 0,
            news: News::default(),
            history: History::default(),
            debts: Debts::default(),
            inbox: Inbox::default(),
            refused_cards: 0,
            mode: Mode::S8,
            firmware: 0,
            limits: crate::parameters::Limits::DEFAULT,
            calendar,
            tables: Tables::new(tariff),
            final_report: None,
            voucher: None,
        };
        state.days.begin(calendar.local(time));
        // A meter is cut from the first moment on: that is no event.
        state.supply.cut = super::supply::reason::NO_BINDING;
        state.flags = MeterFlags::SUPPLY_CUT;
        state
    }

    /// Whether the meter's memory is known to have gone back in this binding.
    pub const fn regressed(&self) -> bool {
        self.flags.has(MeterFlags::REGRESSED)
    }

    /// The local day of the engine's time.
    pub(super) fn today(&self) -> u16 {
        self.calendar.local(self.clock.time).day
    }

    /// The month that runs, as a card shows it: no fees are due yet.
    pub fn month(&self) -> Month {
        self.closed_month(&self.running.close(self.month_index, false)).without_fees()
    }

    /// The record of the month that runs, by its bill.
    pub(super) fn closed_month(&self, bill: &Bill) -> Month {
        let Self { month_index, peak, month_doubt, month_break, re_rating, instalments, running, .. } = self;
        Month {
            re_rating: re_rating.0.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            instalments: u32::try_from(instalments.0).unwrap_or(u32::MAX),
            doubt_cost: running.cost_over(*month_break).0.clamp(0, Month::MOST_24.into()) as u32,
            ..bill.month(*month_index, *peak, *month_doubt != 0)
        }
    }

    /// The receipt of the next report, without its code; with `flags` in addition.
    pub(super) fn receipt(&self, identity: &MeterIdentity, number: u32, flags: MeterFlags) -> MeterReceipt {
        MeterReceipt {
            key_version: KeyVersion::NONE,
            binding: Binding { meter: identity.id, number: self.binding },
            number,
            time: self.clock.time,
            applied_credit: self.applied_credit,
            applied_debited: self.applied_debited,
            balance: self.balance,
            energy: self.energy,
            flags: self.flags.with(flags),
            mac: [0; 16],
        }
    }

    /// What follows from a decision on a certificate: all of steps 4 to 7 of the specification's section 11, to be stored in one.
    /// `generation` is that of the card that brought it; `network` says that it was none.
    pub(super) fn settle(
        &mut self,
        engine: &mut impl Engine,
        identity: &MeterIdentity,
        keys: &ReportKeys,
        reading: CardTime,
        (generation, certificate, network): (u16, &Certificate, bool),
        decision: &Decision,
    ) -> Result<(), OutOfRange> {
        if let Verdict::Refuse(reason) = decision.verdict {
            let refused = Happening::CardRefused { reason: reason.code(), generation };
            if reason.is_recorded() && self.history.add_daily(self.today(), self.clock.time, refused) {
                self.refused_cards = self.refused_cards.saturating_add(1);
            }
            if reason.is_regression() {
                self.flags = self.flags.with(MeterFlags::REGRESSED);
            }
            return Ok(());
        }
        let same_customer =
            self.binding != 0 && decision.opens.as_ref().is_some_and(|opened| opened.account == self.account);
        if let Some(opened) = &decision.opens {
            if self.binding != 0 {
                self.close_binding(engine, identity, keys, same_customer)?;
            }
            self.open_binding(opened, same_customer);
        }
        let before = (self.applied_credit, self.applied_debited);
        if let Verdict::Apply { balance, .. } = decision.verdict {
            self.balance = balance;
            self.applied_credit = certificate.total_credit;
            self.applied_debited = certificate.total_debited;
            self.sequence = certificate.sequence;
        }
        let applied = matches!(decision.verdict, Verdict::Apply { .. });
        // One that opens a binding may have been made long before.
        let network = network && decision.opens.is_none();
        let issued = applied.then(|| self.clock.issued(reading, certificate.issue_time, network));
        if decision.opens.is_some() {
            if !same_customer {
                self.month_index = self.calendar.month_index(self.clock.time);
                self.month_doubt = self.clock.doubt;
                self.days.begin(self.calendar.local(self.clock.time));
            }
            self.history.add(self.clock.time, Happening::BindingOpened { number: self.binding });
        }
        self.tell_of_totals(before);
        if let Some(issued) = issued {
            self.certificate_issued(reading, certificate.issue_time, issued);
        }
        self.generation = self.generation.max(generation);
        self.report_number = self.report_number.saturating_add(1);
        Ok(())
    }

    /// How far the totals have risen.
    fn tell_of_totals(&mut self, (credit, debited): (Piastres, Piastres)) {
        let risen = |now: Piastres, before| i64::try_from(now.saturating_sub(before).0).unwrap_or(i64::MAX);
        let [credit, correction] = [risen(self.applied_credit, credit), risen(self.applied_debited, debited)];
        let (time, Balance(balance)) = (self.clock.time, self.balance);
        if credit != 0 {
            self.history.add(time, Happening::Credit { amount: credit });
        }
        if correction != 0 {
            self.history.add(time, Happening::Correction { amount: correction });
        }
        if credit != 0 || correction != 0 {
            let owed = credit.saturating_sub(correction).saturating_sub(balance).clamp(0, credit);
            let [credit, debt, correction] =
                [credit, owed, correction].map(|amount| Piastres(amount.unsigned_abs()));
            self.history.charge(Charge { time, credit, debt, correction, balance: self.balance });
        }
    }

    /// What is told of the issue time of an applied certificate.
    fn certificate_issued(&mut self, reading: CardTime, time: CardTime, issued: Issued) {
        if issued.disagrees {
            self.doubt(doubt::CERTIFICATE, reading);
        }
        if !issued.believed {
            self.history.add(self.clock.time, Happening::NotBelieved { issued: time });
        }
        if let Some(before) = issued.moved {
            self.history.add(self.clock.time, Happening::TimeMoved { before });
        }
    }

    /// The binding is closed for ever, and there is a final report. Its last month is due, unless it goes on in the next binding.
    fn close_binding(
        &mut self,
        engine: &mut impl Engine,
        identity: &MeterIdentity,
        keys: &ReportKeys,
        goes_on: bool,
    ) -> Result<(), OutOfRange> {
        // On a copy of what the closing changes but for the report: the supply is the meter's, and goes on.
        let (supply, flags, history) = (self.supply, self.flags, self.history);
        let bill = self.running.close(self.month_index, true);
        let month = self.closed_month(&bill);
        let month = if goes_on { month.without_fees() } else { month };
        if !goes_on {
            self.take(bill.fees())?;
        }
        self.decide_supply();
        let number = self.report_number.saturating_add(1);
        let report = self.receipt(identity, number, MeterFlags::CLOSED);
        let receipt = sign(engine, identity, keys, report);
        self.final_report = Some(FinalReport { receipt, month, instalments: self.debts.paid });
        (self.supply, self.flags, self.history) = (supply, flags, history);
        Ok(())
    }

    /// A new binding with all totals 0. What is true of the meter stays; what was true of the customer's credit, and the lost memory,
    /// does not. The month goes on for the `same_customer`.
    fn open_binding(&mut self, opened: &BindingCertificate, same_customer: bool) {
        let Self {
            // The meter's.
            energy: _,
            clock: _,
            // Set with the time of the certificate.
            month_index: _,
            month_doubt: _,
            refused_cards: _,
            mode: _,
            firmware: _,
            limits: _,
            calendar: _,
            tables,
            final_report: _,
            // The customer's.
            balance,
            running,
            brought,
            re_rating,
            instalments,
            peak,
            month_break,
            restart_told,
            days,
            flags,
            supply,
            report_number,
            applied_credit,
            applied_debited,
            sequence,
            generation,
            binding,
            account,
            news,
            history,
            debts,
            inbox,
            voucher,
        } = self;
        *balance = Balance(0);
        if same_customer {
            *brought = Brought { energy: running.total(), paid: running.energy_charge() };
        } else {
            *running = MonthMeter::begin(*tables.active(), true);
            *brought = Brought::default();
            (*re_rating, *instalments) = (Balance(0), Piastres::ZERO);
            *peak = 0;
            (*month_break, *restart_told) = (Energy(0), Energy(0));
            *days = DailyProfile::default();
        }
        // Whether it was on: what opening a binding makes of it is an event.
        *flags = MeterFlags(flags.0 & MeterFlags::SUPPLY_CUT.0);
        *supply = supply.without_credit();
        *report_number = 0;
        (*applied_credit, *applied_debited) = (Piastres::ZERO, Piastres::ZERO);
        (*sequence, *generation) = (0, 0);
        (*binding, *account) = (opened.binding.number, opened.account);
        *news = News::default();
        *history = history.of_next_binding();
        *debts = Debts::default();
        *inbox = Inbox::default();
        *voucher = None;
    }

    /// Takes an amount from the balance; one below zero is given.
    pub(super) fn take(&mut self, amount: Balance) -> Result<(), OutOfRange> {
        self.balance = Balance(self.balance.0.checked_sub(amount.0).ok_or(OutOfRange)?);
        Ok(())
    }
}

/// Sets version and code of a receipt.
pub(super) fn sign(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &ReportKeys,
    receipt: MeterReceipt,
) -> MeterReceipt {
    MeterReceipt { key_version: keys.mail.version, ..receipt }.sign(engine, &keys.receipt, identity.scope)
}
