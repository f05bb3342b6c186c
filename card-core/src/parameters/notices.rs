//! Notices to the customer, slot 09 (docs/meter.md, 7.4).

use super::{ParameterError, formatted};
use crate::bytes::Buffer;
use crate::message::{FORMAT, written};
use crate::units::CardTime;

/// Most notices in a mail.
pub const MAX_NOTICES: usize = 8;

/// A notice that the meter shows (docs/meter.md, 7.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Its text (`docs/messages.md`, codes N..).
    pub template: u16,
    /// Shown until then; 0 is no end.
    pub until: CardTime,
    /// What the text has a place for; its unit belongs to the template.
    pub value: u32,
}

impl Notice {
    /// Bytes on the wire.
    const SIZE: usize = 10;

    /// What stands where there is no notice.
    const UNUSED: Self = Self { template: 0, until: CardTime::UNSET, value: 0 };
}

/// The notices of a mail, at most [`MAX_NOTICES`] (docs/meter.md, 7.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notices {
    notices: [Notice; MAX_NOTICES],
    count: u8,
}

impl Notices {
    /// None: before the first mail.
    pub const NONE: Self = Self { notices: [Notice::UNUSED; MAX_NOTICES], count: 0 };

    /// Bytes of the longest mail: 82.
    pub const MAX: usize = 2 + MAX_NOTICES * Notice::SIZE;

    /// These notices, in this order.
    pub fn new(notices: &[Notice]) -> Result<Self, ParameterError> {
        let mut all = Self::NONE;
        let places = all.notices.get_mut(..notices.len()).ok_or(ParameterError::NoticeCount)?;
        places.copy_from_slice(notices);
        all.count = u8::try_from(notices.len()).map_err(|_| ParameterError::NoticeCount)?;
        Ok(all)
    }

    /// The notices, in the order of the mail.
    pub fn notices(&self) -> &[Notice] {
        self.notices.get(..self.count.into()).unwrap_or_default()
    }

    /// From 2 to 82 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let count = usize::from(reader.u8()?);
        let mut notices = [Notice::UNUSED; MAX_NOTICES];
        let notices = notices.get_mut(..count).ok_or(ParameterError::NoticeCount)?;
        for notice in notices.iter_mut() {
            *notice =
                Notice { template: reader.u16()?, until: CardTime(reader.u32()?), value: reader.u32()? };
        }
        reader.end()?;
        Self::new(notices)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX }> {
        written(|out| {
            out.u8(FORMAT)?.u8(self.count)?;
            for notice in self.notices() {
                out.u16(notice.template)?.u32(notice.until.0)?.u32(notice.value)?;
            }
            Ok(())
        })
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self::NONE
    }
}
