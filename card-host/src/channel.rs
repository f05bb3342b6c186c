//! SCP03 over a transport: opens a session and sends commands in it.

use card_core::apdu::{Command, StatusWord};
use card_core::bytes::Buffer;
use card_core::platform::{Block, Random};
use card_core::scp03::host::{Challenge, HandshakeError, PendingSession, Reply};
use card_core::scp03::{HostHandshake, HostSession, Mode};
use card_core::soft::SoftEngine;

use crate::card::CardError;
use crate::transport::{Transport, instruction_name};

/// Command EXTERNAL AUTHENTICATE, and the session that awaits its answer.
pub type Authentication = (PendingSession, Buffer<{ card_core::apdu::MAX_COMMAND }>);

/// An open session with a card. It borrows the transport, so that nothing else is sent meanwhile.
#[derive(Debug)]
pub struct SecureChannel<'t, T> {
    transport: &'t mut T,
    session: HostSession,
    engine: SoftEngine,
}

/// Draws a host challenge.
pub fn challenge(random: &mut impl Random) -> Result<Block, CardError> {
    let mut block = [0; 16];
    random.fill(&mut block)?;
    Ok(block)
}

impl<'t, T: Transport> SecureChannel<'t, T> {
    /// Opens a session (specification, section 8): INITIALIZE UPDATE with a key version number, `authenticate` with what the card says
    /// of itself (as [`KeyStore::authenticate`](crate::keystore::KeyStore::authenticate) does), EXTERNAL AUTHENTICATE.
    pub fn open<E: From<CardError>>(
        transport: &'t mut T,
        mode: Mode,
        key_version: u8,
        host_challenge: Block,
        authenticate: impl FnOnce(Challenge) -> Result<Authentication, E>,
    ) -> Result<Self, E> {
        let handshake = HostHandshake::new(mode, key_version, host_challenge);
        let command = handshake.command().emit().map_err(|_| CardError::TooLong("INITIALIZE UPDATE"))?;
        let response = transport.transmit(command.as_slice()).map_err(CardError::from)?;
        let challenge =
            handshake.challenge(&response).map_err(|error| refused(error, "INITIALIZE UPDATE"))?;
        let (pending, command) = authenticate(challenge)?;
        let response = transport.transmit(command.as_slice()).map_err(CardError::from)?;
        let session = pending.finish(&response).map_err(|error| refused(error, "EXTERNAL AUTHENTICATE"))?;
        Ok(Self { transport, session, engine: SoftEngine })
    }

    /// Goes on with a session that was opened over the same transport.
    pub const fn resume(transport: &'t mut T, session: HostSession) -> Self {
        Self { transport, session, engine: SoftEngine }
    }

    /// The session without the transport.
    pub fn into_session(self) -> HostSession {
        self.session
    }

    /// The session, to encrypt keys for PUT KEY.
    pub const fn session(&self) -> &HostSession {
        &self.session
    }

    /// Sends a command and gives back the reply, whatever its status. An unverified error is no proof that nothing happened.
    pub fn exchange(&mut self, command: &Command<'_>) -> Result<Reply, CardError> {
        let wrapped = self.session.wrap(&mut self.engine, command)?;
        let response = self.transport.transmit(wrapped.as_slice()).inspect_err(|_| self.session.end())?;
        Ok(self.session.unwrap(&mut self.engine, &response)?)
    }

    /// Sends a command and gives back its data, where the status is 9000.
    pub fn ask(&mut self, command: &Command<'_>) -> Result<Vec<u8>, CardError> {
        let reply = self.exchange(command)?;
        match reply.status() {
            StatusWord::OK => Ok(reply.data().to_vec()),
            status => Err(CardError::Refused { command: instruction_name(&command.header()), status }),
        }
    }
}

fn refused(error: HandshakeError, command: &'static str) -> CardError {
    match error {
        HandshakeError::Refused(status) => CardError::Refused { command, status },
        error => error.into(),
    }
}
