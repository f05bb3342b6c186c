//! SELECT: is this a prepaid electricity card, and which (specification, 7.1).

use super::tlv::{self, TlvError};
use crate::apdu::{Command, Le, Response, ResponseError, StatusWord};
use crate::bytes::{Reader, WrongLength};
use crate::id::{AID, CardId, LAYOUT};
use crate::layout::{CardSummary, Instruction};
use crate::message::FormatError;

/// SELECT by the whole AID, with file control information.
pub const fn select() -> Command<'static> {
    Command { cla: 0x00, ins: Instruction::Select as u8, p1: 0x04, p2: 0x00, data: &AID, le: Some(Le::MAX) }
}

/// Reads the response to it, with its status word. What the card says of itself is not authenticated.
pub fn selected(response: &[u8]) -> Result<CardSummary, SelectError> {
    let Response { data, status } = Response::parse(response)?;
    match status {
        StatusWord::OK => summary(data),
        StatusWord::FILE_NOT_FOUND
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::FUNCTION_NOT_SUPPORTED
        | StatusWord::WRONG_P1_P2 => Err(SelectError::NotOurs),
        status => Err(SelectError::Refused(status)),
    }
}

fn summary(data: &[u8]) -> Result<CardSummary, SelectError> {
    // A partial name can select another application, which then gives its own.
    if tlv::find(data, &[0x6F, 0x84])? != Some(&AID) {
        return Err(SelectError::NotOurs);
    }
    let bytes = tlv::find(data, &[0x6F, 0xA5, 0xC1])?.ok_or(SelectError::Malformed)?;
    let mut reader = Reader::new(bytes);
    let layout = reader.u8()?;
    // Of another layout nothing is known but that.
    if layout != LAYOUT {
        return Err(SelectError::UnknownLayout(layout));
    }
    let state = reader.u8()?;
    reader.take(3)?;
    let card = CardId(reader.array()?);
    if state == 0 {
        return Err(SelectError::MemoryFailed { card });
    }
    Ok(CardSummary::parse(bytes)?)
}

/// Why a card cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// 6A82, 6D00, 6E00, 6A81, 6A86, or another application's name: another kind of card.
    #[error("this is not a prepaid electricity card")]
    NotOurs,
    /// A card newer than this program.
    #[error("the card has layout {0:02X}, which this program does not know: update the program")]
    UnknownLayout(u8),
    /// State 00: neither an old nor a new state of the card's memory is intact (specification, section 13).
    #[error("the memory of card {card} has failed: replace the card; its credit is in the ledger")]
    MemoryFailed {
        /// Which card says so.
        card: CardId,
    },
    /// Another status word.
    #[error("the card refused to be selected: {0}")]
    Refused(StatusWord),
    /// The answer has not the form of the specification.
    #[error("the card's answer to SELECT is malformed")]
    Malformed,
}

impl From<ResponseError> for SelectError {
    fn from(_: ResponseError) -> Self {
        Self::Malformed
    }
}

impl From<TlvError> for SelectError {
    fn from(_: TlvError) -> Self {
        Self::Malformed
    }
}

impl From<FormatError> for SelectError {
    fn from(_: FormatError) -> Self {
        Self::Malformed
    }
}

impl From<WrongLength> for SelectError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::Malformed
    }
}
