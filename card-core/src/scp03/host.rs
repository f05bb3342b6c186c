//! The host's side, in consuming steps: [`HostHandshake`] asks, [`Challenge`] is what the card says of itself, so that its keys
//! can be looked up, [`PendingSession`] awaits the answer to EXTERNAL AUTHENTICATE, [`HostSession`] wraps and unwraps.

use core::fmt;

use super::derive::{Context, SessionKeys};
use super::session::{Direction, Live, padding};
use super::{
    Diversification, EXTERNAL_AUTHENTICATE, INITIALIZE_UPDATE, KeySet, Mode, PROTOCOL, SecurityLevel,
    authenticated_class, is_protected, max_data, secured_class,
};
use crate::apdu::{Command, Le, MAX_COMMAND, Response, ResponseError, StatusWord};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::kdf::duplicate;
use crate::platform::{Block, Engine, PartialBlock};
use crate::role::KeyVersion;

/// The host before INITIALIZE UPDATE.
#[derive(Debug)]
pub struct HostHandshake {
    mode: Mode,
    key_version: KeyVersion,
    host_challenge: Block,
}

impl HostHandshake {
    /// A handshake with a key version number, and a fresh random challenge, of which S8 uses the first 8 bytes (Amendment D,
    /// 7.1.1). 00 leaves the choice to the card, x0 leaves to it which version of role x (specification, section 8). Card
    /// recognition data (GET DATA 0066) tell a card's mode.
    pub const fn new(mode: Mode, key_version: KeyVersion, host_challenge: Block) -> Self {
        Self { mode, key_version, host_challenge }
    }

    /// The command INITIALIZE UPDATE (Amendment D, 7.1.1).
    pub fn command(&self) -> Command<'_> {
        Command {
            cla: 0x80,
            ins: INITIALIZE_UPDATE,
            p1: self.key_version.byte(),
            p2: 0,
            data: self.mode.front(&self.host_challenge),
            le: Some(Le::MAX),
        }
    }

    /// Reads the response to it, with its status word (Amendment D, 7.1.1.7). Nothing in it is authenticated yet.
    pub fn challenge(self, response: &[u8]) -> Result<Challenge, HandshakeError> {
        let Response { data, status } = Response::parse(response)?;
        if !status.is_ok() {
            return Err(HandshakeError::Refused(status));
        }
        let Self { mode, key_version, host_challenge } = self;
        let mut reader = Reader::new(data);
        let diversification = reader.array()?;
        let [version, protocol, i] = reader.array()?;
        if protocol != PROTOCOL || i & !0x71 != 0 || i & 0x60 == 0x40 || i & 0x01 != mode.i() & 0x01 {
            return Err(HandshakeError::UnsupportedProtocol { protocol, i });
        }
        let version = KeyVersion::from_byte(version);
        if !is_choice_of(key_version, version) {
            return Err(HandshakeError::WrongKeyVersion { expected: key_version, reported: version });
        }
        let mut card_challenge = [0; 16];
        let mut cryptogram = [0; 16];
        for field in [&mut card_challenge, &mut cryptogram] {
            for (to, from) in field.iter_mut().zip(reader.take(mode.bytes())?) {
                *to = *from;
            }
        }
        if i & 0x10 != 0 {
            // A pseudo-random challenge comes with its sequence counter.
            reader.take(3)?;
        }
        reader.end()?;
        let context = Context::new(mode, &host_challenge, &card_challenge);
        Ok(Challenge { diversification, key_version: version, i, context, cryptogram })
    }
}

/// Whether a card that was asked for `asked` may use `version`: where a nibble is 0, the choice was the card's.
const fn is_choice_of(asked: KeyVersion, version: KeyVersion) -> bool {
    match (asked.byte() & 0xF0, asked.master()) {
        (0, 0) => true,
        (role, 0) => role == version.byte() & 0xF0,
        _ => asked.byte() == version.byte(),
    }
}

/// What a card answered to INITIALIZE UPDATE: enough to find its keys. Not authenticated.
#[derive(Debug)]
pub struct Challenge {
    diversification: Diversification,
    key_version: KeyVersion,
    i: u8,
    context: Context,
    cryptogram: Block,
}

impl Challenge {
    /// Key diversification data.
    pub const fn diversification(&self) -> &Diversification {
        &self.diversification
    }

    /// Key version number of the keys that the card uses.
    pub const fn key_version(&self) -> KeyVersion {
        self.key_version
    }

    /// S8 or S16.
    pub const fn mode(&self) -> Mode {
        self.context.mode()
    }

