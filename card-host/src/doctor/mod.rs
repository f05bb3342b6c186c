//! Looks at everything between a program and a card, and names what is wrong. Nothing ends it early, and it changes nothing on a card.
//!
//! What is found are facts; what they mean and how to mend it, in the languages of whoever reads, is said by the program that shows them.

mod card;
mod others;
#[cfg(feature = "pcsc")]
mod readers;

pub use card::{Subject, examine};
#[cfg(feature = "pcsc")]
pub use readers::{examine_readers, readers_in};

use serde::Serialize;

use crate::card::CardError;
use crate::reader_error::ReaderError;
use crate::transport::TransportError;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether the PC/SC service runs.
    Service,
    /// Whether this user may use readers.
    Rights,
    /// Which readers are attached.
    Readers,
    /// Whether there is a driver for them.
    Driver,
    /// Who else uses readers, and who holds this one.
    Holder,
    /// Whether there is a card that answers.
    Card,
    /// Its answer to reset, decoded.
    Atr,
    /// Its protocol and speed.
    Protocol,
    /// Whether it is ours.
    Application,
    /// In which state it is.
    State,
    /// How worn its memory is.
    Wear,
    /// How long an exchange takes.
    RoundTrip,
    /// How long commands and answers may be.
    Payload,
    /// The key store.
    Keys,
    /// The ledger.
    Ledger,
    /// The server for channels.
    Server,
    /// The clock.
    Clock,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at: something before it is missing.
    Skipped,
    /// It works, and somebody should see to it.
    Warning,
    /// It does not work.
    Failure,
}

/// What a check found, as a case for which there is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// As it should be.
    Good,
    /// Missing, and not needed for what was asked.
    NotNeeded,
    /// There is no simulated card yet.
    NoSimulatedCard,
    /// Something before it is missing.
    Before,
    /// The service does not run.
    ServiceStopped,
    /// The service refuses this user.
    AccessDenied,
    /// No reader is attached.
    NoReader,
    /// A reader is attached, and the service does not know it.
    DriverMissing,
    /// There is no reader of that name.
    UnknownReader,
    /// Several readers have that name, and not exactly one has a card.
    AmbiguousReader,
    /// Nothing answers at that address.
    Unreachable,
    /// The reader is gone.
    ReaderGone,
    /// The reader is empty.
    NoCard,
    /// What is in the reader does not answer.
    Mute,
    /// The card gets no power.
    NoPower,
    /// Another program has the reader.
    InUse,
    /// Another program has set another protocol.
    OtherProtocol,
    /// It took too long.
    TimedOut,
    /// The card was taken out, or reset, while it was looked at.
    Interrupted,
    /// The answer to reset is not in form.
    AtrWrong,
    /// The contacts are as slow as can be.
    SlowSpeed,
    /// The card is another one than ours.
    NotOurs,
    /// The card is ours, of a layout that this program does not know, or answers wrongly.
    NotUnderstood,
    /// Its memory has failed.
    MemoryFailed,
    /// It is blank.
    Blank,
    /// It has been issued, and not charged.
    NotActivated,
    /// It is blocked.
    Blocked,
    /// It is terminated.
    Terminated,
    /// A card does not tell how worn it is.
    WearUnknown,
    /// Its memory is nearly worn out.
    Worn,
    /// Exchanges take long.
    Slow,
    /// Long commands do not come through.
    ShortPayload,
    /// There is no key store yet.
    NoKeys,
    /// The key store cannot be used.
    KeysUnusable,
    /// The keys are for development.
    DevelopmentKeys,
    /// There is no ledger yet.
    NoLedger,
    /// The ledger cannot be used.
    LedgerUnusable,
    /// The server answers, and its ledger does not.
    ServerStore,
    /// Something else answers where the server should.
    ServerOther,
    /// The clock is wrong for sure.
    ClockWrong,
    /// The clock differs from the server's.
    ClockDiffers,
    /// The clock is set by nobody.
    ClockUnsynchronised,
    /// Anything else.
    Other,
}

impl Cause {
    /// How bad it is.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Good | Self::NotNeeded | Self::Blank | Self::NotActivated => Verdict::Ok,
            Self::Before | Self::WearUnknown | Self::NoKeys | Self::NoLedger | Self::NoSimulatedCard => {
                Verdict::Skipped
            }
            Self::SlowSpeed
            | Self::Worn
            | Self::Slow
            | Self::AtrWrong
            | Self::DevelopmentKeys
            | Self::ClockUnsynchronised
            | Self::Blocked => Verdict::Warning,
            _ => Verdict::Failure,
        }
    }
}

impl From<&ReaderError> for Cause {
    fn from(error: &ReaderError) -> Self {
        match error {
            ReaderError::ServiceNotRunning => Self::ServiceStopped,
            ReaderError::AccessDenied => Self::AccessDenied,
            ReaderError::NoReader => Self::NoReader,
            ReaderError::UnknownReader { .. } => Self::UnknownReader,
            ReaderError::AmbiguousReader { .. } => Self::AmbiguousReader,
            ReaderError::Unreachable { .. } => Self::Unreachable,
            ReaderError::ReaderGone { .. } => Self::ReaderGone,
            ReaderError::NoCard { .. } => Self::NoCard,
            ReaderError::UnresponsiveCard { .. } => Self::Mute,
            ReaderError::NoProtocol { .. } => Self::NotUnderstood,
            ReaderError::NoPower { .. } => Self::NoPower,
            ReaderError::InUse { .. } => Self::InUse,
            ReaderError::OtherProtocol { .. } => Self::OtherProtocol,
            ReaderError::TimedOut { .. } => Self::TimedOut,
            ReaderError::CardRemoved { .. } | ReaderError::CardReset { .. } | ReaderError::Ended => {
                Self::Interrupted
            }
            ReaderError::Other { .. } => Self::Other,
        }
    }
}

impl From<&TransportError> for Cause {
    fn from(error: &TransportError) -> Self {
        match error {
            TransportError::Reader(error) => error.into(),
            _ => Self::NotUnderstood,
        }
    }
}

impl From<&CardError> for Cause {
    fn from(error: &CardError) -> Self {
        match error {
            CardError::Transport(error) => error.into(),
            CardError::NotOurs(_) => Self::NotOurs,
            CardError::Unusable(card_core::terminal::select::SelectError::MemoryFailed { .. }) => {
                Self::MemoryFailed
            }
            _ => Self::NotUnderstood,
        }
    }
}

/// One line of what a doctor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// What was found, as a case.
    pub cause: Cause,
    /// The facts: names, numbers, times, and what an error said.
    pub found: String,
}

impl Finding {
    /// Of a check that came out like this.
    pub fn new(check: Check, cause: Cause, found: impl Into<String>) -> Self {
        Self { check, cause, found: found.into() }
    }

    /// As it should be.
    pub fn good(check: Check, found: impl Into<String>) -> Self {
        Self::new(check, Cause::Good, found)
    }

    /// Not looked at.
    pub fn before(check: Check) -> Self {
        Self::new(check, Cause::Before, "")
    }

    /// How bad it is.
    pub const fn verdict(&self) -> Verdict {
        self.cause.verdict()
    }
}
