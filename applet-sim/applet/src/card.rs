//! The card application on its chip: power, what a reset forgets, and the way to the memory.

use crate::persistent::{Failed, Persistent};
use card_core::apdu::{MAX_RESPONSE, StatusWord};
use card_core::bytes::Buffer;
use card_core::id::{CardId, Environment, State};
use card_core::key::{AesKey, KeyLength};
use card_core::layout::File;
use card_core::platform::{Engine, Memory, Platform};
use card_core::role::{Derivation, Role};
use card_core::scp03::{CardHandshake, CardSession};

/// A response: data and status word.
pub type Reply = Buffer<MAX_RESPONSE>;

/// How commands reach the card, where that matters to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// T=1, and ISO/IEC 14443-4.
    Block,
    /// T=0: answers 61xx and 6Cxx (ISO/IEC 7816-3, 12.2).
    T0,
}

/// The card application on its chip.
pub struct CardApplication<P> {
    pub(crate) platform: P,
    pub(crate) protocol: Protocol,
    /// `None` after the memory has failed: then the card answers 6581.
    pub(crate) persistent: Option<Persistent>,
    pub(crate) volatile: Volatile,
}

/// What a reset forgets.
pub(crate) struct Volatile {
    pub(crate) channel: Channel,
    pub(crate) current_file: Option<File>,
    /// What GET RESPONSE will fetch, and how much of it has been.
    pub(crate) pending: Reply,
    pub(crate) sent: usize,
    /// The class byte of the command that left it.
    pub(crate) pending_class: u8,
    /// The status word of the whole answer, which comes with its last part.
    pub(crate) pending_status: StatusWord,
    /// Failed authentications since power-up, and for which roles one was counted in memory. Not forgotten by `deselect`.
    pub(crate) failures: u8,
    pub(crate) counted: [bool; 4],
}

impl Volatile {
    const fn new() -> Self {
        Self {
            channel: Channel::Idle,
            current_file: None,
            pending: Buffer::new(),
            sent: 0,
            pending_class: 0x00,
            pending_status: StatusWord::OK,
            failures: 0,
            counted: [false; 4],
        }
    }
}

/// The initial admin key set could not be made, or not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory did not take the data of a blank card")]
pub struct ManufactureError;

/// What a card maker does: puts card id, environment and initial admin key set into erased memory.
pub fn manufacture(
    platform: &mut (impl Engine + Memory),
    card: CardId,
    environment: Environment,
    initial_master: &AesKey,
    length: KeyLength,
) -> Result<(), ManufactureError> {
    let keys = Derivation::initial(environment, card, length)
        .key_set(platform, initial_master)
        .ok_or(ManufactureError)?;
    Persistent::manufacture(platform, card, environment, &keys).map_err(|Failed| ManufactureError)
}

impl<P: Platform> CardApplication<P> {
    /// Power-up: makes doubtful memory safe, then answers.
    pub fn power_up(platform: P, protocol: Protocol) -> Self {
        let mut card = Self { platform, protocol, persistent: None, volatile: Volatile::new() };
        card.reset(protocol);
        card
    }

    /// Power-up of the same chip again, or a reset.
    pub fn reset(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.volatile = Volatile::new();
        self.persistent = Persistent::recover(&mut self.platform).ok();
    }

    /// Ends a session and forgets everything volatile, but for the failed authentications since power-up.
    pub fn deselect(&mut self) {
        let (failures, counted) = (self.volatile.failures, self.volatile.counted);
        self.volatile = Volatile { failures, counted, ..Volatile::new() };
    }

    /// The chip below.
    pub const fn platform(&self) -> &P {
        &self.platform
    }

    /// The chip below.
    pub const fn platform_mut(&mut self) -> &mut P {
        &mut self.platform
    }

    /// Takes power away: the chip below remains.
    pub fn into_platform(self) -> P {
        self.platform
    }

    /// Records written to memory since power-up.
    pub fn records_written(&self) -> u32 {
        self.persistent.as_ref().map_or(0, Persistent::written)
    }

    pub(crate) fn memory(&self) -> Result<&Persistent, StatusWord> {
        self.persistent.as_ref().ok_or(StatusWord::MEMORY_FAILURE)
    }

    /// Runs one access to the memory; where it fails, the card answers 6581 from then on, since what its copy in RAM
    /// says may no longer be true.
    pub(crate) fn with_memory<T>(
        &mut self,
        access: impl FnOnce(&mut Persistent, &mut P) -> Result<T, Failed>,
    ) -> Result<T, StatusWord> {
        let persistent = self.persistent.as_mut().ok_or(StatusWord::MEMORY_FAILURE)?;
        access(persistent, &mut self.platform).map_err(|Failed| {
            self.persistent = None;
            StatusWord::MEMORY_FAILURE
        })
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.persistent.as_ref().map(|persistent| persistent.purse().state)
    }
}

/// Where the secure channel stands.
pub(crate) enum Channel {
    /// Nothing.
    Idle,
    /// INITIALIZE UPDATE was answered.
    Handshake(CardHandshake, Role),
    /// EXTERNAL AUTHENTICATE succeeded.
    Open(CardSession, Role),
}
