//! Opening an SCP03 session and asking in it (specification, section 8), in consuming steps:
//! [`Opening`] → [`Challenged`] → [`Authenticating`] → [`Session`].

use core::fmt;

use super::{Request, RequestError};
use crate::apdu::{Command, MAX_COMMAND, StatusWord};
use crate::bytes::Buffer;
use crate::id::CardRef;
use crate::platform::{Engine, Random, RandomError};
use crate::role::{KeyVersion, Role};
use crate::scp03::host::{Challenge, HandshakeError, HostHandshake, PendingSession, SessionError};
use crate::scp03::{HostSession, KeySet, Mode, SecurityLevel};

/// INITIALIZE UPDATE is to be sent.
#[derive(Debug)]
pub struct Opening {
    handshake: HostHandshake,
    mode: Mode,
    level: SecurityLevel,
}

impl Opening {
    /// To be opened with `key_version`, where x0 leaves the version of role x to the card ([`KeyVersion::new`] with 0), at
    /// `level`. A card is S8 or S16 by personalisation: where the guess is wrong, [`OpenError::OtherMode`] says so and the
    /// caller begins again.
    pub fn new(
        random: &mut impl Random,
        mode: Mode,
        key_version: KeyVersion,
        level: SecurityLevel,
    ) -> Result<Self, RandomError> {
        let mut challenge = [0; 16];
        random.fill(&mut challenge)?;
        Ok(Self { handshake: HostHandshake::new(mode, key_version, challenge), mode, level })
    }

    /// INITIALIZE UPDATE.
    pub fn command(&self) -> Command<'_> {
        self.handshake.command()
    }

    /// Reads the response to it, with its status word.
    pub fn challenged(self, response: &[u8]) -> Result<Challenged, OpenError> {
        let Self { handshake, mode, level } = self;
        match handshake.challenge(response) {
            Ok(challenge) => Ok(Challenged { challenge, level }),
            // The only wrong length that INITIALIZE UPDATE can have is that of the challenge.
            Err(HandshakeError::Refused(StatusWord::WRONG_LENGTH)) => Err(OpenError::OtherMode(match mode {
                Mode::S8 => Mode::S16,
                Mode::S16 => Mode::S8,
            })),
            Err(HandshakeError::Refused(StatusWord::DATA_NOT_FOUND)) => Err(OpenError::NoSuchKeys),
            Err(HandshakeError::Refused(StatusWord::CONDITIONS_OF_USE)) => Err(OpenError::NotInThisState),
            Err(error) => Err(OpenError::Handshake(error)),
        }
    }
}

/// The card has said which of its key sets it uses; nothing of it is proven yet.
#[derive(Debug)]
pub struct Challenged {
    challenge: Challenge,
    level: SecurityLevel,
}

impl Challenged {
    /// The card and generation that the key set was derived for.
    pub const fn card(&self) -> CardRef {
        CardRef::parse(self.challenge.diversification())
    }

    /// Key version number of the key set.
    pub const fn key_version(&self) -> KeyVersion {
        self.challenge.key_version()
    }

    /// With the card's key set: checks that the card is authentic, and gives EXTERNAL AUTHENTICATE.
    ///
    /// # Errors
    /// [`HandshakeError::WrongCryptogram`] where the card has other keys; [`HandshakeError::WrongKeyVersion`] where `keys` are
    /// of another version than [`Self::key_version`].
    pub fn authenticate(
        self,
        engine: &mut impl Engine,
        keys: &KeySet,
    ) -> Result<(Authenticating, Buffer<MAX_COMMAND>), OpenError> {
        self.authenticate_by(|challenge, level| Ok(challenge.authenticate(engine, keys, level)?))
    }

    /// [`Self::authenticate`] with a key set that is elsewhere, as in a security module: `answer` does with the challenge what
    /// [`Challenge::authenticate`] does, for this level.
    ///
    /// # Errors
    /// Those of `answer`.
    pub fn authenticate_by<E>(
        self,
        answer: impl FnOnce(Challenge, SecurityLevel) -> Result<(PendingSession, Buffer<MAX_COMMAND>), E>,
    ) -> Result<(Authenticating, Buffer<MAX_COMMAND>), E> {
        let (card, key_version) = (self.card(), self.key_version());
        let (pending, command) = answer(self.challenge, self.level)?;
        Ok((Authenticating { pending, card, key_version }, command))
    }
}

