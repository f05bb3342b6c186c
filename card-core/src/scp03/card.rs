//! The card's side: INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, then [`CardSession::unwrap`] and [`CardSession::wrap`].

use core::fmt;

use super::derive::{Context, SessionKeys};
use super::session::{Direction, Live, padding};
use super::{
    Diversification, EXTERNAL_AUTHENTICATE, KeySet, Mode, PROTOCOL, SecurityLevel, authenticated_class,
    is_protected, max_response,
};
use crate::apdu::StatusWord;
use crate::bytes::{Buffer, WrongLength};
use crate::kdf::duplicate;
use crate::key::AesKey;
use crate::platform::{Block, Engine, PartialBlock};
use crate::role::KeyVersion;

/// Bytes in the longest answer to INITIALIZE UPDATE (Amendment D, 7.1.1.7): 45 in S16, 29 in S8.
pub const MAX_CHALLENGE: usize = 45;

/// The card after INITIALIZE UPDATE. Dropping it forgets the session keys.
pub struct CardHandshake {
    keys: SessionKeys,
    dek: AesKey,
    context: Context,
    version: KeyVersion,
}

impl CardHandshake {
    /// INITIALIZE UPDATE (Amendment D, 7.1.1): the handshake, and the data to answer with before 9000. `keys` are those that P1
    /// names; `host_challenge` is the command's data; `card_challenge` is random, and in S8 its first 8 bytes are used.
    pub fn initialize_update<E: Engine + ?Sized>(
        engine: &mut E,
        keys: &KeySet,
        mode: Mode,
        host_challenge: &[u8],
        card_challenge: &Block,
        diversification: &Diversification,
    ) -> Result<(Self, Buffer<MAX_CHALLENGE>), WrongLength> {
        if host_challenge.len() != mode.bytes() {
            return Err(WrongLength);
        }
        let mut host = [0; 16];
        for (to, from) in host.iter_mut().zip(host_challenge) {
            *to = *from;
        }
        let context = Context::new(mode, &host, card_challenge);
        let session = SessionKeys::new(engine, keys, &context);
        let cryptogram = session.card_cryptogram(engine, &context);
        let mut answer = Buffer::new();
        answer.put(diversification)?.put(&[keys.version().byte(), PROTOCOL, mode.i()])?;
        answer.put(mode.front(card_challenge))?.put(cryptogram.as_slice())?;
        Ok((Self { keys: session, dek: duplicate(keys.dek()), context, version: keys.version() }, answer))
    }

    /// EXTERNAL AUTHENTICATE (Amendment D, 7.1.2): checks host cryptogram and C-MAC, both in constant time, and opens the
    /// session. The answer is a bare 9000, or what [`AuthenticationError::status`] says; the handshake is used up either way.
    pub fn external_authenticate<E: Engine + ?Sized>(
        self,
        engine: &mut E,
        [cla, ins, p1, p2]: [u8; 4],
        data: &[u8],
    ) -> Result<CardSession, AuthenticationError> {
        let Self { keys, dek, context, version } = self;
        let mode = context.mode();
        if ins != EXTERNAL_AUTHENTICATE || p2 != 0 {
            return Err(AuthenticationError::Header);
        }
        let cla = authenticated_class(cla).ok_or(AuthenticationError::Header)?;
        let level = SecurityLevel::try_from(p1).map_err(|_| AuthenticationError::Level)?;
        let (cryptogram, mac) = data.split_at_checked(mode.bytes()).ok_or(AuthenticationError::Length)?;
        if mac.len() != mode.bytes() {
            return Err(AuthenticationError::Length);
        }
        let expected = keys.host_cryptogram(engine, &context);
        let mut live = Live::new(keys, dek, mode, level);
        let lc = u8::try_from(data.len()).map_err(|_| AuthenticationError::Length)?;
        let full_mac = live.command_mac(engine, &[cla, ins, p1, p2, lc], cryptogram);
        let both = expected.matches(cryptogram) & live.mac_matches(&full_mac, mac);
        if !bool::from(both) {
            return Err(AuthenticationError::Failed);
        }
        live.chain_on(full_mac);
        Ok(CardSession { live: Some(live), version })
    }
}

