//! The state's bytes in memory. What changes with consumption and time alone is small, and written apart: see
//! [`Journal`](crate::store::Journal).

use super::clock::doubt;
use super::events::{History, Places, Told};
use super::metering::{Brought, DailyProfile};
use super::news::News;
use super::state::MeterState;
use super::supply::Asked;
use crate::bytes::Reader;
use crate::calendar::Calendar;
use crate::id::CardId;
use crate::message::{FORMAT, FinalReport, FormatError, MAX_PLAINTEXT, MeterFlags, Voucher};
use crate::parameters::{AuditRecords, DebtPlan, Limits, MAX_DEBTS, Notices};
use crate::scp03::Mode;
use crate::store::{Emit, Fields, Grows, INCREMENT, Increment, Kept, Writer};
use crate::tariff::{MAX_SEGMENTS, MonthMeter, Segment, Tables, Tariff};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// What consumption and time change, where nothing else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Running {
    pub(super) balance: Balance,
    pub(super) energy: Energy,
    pub(super) total: Energy,
    pub(super) time: CardTime,
    pub(super) today: Energy,
    pub(super) peak: u32,
}

impl Running {
    /// Bytes in memory.
    const SIZE: usize = 8 + 5 * 4;
}

impl MeterState {
    /// The longest in memory, in bytes.
    pub(super) const MOST: usize = 1
        + Running::SIZE
        + ACCOUNT
        + SLOTS
        + 1 + AuditRecords::MAX
        + 1 + Notices::MAX
        + 1 + DebtPlan::MAX + 2 * MAX_DEBTS + 8
        + 1 + Limits::SIZE
        + 1 + Calendar::MAX
        + 1 + MAX_SEGMENTS * (1 + Tariff::MAX_SIZE + 4) // in force, and ended in this month
        + 1 + Tariff::MAX_SIZE // waiting
        + 1 + FinalReport::SIZE
        + 1 + Voucher::SIZE;

    /// What consumption and time change.
    pub(super) const fn running_part(&self) -> Running {
        Running {
            balance: self.balance,
            energy: self.energy,
            total: self.running.total(),
            time: self.clock.time,
            today: self.days.today,
            peak: self.peak,
        }
    }

    /// Puts it back.
    pub(super) const fn set_running_part(&mut self, part: Running) {
        self.balance = part.balance;
        self.energy = part.energy;
        self.running.set_total(part.total);
        self.clock.time = part.time;
        self.days.today = part.today;
        self.peak = part.peak;
    }
}

impl Grows for MeterState {
    fn increment(&self) -> Increment {
        let Running { balance, energy, total, time, today, peak } = self.running_part();
        let mut out = Increment::new();
        // It fits: see `Running::SIZE`.
        let _ = out
            .put(&balance.0.to_be_bytes())
            .and_then(|out| out.u32(energy.0)?.u32(total.0)?.u32(time.0)?.u32(today.0)?.u32(peak));
        out
    }

    fn apply(&mut self, increment: &[u8]) -> Result<(), FormatError> {
        let mut reader = Reader::new(increment);
        self.set_running_part(Running {
            balance: Balance(i64::from_be_bytes(reader.array()?)),
            energy: Energy(reader.u32()?),
            total: Energy(reader.u32()?),
            time: CardTime(reader.u32()?),
            today: Energy(reader.u32()?),
            peak: reader.u32()?,
        });
        Ok(reader.end()?)
    }
}

