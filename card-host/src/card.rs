//! What is asked of a card without keys, and why an answer is not as hoped for.

use card_core::apdu::{Command, Le, StatusWord};
use card_core::layout::status::advice;
use card_core::layout::{CardSummary, Instruction, tag};
use card_core::platform::RandomError;
use card_core::scp03::host::SessionError;
use card_core::terminal::select::{self, SelectError};
use card_core::terminal::session::OpenError;
use card_core::terminal::{Request, RequestError};

use crate::tlv::{KeyInformation, TlvError};
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
    /// It is one of ours, and cannot be used.
    #[error(transparent)]
    Unusable(SelectError),
    /// The card cannot be authenticated.
    #[error("{0}: check that the keys are this card's, by company, environment and version")]
    Handshake(OpenError),
    /// The secure channel broke.
    #[error("{0}: repeat from the beginning, which is safe; if it happens again, use another reader")]
    Session(#[from] SessionError),
    /// A data object of the card is wrong.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// An answer is wrong in form, or not authenticated where it must be.
    #[error("{command}: {error}: the card is defective, or newer than this program")]
    Answer {
        /// Name of the command.
        command: &'static str,
        /// What is wrong.
        error: RequestError,
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

impl CardError {
    /// Whether the card says that there is no such file, record or data object: not yet, or not any more.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if RequestError::Refused(*status).is_absent())
    }

    pub(crate) fn of_request(command: &'static str, error: RequestError) -> Self {
        match error {
            RequestError::Refused(status) => Self::Refused { command, status },
            RequestError::Session(error) => Self::Session(error),
            error => Self::Answer { command, error },
        }
    }
}

/// Asks without a session. The answer proves nothing.
pub fn ask<T>(transport: &mut impl Transport, request: &Request<'_, T>) -> Result<T, CardError> {
    let (name, response) = send(transport, &request.command())?;
    request.response(&response).map_err(|error| CardError::of_request(name, error))
}

pub(crate) fn send(
    transport: &mut impl Transport,
    command: &Command<'_>,
) -> Result<(&'static str, Vec<u8>), CardError> {
    let name = instruction_name(&command.header());
    let bytes = command.emit().map_err(|_| CardError::TooLong(name))?;
    Ok((name, transport.transmit(bytes.as_slice())?))
}

/// A command whose answer is taken as it is.
pub const fn raw(instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Request<'_, Vec<u8>> {
    let (cla, ins) = (instruction.cla(), instruction as u8);
    Request::of(Command { cla, ins, p1, p2, data, le: Some(Le::MAX) }, |data| Ok(data.to_vec()))
}

/// SELECT by AID (specification, 7.1): selects the application, ends a session, and says who the card is. What it says has a
/// state: of a card whose memory has failed nothing else counts, and it is [`CardError::Unusable`].
pub fn select(transport: &mut impl Transport) -> Result<CardSummary, CardError> {
    let (command, response) = send(transport, &select::select())?;
    select::selected(&response).map_err(|error| match error {
        SelectError::NotOurs => CardError::NotOurs(status(&response)),
        SelectError::Refused(status) => CardError::Refused { command, status },
        SelectError::Malformed => CardError::Answer { command, error: RequestError::Malformed },
        error => CardError::Unusable(error),
    })
}

fn status(response: &[u8]) -> StatusWord {
    response.last_chunk().map_or(StatusWord::UNKNOWN, |status| StatusWord(u16::from_be_bytes(*status)))
}

/// GET DATA 00E0, for [`KeyInformation::parse`].
pub(crate) const KEY_INFORMATION: Request<'static, Vec<u8>> = {
    let [p1, p2] = tag::KEY_INFORMATION.to_be_bytes();
    raw(Instruction::GetData, p1, p2, &[])
};

/// Which keys the card says it has (specification, 7.4).
pub fn key_information(transport: &mut impl Transport) -> Result<KeyInformation, CardError> {
    Ok(KeyInformation::parse(&ask(transport, &KEY_INFORMATION)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Card;
    use crate::transport::script::Script;
    use hex_literal::hex;

    #[test]
    fn another_card_is_named_as_such() {
        for status in [[0x6A, 0x82], [0x6D, 0x00], [0x6E, 0x00], [0x6A, 0x86]] {
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
        assert_eq!(select(&mut card).unwrap().card.generation, 1);
        assert_eq!(card.link().sent, [hex!("00A4040008F04547454C45430100").to_vec()]);
    }
}