impl fmt::Debug for CardHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardHandshake({}, {:?}, redacted)", self.version, self.context.mode())
    }
}

/// Why EXTERNAL AUTHENTICATE failed (Amendment D, 7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Not EXTERNAL AUTHENTICATE with secure messaging and P2 = 00.
    #[error("this is not EXTERNAL AUTHENTICATE with secure messaging")]
    Header,
    /// P1 is no security level that this card has.
    #[error("this security level is not supported")]
    Level,
    /// The data are not host cryptogram and C-MAC.
    #[error("the data are not host cryptogram and MAC")]
    Length,
    /// Host cryptogram or C-MAC is wrong; it is not said which.
    #[error("the host is not authentic")]
    Failed,
}

impl AuthenticationError {
    /// The status word to answer with (Amendment D, 7.1.2.7, and Card Specification 2.3, 11.1.3).
    pub const fn status(self) -> StatusWord {
        match self {
            Self::Header => StatusWord::CONDITIONS_OF_USE,
            Self::Level => StatusWord::WRONG_P1_P2,
            Self::Length => StatusWord::WRONG_LENGTH,
            Self::Failed => StatusWord::AUTHENTICATION_FAILED,
        }
    }
}

/// An authenticated session on the card. The first failure ends it and wipes its keys.
pub struct CardSession {
    live: Option<Live>,
    version: KeyVersion,
}

impl CardSession {
    /// The level of the session; `None` once it has ended.
    pub fn level(&self) -> Option<SecurityLevel> {
        self.live.as_ref().map(|live| live.level)
    }

    /// Key version number of the key set that authenticated.
    pub const fn key_version(&self) -> KeyVersion {
        self.version
    }

    /// Ends the session and wipes its keys.
    pub fn end(&mut self) {
        self.live = None;
    }

    /// Checks and decrypts a command in place (Amendment D, 6.2.4 and 6.2.6), and returns how many bytes of plaintext stand at
    /// the front of `data`. `data` are the command's data with the C-MAC. Any failure wipes `data` and ends the session.
    pub fn unwrap<E: Engine + ?Sized>(
        &mut self,
        engine: &mut E,
        header: [u8; 4],
        data: &mut [u8],
    ) -> Result<usize, SecureMessagingError> {
        let result = match &mut self.live {
            Some(live) => unwrap(live, engine, header, data),
            None => Err(SecureMessagingError::SessionEnded),
        };
        if result.is_err() {
            data.fill(0);
            self.end();
        }
        result
    }

    /// Encrypts response data and appends the R-MAC, as the level has it (Amendment D, 6.2.5 and 6.2.7). An error status is sent
    /// without data and MAC. Any failure clears `data` and ends the session.
    pub fn wrap<E: Engine + ?Sized, const N: usize>(
        &mut self,
        engine: &mut E,
        data: &mut Buffer<N>,
        status: StatusWord,
    ) -> Result<(), SecureMessagingError> {
        let result = match &mut self.live {
            Some(live) => wrap(live, engine, data, status),
            None => Err(SecureMessagingError::SessionEnded),
        };
        if result.is_err() {
            data.clear();
            self.end();
        }
        result
    }

    /// Decrypts keys that PUT KEY brings, with Key-DEK (Amendment D, 6.2.8). Fails, changing nothing, where `data` is not whole
    /// blocks; that does not end the session.
    pub fn decrypt_keys<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        data: &mut [u8],
    ) -> Result<(), SecureMessagingError> {
        let live = self.live.as_ref().ok_or(SecureMessagingError::SessionEnded)?;
        Ok(live.decrypt_keys(engine, data)?)
    }
}

