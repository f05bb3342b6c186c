//! What a display shows: all that the meter knows and a person may ask for, as plain values.

use card_core::message::Month;
use card_core::meter::events::Happening;
use card_core::tariff::Tariff;
use card_core::text::Situation;
use card_core::units::CardTime;

use crate::text::number;
use crate::types::MeterResult;
use crate::{given, with_meter};

/// What a number of `MeterStatus` is where it is not known.
pub const METER_UNKNOWN: u32 = 0xFFFF_FFFF;

/// What the display shows (docs/meter.md, section 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterStatus {
    /// Credit in piastres; below 0 it is a debt.
    pub balance: i64,
    /// The customer's account; 0: none.
    pub account: u64,
    /// What is still to be taken for debts, in piastres.
    pub debts_left: u64,
    /// What crossing the end of the present bracket takes by itself, in piastres; below 0 it gives back.
    pub crossing: i64,
    /// The meter's time: seconds since 2020-01-01, UTC; 0: not set.
    pub time: u32,
    /// The energy register, in 10 Wh.
    pub energy: u32,
    /// What the credit buys in this month, in 10 Wh; or unknown.
    pub energy_left: u32,
    /// Price of the present slab, in 0.00001 EGP per kWh.
    pub price: u32,
    /// Energy to the end of the present bracket, in 10 Wh; unknown: it has none.
    pub bracket_left: u32,
    /// Price behind it, in 0.00001 EGP per kWh.
    pub next_price: u32,
    /// Days that the credit lasts; or unknown.
    pub days_left: u32,
    /// End of the emergency loan; 0: none.
    pub loan_until: u32,
    /// Number of the binding; 0: none.
    pub binding: u32,
    /// Contracted power, in W; 0: unlimited.
    pub contracted_power: u32,
    /// The power limit in force, in W; 0: unlimited.
    pub power_limit: u32,
    /// Version of the tariff in force.
    pub tariff: u32,
    /// Version of the waiting tariff; 0: none.
    pub tariff_waiting: u32,
    /// Number of the newest event; 0: none.
    pub last_event: u32,
    /// Flags of reports (specification, 5.4).
    pub flags: u16,
    /// Reasons to cut the supply (docs/meter.md, section 5); 0: it is on.
    pub cut: u8,
    /// Tampering that was seen (docs/meter.md, section 6).
    pub tampering: u8,
    /// Number from 1 of the present slab.
    pub slab: u8,
    /// 1: it is a friendly time.
    pub friendly: u8,
    /// 1: a restart is near (text B06).
    pub restart_near: u8,
    /// 1: an emergency loan can be had (text V05).
    pub loan_offered: u8,
    /// What the buzzer says: 0 nothing, 1 credit is low, 2 a cut is near.
    pub buzzer: u8,
}

/// A month of the present binding (specification, 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterMonth {
    /// What its energy has cost, in piastres.
    pub charge: u64,
    /// Fees, in piastres: service fee, levies and others together; 0 in the month that runs, for they are taken at its end. Below zero
    /// where rebates are more.
    pub fees: i64,
    /// Energy, in 10 Wh.
    pub energy: u32,
    /// What of the charge restarts have brought, in piastres; below zero it was given.
    pub re_rating: i32,
    /// Service fee, in piastres.
    pub service_fee: u32,
    /// Levies and taxes, in piastres; below zero they were given.
    pub levies: i32,
    /// Other charges, in piastres; below zero they were given.
    pub others: i32,
    /// Instalments taken as it began, in piastres.
    pub instalments: u32,
    /// What of the charge a doubtful clock has brought, in piastres.
    pub doubt_cost: u32,
    /// Version of its tariff.
    pub tariff: u32,
    /// Highest demand, in W.
    pub peak: u32,
    /// Its year.
    pub year: u16,
    /// 1 January to 12 December.
    pub month: u8,
    /// Number from 1 of the slab that it has reached.
    pub slab: u8,
    /// 01 a part of a month, 02 rated again, 04 the clock was doubtful.
    pub flags: u8,
}

/// An event (docs/meter.md, section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterEvent {
    /// From 1, in a binding.
    pub number: u32,
    /// When: seconds since 2020-01-01, UTC.
    pub time: u32,
    /// What it has done to the balance, in piastres: above 0 it rose. 0: nothing.
    pub amount: i64,
    /// What.
    pub code: u16,
    /// A text for it; 0: none.
    pub text: u16,
    /// Details by code.
    pub data: [u8; 6],
}

/// A charge, as the meter applied it (docs/meter.md, section 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterCharge {
    /// What was credited, in piastres.
    pub credit: u64,
    /// What of the credit paid a debt, in piastres.
    pub debt: u64,
    /// What was taken as a correction, in piastres.
    pub correction: u64,
    /// The balance after it, in piastres.
    pub balance: i64,
    /// When: seconds since 2020-01-01, UTC.
    pub time: u32,
}

/// A notice of the company (docs/meter.md, section 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterNotice {
    /// Shown until then; 0: no end.
    pub until: u32,
    /// The value that belongs to the text; 0: none.
    pub value: u32,
    /// Number of the template.
    pub number: u16,
    /// The text for it.
    pub text: u16,
}

/// A debt that is paid in monthly instalments (docs/meter.md, section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterDebt {
    /// What is still to be taken, in piastres.
    pub left: u64,
    /// Its identifier.
    pub id: u32,
    /// The next instalment, in piastres; 0: it is paid.
    pub next: u32,
    /// Instalments in all.
    pub instalments: u16,
    /// Instalments taken.
    pub taken: u16,
    /// 1 instalments of a purchase, 2 arrears, 3 another one.
    pub kind: u8,
}