impl Emit for MeterState {
    #[inline(never)]
    fn emit(&self, out: &mut Writer<'_>) {
        let Self { clock, days, supply, history, .. } = self;
        // That of a clock that stands or jumps changes all the time, and is worth nothing.
        let offset = if clock.doubt & doubt::CLOCK == 0 { clock.offset } else { 0 };
        out.u8(FORMAT).u32(self.report_number);
        out.u32(history.last_event()).u16(self.flags.0).u8(supply.cut).u32(clock.floor.0);
        out.u64(self.applied_credit.0).u16(days.day);

        let told = history.told();
        out.u16(told.day)
            .u16(told.cards)
            .u16(told.mail)
            .u16(told.faults)
            .u64(self.applied_debited.0)
            .u32(self.sequence)
            .u16(self.generation);
        out.u32(self.binding).u64(self.account).i64(offset).u8(clock.doubt);
        out.u8(supply.tampering).u32(supply.loan_until.0).u32(supply.pause_until.0);
        out.u8(supply.overloads).u32(supply.last_overload.0);
        let (card, at) = supply.asked.map_or((NOBODY, CardTime::UNSET), |asked| (asked.card, asked.at));
        out.put(&card.0).u32(at.0).u32(supply.live_since.0).u8(supply.battery_low.into());
        out.i64(supply.loan_from.0).u8(supply.loan_told.into());
        out.u16(self.month_index).u32(self.month_break.0).u32(self.restart_told.0).u16(days.begun);
        out.u8(self.month_doubt).u8(self.running.is_partial().into()).u8(days.known);
        for day in days.past {
            out.u16(day);
        }
        out.u32(self.refused_cards).u8(u8::from(self.mode == Mode::S16)).u32(self.firmware);
        out.u32(history.charges()).u8(self.news.bits).u32(self.news.at.0);
        for place in history.places() {
            out.u32(place);
        }
        out.u32(self.brought.energy.0).u64(self.brought.paid.0);
        out.i64(self.re_rating.0).u64(self.instalments.0);

        self.inbox.emit(out);
        out.part(self.debts.plan.emit().as_slice());
        for taken in self.debts.taken {
            out.u16(taken);
        }
        out.u64(self.debts.paid.0);
        out.part(&self.limits.emit());
        out.part(self.calendar.emit().as_slice());
        self.emit_tariffs(out);
        out.part(self.final_report.map(|report| report.emit()).as_ref().map_or(&[], |bytes| bytes));
        out.part(self.voucher.map(|voucher| voucher.emit()).as_ref().map_or(&[], |bytes| bytes));
    }
}

impl Kept for MeterState {
    #[inline(never)]
    fn restore(&mut self, reader: &mut Fields<'_>) -> Result<(), FormatError> {
        if reader.u8() != FORMAT {
            return Err(FormatError::Field);
        }
        let Self { clock, days, supply, .. } = self;
        self.report_number = reader.u32();
        let last_event = reader.u32();
        self.flags = MeterFlags(reader.u16());
        supply.cut = reader.u8();
        clock.floor = CardTime(reader.u32());
        self.applied_credit = Piastres(reader.u64());
        days.day = reader.u16();

        let told = Told { day: reader.u16(), cards: reader.u16(), mail: reader.u16(), faults: reader.u16() };
        self.applied_debited = Piastres(reader.u64());
        self.sequence = reader.u32();
        self.generation = reader.u16();
        self.binding = reader.u32();
        self.account = reader.u64();
        clock.offset = reader.i64();
        clock.doubt = reader.u8();
        supply.tampering = reader.u8();
        supply.loan_until = CardTime(reader.u32());
        supply.pause_until = CardTime(reader.u32());
        supply.overloads = reader.u8();
        supply.last_overload = CardTime(reader.u32());
        let (card, at) = (CardId(reader.array()), CardTime(reader.u32()));
        supply.asked = (card != NOBODY).then_some(Asked { card, at });
        supply.live_since = CardTime(reader.u32());
        supply.battery_low = reader.flag();
        supply.loan_from = Balance(reader.i64());
        supply.loan_told = reader.flag();
        self.month_index = reader.u16();
        self.month_break = Energy(reader.u32());
        self.restart_told = Energy(reader.u32());
        days.begun = reader.u16();
        self.month_doubt = reader.u8();
        let partial = reader.flag();
        days.known = reader.u8();
        for day in &mut days.past {
            *day = reader.u16();
        }
        self.refused_cards = reader.u32();
        self.mode = if reader.flag() { Mode::S16 } else { Mode::S8 };
        self.firmware = reader.u32();
        let charges = reader.u32();
        self.news = News { bits: reader.u8(), at: CardTime(reader.u32()) };
        let mut places = Places::default();
        for place in &mut places {
            *place = reader.u32();
        }
        self.history = History::after(last_event, told, places, charges);
        self.brought = Brought { energy: Energy(reader.u32()), paid: Piastres(reader.u64()) };
        self.re_rating = Balance(reader.i64());
        self.instalments = Piastres(reader.u64());

        self.inbox.restore(reader)?;
        let room = &mut [0; MAX_PLAINTEXT];
        self.debts.plan = DebtPlan::parse(reader.part(room)).map_err(wrong)?;
        for taken in &mut self.debts.taken {
            *taken = reader.u16();
        }
        self.debts.paid = Piastres(reader.u64());
        self.limits = Limits::parse(reader.part(room)).map_err(wrong)?;
        self.calendar = Calendar::parse(reader.part(room)).map_err(wrong)?;
        self.restore_tariffs(reader, room, partial)?;
        self.final_report = optional(reader, room, FinalReport::parse)?;
        self.voucher = optional(reader, room, Voucher::parse)?;
        if reader.left() != 0 { Err(FormatError::Length) } else { reader.end() }
    }
}

