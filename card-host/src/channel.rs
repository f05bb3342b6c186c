//! Sessions over a transport: the steps of [`card_core::terminal::session`], carried to a card.

use card_core::apdu::MAX_COMMAND;
use card_core::bytes::Buffer;
use card_core::id::CardRef;
use card_core::platform::Random;
use card_core::role::KeyVersion;
use card_core::scp03::host::{Challenge, PendingSession};
use card_core::scp03::{HostSession, Mode, SecurityLevel};
use card_core::soft::SoftEngine;
use card_core::terminal::Request;
use card_core::terminal::session::{OpenError, Opening, Session};

use crate::card::{self, CardError};
use crate::transport::{Transport, instruction_name};

/// Command EXTERNAL AUTHENTICATE, and the session that awaits its answer.
pub type Authentication = (PendingSession, Buffer<MAX_COMMAND>);

/// An open session with a card. It borrows the transport, so that nothing else is sent meanwhile.
#[derive(Debug)]
pub struct SecureChannel<'t, T> {
    transport: &'t mut T,
    session: Session,
}

impl<'t, T: Transport> SecureChannel<'t, T> {
    /// Opens a session at level 33 (specification, section 8): INITIALIZE UPDATE with a key version number, again where the card is
    /// S16, `authenticate` with
    /// what the card says of itself (as [`KeyStore::authenticate`](crate::keystore::KeyStore::authenticate) does), EXTERNAL
    /// AUTHENTICATE.
    pub fn open<E: From<CardError>>(
        transport: &'t mut T,
        key_version: KeyVersion,
        random: &mut impl Random,
        authenticate: impl FnOnce(Challenge, SecurityLevel) -> Result<Authentication, E>,
    ) -> Result<Self, E> {
        let mut ask = |mode| {
            let opening = Opening::new(random, mode, key_version, SecurityLevel::Full)?;
            let (name, response) = card::send(transport, &opening.command())?;
            Ok::<_, CardError>((name, opening.challenged(&response)))
        };
        let (name, challenged) = match ask(Mode::S8)? {
            (_, Err(OpenError::OtherMode(mode))) => ask(mode)?,
            answered => answered,
        };
        let challenged = challenged.map_err(|error| not_opened(name, error))?;
        let (pending, command) = challenged.authenticate_by(authenticate)?;
        let response = transport.transmit(command.as_slice()).map_err(CardError::from)?;
        let name = instruction_name(command.as_slice());
        let session = pending.opened(&response).map_err(|error| not_opened(name, error))?;
        Ok(Self { transport, session })
    }

    /// Goes on with a session that was opened over the same transport.
    pub const fn resume(transport: &'t mut T, session: Session) -> Self {
        Self { transport, session }
    }

    /// The session without the transport.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// The card whose keys opened the session.
    pub const fn card(&self) -> CardRef {
        self.session.card()
    }

    /// The secure channel, to encrypt keys for PUT KEY.
    pub const fn session(&self) -> &HostSession {
        self.session.host()
    }

    /// Asks in the session: only an answer whose R-MAC is right counts. A refusal is no proof that nothing happened.
    pub fn ask<U>(&mut self, request: &Request<'_, U>) -> Result<U, CardError> {
        let wrapped = self.session.ask(&mut SoftEngine, request)?;
        let response = self.transport.transmit(wrapped.as_slice()).inspect_err(|_| self.session.end())?;
        let name = instruction_name(&request.command().header());
        let answer = self.session.answer(&mut SoftEngine, request, &response);
        answer.map_err(|error| CardError::of_request(name, error))
    }
}

fn not_opened(command: &'static str, error: OpenError) -> CardError {
    match error.status() {
        Some(status) => CardError::Refused { command, status },
        None => CardError::Handshake(error),
    }
}
