//! The bytes of a tariff, as they travel in a mail (`docs/tariff.md` shows them byte by byte).

use super::{
    Basis, Charge, ChargeCode, Head, Kind, MAX_CHARGES, MAX_SLABS, Price, Slab, Tariff, TariffError,
};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::message::MAX_PLAINTEXT;
use crate::units::CardTime;

/// The only format so far.
const FORMAT: u8 = 1;
/// What stands before the slabs.
const HEAD: usize = 16;
const SLAB: usize = 12;
const CHARGE: usize = 6;
/// How the last slab says that it has no bound.
const NO_BOUND: u32 = 0;

const FIXED: u8 = 1;
const PER_KWH: u8 = 2;
const PER_CENT: u8 = 3;

// The longest tariff fits the longest mail.
const _: () = assert!(Tariff::MAX_SIZE <= MAX_PLAINTEXT);

impl Tariff {
    /// Bytes of the longest one: 143.
    pub const MAX_SIZE: usize = HEAD + MAX_SLABS * SLAB + 1 + MAX_CHARGES * CHARGE;

    /// From 29 to 143 bytes. A tariff has one encoding: what is accepted here is what [`Tariff::emit`] gives back.
    pub fn parse(bytes: &[u8]) -> Result<Self, TariffError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(TariffError::Format);
        }
        let version = reader.u32()?;
        let start = CardTime(reader.u32()?);
        let kind = Kind::from_code(reader.u8()?).ok_or(TariffError::Kind)?;
        let slab_count = usize::from(reader.u8()?);
        let mut restarts = reader.u8()?;
        let head = Head { version, start, kind, zero_fee: reader.u32()? };

        let mut slabs = [Slab::UNUSED; MAX_SLABS];
        let slabs = slabs.get_mut(..slab_count).ok_or(TariffError::SlabCount)?;
        for slab in slabs.iter_mut() {
            let bound = reader.u32()?;
            *slab = Slab {
                bound: (bound != NO_BOUND).then_some(bound),
                price: Price(reader.u32()?),
                restart: restarts & 1 == 1,
                fee: reader.u32()?,
            };
            restarts >>= 1;
        }
        if restarts != 0 {
            return Err(TariffError::Restarts);
        }

        let charge_count = usize::from(reader.u8()?);
        let mut charges = [Charge::UNUSED; MAX_CHARGES];
        let charges = charges.get_mut(..charge_count).ok_or(TariffError::ChargeCount)?;
        for (number, charge) in (1..).zip(charges.iter_mut()) {
            let code = ChargeCode(reader.u8()?);
            let basis = reader.u8()?;
            let value = reader.u32()?;
            let basis = match basis {
                FIXED => Basis::Fixed(value),
                PER_KWH => Basis::PerKwh(Price(value)),
                PER_CENT => Basis::PerCent(value),
                _ => return Err(TariffError::ChargeBasis(number)),
            };
            *charge = Charge { code, basis };
        }
        reader.end()?;
        Self::new(head, slabs, charges)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX_SIZE }> {
        let mut out = Buffer::new();
        let written = self.write(&mut out);
        debug_assert!(written.is_ok());
        out
    }

    fn write(&self, out: &mut Buffer<{ Self::MAX_SIZE }>) -> Result<(), WrongLength> {
        let restarts = self.slabs.iter().rev().fold(0, |bits, slab| bits << 1 | u8::from(slab.restart));
        out.u8(FORMAT)?.u32(self.version)?.u32(self.start.0)?.u8(self.kind.code())?;
        out.u8(self.slab_count)?.u8(restarts)?.u32(self.zero_fee)?;
        for slab in self.slabs() {
            out.u32(slab.bound.unwrap_or(NO_BOUND))?.u32(slab.price.0)?.u32(slab.fee)?;
        }
        out.u8(self.charge_count)?;
        for charge in self.charges() {
            let (basis, value) = match charge.basis {
                Basis::Fixed(piastres) => (FIXED, piastres),
                Basis::PerKwh(price) => (PER_KWH, price.0),
                Basis::PerCent(share) => (PER_CENT, share),
            };
            out.u8(charge.code.0)?.u8(basis)?.u32(value)?;
        }
        Ok(())
    }
}