/// Room for the longest part.
type Room = [u8; MAX_PLAINTEXT];

impl MeterState {
    #[inline(never)]
    fn emit_tariffs(&self, out: &mut Writer<'_>) {
        out.part(self.tables.active().as_bytes());
        out.part(self.tables.standby().map_or(&[], Tariff::as_bytes));
        // At most as many as there is room for.
        out.u8(self.running.ended().count() as u8);
        for segment in self.running.ended() {
            out.part(segment.tariff.as_bytes()).u32(segment.end.0);
        }
    }

    /// One after the other into its place: a tariff is large, and a stack small.
    #[inline(never)]
    fn restore_tariffs(
        &mut self,
        reader: &mut Fields<'_>,
        room: &mut Room,
        partial: bool,
    ) -> Result<(), FormatError> {
        // The total was there before.
        let total = self.running.total();
        self.begin_with(reader.part(room), total, partial)?;
        match reader.part(room) {
            [] => {}
            bytes => self.offer(bytes)?,
        }
        for _ in 0..reader.u8() {
            self.ended(reader, room)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn begin_with(&mut self, tariff: &[u8], total: Energy, partial: bool) -> Result<(), FormatError> {
        let tariff = Tariff::parse(tariff).map_err(wrong)?;
        self.tables = Tables::new(tariff);
        self.running = MonthMeter::begin(tariff, partial);
        self.running.set_total(total);
        Ok(())
    }

    #[inline(never)]
    fn offer(&mut self, tariff: &[u8]) -> Result<(), FormatError> {
        self.tables.offer(Tariff::parse(tariff).map_err(wrong)?).map(drop).map_err(wrong)
    }

    #[inline(never)]
    fn ended(&mut self, reader: &mut Fields<'_>, room: &mut Room) -> Result<(), FormatError> {
        let tariff = Tariff::parse(reader.part(room)).map_err(wrong)?;
        self.running.add_ended(Segment { tariff, end: Energy(reader.u32()) }).map_err(wrong)
    }
}

/// No card asked for a loan.
const NOBODY: CardId = CardId([0; 8]);

/// The other fields of fixed size.
const ACCOUNT: usize = 1
    + 3 * 4
    + 2
    + 1
    + 8
    + 2
    + 4 * 2
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
    + (8 + 4 + 4 + 1 + 8 + 1)
    + (2 + 4 + 4 + 2)
    + 1
    + 1
    + 1
    + 2 * DailyProfile::KEPT
    + 4
    + 1
    + 4
    + (4 + 1 + 4)
    + 4 * 4
    + 4
    + 8
    + 8
    + 8;
/// Versions of mail and of what goes back.
const SLOTS: usize = 12 * 4 + 6 * 4;

const _: () = assert!(Running::SIZE <= INCREMENT, "what consumption changes fits one page");
const _: () = assert!(MAX_PLAINTEXT <= u8::MAX as usize, "lengths of parts fit a byte");

fn optional<T>(
    reader: &mut Fields<'_>,
    room: &mut Room,
    parse: impl FnOnce(&[u8]) -> Result<T, FormatError>,
) -> Result<Option<T>, FormatError> {
    match reader.part(room) {
        [] => Ok(None),
        bytes => parse(bytes).map(Some),
    }
}

fn wrong<E>(_: E) -> FormatError {
    FormatError::Field
}
