//! A command together with how its answer is read.

use core::fmt;

use crate::apdu::{Command, Le, Response, ResponseError, StatusWord};
use crate::layout::{Instruction, status};
use crate::message::FormatError;
use crate::scp03::host::{Reply, SessionError};

/// A command whose answer is a `T`. It can be sent as it is and read by [`Request::response`], or be asked in a
/// [`Session`](super::session::Session).
pub struct Request<'a, T> {
    command: Command<'a>,
    parse: fn(&[u8]) -> Result<T, FormatError>,
}

impl<'a, T> Request<'a, T> {
    pub(super) const fn new(
        instruction: Instruction,
        [p1, p2]: [u8; 2],
        data: &'a [u8],
        parse: fn(&[u8]) -> Result<T, FormatError>,
    ) -> Self {
        let (cla, ins) = (instruction.cla(), instruction as u8);
        Self::of(Command { cla, ins, p1, p2, data, le: Some(Le::MAX) }, parse)
    }

    /// A command that has no step here, with how its answer is read.
    pub const fn of(command: Command<'a>, parse: fn(&[u8]) -> Result<T, FormatError>) -> Self {
        Self { command, parse }
    }

    /// The command, without secure messaging.
    pub const fn command(&self) -> Command<'a> {
        self.command
    }

    /// Reads the response to the command as it is, with its status word. It proves nothing: no MAC.
    pub fn response(&self, response: &[u8]) -> Result<T, RequestError> {
        let Response { data, status } = Response::parse(response)?;
        self.read(data, status)
    }

    /// Reads a reply in a session, which must be proven by its R-MAC.
    ///
    /// # Errors
    /// [`RequestError::Unproven`] for success at a level without R-MAC.
    pub fn reply(&self, reply: &Reply) -> Result<T, RequestError> {
        match reply.verified() {
            Some((data, status)) => self.read(data, status),
            None if reply.status().is_ok() => Err(RequestError::Unproven),
            None => Err(RequestError::Refused(reply.status())),
        }
    }

    fn read(&self, data: &[u8], status: StatusWord) -> Result<T, RequestError> {
        if status.is_ok() { Ok((self.parse)(data)?) } else { Err(RequestError::Refused(status)) }
    }
}

impl<T> fmt::Debug for Request<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?})", self.command)
    }
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Another status word than 9000. It carries no MAC, so it does not prove that nothing was done.
    #[error("the card refused: {}; {}", status::advice(*.0).0, status::advice(*.0).1)]
    Refused(StatusWord),
    /// The answer has not the form of the specification.
    #[error("the card's answer is malformed")]
    Malformed,
    /// Success without R-MAC, where a proof was needed.
    #[error("the card's answer is not authenticated at this security level")]
    Unproven,
    /// The secure channel failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl RequestError {
    /// Whether the card says that there is no such file, record or data object (specification, section 6: not yet, or not
    /// any more).
    pub const fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                StatusWord::FILE_NOT_FOUND | StatusWord::RECORD_NOT_FOUND | StatusWord::DATA_NOT_FOUND
            )
        )
    }
}

impl From<ResponseError> for RequestError {
    fn from(_: ResponseError) -> Self {
        Self::Malformed
    }
}

impl From<FormatError> for RequestError {
    fn from(_: FormatError) -> Self {
        Self::Malformed
    }
}