fn unwrap<E: Engine + ?Sized>(
    live: &mut Live,
    engine: &mut E,
    [cla, ins, p1, p2]: [u8; 4],
    data: &mut [u8],
) -> Result<usize, SecureMessagingError> {
    let cla = authenticated_class(cla).ok_or(SecureMessagingError::NotSecured)?;
    let lc = u8::try_from(data.len()).map_err(|_| SecureMessagingError::Malformed)?;
    let body = data.len().checked_sub(live.mode.bytes()).ok_or(SecureMessagingError::Malformed)?;
    let (body, mac) = data.split_at_mut_checked(body).ok_or(SecureMessagingError::Malformed)?;
    let full_mac = live.command_mac(engine, &[cla, ins, p1, p2, lc], body);
    if !bool::from(live.mac_matches(&full_mac, mac)) {
        return Err(SecureMessagingError::WrongMac);
    }
    live.chain_on(full_mac);
    live.begin_command().ok_or(SecureMessagingError::SessionEnded)?;
    if live.level.encrypts_commands() && !body.is_empty() {
        live.decrypt(engine, Direction::Command, body).map_err(|_| SecureMessagingError::Malformed)
    } else {
        Ok(body.len())
    }
}

fn wrap<E: Engine + ?Sized, const N: usize>(
    live: &mut Live,
    engine: &mut E,
    data: &mut Buffer<N>,
    status: StatusWord,
) -> Result<(), SecureMessagingError> {
    if !core::mem::take(&mut live.in_command) {
        return Err(SecureMessagingError::NoCommand);
    }
    if !live.level.authenticates_responses() {
        return Ok(());
    }
    if !is_protected(status) {
        data.clear();
        return Ok(());
    }
    if data.len() > max_response(live.level, live.mode) {
        return Err(SecureMessagingError::TooLong);
    }
    if live.level.encrypts_responses() && !data.is_empty() {
        data.put(padding(data.len()))?;
        live.encrypt(engine, Direction::Response, data.as_mut_slice())?;
    }
    let full_mac = live.response_mac(engine, data.as_slice(), status);
    data.put(live.mode.front(&full_mac))?;
    Ok(())
}

impl fmt::Debug for CardSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardSession({}, {:?}, redacted)", self.version, self.level())
    }
}

/// Why a card refuses a command or a response in a session. All but [`SecureMessagingError::PartialBlock`] end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecureMessagingError {
    /// The session has ended before, or has used its last counter.
    #[error("the secure channel session has ended")]
    SessionEnded,
    /// The class byte does not indicate secure messaging (Card Specification 2.3, 11.1.4).
    #[error("the command has no secure messaging")]
    NotSecured,
    /// Too short for a MAC, not whole blocks, or not padded (Amendment D, 4.1.4).
    #[error("the secured data are malformed")]
    Malformed,
    /// The C-MAC is wrong (Amendment D, 6.2.4).
    #[error("the MAC of the command is wrong")]
    WrongMac,
    /// A response without a command that it answers: an error of the caller, which would repeat an IV.
    #[error("there is no command to answer")]
    NoCommand,
    /// The response does not fit (see [`max_response`]), or not into its buffer.
    #[error("the response is too long")]
    TooLong,
    /// Encrypted keys are not whole blocks (Amendment D, 6.2.8).
    #[error("the encrypted keys are not whole blocks")]
    PartialBlock,
}

impl SecureMessagingError {
    /// The status word to answer with (ISO/IEC 7816-4, 5.6; Amendment D, 6.2.4).
    pub const fn status(self) -> StatusWord {
        match self {
            Self::SessionEnded => StatusWord::CONDITIONS_OF_USE,
            Self::NotSecured | Self::WrongMac | Self::Malformed => StatusWord::SECURE_MESSAGING_DATA,
            Self::PartialBlock => StatusWord::WRONG_DATA,
            Self::NoCommand | Self::TooLong => StatusWord::UNKNOWN,
        }
    }
}

impl From<WrongLength> for SecureMessagingError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::TooLong
    }
}

impl From<PartialBlock> for SecureMessagingError {
    fn from(PartialBlock: PartialBlock) -> Self {
        Self::PartialBlock
    }
}
