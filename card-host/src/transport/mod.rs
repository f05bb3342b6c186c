//! From a program to a card: one function, command bytes to response bytes, and layers around it that stack.
//!
//! A [`Link`] carries bytes and may leave an answer incomplete, as T=0 does. A [`Transport`] answers every command
//! completely, whatever the protocol below it is: only that is taken for whatever is done with a card. [`Card::open`] makes
//! one out of any link.

mod card;
mod replay;
#[cfg(feature = "simulator")]
mod simulator;
mod tcp;
mod trace;
mod usage;

pub use card::Card;
pub use replay::{Replay, ReplayError};
#[cfg(feature = "simulator")]
pub use simulator::Simulator;
pub use tcp::{SCHEME as TCP_SCHEME, TcpCard};
pub use trace::{Exchange, Observed, Recording, RecordingError, Trace, instruction_name};
pub use usage::{Count, Usage};

use crate::reader_error::ReaderError;
use card_core::apdu::ResponseError;

/// Sends one command to a card and gives back its response, data and status word.
pub trait Link {
    /// Sends `command` (ISO/IEC 7816-3, 12.1: 4 to 261 bytes) and returns the response, at least the two bytes of the status
    /// word. After an error it is not known whether the card executed the command, and the session is over.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;

    /// Where the card is, for people: a reader's name, for example.
    fn description(&self) -> String;
}

/// A link whose answers are complete: a [`Card`], and layers around one. Nothing else can be one.
pub trait Transport: Link + sealed::Complete {}

impl<T: Link + sealed::Complete + ?Sized> Transport for T {}

mod sealed {
    /// What goes through a [`Card`](super::Card).
    pub trait Complete {}
}

impl<T: Link + ?Sized> Link for &mut T {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }
    fn description(&self) -> String {
        (**self).description()
    }
}

impl<T: Link + ?Sized> Link for Box<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }
    fn description(&self) -> String {
        (**self).description()
    }
}

impl<T: sealed::Complete + ?Sized> sealed::Complete for &mut T {}
impl<T: sealed::Complete + ?Sized> sealed::Complete for Box<T> {}

/// Why a command has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The reader, or the card in it.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// The command has fewer than 4 or more than 261 bytes; it was not sent.
    #[error(
        "a command of {0} bytes cannot be sent: short commands have 4 to 261; this is a mistake in the program"
    )]
    CommandLength(usize),
    /// What came back is no response.
    #[error(
        "what the card answered is no response ({0}): take the card out and try again, or with another reader"
    )]
    Response(ResponseError),
    /// GET RESPONSE was asked for again and again.
    #[error(
        "the card had not answered completely after {0} rounds of GET RESPONSE: it is not ours, or defective"
    )]
    TooManyRounds(usize),
    /// The parts of a response are too many bytes together.
    #[error("the card's answer has more than {0} bytes: it is not ours, or defective")]
    TooLarge(usize),
    /// A replayed recording does not fit.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The card in software failed.
    #[error("the card in software failed: {0}; see that its image is intact and used by nobody else")]
    Simulator(String),
}

impl From<ResponseError> for TransportError {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

/// A command as a reader sends it over T=0. What is no short command goes as it is: the card answers for it.
pub(crate) fn over_t0(command: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match card_core::apdu::Command::parse(command).map(|command| command.emit_t0()) {
        Ok(Ok(tpdu)) => tpdu.as_slice().to_vec().into(),
        _ => command.into(),
    }
}

/// SW1 and SW2 of a response.
fn status_bytes(response: &[u8]) -> Result<(&[u8], [u8; 2]), TransportError> {
    response.split_last_chunk().map(|(data, status)| (data, *status)).ok_or(ResponseError::TooShort.into())
}

#[cfg(test)]
mod tests {
    use super::over_t0;

    #[test]
    fn over_t0_a_command_is_five_bytes_or_five_and_its_data() {
        let sent: [(&[u8], &[u8]); 6] = [
            (&[0, 0xA4, 4, 12], &[0, 0xA4, 4, 12, 0]),
            (&[0, 0xB0, 0x81, 0, 32], &[0, 0xB0, 0x81, 0, 32]),
            (&[0x80, 0x40, 0, 0, 2, 7, 8], &[0x80, 0x40, 0, 0, 2, 7, 8]),
            (&[0x80, 0x40, 0, 0, 2, 7, 8, 0], &[0x80, 0x40, 0, 0, 2, 7, 8]),
            (&[0x80, 0x40, 0, 0, 2, 7, 8, 9], &[0x80, 0x40, 0, 0, 2, 7, 8]),
            (&[0x80, 0x40, 0, 0, 2, 7], &[0x80, 0x40, 0, 0, 2, 7]),
        ];
        for (command, tpdu) in sent {
            assert_eq!(&*over_t0(command), tpdu, "{command:02X?}");
        }
    }
}

#[cfg(test)]
pub(crate) mod script {
    //! A card that answers from a list, for the tests of the layers.

    use super::{Link, TransportError};
    use std::collections::VecDeque;

    pub(crate) struct Script {
        pub(crate) sent: Vec<Vec<u8>>,
        answers: VecDeque<Vec<u8>>,
    }

    impl Script {
        pub(crate) fn new(answers: &[&[u8]]) -> Self {
            Self { sent: Vec::new(), answers: answers.iter().map(|answer| answer.to_vec()).collect() }
        }
    }

    impl Link for Script {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
            self.sent.push(command.to_vec());
            Ok(self.answers.pop_front().expect("the script has an answer left"))
        }
        fn description(&self) -> String {
            "script".into()
        }
    }
}
