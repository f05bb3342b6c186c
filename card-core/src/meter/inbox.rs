//! Mail at the meter (docs/meter.md, sections 7 to 10): what is taken, what is refused, and commands executed once.

use super::clock::doubt;
use super::events::Happening;
use super::state::MeterState;
use crate::calendar::Calendar;
use crate::id::CardId;
use crate::message::{FormatError, MAX_PLAINTEXT, Slot};
use crate::parameters::{
    Action, AuditRecord, AuditRecords, Command, DebtPlan, KeysInUse, Limits, MonthSoFar, Notices, Readings,
};
use crate::role::KeyVersion;
use crate::store::{Fields, Writer};
use crate::tariff::Tariff;
use crate::units::CardTime;

/// What came from the issuer in this binding, and what goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbox {
    versions: [u32; Slot::TO_METER],
    /// Commands that were executed.
    pub executed: Executed,
    /// Counter of the last command that cut the supply or ended that.
    relay: u32,
    /// Counter of the last command that set the clock.
    clock: u32,
    /// The last audit records.
    pub audits: AuditRecords,
    /// How many audit records there were: their version.
    pub audit_count: u32,
    /// Version of the readings.
    pub readings: u32,
    /// What the issuer wants to be shown.
    pub notices: Notices,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            versions: [0; Slot::TO_METER],
            executed: Executed::default(),
            relay: 0,
            clock: 0,
            audits: AuditRecords::default(),
            audit_count: 0,
            readings: 0,
            notices: Notices::NONE,
        }
    }
}

impl Inbox {
    /// Version of the mail that was taken last in a slot; 0: none yet in this binding, or no slot of mail to the meter.
    pub fn version(&self, slot: Slot) -> u32 {
        self.versions.get(slot.index()).copied().unwrap_or_default()
    }

    pub(super) fn raise(&mut self, slot: Slot, version: u32) {
        if let Some(held) = self.versions.get_mut(slot.index()) {
            *held = version;
        }
    }

    pub(super) fn emit(&self, out: &mut Writer<'_>) {
        for version in self.versions {
            out.u32(version);
        }
        out.u32(self.executed.newest)
            .u32(self.executed.before)
            .u32(self.relay)
            .u32(self.clock)
            .u32(self.audit_count)
            .u32(self.readings);
        out.part(self.audits.emit().as_slice()).part(self.notices.emit().as_slice());
    }

    #[inline(never)]
    pub(super) fn restore(&mut self, reader: &mut Fields<'_>) -> Result<(), FormatError> {
        for version in &mut self.versions {
            *version = reader.u32();
        }
        self.executed = Executed { newest: reader.u32(), before: reader.u32() };
        (self.relay, self.clock) = (reader.u32(), reader.u32());
        (self.audit_count, self.readings) = (reader.u32(), reader.u32());
        let room = &mut [0; MAX_PLAINTEXT];
        self.audits = AuditRecords::parse(reader.part(room)).map_err(|_| FormatError::Field)?;
        self.notices = Notices::parse(reader.part(room)).map_err(|_| FormatError::Field)?;
        Ok(())
    }
}

/// Which commands were executed: the newest counter, and a bit for each of the 32 below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Executed {
    newest: u32,
    /// Bit 0: the counter just below the newest.
    before: u32,
}

impl Executed {
    /// The highest counter; 0: none yet.
    pub const fn newest(&self) -> u32 {
        self.newest
    }

    /// Whether the command with this counter was executed, or is too old to know.
    pub const fn contains(&self, counter: u32) -> bool {
        match self.newest.checked_sub(counter) {
            None => false,
            Some(0) => true,
            Some(below) if below <= u32::BITS => self.before >> (below - 1) & 1 == 1,
            Some(_) => true,
        }
    }

    /// Keeps that it was.
    pub const fn insert(&mut self, counter: u32) {
        match counter.checked_sub(self.newest) {
            None => {
                if let Some(bit) = 1_u32.checked_shl(self.newest.saturating_sub(counter).saturating_sub(1)) {
                    self.before |= bit;
                }
            }
            Some(0) => {}
            Some(above) => {
                let older = if above < u32::BITS { self.before << above } else { 0 };
                let newest = if above <= u32::BITS { 1 << (above - 1) } else { 0 };
                self.before = older | newest;
                self.newest = counter;
            }
        }
    }
}

/// How a mail was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its slot.
    pub slot: Slot,
    /// Its version.
    pub version: u32,
    /// What became of it.
    pub result: Result<(), MailRefusal>,
}

