//! The bytes of a calendar, as they travel in a mail (`docs/meter.md`, section 7.2).

use super::{Calendar, CalendarError, Change, Holiday, MAX_HOLIDAYS, Zone};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::message::{MAX_PLAINTEXT, written};

/// The only format so far.
const FORMAT: u8 = 1;
/// What stands before the holidays.
const HEAD: usize = 20;
const HOLIDAY: usize = 3;

// The longest calendar fits the longest mail.
const _: () = assert!(Calendar::MAX <= MAX_PLAINTEXT);

impl Calendar {
    /// Bytes of the longest one: 116.
    pub const MAX: usize = HEAD + MAX_HOLIDAYS * HOLIDAY;

    /// From 20 to 116 bytes. A calendar has one encoding: what is accepted here is what [`Calendar::emit`] gives back.
    pub fn parse(bytes: &[u8]) -> Result<Self, CalendarError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(CalendarError::Format);
        }
        let zone = Zone {
            standard: reader.u16()?.cast_signed(),
            summer: reader.u8()?,
            begin: change(&mut reader)?,
            end: change(&mut reader)?,
        };
        let friendly_from = reader.u16()?;
        let friendly_until = reader.u16()?;
        let rest_days = reader.u8()?;

        let count = usize::from(reader.u8()?);
        let mut holidays = [Holiday::UNUSED; MAX_HOLIDAYS];
        let holidays = holidays.get_mut(..count).ok_or(CalendarError::HolidayCount)?;
        for holiday in holidays.iter_mut() {
            *holiday = Holiday { first: reader.u16()?, days: reader.u8()? };
        }
        reader.end()?;
        Self::new(zone, friendly_from, friendly_until, rest_days, holidays)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX }> {
        written(|out| {
            let Zone { standard, summer, begin, end } = self.zone;
            out.u8(FORMAT)?.u16(standard.cast_unsigned())?.u8(summer)?;
            for Change { month, week, weekday, minute } in [begin, end] {
                out.u8(month)?.u8(week)?.u8(weekday)?.u16(minute)?;
            }
            out.u16(self.friendly_from)?
                .u16(self.friendly_until)?
                .u8(self.rest_days)?
                .u8(self.holiday_count)?;
            for holiday in self.holidays() {
                out.u16(holiday.first)?.u8(holiday.days)?;
            }
            Ok(())
        })
    }
}

fn change(reader: &mut Reader<'_>) -> Result<Change, WrongLength> {
    Ok(Change { month: reader.u8()?, week: reader.u8()?, weekday: reader.u8()?, minute: reader.u16()? })
}
