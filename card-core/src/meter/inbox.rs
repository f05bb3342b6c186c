//! Mail at the meter (docs/meter.md, sections 7 to 10): what is taken, what is refused, and commands executed once.

use super::events::code;
use super::state::MeterState;
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::calendar::Calendar;
use crate::id::CardId;
use crate::message::{FormatError, Slot};
use crate::parameters::{
    AuditRecord, AuditRecords, Command, DebtPlan, Limits, Notices, Readings, command::kind,
};
use crate::tariff::Tariff;
use crate::units::CardTime;

/// Slots of mail to the meter.
const SLOTS: usize = 0x0C;

/// What came from the issuer in this binding, and what goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbox {
    versions: [u32; SLOTS],
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
            versions: [0; SLOTS],
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

    pub(super) fn emit<const N: usize>(&self, out: &mut Buffer<N>) -> Result<(), WrongLength> {
        for version in self.versions {
            out.u32(version)?;
        }
        out.u32(self.executed.newest)?
            .u32(self.executed.before)?
            .u32(self.relay)?
            .u32(self.clock)?
            .u32(self.audit_count)?
            .u32(self.readings)?;
        for part in [self.audits.emit().as_slice(), self.notices.emit().as_slice()] {
            out.u8(u8::try_from(part.len()).map_err(|_| WrongLength)?)?.put(part)?;
        }
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let mut versions = [0; SLOTS];
        for version in &mut versions {
            *version = reader.u32()?;
        }
        let executed = Executed { newest: reader.u32()?, before: reader.u32()? };
        let (relay, clock) = (reader.u32()?, reader.u32()?);
        let (audit_count, readings) = (reader.u32()?, reader.u32()?);
        let mut part = || -> Result<_, FormatError> {
            let len = reader.u8()?;
            Ok(reader.take(len.into())?)
        };
        let audits = AuditRecords::parse(part()?).map_err(|_| FormatError::Field)?;
        let notices = Notices::parse(part()?).map_err(|_| FormatError::Field)?;
        Ok(Self { versions, executed, relay, clock, audits, audit_count, readings, notices })
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
    pub(super) fn take_mail(
        &mut self,
        reading: CardTime,
        carrier: Option<CardId>,
        slot: Slot,
        plaintext: &[u8],
    ) -> Result<(), MailRefusal> {
        let malformed = MailRefusal::Malformed;
        match slot.number() {
            0x00 | 0x01 => {
                let tariff = Tariff::parse(plaintext).map_err(|_| malformed)?;
                self.tables.offer(tariff).map_err(|_| MailRefusal::TariffNotNewer)
            }
            0x02 => Limits::parse(plaintext).map(|limits| self.limits = limits).map_err(|_| malformed),
            0x03 => {
                Calendar::parse(plaintext).map(|calendar| self.calendar = calendar).map_err(|_| malformed)
            }
            0x04 => DebtPlan::parse(plaintext).map(|plan| self.debts.replace(plan)).map_err(|_| malformed),
            0x05..=0x08 => {
                let command = Command::parse(plaintext).map_err(|_| malformed)?;
                self.command(reading, carrier, &command)
            }
            0x09 => {
                Notices::parse(plaintext).map(|notices| self.inbox.notices = notices).map_err(|_| malformed)
            }
            _ => Err(malformed),
        }
    }

    /// New keys are in use.
    pub(super) fn keys_changed(&mut self, version: u8) {
        self.history.add(self.clock.time, code::KEYS_CHANGED, [version, 0, 0, 0, 0, 0]);
    }

    /// Mail was refused: what is left of it.
    pub(super) fn refuse_mail(&mut self, slot: Slot, version: u32, refusal: MailRefusal) {
        if !refusal.keeps_version() {
            self.inbox.raise(slot, version);
        }
        if refusal.is_recorded() {
            let [a, b, c, d] = version.to_be_bytes();
            let data = [slot.number(), refusal.code(), a, b, c, d];
            self.history.add_once(self.clock.time, code::MAIL_REFUSED, data);
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
        let Command { counter, kind, .. } = *command;
        self.inbox.executed.insert(counter);
        self.inbox.audits.push(AuditRecord { counter, time: self.clock.time, kind, outcome, card: carrier });
        self.inbox.audit_count = self.inbox.audit_count.saturating_add(1);
        let [a, b, c, d] = counter.to_be_bytes();
        self.history.add(self.clock.time, code::COMMAND, [a, b, c, d, kind, outcome]);
        result
    }

    fn execute(&mut self, reading: CardTime, command: &Command) -> Result<(), MailRefusal> {
        let Command { expiry, card, value, .. } = *command;
        let known = match command.kind {
            kind::CUT | kind::END_CUT | kind::READ_OUT | kind::END_OVERLOAD => value == 0,
            kind::CLEAR_TAMPER => value == 0 && card.is_some(),
            kind::CLOCK => value != 0 && card.is_some() && value < expiry.0,
            kind::LOWEST_GENERATION => value != 0 && u16::try_from(value).is_ok(),
            _ => false,
        };
        if !known {
            return Err(MailRefusal::UnknownCommand);
        }
        if expiry != CardTime::UNSET && expiry <= self.clock.time && command.kind != kind::CLOCK {
            return Err(MailRefusal::Expired);
        }
        // Cards and networks bring commands in any order; where the last one counts, that is the one with the highest counter.
        let newest = match command.kind {
            kind::CUT | kind::END_CUT => Some(&mut self.inbox.relay),
            kind::CLOCK => Some(&mut self.inbox.clock),
            _ => None,
        };
        if let Some(newest) = newest {
            if command.counter < *newest {
                return Err(MailRefusal::Superseded);
            }
            *newest = command.counter;
        }
        match command.kind {
            kind::CUT => self.cut_by_command(true),
            kind::END_CUT => self.cut_by_command(false),
            kind::CLEAR_TAMPER => self.clear_tampering(),
            kind::CLOCK => {
                let before = self.clock.time;
                let [a, b, c, d] = before.0.to_be_bytes();
                let right = reading.0 >= value && reading < expiry;
                self.clock.set(reading, if right { reading } else { CardTime(value) });
                self.supply.set_back(before, self.clock.time);
                self.history.add(self.clock.time, code::CLOCK_SET, [a, b, c, d, 0, 0]);
            }
            kind::READ_OUT => self.inbox.readings = self.inbox.readings.saturating_add(1),
            kind::END_OVERLOAD => self.end_overload(),
            // What was checked above fits.
            _ => self.generation = self.generation.max(u16::try_from(value).unwrap_or(self.generation)),
        }
        Ok(())
    }

    /// Readings, as they are now (section 10).
    pub(super) fn readings(&self) -> Readings {
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
        }
    }
}