/// The card is authentic; EXTERNAL AUTHENTICATE is on its way.
#[derive(Debug)]
pub struct Authenticating {
    pending: PendingSession,
    card: CardRef,
    key_version: KeyVersion,
}

impl Authenticating {
    /// Reads the response to EXTERNAL AUTHENTICATE, with its status word.
    pub fn opened(self, response: &[u8]) -> Result<Session, OpenError> {
        let Self { pending, card, key_version } = self;
        match pending.finish(response) {
            Ok(host) => Ok(Session { host, card, key_version }),
            Err(HandshakeError::Refused(StatusWord::AUTHENTICATION_FAILED)) => Err(OpenError::HostRefused),
            Err(error) => Err(OpenError::Handshake(error)),
        }
    }
}

/// An open session with a card that has proven its keys.
pub struct Session {
    host: HostSession,
    card: CardRef,
    key_version: KeyVersion,
}

impl Session {
    /// The card and generation whose keys opened it.
    pub const fn card(&self) -> CardRef {
        self.card
    }

    /// Key version number of the keys.
    pub const fn key_version(&self) -> KeyVersion {
        self.key_version
    }

    /// Role of the keys.
    pub const fn role(&self) -> Option<Role> {
        self.key_version.role()
    }

    /// The security level; `None` once the session has ended.
    pub fn level(&self) -> Option<SecurityLevel> {
        self.host.level()
    }

    /// A request's command with secure messaging.
    pub fn ask<T>(
        &mut self,
        engine: &mut impl Engine,
        request: &Request<'_, T>,
    ) -> Result<Buffer<MAX_COMMAND>, SessionError> {
        self.host.wrap(engine, &request.command())
    }

    /// [`Self::ask`] in place of what `out` held.
    pub fn ask_in<T>(
        &mut self,
        engine: &mut impl Engine,
        request: &Request<'_, T>,
        out: &mut Buffer<MAX_COMMAND>,
    ) -> Result<(), SessionError> {
        self.host.wrap_in(engine, &request.command(), out)
    }

    /// Reads the response to the request that was asked last. An error status leaves the session open.
    pub fn answer<T>(
        &mut self,
        engine: &mut impl Engine,
        request: &Request<'_, T>,
        response: &[u8],
    ) -> Result<T, RequestError> {
        let reply = self.host.unwrap(engine, response)?;
        request.reply(&reply)
    }

    /// The secure channel itself, with whose key the keys for PUT KEY and BIND are encrypted.
    pub const fn host(&self) -> &HostSession {
        &self.host
    }

    /// Ends the session: a command has no response.
    pub fn end(&mut self) {
        self.host.end();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, card, key_version } = self;
        write!(f, "Session({host:?}, {card:?}, {key_version})")
    }
}

impl OpenError {
    /// The status word with which the card refused, where it did.
    pub const fn status(&self) -> Option<StatusWord> {
        match self {
            Self::OtherMode(_) => Some(StatusWord::WRONG_LENGTH),
            Self::NoSuchKeys => Some(StatusWord::DATA_NOT_FOUND),
            Self::NotInThisState => Some(StatusWord::CONDITIONS_OF_USE),
            Self::HostRefused => Some(StatusWord::AUTHENTICATION_FAILED),
            Self::Handshake(HandshakeError::Refused(status)) => Some(*status),
            Self::Handshake(_) => None,
        }
    }
}

/// Why a session was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The card uses the other length of challenges and MACs: begin again with this one.
    #[error("the card uses the other mode of the secure channel, {0:?}")]
    OtherMode(Mode),
    /// 6A88.
    #[error("the card has no key set of this role and version")]
    NoSuchKeys,
    /// 6985.
    #[error("the card's state does not allow a session with this role")]
    NotInThisState,
    /// 6300: the card did not accept the host, though the card was authentic.
    #[error("the card did not accept the terminal's keys")]
    HostRefused,
    /// The protocol went wrong, or the card is not authentic.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}