/// Local time by the calendar in force (docs/meter.md, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterLocalTime {
    /// From 2020 on.
    pub year: u16,
    /// 1 January to 12 December.
    pub month: u8,
    /// From 1 on.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
}

/// What the display shows.
#[unsafe(no_mangle)]
pub extern "C" fn meter_status(out: Option<&mut MeterStatus>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let state = meter.state();
        let status = state.status();
        *out = MeterStatus {
            balance: status.balance.0,
            account: state.account,
            debts_left: state.debts.left().0,
            crossing: status.bracket.map_or(0, |bracket| bracket.crossing.0),
            time: status.time.0,
            energy: state.energy.0,
            energy_left: status.energy_left.map_or(METER_UNKNOWN, |energy| energy.0),
            price: status.price.0,
            bracket_left: status.bracket.map_or(METER_UNKNOWN, |bracket| bracket.energy.0),
            next_price: status.bracket.map_or(0, |bracket| bracket.price.0),
            days_left: status.days_left.unwrap_or(METER_UNKNOWN),
            loan_until: status.supply.loan_until.0,
            binding: state.binding,
            contracted_power: state.limits.contracted_power,
            power_limit: status.power_limit,
            tariff: state.tables.active().version(),
            tariff_waiting: state.tables.standby().map_or(0, Tariff::version),
            last_event: state.history.last_event(),
            flags: status.flags.0,
            cut: status.supply.cut,
            tampering: status.supply.tampering,
            slab: status.slab,
            friendly: status.friendly.into(),
            restart_near: status.restart_near.into(),
            loan_offered: status.loan_offered.into(),
            buzzer: status.buzzer as u8,
        };
        Ok(())
    })
}

/// The month that runs (`back` 0), the one before it (1), and so on; `METER_RESULT_NONE` where it is not kept.
#[unsafe(no_mangle)]
pub extern "C" fn meter_month(back: u16, out: Option<&mut MeterMonth>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let index = meter.state().month_index.checked_sub(back).ok_or(MeterResult::None)?;
        let month = if back == 0 {
            meter.state().month()
        } else {
            let [month] = meter.months(index)?;
            month.filter(|month: &Month| month.index == index).ok_or(MeterResult::None)?
        };
        // Months since January 2020.
        let (year, month_of_year) = (2020 + month.index / 12, month.index % 12 + 1);
        *out = MeterMonth {
            charge: month.energy_charge.0,
            fees: month.fees().0,
            energy: month.energy.0,
            re_rating: month.re_rating,
            service_fee: month.service_fee,
            levies: month.levies,
            others: month.others,
            instalments: month.instalments,
            doubt_cost: month.doubt_cost,
            tariff: month.tariff,
            peak: month.peak,
            year,
            month: month_of_year as u8,
            slab: month.slab,
            flags: month.flags,
        };
        Ok(())
    })
}

/// The first event with a number above `after`, of those that are kept; `METER_RESULT_NONE` where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn meter_event(after: u32, out: Option<&mut MeterEvent>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let [event] = meter.events(after)?;
        let event: card_core::message::Event = event.ok_or(MeterResult::None)?;
        *out = MeterEvent {
            number: event.number,
            time: event.time.0,
            amount: Happening::of(&event).map_or(0, Happening::moved),
            code: event.code,
            text: number(Situation::of_event(&event)),
            data: event.data,
        };
        Ok(())
    })
}

/// The newest charge (`back` 0), the one before it (1), and so on up to 9; `METER_RESULT_NONE` where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn meter_charge(back: u8, out: Option<&mut MeterCharge>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let charge = meter.charges()?.into_iter().flatten().nth(back.into()).ok_or(MeterResult::None)?;
        *out = MeterCharge {
            credit: charge.credit.0,
            debt: charge.debt.0,
            correction: charge.correction.0,
            balance: charge.balance.0,
            time: charge.time.0,
        };
        Ok(())
    })
}

/// The notice at a place from 0 on, of those that are to be shown now; `METER_RESULT_NONE` after the last one.
#[unsafe(no_mangle)]
pub extern "C" fn meter_notice(place: u8, out: Option<&mut MeterNotice>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let notice = *meter.state().notices().nth(place.into()).ok_or(MeterResult::None)?;
        let text = Situation::of_notice(notice.template).unwrap_or(Situation::Notice);
        *out = MeterNotice {
            until: notice.until.0,
            value: notice.value,
            number: notice.template,
            text: number(text),
        };
        Ok(())
    })
}

/// The debt at a place from 0 on; `METER_RESULT_NONE` after the last one.
#[unsafe(no_mangle)]
pub extern "C" fn meter_debt(place: u8, out: Option<&mut MeterDebt>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let debts = &meter.state().debts;
        let all = &mut debts.plan.debts().iter().zip(debts.taken);
        let (debt, taken) = all.nth(place.into()).ok_or(MeterResult::None)?;
        *out = MeterDebt {
            left: debt.remaining(taken).0,
            id: debt.id,
            // An instalment has 32 bits in the plan.
            next: debt.instalment(taken).map_or(0, |amount| amount.0 as u32),
            instalments: debt.count,
            taken,
            kind: debt.kind.code(),
        };
        Ok(())
    })
}

/// Local time at a time of the meter, such as that of `MeterStatus` or of an event.
#[unsafe(no_mangle)]
pub extern "C" fn meter_local_time(time: u32, out: Option<&mut MeterLocalTime>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let local = meter.state().calendar.local(CardTime(time));
        let date = local.date();
        // An hour has sixty minutes, a minute sixty seconds, and an offset from UTC whole minutes.
        *out = MeterLocalTime {
            year: date.year,
            month: date.month,
            day: date.day,
            hour: (local.minute / 60) as u8,
            minute: (local.minute % 60) as u8,
            second: (time % 60) as u8,
            weekday: local.weekday,
        };
        Ok(())
    })
}
