//! The bytes of a tariff, as they travel in a mail and as a meter keeps them (`docs/tariff.md`, section 6).

use super::{
    Basis, Charge, ChargeCode, Head, Kind, Lines, MAX_BOUND, MAX_CHARGES, MAX_PER_CENT, MAX_SLABS, Price,
    Slab, Tariff, TariffError,
};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::message::MAX_PLAINTEXT;
use crate::units::CardTime;

const FORMAT: u8 = 2;

// What stands in front of a slab: its step times 4, and these.
const RESTART: u32 = 2;
const FEE: u32 = 1;
const FLAGS: u32 = 2;

// The form of a charge: its basis, and these.
const BASIS: u8 = 0x07;
const FIRST: u8 = 0x08;
const MONTH: u8 = 0x10;
const RANGE: u8 = 0x20;
const MOST: u8 = 0x40;
const CREDIT: u8 = 0x80;

const FIXED: u8 = 1;
const PER_KWH: u8 = 2;
const PER_DAY: u8 = 3;
const PER_CENT: u8 = 4;
const MINIMUM: u8 = 5;

impl Tariff {
    /// Bytes of the longest one: what a mail holds.
    pub const MAX_SIZE: usize = MAX_PLAINTEXT;

    /// A tariff, where it keeps the rules; otherwise a field that does not.
    pub fn new(head: Head, slabs: &[Slab], charges: &[Charge]) -> Result<Self, TariffError> {
        if slabs.is_empty() || slabs.len() > MAX_SLABS {
            return Err(TariffError::SlabCount);
        }
        if charges.len() > MAX_CHARGES {
            return Err(TariffError::ChargeCount);
        }
        // Longer than a mail: what is wrong is found first, and then that it is too long.
        let mut out = Buffer::<LONGEST>::new();
        head.write(&mut out)?;
        let (mut below, mut fee) = (0, head.zero_fee);
        for (number, slab) in (1_u8..).zip(slabs) {
            let last = usize::from(number) == slabs.len();
            let step = match slab.bound {
                Some(bound) if !last => bound.checked_sub(below).filter(|step| *step != 0),
                None if last => Some(0),
                _ => None,
            };
            let step = step.filter(|step| *step <= MAX_BOUND).ok_or(TariffError::SlabBound(number))?;
            slab.write(&mut out, step, fee)?;
            (below, fee) = (slab.bound.unwrap_or(0), slab.fee);
        }
        out.u8(u8::try_from(charges.len()).map_err(|_| TariffError::ChargeCount)?)?;
        for (number, charge) in (1..).zip(charges) {
            charge.write(&mut out, number)?;
        }
        check(out.as_slice())?;
        Self::kept(out.as_slice()).ok_or(TariffError::TooLong)
    }

    /// A tariff has one encoding: what is accepted here is what [`Tariff::as_bytes`] gives back.
    pub fn parse(bytes: &[u8]) -> Result<Self, TariffError> {
        check(bytes)?;
        Self::kept(bytes).ok_or(TariffError::Length)
    }

    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// Its slabs, from the lowest: one to sixteen.
    pub fn slabs(&self) -> Slabs<'_> {
        let mut reader = Reader::new(self.as_bytes());
        let fee = Head::read(&mut reader).map_or(0, |head| head.zero_fee);
        Slabs::new(reader, fee)
    }

    /// Its charges, in their order: none to twelve.
    pub fn charges(&self) -> Charges<'_> {
        let mut slabs = self.slabs();
        while slabs.next().is_some() {}
        Charges::new(slabs.reader).unwrap_or_default()
    }

    pub(super) fn head(&self) -> Head {
        // The bytes were checked when they came.
        Head::read(&mut Reader::new(self.as_bytes())).unwrap_or(Head {
            version: 0,
            start: CardTime::UNSET,
            kind: Kind::Residential,
            zero_fee: 0,
        })
    }

    /// Bytes that are known to be right, of a tariff that is shipped.
    pub(super) const fn shipped<const N: usize>(from: [u8; N]) -> Self {
        assert!(N <= Self::MAX_SIZE);
        let mut bytes = [0; Self::MAX_SIZE];
        let (start, _) = bytes.split_at_mut(N);
        start.copy_from_slice(&from);
        Self { bytes, length: N as u8 }
    }

    fn kept(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_SIZE];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, length: u8::try_from(from.len()).ok()? })
    }
}

/// Whether all of it keeps the rules.
fn check(bytes: &[u8]) -> Result<(), TariffError> {
    let mut reader = Reader::new(bytes);
    let head = Head::read(&mut reader)?;
    let mut slabs = Slabs::new(reader, head.zero_fee);
    while slabs.read()?.is_some() {}
    let mut charges = Charges::new(slabs.reader)?;
    while charges.read()?.is_some() {}
    Ok(charges.reader.end()?)
}

/// What no tariff is longer than, however many mails it would take: head and count, slabs, charges.
const LONGEST: usize = 17 + MAX_SLABS * 14 + MAX_CHARGES * 33;