    /// Whether the card says that it can do `level` (Amendment D, 5.1, table 5-1).
    pub const fn supports(&self, level: SecurityLevel) -> bool {
        (!level.authenticates_responses() || self.i & 0x20 != 0)
            && (!level.encrypts_responses() || self.i & 0x40 != 0)
    }

    /// Checks the card cryptogram in constant time, and makes EXTERNAL AUTHENTICATE for `level` (Amendment D, 6.2.2 and 7.1.2).
    pub fn authenticate<E: Engine + ?Sized>(
        self,
        engine: &mut E,
        keys: &KeySet,
        level: SecurityLevel,
    ) -> Result<(PendingSession, Buffer<MAX_COMMAND>), HandshakeError> {
        if keys.version() != self.key_version {
            return Err(HandshakeError::WrongKeyVersion {
                expected: keys.version(),
                reported: self.key_version,
            });
        }
        if !self.supports(level) {
            return Err(HandshakeError::LevelNotSupported(level));
        }
        let Self { context, cryptogram, .. } = self;
        let mode = context.mode();
        let session = SessionKeys::new(engine, keys, &context);
        let expected = session.card_cryptogram(engine, &context);
        if !bool::from(expected.matches(mode.front(&cryptogram))) {
            return Err(HandshakeError::WrongCryptogram);
        }
        let host_cryptogram = session.host_cryptogram(engine, &context);
        let mut live = Live::new(session, duplicate(keys.dek()), mode, level);
        let mut command = Buffer::new();
        let [.., lc] = (2 * mode.bytes()).to_be_bytes();
        command.put(&[0x84, EXTERNAL_AUTHENTICATE, level as u8, 0, lc])?;
        let full_mac = live.command_mac(engine, command.as_slice(), host_cryptogram.as_slice());
        command.put(host_cryptogram.as_slice())?.put(mode.front(&full_mac))?;
        live.chain_on(full_mac);
        Ok((PendingSession { live }, command))
    }
}

/// The host after EXTERNAL AUTHENTICATE, before its answer. The card is authentic; whether it took the host to be is open.
pub struct PendingSession {
    live: Live,
}

impl PendingSession {
    /// Reads the answer: the session opens with 9000 (Amendment D, 7.1.2.7). It carries no MAC at any level.
    pub fn finish(self, response: &[u8]) -> Result<HostSession, HandshakeError> {
        match Response::parse(response)? {
            Response { data: [], status: StatusWord::OK } => Ok(HostSession { live: Some(self.live) }),
            Response { status: StatusWord::OK, .. } => Err(HandshakeError::Malformed),
            Response { status, .. } => Err(HandshakeError::Refused(status)),
        }
    }
}

impl fmt::Debug for PendingSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingSession({:?}, {:?}, redacted)", self.live.level, self.live.mode)
    }
}

/// Why a session was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The card answered with another status word than 9000.
    #[error("the card refused: {0}")]
    Refused(StatusWord),
    /// The response has not the fields of this protocol and mode (Amendment D, 7.1.1.7).
    #[error("the card's response is malformed")]
    Malformed,
    /// Another protocol, or another mode than was asked for (Amendment D, 5.1).
    #[error("the card offers protocol {protocol:02X} with i = {i:02X}")]
    UnsupportedProtocol {
        /// Secure channel protocol identifier.
        protocol: u8,
        /// Its implementation parameter.
        i: u8,
    },
    /// The card uses another key version than was asked for, or than the keys given have.
    #[error("the card uses key version {reported} instead of {expected}")]
    WrongKeyVersion {
        /// What was asked for, or given.
        expected: KeyVersion,
        /// What the card uses.
        reported: KeyVersion,
    },
    /// The card says that it cannot do this level (Amendment D, 5.1).
    #[error("the card does not support the level {0:?}")]
    LevelNotSupported(SecurityLevel),
    /// The card cryptogram is wrong: it has other keys, or is not authentic (Amendment D, 6.2.2.2).
    #[error("the card has other keys, or is not authentic")]
    WrongCryptogram,
}

impl From<WrongLength> for HandshakeError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::Malformed
    }
}

impl From<ResponseError> for HandshakeError {
    fn from(_: ResponseError) -> Self {
        Self::Malformed
    }
}

/// An open session on the host. A response that fails its check ends it and wipes its keys.
pub struct HostSession {
    live: Option<Live>,
}

impl HostSession {
    /// The level of the session; `None` once it has ended.
    pub fn level(&self) -> Option<SecurityLevel> {
        self.live.as_ref().map(|live| live.level)
    }

