//! The secure channel (specification, section 8).

use crate::card::{CardApplication, Channel, Reply};
use crate::checks::{ensure, put};
use crate::request::SessionKeys;
use card_core::apdu::{Command, StatusWord};
use card_core::layout::{Authority, session_allowed};
use card_core::platform::Platform;
use card_core::role::Role;
use card_core::scp03::CardHandshake;
use card_core::scp03::card::AuthenticationError;

/// Longest wait after a failed authentication, in ms.
const LONGEST_WAIT: u16 = 1000;

impl<P: Platform> CardApplication<P> {
    /// INITIALIZE UPDATE. Writes no memory.
    pub(crate) fn initialize_update(
        &mut self,
        wanted: SessionKeys,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let state = self.memory()?.purse().state;
        let vending = session_allowed(Role::Vending, state)
            && self.with_memory(|m, p| m.key_info(p, Role::Vending))?.is_some();
        let role = match wanted {
            SessionKeys::Any if vending => Some(Role::Vending),
            SessionKeys::Any => Some(Role::Admin),
            SessionKeys::Version(version) => version.role().filter(|role| role.session_index().is_some()),
        };
        ensure(role.is_none_or(|role| session_allowed(role, state)), StatusWord::CONDITIONS_OF_USE)?;
        let identity = self.memory()?.identity();
        let (mode, diversification) = (identity.mode, identity.card.emit());
        ensure(data.len() == mode.bytes(), StatusWord::WRONG_LENGTH)?;
        let role = role.ok_or(StatusWord::DATA_NOT_FOUND)?;
        let keys = self.with_memory(|m, p| m.key_set(p, role))?.ok_or(StatusWord::DATA_NOT_FOUND)?;
        let right = match wanted {
            SessionKeys::Any => true,
            SessionKeys::Version(version) => version.master() == 0 || version == keys.version(),
        };
        ensure(right, StatusWord::DATA_NOT_FOUND)?;
        let mut challenge = [0; 16];
        let challenge_bytes = challenge.get_mut(..mode.bytes()).ok_or(StatusWord::UNKNOWN)?;
        self.platform.fill(challenge_bytes).map_err(|_| StatusWord::UNKNOWN)?;
        let (handshake, answer) = CardHandshake::initialize_update(
            &mut self.platform,
            &keys,
            mode,
            data,
            &challenge,
            &diversification,
        )
        .map_err(|_| StatusWord::WRONG_LENGTH)?;
        put(reply, answer.as_slice())?;
        self.volatile.channel = Channel::Handshake(handshake, role);
        Ok(StatusWord::OK)
    }

    /// EXTERNAL AUTHENTICATE. A failure is counted once for each role and power-up, then waited for, then answered.
    pub(crate) fn external_authenticate(
        &mut self,
        header: [u8; 4],
        data: &[u8],
    ) -> Result<StatusWord, StatusWord> {
        ensure(matches!(self.volatile.channel, Channel::Handshake(..)), StatusWord::CONDITIONS_OF_USE)?;
        let length = 2 * self.memory()?.identity().mode.bytes();
        ensure(data.len() == length, StatusWord::WRONG_LENGTH)?;
        let channel = core::mem::replace(&mut self.volatile.channel, Channel::Idle);
        let Channel::Handshake(handshake, role) = channel else { return Err(StatusWord::CONDITIONS_OF_USE) };
        match handshake.external_authenticate(&mut self.platform, header, data) {
            Ok(session) => {
                self.note_failures(role, 0);
                self.volatile.channel = Channel::Open(session, role);
                Ok(StatusWord::OK)
            }
            Err(AuthenticationError::Failed) => {
                self.count_failure(role);
                Err(StatusWord::AUTHENTICATION_FAILED)
            }
            Err(error) => Err(error.status()),
        }
    }

    fn count_failure(&mut self, role: Role) {
        let counted = role.session_index().and_then(|index| self.volatile.counted.get_mut(index));
        let first = counted.is_some_and(|counted| !core::mem::replace(counted, true));
        if first {
            let count = self.persistent.as_ref().map_or(0, |persistent| persistent.failures(role));
            self.note_failures(role, count.saturating_add(1));
        }
        let wait = 125_u16 << self.volatile.failures.min(3);
        self.volatile.failures = self.volatile.failures.saturating_add(1);
        self.platform.wait(wait.min(LONGEST_WAIT));
    }

    /// Keeps a count in memory, where it has changed. Nothing depends on that it can: who wears its pages out by pulling the card
    /// again and again must not lock out whoever has the right keys.
    fn note_failures(&mut self, role: Role, count: u16) {
        if let Some(persistent) = &mut self.persistent
            && persistent.failures(role) != count
        {
            let _ = persistent.set_failures(&mut self.platform, role, count);
        }
    }

    /// Step 3: checks and decrypts a command in place.
    pub(crate) fn unwrap(
        &mut self,
        command: &Command<'_>,
        data: &mut [u8],
    ) -> Result<(Authority, usize), StatusWord> {
        let Channel::Open(session, role) = &mut self.volatile.channel else {
            return Err(StatusWord::CONDITIONS_OF_USE);
        };
        let authority = session.level().map(|level| Authority { role: *role, level });
        match (authority, session.unwrap(&mut self.platform, command.header(), data)) {
            (Some(authority), Ok(len)) => Ok((authority, len)),
            (_, result) => {
                self.volatile.channel = Channel::Idle;
                Err(result.map_or_else(|error| error.status(), |_| StatusWord::SECURE_MESSAGING_DATA))
            }
        }
    }

    /// Protects the answer to a command with secure messaging.
    pub(crate) fn wrap(&mut self, reply: &mut Reply, status: StatusWord) -> Result<(), StatusWord> {
        let Channel::Open(session, _) = &mut self.volatile.channel else { return Ok(()) };
        if session.wrap(&mut self.platform, reply, status).is_err() {
            self.volatile.channel = Channel::Idle;
            return Err(StatusWord::UNKNOWN);
        }
        Ok(())
    }
}