/// What is in a number's bytes beside its bits: whether another byte follows.
const MORE: u8 = 0x80;
const BITS: u32 = 7;

fn number(reader: &mut Reader<'_>) -> Result<u32, TariffError> {
    let mut value: u32 = 0;
    loop {
        let byte = reader.u8()?;
        if value == 0 && byte == MORE || value > u32::MAX >> BITS {
            return Err(TariffError::Number);
        }
        value = value << BITS | u32::from(byte & !MORE);
        if byte & MORE == 0 {
            return Ok(value);
        }
    }
}

fn put<const N: usize>(out: &mut Buffer<N>, value: u32) -> Result<(), WrongLength> {
    let more = (1..=4).rev().map(|place| value >> (BITS * place)).filter(|rest| *rest != 0);
    for rest in more {
        out.u8(rest as u8 | MORE)?;
    }
    out.u8(value as u8 & !MORE).map(|_| ())
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, TariffError> {
        if reader.u8()? != FORMAT {
            return Err(TariffError::Format);
        }
        let version = number(reader)?;
        let start = CardTime(reader.u32()?);
        let kind = reader.u8()?;
        let zero_fee = number(reader)?;
        if version == 0 {
            return Err(TariffError::Version);
        }
        if start == CardTime::UNSET {
            return Err(TariffError::Start);
        }
        let kind = Kind::from_code(kind).ok_or(TariffError::Kind)?;
        Ok(Self { version, start, kind, zero_fee })
    }

    fn write<const N: usize>(&self, out: &mut Buffer<N>) -> Result<(), WrongLength> {
        out.u8(FORMAT)?;
        put(out, self.version)?;
        out.u32(self.start.0)?.u8(self.kind.code())?;
        put(out, self.zero_fee)
    }
}

impl Slab {
    fn write<const N: usize>(&self, out: &mut Buffer<N>, step: u32, before: u32) -> Result<(), WrongLength> {
        let flags = u32::from(self.restart) << 1 | u32::from(self.fee != before);
        put(out, step << FLAGS | flags)?;
        put(out, self.price.0)?;
        if self.fee == before { Ok(()) } else { put(out, self.fee) }
    }
}

/// The slabs of a tariff, from the lowest, read from its bytes.
#[derive(Debug, Clone)]
pub struct Slabs<'a> {
    reader: Reader<'a>,
    /// How many were read.
    count: u8,
    /// Bound and fee of the one read last.
    below: u32,
    fee: u32,
    over: bool,
}

impl<'a> Slabs<'a> {
    const fn new(reader: Reader<'a>, fee: u32) -> Self {
        Self { reader, count: 0, below: 0, fee, over: false }
    }

    fn read(&mut self) -> Result<Option<Slab>, TariffError> {
        if self.over {
            return Ok(None);
        }
        let reader = &mut self.reader;
        if usize::from(self.count) == MAX_SLABS {
            return Err(TariffError::SlabCount);
        }
        let front = number(reader)?;
        let (step, restart) = (front >> FLAGS, front & RESTART != 0);
        if restart && self.count == 0 {
            return Err(TariffError::FirstRestart);
        }
        self.count = self.count.saturating_add(1);
        self.below = self.below.saturating_add(step);
        if self.below > MAX_BOUND {
            return Err(TariffError::SlabBound(self.count));
        }
        let price = Price(number(reader)?);
        if front & FEE != 0 {
            let before = core::mem::replace(&mut self.fee, number(reader)?);
            if self.fee == before {
                return Err(TariffError::SlabFee(self.count));
            }
        }
        self.over = step == 0;
        let bound = (!self.over).then_some(self.below);
        Ok(Some(Slab { bound, price, restart, fee: self.fee }))
    }
}

impl Iterator for Slabs<'_> {
    type Item = Slab;

    fn next(&mut self) -> Option<Slab> {
        // The bytes were checked when they came.
        self.read().unwrap_or_default()
    }
}

