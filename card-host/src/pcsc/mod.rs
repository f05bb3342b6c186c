//! Readers over PC/SC: pcscd on Linux, WinSCard on Windows, the PCSC framework on macOS.
//!
//! - [`readers`] lists them, [`find`] picks one by a part of its name, [`wait_for_card`] waits for one with a card, [`watch()`] tells all that
//!   happens at them;
//! - [`open`] opens the card in one, over a [`Connection`]: shared mode, T=0 or T=1, one transaction for as long as it lasts, every step watched by
//!   a deadline. It never reconnects: a card that is reset in a session has forgotten it, and that is an error.

mod connection;
mod holders;
mod names;
mod wait;
mod watch;

pub use connection::{CardAfter, Connection, Limits, Protocol, connect, connect_with, open};
pub use holders::holders;
pub use wait::{CardPresent, wait_for_card};
pub use watch::{Event, Watch, watch};

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ::pcsc::{Context, Error, ReaderState, Scope, State};

use self::names::{ReaderName, choose, list, texts};
use crate::reader_error::ReaderError;

/// How long the PC/SC service may take for what needs no card.
const SERVICE_LIMIT: Duration = Duration::from_secs(10);
/// How often what passes by itself is tried again.
const TRIES: u8 = 8;

/// The names of all readers that are attached; none is no error.
pub fn readers() -> Result<Vec<String>, ReaderError> {
    watched("listing the readers", SERVICE_LIMIT, || {
        let context = establish()?;
        Ok(texts(&list(&context)?))
    })
}

/// All readers that are attached, and whether there is a card in each.
pub fn readers_and_cards() -> Result<Vec<(String, bool)>, ReaderError> {
    watched("listing the readers", SERVICE_LIMIT, || {
        let context = establish()?;
        let mut found = Vec::new();
        for name in list(&context)? {
            // Each by itself: one that cannot be asked hides no other.
            if let Some(state) = state_of(&context, &name)? {
                found.push((name.to_string(), state.contains(State::PRESENT)));
            }
        }
        Ok(found)
    })
}

/// The state of a reader; `None` where it has left.
fn state_of(context: &Context, name: &ReaderName) -> Result<Option<State>, ReaderError> {
    let mut tries = TRIES;
    loop {
        let mut states = [ReaderState::new(name.bytes(), State::UNAWARE)];
        match context.get_status_change(Duration::ZERO, &mut states) {
            Ok(()) => {
                let [state] = &states;
                return Ok(Some(state.event_state()));
            }
            // Listed, it is there: perhaps it has just come.
            Err(Error::UnknownReader | Error::ReaderUnavailable)
                if tries > 0 && list(context)?.contains(name) =>
            {
                tries -= 1;
            }
            Err(Error::UnknownReader | Error::ReaderUnavailable) => return Ok(None),
            Err(error) => return Err(service_error(error, "asking the readers for their cards")),
        }
    }
}

/// The reader with this name, or the only one with it in its name (capitals do not matter). An empty name finds the only reader.
pub fn find(name: &str) -> Result<String, ReaderError> {
    let name = name.to_owned();
    watched("listing the readers", SERVICE_LIMIT, move || {
        let context = establish()?;
        choose(&name, &list(&context)?).map(|reader| reader.to_string())
    })
}

/// The reader that is meant for work with a card: where the name fits several, the one that has a card.
fn with_a_card(context: &Context, name: &str) -> Result<ReaderName, ReaderError> {
    let present = list(context)?;
    let several = match choose(name, &present) {
        Err(ReaderError::AmbiguousReader { name, matching }) => (name, matching),
        outcome => return outcome,
    };
    let mut found = Vec::new();
    for reader in present.into_iter().filter(|reader| several.1.iter().any(|name| name == reader.text())) {
        if state_of(context, &reader)?.is_some_and(|state| state.contains(State::PRESENT)) {
            found.push(reader);
        }
    }
    match <[ReaderName; 1]>::try_from(found) {
        Ok([only]) => Ok(only),
        Err(_) => Err(ReaderError::AmbiguousReader { name: several.0, matching: several.1 }),
    }
}

fn establish() -> Result<Context, ReaderError> {
    let once = || Context::establish(Scope::System);
    once().or_else(|_| once()).map_err(|error| match error {
        // pcscd ends the connection of a client that polkit refuses before it has said anything. Twice, because a service that
        // is just starting or ending looks the same once.
        Error::NoService | Error::CommError | Error::InternalError if socket_answers() => {
            ReaderError::AccessDenied
        }
        error => service_error(error, "reaching the smart card service"),
    })
}

/// What an error means where no card is concerned.
fn service_error(error: Error, during: &'static str) -> ReaderError {
    match error {
        Error::NoService
        | Error::ServiceStopped
        | Error::Shutdown
        | Error::CommError
        | Error::SystemCancelled => ReaderError::ServiceNotRunning,
        Error::SecurityViolation | Error::NoAccess => ReaderError::AccessDenied,
        Error::NoReadersAvailable => ReaderError::NoReader,
        error => ReaderError::Other { during, message: error.to_string() },
    }
}

