//! Card receipt, from the card to the issuer (specification, 5.4).

use super::{FORMAT, FormatError, authenticated, fixed};
use crate::bytes::Reader;
use crate::id::{Binding, CardId, CardRef, MeterId, State};
use crate::platform::Block;
use crate::role::{KeyVersion, Role};
use crate::units::Piastres;

/// What a card says it holds. Evidence for the issuer's books, never a reason to refund: a broken card can forge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Key version number of the receipt key, 6v.
    pub key_version: KeyVersion,
    /// Card and generation.
    pub card: CardRef,
    /// The binding that the card serves.
    pub binding: Binding,
    /// Sequence of the certificate that the card holds.
    pub sequence: u32,
    /// Total credit of that certificate.
    pub total_credit: Piastres,
    /// Total debited of that certificate.
    pub total_debited: Piastres,
    /// Credit that the meter had applied when it last settled.
    pub settled_credit: Piastres,
    /// Corrections that the meter had applied when it last settled.
    pub settled_debited: Piastres,
    /// How many loads the card has accepted.
    pub loads: u32,
    /// The card's state.
    pub state: State,
    /// Authentication code under the receipt key.
    pub mac: Block,
}

authenticated!(Receipt, b"EGRECEIP", body 65, size 81);

impl Receipt {
    /// From 81 bytes. The code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let receipt = Self {
            key_version: KeyVersion::from_byte(reader.u8()?),
            card: CardRef { id: CardId(reader.array()?), generation: reader.u16()? },
            binding: Binding { meter: MeterId(reader.array()?), number: reader.u32()? },
            sequence: reader.u32()?,
            total_credit: Piastres(reader.u64()?),
            total_debited: Piastres(reader.u64()?),
            settled_credit: Piastres(reader.u64()?),
            settled_debited: Piastres(reader.u64()?),
            loads: reader.u32()?,
            state: State::from_code(reader.u8()?).ok_or(FormatError::Field)?,
            mac: reader.array()?,
        };
        reader.end()?;
        let wrong = format != FORMAT
            || !receipt.key_version.is_of(Role::Receipt)
            || receipt.card.generation == 0
            || receipt.binding.number == 0
            || receipt.sequence == 0;
        if wrong { Err(FormatError::Field) } else { Ok(receipt) }
    }

    fn body(&self) -> [u8; 65] {
        fixed(|out| {
            out.u8(FORMAT)?.u8(self.key_version.byte())?.put(&self.card.emit())?;
            out.put(&self.binding.meter.0)?.u32(self.binding.number)?.u32(self.sequence)?;
            out.u64(self.total_credit.0)?.u64(self.total_debited.0)?;
            out.u64(self.settled_credit.0)?.u64(self.settled_debited.0)?;
            out.u32(self.loads)?.u8(self.state.code()).map(|_| ())
        })
    }
}
