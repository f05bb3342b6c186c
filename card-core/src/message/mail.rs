//! Mail envelopes between issuer and meter, which the card carries and cannot read into (specification, 5.5).

use super::{FORMAT, FormatError, NotAuthentic, fixed, header_block};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::id::{Binding, MeterId, Scope};
use crate::key::MailKeys;
use crate::platform::{Block, Engine};
use crate::role::{KeyVersion, Role};
use crate::siv;

/// Longest envelope.
pub const MAX_ENVELOPE: usize = 180;
/// Longest plaintext in an envelope.
pub const MAX_PLAINTEXT: usize = MAX_ENVELOPE - HEADER - TAG;
const HEADER: usize = 19;
const TAG: usize = 16;

/// Which way a mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the issuer, under the parameter keys.
    ToMeter,
    /// From the meter, under the report keys.
    ToIssuer,
}

/// A place for mail: 00 to 0B from the issuer, 10 to 13 from the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    /// How many slots there are.
    pub const COUNT: usize = 16;
    /// All slots, in the order of the mail directory.
    pub const ALL: [Self; Self::COUNT] = {
        let mut all = [Self(0); Self::COUNT];
        let mut rest = all.as_mut_slice();
        let mut index = 0;
        while let Some((slot, tail)) = rest.split_first_mut() {
            slot.0 = if index < 0x0C { index } else { index + 4 };
            index += 1;
            rest = tail;
        }
        all
    };
    /// How many slots are of mail to the meter: the first ones of [`Self::ALL`].
    pub const TO_METER: usize = 12;

    /// A tariff. The meter treats this slot and the next one alike.
    pub const TARIFF: Self = Self(0x00);
    /// A standby tariff.
    pub const STANDBY_TARIFF: Self = Self(0x01);
    /// Limits.
    pub const LIMITS: Self = Self(0x02);
    /// Calendar.
    pub const CALENDAR: Self = Self(0x03);
    /// Debts that are paid by instalments.
    pub const DEBT_PLAN: Self = Self(0x04);
    /// Commands go round in these, so that the four newest can wait on a card together.
    pub const COMMANDS: [Self; 4] = [Self(0x05), Self(0x06), Self(0x07), Self(0x08)];
    /// What is to be shown.
    pub const NOTICES: Self = Self(0x09);
    /// New keys for the meter.
    pub const METER_KEYS: Self = Self(0x0A);
    /// What the customer's month has had in other contracts.
    pub const MONTH_SO_FAR: Self = Self(0x0B);
    /// Final report of a closed binding.
    pub const FINAL_REPORT: Self = Self(0x10);
    /// Readings of the meter.
    pub const READINGS: Self = Self(0x11);
    /// Report of a meter whose memory has gone back.
    pub const REGRESSION: Self = Self(0x12);
    /// Audit records of commands.
    pub const AUDIT: Self = Self(0x13);

    /// The slot with this number on the wire.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0x00..=0x0B | 0x10..=0x13 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Position in the mail directory, 0 to 15.
    pub const fn index(self) -> usize {
        if self.0 < 0x10 { self.0 as usize } else { self.0 as usize - 4 }
    }

    /// Which way its mail goes.
    pub const fn direction(self) -> Direction {
        if self.0 < 0x10 { Direction::ToMeter } else { Direction::ToIssuer }
    }
}

/// A sealed envelope.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Key version number, 8v or 9v.
    pub key_version: KeyVersion,
    /// Meter and number of the binding.
    pub binding: Binding,
    /// Where it is kept.
    pub slot: Slot,
    /// From 1, only grows in its slot and binding.
    pub version: u32,
    bytes: Buffer<MAX_ENVELOPE>,
}

/// What was in an envelope; wiped by the owner where it is secret.
pub type Opened = Buffer<MAX_PLAINTEXT>;

impl Envelope {
    /// From 35 to 180 bytes. Nothing is opened here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let key_version = KeyVersion::from_byte(reader.u8()?);
        let binding = Binding { meter: MeterId(reader.array()?), number: reader.u32()? };
        let slot = Slot::new(reader.u8()?);
        let version = reader.u32()?;
        if reader.left() < TAG {
            return Err(FormatError::Length);
        }
        let mut copy = Buffer::new();
        copy.put(bytes)?;
        let slot = slot.ok_or(FormatError::Field)?;
        let role = match slot.direction() {
            Direction::ToMeter => Role::Parameter,
            Direction::ToIssuer => Role::Report,
        };
        let wrong = format != FORMAT || version == 0 || binding.number == 0 || !key_version.is_of(role);
        if wrong {
            return Err(FormatError::Field);
        }
        Ok(Self { key_version, binding, slot, version, bytes: copy })
    }

    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Seals `plaintext` (at most 145 bytes). `version` 0 is refused when it is parsed.
    pub fn seal(
        engine: &mut impl Engine,
        keys: &MailKeys,
        scope: Scope,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Self, WrongLength> {
        let header: [u8; HEADER] = fixed(|out| {
            out.u8(FORMAT)?.u8(keys.version.byte())?.put(&binding.meter.0)?.u32(binding.number)?;
            out.u8(slot.number())?.u32(version).map(|_| ())
        });
        let mut sealed = Opened::new();
        sealed.put(plaintext)?;
        let block = associated(slot, scope, keys.version);
        let tag = siv::seal(engine, &keys.mac, &keys.enc, &[&block, &header], sealed.as_mut_slice());
        let mut bytes = Buffer::new();
        bytes.put(&header)?.put(sealed.as_slice())?.put(&tag)?;
        Ok(Self { key_version: keys.version, binding, slot, version, bytes })
    }

    /// Opens it: checks the tag and gives the plaintext.
    pub fn open(
        &self,
        engine: &mut impl Engine,
        keys: &MailKeys,
        scope: Scope,
    ) -> Result<Opened, NotAuthentic> {
        let (header, rest) = self.as_bytes().split_first_chunk::<HEADER>().ok_or(NotAuthentic)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(NotAuthentic)?;
        let mut opened = Opened::new();
        opened.put(ciphertext).map_err(|_| NotAuthentic)?;
        let block = associated(self.slot, scope, self.key_version);
        siv::open(engine, &keys.mac, &keys.enc, &[&block, header], opened.as_mut_slice(), tag)
            .map_err(|_| NotAuthentic)?;
        Ok(opened)
    }
}

fn associated(slot: Slot, scope: Scope, key_version: KeyVersion) -> Block {
    let tag = match slot.direction() {
        Direction::ToMeter => b"EGMAILTO",
        Direction::ToIssuer => b"EGMAILFR",
    };
    header_block(tag, scope, key_version, HEADER)
}
