//! What is asked of a card without keys, and why an answer is not as hoped for.

use card_core::apdu::{Command, Le, Response, StatusWord};
use card_core::id::AID;
use card_core::layout::{Instruction, tag};
use card_core::message::FormatError;
use card_core::platform::RandomError;
use card_core::scp03::Mode;
use card_core::scp03::host::{HandshakeError, SessionError};
use card_core::text::advice;

use crate::tlv::{self, ControlInformation, KeyInformation, TlvError};
use crate::transport::{Transport, TransportError, instruction_name};

/// Why something asked of a card did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// The command did not reach the card, or its answer did not come back.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The card answered with an error status.
    #[error("{command}: {} (status {:04X}): {}", advice(*.status).0, .status.0, advice(*.status).1)]
    Refused {
        /// Name of the command.
        command: &'static str,
        /// Its status word. Without a MAC: no proof that nothing happened.
        status: StatusWord,
    },
    /// There is a card, but not one of ours.
    #[error(
        "this is not a prepaid electricity card (status {:04X}): use the card that the electricity company issued",
        .0.0
    )]
    NotOurs(StatusWord),
    /// The card cannot be authenticated.
    #[error("{0}: check that the keys are this card's, by company, environment and version")]
    Handshake(#[from] HandshakeError),
    /// The secure channel broke.
    #[error("{0}: repeat from the beginning, which is safe; if it happens again, use another reader")]
    Session(#[from] SessionError),
    /// A data object of the card is wrong.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// A message of the card is wrong in form.
    #[error("{command}: {error}: the card is defective, or newer than this program")]
    Format {
        /// Name of the command.
        command: &'static str,
        /// What is wrong.
        error: FormatError,
    },
    /// A command does not fit; nothing was sent.
    #[error("{0} has more data than a command can carry: this is a mistake in the program")]
    TooLong(&'static str),
    /// No random numbers, so no challenge.
    #[error("{0}: the operating system's random number source must work")]
    Random(RandomError),
}

impl From<RandomError> for CardError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

/// Sends a command without secure messaging and gives back data and status, whatever it is.
pub fn exchange(
    transport: &mut impl Transport,
    command: &Command<'_>,
) -> Result<(Vec<u8>, StatusWord), CardError> {
    let name = instruction_name(&command.header());
    let bytes = command.emit().map_err(|_| CardError::TooLong(name))?;
    let mut answer = transport.transmit(bytes.as_slice())?;
    let status = Response::parse(&answer).map_err(TransportError::from)?.status;
    answer.truncate(answer.len().saturating_sub(2));
    Ok((answer, status))
}

/// Sends a command without secure messaging and gives back its data, where the status is 9000.
pub fn ask(transport: &mut impl Transport, command: &Command<'_>) -> Result<Vec<u8>, CardError> {
    match exchange(transport, command)? {
        (data, StatusWord::OK) => Ok(data),
        (_, status) => Err(CardError::Refused { command: instruction_name(&command.header()), status }),
    }
}

/// A command of the card, without data.
pub const fn command(instruction: Instruction, p1: u8, p2: u8) -> Command<'static> {
    Command { cla: instruction.cla(), ins: instruction as u8, p1, p2, data: &[], le: Some(Le::MAX) }
}

/// SELECT by AID (specification, 7.1): selects the application, ends a session, and says who the card is.
pub fn select(transport: &mut impl Transport) -> Result<ControlInformation, CardError> {
    let command = Command { data: &AID, ..command(Instruction::Select, 0x04, 0x00) };
    match exchange(transport, &command)? {
        (data, StatusWord::OK) => Ok(ControlInformation::parse(&data)?),
        // Other cards have no such application, or do not know the command at all.
        (
            _,
            status @ (StatusWord::FILE_NOT_FOUND
            | StatusWord::INSTRUCTION_NOT_SUPPORTED
            | StatusWord::CLASS_NOT_SUPPORTED
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::WRONG_P1_P2),
        ) => Err(CardError::NotOurs(status)),
        (_, status) => Err(CardError::Refused { command: "SELECT", status }),
    }
}

/// GET DATA (specification, 7.4): the data object with this tag.
pub fn get_data(transport: &mut impl Transport, tag: u16) -> Result<Vec<u8>, CardError> {
    let [p1, p2] = tag.to_be_bytes();
    ask(transport, &command(Instruction::GetData, p1, p2))
}

/// The mode of SCP03, from card recognition data (specification, 7.4).
pub fn mode(transport: &mut impl Transport) -> Result<Mode, CardError> {
    Ok(tlv::recognition(&get_data(transport, tag::CARD_RECOGNITION)?)?)
}

/// Which keys the card says it has (specification, 7.4).
pub fn key_information(transport: &mut impl Transport) -> Result<KeyInformation, CardError> {
    Ok(KeyInformation::parse(&get_data(transport, tag::KEY_INFORMATION)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Card;
    use crate::transport::script::Script;
    use hex_literal::hex;

    #[test]
    fn another_card_is_named_as_such() {
        for status in [[0x6A, 0x82], [0x6D, 0x00], [0x6E, 0x00]] {
            let error = select(&mut Card::open(Script::new(&[&status]))).unwrap_err();
            assert!(matches!(error, CardError::NotOurs(_)), "{error}");
        }
        let error = select(&mut Card::open(Script::new(&[&[0x65, 0x81]]))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("SELECT") && text.contains("6581") && text.contains("replace the card"),
            "{text}"
        );
    }

    #[test]
    fn selecting_sends_our_name() {
        let mut card = Card::open(Script::new(&[&hex!(
            "6F21 8408F04547454C454301 A515 9F6501FF C10F 01 03 54 0001 0102030405060708 0001 9000"
        )]));
        assert_eq!(select(&mut card).unwrap().summary.card.generation, 1);
        assert_eq!(card.link().sent, [hex!("00A4040008F04547454C45430100").to_vec()]);
    }
}