    /// The mode of the session; `None` once it has ended.
    pub fn mode(&self) -> Option<Mode> {
        self.live.as_ref().map(|live| live.mode)
    }

    /// The most data that a command in this session can have; `None` once it has ended.
    pub fn max_data(&self) -> Option<usize> {
        self.live.as_ref().map(|live| max_data(live.level, live.mode))
    }

    /// Ends the session and wipes its keys.
    pub fn end(&mut self) {
        self.live = None;
    }

    /// Encrypts a command's data and appends the C-MAC (Amendment D, 6.2.4 and 6.2.6). Empty data stay empty. Where responses carry
    /// a MAC, Le is 00. The caller's errors do not end the session.
    pub fn wrap<E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        command: &Command<'_>,
    ) -> Result<Buffer<MAX_COMMAND>, SessionError> {
        let mut out = Buffer::new();
        self.wrap_in(engine, command, &mut out)?;
        Ok(out)
    }

    /// [`Self::wrap`] in place of what `out` held.
    #[inline(never)]
    pub fn wrap_in<E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        command: &Command<'_>,
        out: &mut Buffer<MAX_COMMAND>,
    ) -> Result<(), SessionError> {
        let live = self.live.as_mut().ok_or(SessionError::SessionEnded)?;
        if live.in_command {
            return Err(SessionError::AwaitingResponse);
        }
        let max = max_data(live.level, live.mode);
        if command.data.len() > max {
            return Err(SessionError::TooLong { max: u8::try_from(max).unwrap_or(u8::MAX) });
        }
        let cla = secured_class(command.cla).ok_or(SessionError::InvalidClass)?;
        let authenticated = authenticated_class(cla).ok_or(SessionError::InvalidClass)?;
        let result = wrap(live, engine, &Command { cla, ..*command }, authenticated, out);
        if result.is_err() {
            self.end();
        }
        result
    }

    /// Checks and decrypts the response to the command that was wrapped last (Amendment D, 6.2.5 and 6.2.7). Any failure ends the
    /// session.
    pub fn unwrap<E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        response: &[u8],
    ) -> Result<Reply, SessionError> {
        let result = match &mut self.live {
            Some(live) => unwrap(live, engine, response),
            None => Err(SessionError::SessionEnded),
        };
        if result.is_err() {
            self.end();
        }
        result
    }

    /// Encrypts keys for PUT KEY, with Key-DEK (Amendment D, 6.2.8). Fails, changing nothing, where `data` is not whole blocks;
    /// that does not end the session.
    pub fn encrypt_keys<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        data: &mut [u8],
    ) -> Result<(), SessionError> {
        let live = self.live.as_ref().ok_or(SessionError::SessionEnded)?;
        live.encrypt_keys(engine, data).map_err(|PartialBlock| SessionError::PartialBlock)
    }
}

impl fmt::Debug for HostSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostSession({:?}, redacted)", self.level())
    }
}

fn wrap<E: Engine + ?Sized>(
    live: &mut Live,
    engine: &mut E,
    command: &Command<'_>,
    authenticated_class: u8,
    out: &mut Buffer<MAX_COMMAND>,
) -> Result<(), SessionError> {
    const DATA: usize = 5;
    let [cla, ins, p1, p2] = command.header();
    out.clear();
    // The length is put right below.
    out.put(&[cla, ins, p1, p2, 0])?.put(command.data)?;
    live.begin_command().ok_or(SessionError::SessionEnded)?;
    if live.level.encrypts_commands() && !command.data.is_empty() {
        out.put(padding(command.data.len()))?;
        let data = out.as_mut_slice().get_mut(DATA..).ok_or(WrongLength)?;
        live.encrypt(engine, Direction::Command, data)?;
    }
    let length = out.len().saturating_sub(DATA).saturating_add(live.mode.bytes());
    let lc = u8::try_from(length).map_err(|_| WrongLength)?;
    let data = out.as_slice().get(DATA..).unwrap_or_default();
    let full_mac = live.command_mac(engine, &[authenticated_class, ins, p1, p2, lc], data);
    live.chain_on(full_mac);
    out.put(live.mode.front(&full_mac))?;
    if let Some(place) = out.as_mut_slice().get_mut(DATA - 1) {
        *place = lc;
    }
    let le = if live.level.authenticates_responses() { Some(Le::MAX) } else { command.le };
    if let Some(le) = le {
        out.u8(le.byte())?;
    }
    Ok(())
}

