//! The state's bytes in memory. What changes with consumption stands in front, on one page: a commit writes only pages that differ
//! from what its slot held before.

use super::events::{History, Told};
use super::inbox::Inbox;
use super::metering::{Brought, DailyProfile};
use super::state::MeterState;
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::calendar::Calendar;
use crate::message::{FORMAT, FormatError, MAX_PLAINTEXT, MeterFlags, MeterReceipt, Voucher};
use crate::parameters::{AuditRecords, DebtPlan, Limits, MAX_DEBTS, Notices};
use crate::scp03::Mode;
use crate::tariff::{MAX_SEGMENTS, MonthMeter, Segment, Tables, Tariff};
use crate::units::{Balance, CardTime, Energy, Piastres};

impl MeterState {
    /// The longest that [`Self::emit`] writes, in bytes.
    pub(super) const MOST: usize = FRONT
        + ACCOUNT
        + SLOTS
        + 1 + AuditRecords::MAX
        + 1 + Notices::MAX
        + 1 + DebtPlan::MAX + 2 * MAX_DEBTS + 8
        + 1 + Limits::SIZE
        + 1 + Calendar::MAX
        + 1 + MAX_SEGMENTS * (1 + Tariff::MAX_SIZE + 4) // in force, and ended in this month
        + 1 + Tariff::MAX_SIZE // waiting
        + 1 + MeterReceipt::SIZE
        + 1 + Voucher::SIZE;

    /// The bytes in memory.
    pub(super) fn emit<const N: usize>(&self, out: &mut Buffer<N>) -> Result<(), WrongLength> {
        let Self { clock, days, supply, history, .. } = self;
        // Front: 54 bytes, so that with the header of a record they fit one page.
        out.u8(FORMAT)?
            .put(&self.balance.0.to_be_bytes())?
            .u32(self.energy.0)?
            .u32(self.running.total().0)?;
        out.u32(clock.time.0)?.u32(days.today.0)?.u32(self.peak)?.u32(self.report_number)?;
        out.u32(history.last_event())?.u16(self.flags.0)?.u8(supply.cut)?.u32(clock.floor.0)?;
        out.u64(self.applied_credit.0)?.u16(days.day)?;

        let told = history.told();
        out.u16(told.day)?
            .u16(told.cards)?
            .u16(told.mail)?
            .u64(self.applied_debited.0)?
            .u32(self.sequence)?
            .u16(self.generation)?;
        out.u32(self.binding)?.u64(self.account)?.put(&clock.offset.to_be_bytes())?.u8(u8::from(
            clock.doubtful,
        ) | u8::from(
            clock.stopped,
        ) << 1)?;
        out.u8(supply.tampering)?.u32(supply.loan_until.0)?.u32(supply.pause_until.0)?;
        out.u8(supply.overloads)?.u32(supply.last_overload.0)?.u16(self.month_index)?;
        out.u8(self.doubtful_month.into())?.u8(self.running.is_partial().into())?.u8(days.known)?;
        for day in days.past {
            out.u16(day)?;
        }
        out.u32(self.refused_cards)?.u8(u8::from(self.mode == Mode::S16))?.u32(self.firmware)?;
        out.u32(history.earlier())?.u32(self.brought.energy.0)?.u64(self.brought.paid.0)?;

        self.inbox.emit(out)?;
        part(out, self.debts.plan.emit().as_slice())?;
        for taken in self.debts.taken {
            out.u16(taken)?;
        }
        out.u64(self.debts.paid.0)?;
        part(out, &self.limits.emit())?;
        part(out, self.calendar.emit().as_slice())?;
        part(out, self.tables.active().emit().as_slice())?;
        part(out, self.tables.standby().map(Tariff::emit).as_ref().map_or(&[], Buffer::as_slice))?;
        out.u8(u8::try_from(self.running.ended().count()).map_err(|_| WrongLength)?)?;
        for segment in self.running.ended() {
            part(out, segment.tariff.emit().as_slice())?;
            out.u32(segment.end.0)?;
        }
        part(out, self.final_report.map(|report| report.emit()).as_ref().map_or(&[], |bytes| bytes))?;
        part(out, self.voucher.map(|voucher| voucher.emit()).as_ref().map_or(&[], |bytes| bytes))?;
        Ok(())
    }

    /// Takes what [`Self::emit`] wrote. Where it is not that, this is no state any more.
    #[inline(never)]
    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<(), FormatError> {
        let reader = &mut Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(FormatError::Field);
        }
        let Self { clock, days, supply, .. } = self;
        self.balance = Balance(i64::from_be_bytes(reader.array()?));
        self.energy = Energy(reader.u32()?);
        let total = Energy(reader.u32()?);
        clock.time = CardTime(reader.u32()?);
        days.today = Energy(reader.u32()?);
        self.peak = reader.u32()?;
        self.report_number = reader.u32()?;
        let last_event = reader.u32()?;
        self.flags = MeterFlags(reader.u16()?);
        supply.cut = reader.u8()?;
        clock.floor = CardTime(reader.u32()?);
        self.applied_credit = Piastres(reader.u64()?);
        days.day = reader.u16()?;