/// Why a meter refuses a mail (section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
pub enum MailRefusal {
    /// 02.
    #[error("the mail is for another meter")]
    OtherMeter = 0x02,
    /// 03.
    #[error("the mail is for another binding of the meter: ask the issuer for the present one's")]
    OtherBinding = 0x03,
    /// 04.
    #[error("the meter has this mail already, or a newer one")]
    Stale = 0x04,
    /// 05.
    #[error("the meter has no key of the mail's version: rotate the meter's keys")]
    UnknownKeyVersion = 0x05,
    /// 06.
    #[error("the mail was altered, or sealed with another key: fetch it again")]
    Altered = 0x06,
    /// 07.
    #[error("the mail has not the form of its slot")]
    Malformed = 0x07,
    /// 08.
    #[error("the tariff is not newer than the one in force")]
    TariffNotNewer = 0x08,
    /// 09.
    #[error("the command was executed before")]
    ExecutedBefore = 0x09,
    /// 0A.
    #[error("the command has expired: have it issued again")]
    Expired = 0x0A,
    /// 0B.
    #[error("the command names another card: bring it with that one")]
    OtherCard = 0x0B,
    /// 0C.
    #[error("the meter does not know this command, or not this value of it")]
    UnknownCommand = 0x0C,
    /// 0D.
    #[error("the meter cannot use these keys")]
    UnusableKeys = 0x0D,
    /// 0E.
    #[error("a newer command of this kind was executed already")]
    Superseded = 0x0E,
}

impl MailRefusal {
    /// All refusals.
    pub const ALL: [Self; 13] = [
        Self::OtherMeter,
        Self::OtherBinding,
        Self::Stale,
        Self::UnknownKeyVersion,
        Self::Altered,
        Self::Malformed,
        Self::TariffNotNewer,
        Self::ExecutedBefore,
        Self::Expired,
        Self::OtherCard,
        Self::UnknownCommand,
        Self::UnusableKeys,
        Self::Superseded,
    ];

    /// Its code.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether the version of its slot stays: the true mail can still come, or with the right card.
    pub(super) const fn keeps_version(self) -> bool {
        matches!(
            self,
            Self::OtherMeter
                | Self::OtherBinding
                | Self::Stale
                | Self::UnknownKeyVersion
                | Self::Altered
                | Self::OtherCard
        )
    }

    /// Whether it leaves event 0105.
    pub(super) const fn is_recorded(self) -> bool {
        !matches!(
            self,
            Self::OtherMeter
                | Self::OtherBinding
                | Self::Stale
                | Self::ExecutedBefore
                | Self::Expired
                | Self::UnknownCommand
                | Self::Superseded
        )
    }
}

/// Outcome of a command that was executed, in audit records and events.
const EXECUTED: u8 = 0x01;

impl MeterState {
    /// Takes what a mail says, but for keys. `carrier` is the card that brought it.
    #[inline(never)]
    pub(super) fn take_mail(
        &mut self,
        reading: CardTime,
        carrier: Option<CardId>,
        slot: Slot,
        plaintext: &[u8],
    ) -> Result<(), MailRefusal> {
        let malformed = MailRefusal::Malformed;
        match slot {
            Slot::TARIFF | Slot::STANDBY_TARIFF => {
                let tariff = Tariff::parse(plaintext).map_err(|_| malformed)?;
                let replaced = self.tables.offer(tariff).map_err(|_| MailRefusal::TariffNotNewer)?;
                if let Some(version) = replaced.as_ref().map(Tariff::version) {
                    self.history.add(self.clock.time, Happening::TariffReplaced { version });
                }
                Ok(())
            }
            Slot::LIMITS => {
                Limits::parse(plaintext).map(|limits| self.limits = limits).map_err(|_| malformed)
            }
            Slot::CALENDAR => {
                Calendar::parse(plaintext).map(|calendar| self.calendar = calendar).map_err(|_| malformed)
            }
            Slot::DEBT_PLAN => {
                DebtPlan::parse(plaintext).map(|plan| self.debts.replace(plan)).map_err(|_| malformed)
            }
            slot if Slot::COMMANDS.contains(&slot) => {
                let command = Command::parse(plaintext).map_err(|_| malformed)?;
                self.command(reading, carrier, &command)
            }
            Slot::NOTICES => {
                Notices::parse(plaintext).map(|notices| self.inbox.notices = notices).map_err(|_| malformed)
            }
            Slot::MONTH_SO_FAR => {
                let so_far = MonthSoFar::parse(plaintext).map_err(|_| malformed)?;
                self.bring_in(&so_far).map_err(|_| malformed)
            }
            _ => Err(malformed),
        }
    }

    /// New keys are in use, or were asked for and are in use already. Readings tell the issuer.
    pub(super) fn keys_changed(&mut self, version: KeyVersion) {
        self.inbox.readings = self.inbox.readings.saturating_add(1);
        self.history.add(self.clock.time, Happening::KeysChanged { version });
    }

