//! Reading: what everybody may see, and files and records that need a session (specification, section 6 and 7.2 to 7.4).
//!
//! The private ones are for admin, vending and holder sessions at level 33.

use super::Request;
use super::tlv;
use crate::bytes::Reader;
use crate::layout::{File, Identity, Instruction, PROFILE_SIZE, PublicStatus, PurseFile, tag};
use crate::message::{
    BindingCertificate, Event, FormatError, LoadRecord, MeterReceipt, Month, Receipt, Slot,
};

/// File 06: what the meter last settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterFile {
    /// The meter's receipt; its code is not checked here.
    pub receipt: MeterReceipt,
    /// The month that ran when it settled.
    pub month: Month,
}

/// File 01, identity; everybody may read it.
pub const fn identity() -> Request<'static, Identity> {
    transparent(File::Identity, Identity::parse)
}

/// Public status (GET DATA DF21); everybody may read it.
pub const fn public_status() -> Request<'static, PublicStatus> {
    get_data(tag::PUBLIC_STATUS, |data| PublicStatus::parse(object(data, &[0xDF21])?))
}

/// The latest card receipt (GET DATA DF22): with any session, and without one where the balance is not private.
pub const fn receipt() -> Request<'static, Receipt> {
    get_data(tag::RECEIPT, |data| Receipt::parse(object(data, &[0xDF22])?))
}

/// File 02, customer profile: account u64, category, language, contracted power u32, and what is the issuer's.
pub const fn profile() -> Request<'static, [u8; PROFILE_SIZE]> {
    transparent(File::Profile, |data| {
        let mut reader = Reader::new(data);
        let profile = reader.array()?;
        reader.end()?;
        Ok(profile)
    })
}

/// File 03, binding certificate; its code is not checked here.
pub const fn binding() -> Request<'static, BindingCertificate> {
    transparent(File::Binding, BindingCertificate::parse)
}

/// File 04, purse; the certificate's code is not checked here.
pub const fn purse() -> Request<'static, PurseFile> {
    transparent(File::Purse, PurseFile::parse)
}

/// File 06, meter; `None` before the first SETTLE of the binding.
pub const fn meter() -> Request<'static, Option<MeterFile>> {
    transparent(File::Meter, |data| {
        if data.len() == MeterReceipt::SIZE + Month::SIZE && data.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut reader = Reader::new(data);
        let receipt = MeterReceipt::parse(reader.take(MeterReceipt::SIZE)?)?;
        Ok(Some(MeterFile { receipt, month: Month::parse(reader.rest())? }))
    })
}

/// File 0A: what a desk wants to know of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFile {
    /// Binding certificate; its code is not checked here.
    pub binding: BindingCertificate,
    /// Purse; the certificate's code is not checked here.
    pub purse: PurseFile,
    /// Versions of mail by [`Slot::index`]; 0 is an empty slot.
    pub mail: [u32; Slot::COUNT],
}

/// File 0A, account: binding, purse and mail directory in one.
pub const fn account() -> Request<'static, AccountFile> {
    transparent(File::Account, |data| {
        let mut reader = Reader::new(data);
        let binding = BindingCertificate::parse(reader.take(BindingCertificate::SIZE)?)?;
        let purse = PurseFile::parse(reader.take(PurseFile::SIZE)?)?;
        let mut mail = [0; Slot::COUNT];
        for version in &mut mail {
            *version = reader.u32()?;
        }
        reader.end()?;
        Ok(AccountFile { binding, purse, mail })
    })
}

/// Records of file 05, load log, from number `first` on, where 1 is the newest. None absent before the oldest; refused as absent where
/// there is none.
pub const fn loads(first: u8) -> Request<'static, [Option<LoadRecord>; 6]> {
    records(File::LoadLog, first, |data| all_of(data.as_chunks::<{ LoadRecord::SIZE }>(), LoadRecord::parse))
}

/// Records of file 07, months, from number `first` on, where 1 is the newest. Those that the meter has not delivered are left out.
pub const fn months(first: u8) -> Request<'static, [Option<Month>; 5]> {
    records(File::Months, first, |data| all_of(data.as_chunks::<{ Month::SIZE }>(), Month::parse))
}

/// Records of file 08, events, from number `first` on, where 1 is the newest. Those that the meter has not delivered are left out.
pub const fn events(first: u8) -> Request<'static, [Option<Event>; 14]> {
    records(File::Events, first, |data| all_of(data.as_chunks::<{ Event::SIZE }>(), Event::parse))
}

/// READ BINARY of a whole file by its short EF identifier.
const fn transparent<T>(file: File, parse: fn(&[u8]) -> Result<T, FormatError>) -> Request<'static, T> {
    Request::new(Instruction::ReadBinary, [0x80 | file.sfi(), 0], &[], parse)
}

/// READ RECORD of all from one on.
const fn records<T>(
    file: File,
    first: u8,
    parse: fn(&[u8]) -> Result<T, FormatError>,
) -> Request<'static, T> {
    Request::new(Instruction::ReadRecord, [first, (file.sfi() << 3) | 5], &[], parse)
}

/// Whole records, at least one and at most `N`.
fn all_of<T: Copy, const SIZE: usize, const N: usize>(
    (records, rest): (&[[u8; SIZE]], &[u8]),
    parse: fn(&[u8]) -> Result<T, FormatError>,
) -> Result<[Option<T>; N], FormatError> {
    if records.is_empty() || records.len() > N || !rest.is_empty() {
        return Err(FormatError::Length);
    }
    let mut found = [None; N];
    for (place, record) in found.iter_mut().zip(records) {
        *place = Some(parse(record)?);
    }
    Ok(found)
}

const fn get_data<T>(tag: u16, parse: fn(&[u8]) -> Result<T, FormatError>) -> Request<'static, T> {
    Request::new(Instruction::GetData, tag.to_be_bytes(), &[], parse)
}

fn object<'a>(data: &'a [u8], path: &[u32]) -> Result<&'a [u8], FormatError> {
    tlv::find(data, path).ok().flatten().ok_or(FormatError::Field)
}