impl Charge {
    fn read(reader: &mut Reader<'_>, number_of: u8) -> Result<Self, TariffError> {
        let code = ChargeCode(reader.u8()?);
        if code.0 == 0 {
            return Err(TariffError::ChargeCode(number_of));
        }
        let form = reader.u8()?;
        let (basis, has) = (form & BASIS, |bit: u8| form & bit != 0);
        if !(FIXED..=MINIMUM).contains(&basis) {
            return Err(TariffError::ChargeBasis(number_of));
        }
        if has(CREDIT) && basis == MINIMUM
            || has(FIRST) && basis != PER_KWH
            || has(MOST) && !matches!(basis, PER_KWH | PER_CENT)
        {
            return Err(TariffError::ChargeForm(number_of));
        }
        let value = number(reader)?;
        if basis == PER_CENT && value > MAX_PER_CENT {
            return Err(TariffError::ChargeValue(number_of));
        }
        let of = if basis >= PER_CENT { lines(reader, number_of)? } else { Lines::NONE };
        let optional =
            |reader: &mut Reader<'_>, bit| if has(bit) { number(reader).map(Some) } else { Ok(None) };
        let first = optional(reader, FIRST)?;
        if first.is_some_and(|kwh| kwh == 0 || kwh > MAX_BOUND) {
            return Err(TariffError::ChargeFirst(number_of));
        }
        let month = if has(MONTH) { Some(reader.u8()?) } else { None };
        if month.is_some_and(|month| !(1..=12).contains(&month)) {
            return Err(TariffError::ChargeMonth(number_of));
        }
        let above = optional(reader, RANGE)?;
        let span = optional(reader, RANGE)?.unwrap_or(0);
        let end = above.unwrap_or(0).saturating_add(span);
        if above.is_some() && (end == 0 || end > MAX_BOUND) {
            return Err(TariffError::ChargeRange(number_of));
        }
        let most = optional(reader, MOST)?;
        if most == Some(0) {
            return Err(TariffError::ChargeMost(number_of));
        }
        let basis = match basis {
            FIXED => Basis::Fixed(value),
            PER_KWH => Basis::PerKwh(Price(value)),
            PER_DAY => Basis::PerDay(value),
            PER_CENT => Basis::PerCent(value),
            _ => Basis::Minimum(value),
        };
        let (above, up_to) = (above.unwrap_or(0), (span != 0).then_some(end));
        Ok(Self { code, basis, of, credit: has(CREDIT), first, month, above, up_to, most })
    }

    fn write<const N: usize>(&self, out: &mut Buffer<N>, number_of: u8) -> Result<(), TariffError> {
        let (basis, value) = match self.basis {
            Basis::Fixed(piastres) => (FIXED, piastres),
            Basis::PerKwh(price) => (PER_KWH, price.0),
            Basis::PerDay(piastres) => (PER_DAY, piastres),
            Basis::PerCent(share) => (PER_CENT, share),
            Basis::Minimum(least) => (MINIMUM, least),
        };
        if basis < PER_CENT && self.of != Lines::NONE {
            return Err(TariffError::ChargeForm(number_of));
        }
        let ranged = self.above != 0 || self.up_to.is_some();
        let span = self.up_to.map_or(Some(0), |end| end.checked_sub(self.above).filter(|span| *span != 0));
        let span = span.ok_or(TariffError::ChargeRange(number_of))?;
        let bits = [
            (self.first.is_some(), FIRST),
            (self.month.is_some(), MONTH),
            (ranged, RANGE),
            (self.most.is_some(), MOST),
            (self.credit, CREDIT),
        ];
        let form = bits.into_iter().filter(|(set, _)| *set).fold(basis, |form, (_, bit)| form | bit);
        out.u8(self.code.0)?.u8(form)?;
        put(out, value)?;
        if basis >= PER_CENT {
            put(out, self.of.0.into())?;
        }
        self.first.map_or(Ok(()), |kwh| put(out, kwh))?;
        self.month.map_or(Ok(()), |month| out.u8(month).map(|_| ()))?;
        if ranged {
            put(out, self.above)?;
            put(out, span)?;
        }
        Ok(self.most.map_or(Ok(()), |most| put(out, most))?)
    }
}

/// Lines that the charge with this number can name: energy charge, service fee, charges before it.
fn lines(reader: &mut Reader<'_>, number_of: u8) -> Result<Lines, TariffError> {
    let of = u16::try_from(number(reader)?).map(Lines);
    of.ok()
        .filter(|of| *of != Lines::NONE && *of == Lines(of.0 & Lines::before(number_of).0))
        .ok_or(TariffError::ChargeLines(number_of))
}

/// The charges of a tariff, in their order, read from its bytes.
#[derive(Debug, Clone)]
pub struct Charges<'a> {
    reader: Reader<'a>,
    /// Number from 1 of the next one, and how many there are.
    next: u8,
    count: u8,
}

impl Default for Charges<'_> {
    /// None.
    fn default() -> Self {
        Self { reader: Reader::new(&[]), next: 1, count: 0 }
    }
}

impl<'a> Charges<'a> {
    fn new(mut reader: Reader<'a>) -> Result<Self, TariffError> {
        let count = reader.u8()?;
        if usize::from(count) > MAX_CHARGES {
            return Err(TariffError::ChargeCount);
        }
        Ok(Self { reader, next: 1, count })
    }

    fn read(&mut self) -> Result<Option<Charge>, TariffError> {
        if self.next > self.count {
            return Ok(None);
        }
        let charge = Charge::read(&mut self.reader, self.next)?;
        self.next = self.next.saturating_add(1);
        Ok(Some(charge))
    }
}

impl Iterator for Charges<'_> {
    type Item = Charge;

    fn next(&mut self) -> Option<Charge> {
        // The bytes were checked when they came.
        self.read().unwrap_or_default()
    }
}