fn unwrap<E: Engine + ?Sized>(
    live: &mut Live,
    engine: &mut E,
    response: &[u8],
) -> Result<Reply, SessionError> {
    if !core::mem::take(&mut live.in_command) {
        return Err(SessionError::NoCommand);
    }
    let Response { data: body, status } = Response::parse(response).map_err(|_| SessionError::Malformed)?;
    let mut data = Buffer::new();
    if !live.level.authenticates_responses() {
        data.put(body)?;
        return Ok(Reply::Unverified { data, status });
    }
    if !is_protected(status) {
        // Only the status word may stand here (Amendment D, 6.2.5).
        return if body.is_empty() {
            Ok(Reply::Unverified { data, status })
        } else {
            Err(SessionError::Malformed)
        };
    }
    let length = body.len().checked_sub(live.mode.bytes()).ok_or(SessionError::MissingMac)?;
    let (body, mac) = body.split_at_checked(length).ok_or(SessionError::MissingMac)?;
    let full_mac = live.response_mac(engine, body, status);
    if !bool::from(live.mac_matches(&full_mac, mac)) {
        return Err(SessionError::WrongMac);
    }
    data.put(body)?;
    if live.level.encrypts_responses() && !data.is_empty() {
        let length = live
            .decrypt(engine, Direction::Response, data.as_mut_slice())
            .map_err(|_| SessionError::Malformed)?;
        data.truncate(length);
    }
    Ok(Reply::Verified { data, status })
}

/// A response, and whether the card is known to have sent it in answer to this command (Amendment D, 6.2.5).
#[derive(Debug, Clone)]
#[must_use]
pub enum Reply {
    /// The R-MAC was right: the card executed the command, and these are its data and status (9000, 62xx or 63xx).
    Verified {
        /// Response data, decrypted.
        data: Buffer<256>,
        /// Success or a warning.
        status: StatusWord,
    },
    /// There was no MAC, because the status is an error or the level has no R-MAC. Anyone between may have made this up, and
    /// the command may have been executed all the same.
    Unverified {
        /// Response data; empty at a level with R-MAC.
        data: Buffer<256>,
        /// Any status word.
        status: StatusWord,
    },
}

impl Reply {
    /// The status word, verified or not.
    pub const fn status(&self) -> StatusWord {
        match self {
            Self::Verified { status, .. } | Self::Unverified { status, .. } => *status,
        }
    }

    /// The response data, verified or not.
    pub fn data(&self) -> &[u8] {
        match self {
            Self::Verified { data, .. } | Self::Unverified { data, .. } => data.as_slice(),
        }
    }

    /// Data and status, where an R-MAC proves them.
    pub fn verified(&self) -> Option<(&[u8], StatusWord)> {
        match self {
            Self::Verified { data, status } => Some((data.as_slice(), *status)),
            Self::Unverified { .. } => None,
        }
    }
}

/// Why a host cannot go on with a session, or with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The session has ended before, or has used its last counter.
    #[error("the secure channel session has ended")]
    SessionEnded,
    /// The command's data do not fit; nothing was sent, and the session goes on.
    #[error("at most {max} bytes of data fit a secured command")]
    TooLong {
        /// What [`max_data`] says.
        max: u8,
    },
    /// The class cannot have GlobalPlatform's secure messaging; nothing was sent, and the session goes on.
    #[error("this class has no secure messaging")]
    InvalidClass,
    /// The response to the command before has not been unwrapped; nothing was sent. Where it was lost, the session is lost.
    #[error("the response to the previous command is outstanding")]
    AwaitingResponse,
    /// A response without a command. Ends the session.
    #[error("there is no command that this could answer")]
    NoCommand,
    /// No response, data beside an error, or badly padded data under a right MAC. Ends the session.
    #[error("the response is malformed")]
    Malformed,
    /// Success or a warning without R-MAC: removed on the way, or the card has lost the session. Ends the session.
    #[error("the response carries no MAC")]
    MissingMac,
    /// The R-MAC is wrong: changed on the way, or the answer to another command. Ends the session.
    #[error("the MAC of the response is wrong")]
    WrongMac,
    /// Keys to encrypt are not whole blocks; the session goes on.
    #[error("the keys are not whole blocks")]
    PartialBlock,
    /// A length that was checked did not fit: an error in this module. Ends the session.
    #[error("internal error of the secure channel")]
    Internal,
}

impl From<WrongLength> for SessionError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::Internal
    }
}

impl From<PartialBlock> for SessionError {
    fn from(PartialBlock: PartialBlock) -> Self {
        Self::Internal
    }
}