/// What an error means before the first exchange.
fn connect_error(error: Error, reader: &str) -> ReaderError {
    let reader = reader.to_owned();
    match error {
        Error::NoSmartcard | Error::RemovedCard => ReaderError::NoCard { reader },
        Error::UnresponsiveCard => ReaderError::UnresponsiveCard { reader },
        Error::UnpoweredCard => ReaderError::NoPower { reader },
        Error::ResetCard => ReaderError::CardReset { reader },
        Error::SharingViolation => ReaderError::InUse { reader, holders: holders() },
        Error::UnknownReader | Error::ReaderUnavailable => ReaderError::ReaderGone { reader },
        Error::ProtoMismatch => ReaderError::OtherProtocol { reader, holders: holders() },
        Error::UnsupportedCard => ReaderError::NoProtocol { reader },
        error => service_error(error, "connecting to the card"),
    }
}

/// What an error means within a session.
fn session_error(error: Error, reader: &str) -> ReaderError {
    let reader = reader.to_owned();
    match error {
        Error::RemovedCard | Error::NoSmartcard => ReaderError::CardRemoved { reader },
        // A card loses its power and gets another protocol by a reset only.
        Error::ResetCard | Error::UnpoweredCard | Error::ProtoMismatch => ReaderError::CardReset { reader },
        Error::UnresponsiveCard | Error::NotTransacted => ReaderError::UnresponsiveCard { reader },
        Error::UnknownReader | Error::ReaderUnavailable => ReaderError::ReaderGone { reader },
        // The handle was known; whoever does not know it any more is a service that was started anew.
        Error::InvalidHandle => ReaderError::ServiceNotRunning,
        error => service_error(error, "the exchange with the card"),
    }
}

/// Whether the service says that a program is connected to the card in this reader.
fn in_use(reader: &ReaderName) -> bool {
    let reader = reader.clone();
    let seen =
        watched("looking at the reader", Duration::from_secs(2), move || state_of(&establish()?, &reader));
    seen.is_ok_and(|state| state.is_some_and(|state| state.intersects(State::INUSE | State::EXCLUSIVE)))
}

/// Whether pcscd's socket is there and takes connections.
#[cfg(unix)]
fn socket_answers() -> bool {
    // The variable is the library's own.
    let path = std::env::var_os("PCSCLITE_CSOCK_NAME").unwrap_or_else(|| "/run/pcscd/pcscd.comm".into());
    std::os::unix::net::UnixStream::connect(path).is_ok()
}

#[cfg(not(unix))]
fn socket_answers() -> bool {
    false
}

/// Runs what may block for good on a thread, and gives up waiting for it at the deadline. The thread then ends whenever it can; its
/// result is dropped.
fn watched<T: Send + 'static>(
    during: &'static str,
    limit: Duration,
    action: impl FnOnce() -> Result<T, ReaderError> + Send + 'static,
) -> Result<T, ReaderError> {
    let (sender, receiver) = mpsc::channel();
    spawn(during, move || {
        let _ = sender.send(action());
    })?;
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(ReaderError::TimedOut { during, limit }),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(ReaderError::Other { during, message: "its thread ended".into() })
        }
    }
}

fn spawn(during: &'static str, action: impl FnOnce() + Send + 'static) -> Result<(), ReaderError> {
    let thread = thread::Builder::new().name("card reader".into()).spawn(action);
    thread.map(drop).map_err(|error| ReaderError::Other { during, message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_blocks_is_given_up() {
        let limit = Duration::from_millis(20);
        let outcome = watched("sleeping", limit, || {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        });
        assert_eq!(outcome, Err(ReaderError::TimedOut { during: "sleeping", limit }));
        let outcome: Result<(), _> = watched("failing", SERVICE_LIMIT, || panic!("on purpose"));
        assert!(matches!(outcome, Err(ReaderError::Other { during: "failing", .. })), "{outcome:?}");
    }

    #[test]
    fn each_error_of_pcsc_has_its_meaning() {
        let reader = || "R".to_owned();
        use ReaderError::*;
        let before = [
            (Error::NoService, ServiceNotRunning),
            (Error::ServiceStopped, ServiceNotRunning),
            (Error::SecurityViolation, AccessDenied),
            (Error::NoReadersAvailable, NoReader),
            (Error::NoSmartcard, NoCard { reader: reader() }),
            (Error::UnpoweredCard, NoPower { reader: reader() }),
            (Error::ResetCard, CardReset { reader: reader() }),
            (Error::UnresponsiveCard, UnresponsiveCard { reader: reader() }),
            (Error::UnknownReader, ReaderGone { reader: reader() }),
            (Error::UnsupportedCard, NoProtocol { reader: reader() }),
        ];
        for (error, meaning) in before {
            assert_eq!(connect_error(error, "R"), meaning);
        }
        assert!(matches!(connect_error(Error::SharingViolation, "R"), InUse { .. }));
        assert!(matches!(connect_error(Error::ProtoMismatch, "R"), OtherProtocol { .. }));
        let within = [
            (Error::RemovedCard, CardRemoved { reader: reader() }),
            (Error::NoSmartcard, CardRemoved { reader: reader() }),
            (Error::ResetCard, CardReset { reader: reader() }),
            (Error::UnpoweredCard, CardReset { reader: reader() }),
            (Error::ProtoMismatch, CardReset { reader: reader() }),
            (Error::InvalidHandle, ServiceNotRunning),
            (Error::CommError, ServiceNotRunning),
            (Error::ReaderUnavailable, ReaderGone { reader: reader() }),
        ];
        for (error, meaning) in within {
            assert_eq!(session_error(error, "R"), meaning);
        }
        assert!(matches!(session_error(Error::InsufficientBuffer, "R"), Other { .. }));
    }
}