        let told = Told { day: reader.u16()?, cards: reader.u16()?, mail: reader.u16()? };
        self.applied_debited = Piastres(reader.u64()?);
        self.sequence = reader.u32()?;
        self.generation = reader.u16()?;
        self.binding = reader.u32()?;
        self.account = reader.u64()?;
        clock.offset = i64::from_be_bytes(reader.array()?);
        (clock.doubtful, clock.stopped) = match reader.u8()? {
            0 => (false, false),
            1 => (true, false),
            3 => (true, true),
            _ => return Err(FormatError::Field),
        };
        supply.tampering = reader.u8()?;
        supply.loan_until = CardTime(reader.u32()?);
        supply.pause_until = CardTime(reader.u32()?);
        supply.overloads = reader.u8()?;
        supply.last_overload = CardTime(reader.u32()?);
        self.month_index = reader.u16()?;
        self.doubtful_month = flag(reader)?;
        let partial = flag(reader)?;
        days.known = reader.u8()?;
        for day in &mut days.past {
            *day = reader.u16()?;
        }
        self.refused_cards = reader.u32()?;
        self.mode = if flag(reader)? { Mode::S16 } else { Mode::S8 };
        self.firmware = reader.u32()?;
        let earlier_events = reader.u32()?;
        self.history = History::after(last_event, told, earlier_events);
        self.brought = Brought { energy: Energy(reader.u32()?), paid: Piastres(reader.u64()?) };

        self.inbox = Inbox::parse(reader)?;
        self.debts.plan = DebtPlan::parse(taken(reader)?).map_err(wrong)?;
        for taken in &mut self.debts.taken {
            *taken = reader.u16()?;
        }
        self.debts.paid = Piastres(reader.u64()?);
        self.limits = Limits::parse(taken(reader)?).map_err(wrong)?;
        self.calendar = Calendar::parse(taken(reader)?).map_err(wrong)?;
        self.restore_tariffs(reader, total, partial)?;
        self.final_report = optional(reader, MeterReceipt::parse)?;
        self.voucher = optional(reader, Voucher::parse)?;
        if reader.left() != 0 { Err(FormatError::Length) } else { Ok(()) }
    }

    #[inline(never)]
    fn restore_tariffs(
        &mut self,
        reader: &mut Reader<'_>,
        total: Energy,
        partial: bool,
    ) -> Result<(), FormatError> {
        let active = Tariff::parse(taken(reader)?).map_err(wrong)?;
        let standby = optional(reader, |bytes| Tariff::parse(bytes).map_err(wrong))?;
        self.tables = Tables::restore(active, standby).map_err(wrong)?;
        let mut ended = [Segment { tariff: active, end: Energy(0) }; MAX_SEGMENTS - 1];
        let count = usize::from(reader.u8()?);
        let ended = ended.get_mut(..count).ok_or(FormatError::Field)?;
        for segment in ended.iter_mut() {
            let tariff = Tariff::parse(taken(reader)?).map_err(wrong)?;
            *segment = Segment { tariff, end: Energy(reader.u32()?) };
        }
        self.running = MonthMeter::restore(ended, active, total, partial).map_err(wrong)?;
        Ok(())
    }
}

/// What changes with consumption.
const FRONT: usize = 1 + 8 + 4 + 4 + 4 + 4 + 4 + 4 + 4 + 2 + 1 + 4 + 8 + 2;
/// The other fields of fixed size.
const ACCOUNT: usize = 3 * 2
    + 8
    + 4
    + 2
    + 4
    + 8
    + 8
    + 1
    + 1
    + 4
    + 4
    + 1
    + 4
    + 2
    + 1
    + 1
    + 1
    + 2 * DailyProfile::KEPT
    + 4
    + 1
    + 4
    + 4
    + 4
    + 8;
/// Versions of mail and of what goes back.
const SLOTS: usize = 12 * 4 + 6 * 4;

const _: () = assert!(FRONT == 54, "the front fits one page beside the header of a record");
const _: () = assert!(MAX_PLAINTEXT <= u8::MAX as usize, "lengths of parts fit a byte");

fn part<const N: usize>(out: &mut Buffer<N>, bytes: &[u8]) -> Result<(), WrongLength> {
    out.u8(u8::try_from(bytes.len()).map_err(|_| WrongLength)?)?.put(bytes).map(|_| ())
}

fn taken<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], FormatError> {
    let len = reader.u8()?;
    Ok(reader.take(len.into())?)
}

fn optional<T>(
    reader: &mut Reader<'_>,
    parse: impl FnOnce(&[u8]) -> Result<T, FormatError>,
) -> Result<Option<T>, FormatError> {
    match taken(reader)? {
        [] => Ok(None),
        bytes => parse(bytes).map(Some),
    }
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, FormatError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(FormatError::Field),
    }
}

fn wrong<E>(_: E) -> FormatError {
    FormatError::Field
}