    /// Mail was refused: what is left of it.
    pub(super) fn refuse_mail(&mut self, slot: Slot, version: u32, refusal: MailRefusal) {
        if !refusal.keeps_version() {
            self.inbox.raise(slot, version);
        }
        if refusal.is_recorded() {
            let refused = Happening::MailRefused { slot: slot.number(), refusal: refusal.code(), version };
            self.history.add_daily(self.today(), self.clock.time, refused);
        }
    }

    /// A command (section 8).
    fn command(
        &mut self,
        reading: CardTime,
        carrier: Option<CardId>,
        command: &Command,
    ) -> Result<(), MailRefusal> {
        if self.inbox.executed.contains(command.counter) {
            return Err(MailRefusal::ExecutedBefore);
        }
        if command.card.is_some() && command.card != carrier {
            return Err(MailRefusal::OtherCard);
        }
        let result = self.execute(reading, command);
        let outcome = result.map_or_else(MailRefusal::code, |()| EXECUTED);
        let (counter, kind) = (command.counter, command.action.kind());
        self.inbox.executed.insert(counter);
        self.inbox.audits.push(AuditRecord { counter, time: self.clock.time, kind, outcome, card: carrier });
        self.inbox.audit_count = self.inbox.audit_count.saturating_add(1);
        self.history.add(self.clock.time, Happening::Command { counter, kind, outcome });
        result
    }

    fn execute(&mut self, reading: CardTime, command: &Command) -> Result<(), MailRefusal> {
        let Command { expiry, card, action, .. } = *command;
        let known = match action {
            Action::Unknown(_) => false,
            Action::ClearTamper => card.is_some(),
            Action::SetClock(least) | Action::SetClockBack(least) => card.is_some() && least < expiry,
            _ => true,
        };
        if !known {
            return Err(MailRefusal::UnknownCommand);
        }
        let sets_clock = matches!(action, Action::SetClock(_) | Action::SetClockBack(_));
        let expires = !sets_clock && expiry != CardTime::UNSET;
        if expires && expiry <= self.clock.time {
            return Err(MailRefusal::Expired);
        }
        // Cards and networks bring commands in any order; where the last one counts, that is the one with the highest counter.
        let newest = match action {
            Action::Cut | Action::EndCut => Some(&mut self.inbox.relay),
            Action::SetClock(_) | Action::SetClockBack(_) => Some(&mut self.inbox.clock),
            _ => None,
        };
        if let Some(newest) = newest {
            if command.counter < *newest {
                return Err(MailRefusal::Superseded);
            }
            *newest = command.counter;
        }
        match action {
            Action::Cut => self.cut_by_command(true),
            Action::EndCut => self.cut_by_command(false),
            Action::ClearTamper => self.clear_tampering(),
            Action::SetClock(least) => self.set_clock(reading, (least, expiry), false),
            Action::SetClockBack(least) => self.set_clock(reading, (least, expiry), true),
            Action::ReadOut => self.inbox.readings = self.inbox.readings.saturating_add(1),
            Action::EndOverload => self.end_overload(),
            Action::LowestGeneration(lowest) => self.generation = self.generation.max(lowest.get()),
            Action::Unknown(_) => {}
        }
        Ok(())
    }

    fn set_clock(&mut self, reading: CardTime, (least, expiry): (CardTime, CardTime), below: bool) {
        let before = self.clock.time;
        let right = reading >= least && reading < expiry;
        self.clock.set(reading, if right { reading } else { least }, below);
        let time = self.clock.time;
        if self.clock.has_moved_from(before) {
            self.month_doubt |= doubt::MOVED;
            self.month_break = self.running.total();
        }
        // No month is longer than itself and the rest of the one before.
        self.month_index = self.month_index.min(self.calendar.month_index(time).saturating_add(1));
        self.days.day = self.days.day.min(self.today());
        self.supply.set_back(before, time);
        self.history.add(time, Happening::ClockSet { before });
    }

    /// Readings, as they are now (section 10); `keys` are in use.
    pub(super) fn readings(&self, keys: KeysInUse) -> Readings {
        Readings {
            time: self.clock.time,
            report_number: self.report_number,
            applied_credit: self.applied_credit,
            applied_debited: self.applied_debited,
            balance: self.balance,
            energy: self.energy,
            month: self.month(),
            flags: self.flags,
            cut: self.supply.cut,
            tampering: self.supply.tampering,
            loan_until: self.supply.loan_until,
            debts_left: self.debts.left(),
            debts_paid: self.debts.paid,
            tariff: self.tables.active().version(),
            waiting_tariff: self.tables.standby().map_or(0, Tariff::version),
            refused_cards: self.refused_cards,
            last_event: self.history.last_event(),
            last_command: self.inbox.executed.newest(),
            clock_offset: self.clock.offset,
            firmware: self.firmware,
            keys,
        }
    }
}
