//! What can be wrong between this program and a card in a reader, and what to do about it.

use card_core::text::Situation;
use core::fmt;
use std::time::Duration;

/// A process that may be holding a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub process: u32,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.process)
    }
}

/// Why a reader, or the card in it, cannot be used. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// The PC/SC service does not run, or ended while it was used.
    #[error(
        "the smart card service is not running: start it (Linux: systemctl start pcscd.socket; Windows: attach a \
         reader, or start the service SCardSvr)"
    )]
    ServiceNotRunning,
    /// The service refuses this user.
    #[error(
        "this user may not use smart card readers: on Linux, service users and remote logins need a polkit rule \
         for org.debian.pcsc-lite.access_pcsc and org.debian.pcsc-lite.access_card; see the documentation for one"
    )]
    AccessDenied,
    /// No reader is attached.
    #[error("no card reader is attached: attach one, and see that its driver is installed (package libccid)")]
    NoReader,
    /// No reader has that name.
    #[error("there is no reader {name:?}: there are {}", list(.present))]
    UnknownReader {
        /// What was asked for.
        name: String,
        /// The readers that are there.
        present: Vec<String>,
    },
    /// Nothing answers at this address.
    #[error(
        "nothing answers at {address} ({message}): start `applet-sim serve`, which prints where its cards are, such as          tcp://127.0.0.1:35965"
    )]
    Unreachable {
        /// Where a card was looked for.
        address: String,
        /// Why it was not found.
        message: String,
    },
    /// Several readers have it in their name.
    #[error("{}, and not exactly one of them has a card: say which of {}", several(.name), list(.matching))]
    AmbiguousReader {
        /// What was asked for; empty where nothing was.
        name: String,
        /// The readers that it fits.
        matching: Vec<String>,
    },
    /// The reader is empty.
    #[error("there is no card in the reader {reader:?}: insert it, or lay it on the reader")]
    NoCard {
        /// The reader.
        reader: String,
    },
    /// There is something in the reader that does not answer.
    #[error(
        "the card in {reader:?} does not answer: is it the right way round, chip first and up, and clean? On a \
         contactless reader, lay a single card flat on it"
    )]
    UnresponsiveCard {
        /// The reader.
        reader: String,
    },
    /// The card was taken out during a session.
    #[error(
        "the card was taken out of {reader:?} too early: insert it again and repeat, which is safe; leave it in \
         until the end"
    )]
    CardRemoved {
        /// The reader.
        reader: String,
    },
    /// The card was reset during a session, so that its authentication is gone.
    #[error(
        "the card in {reader:?} was reset by another program or the reader, and the session has ended: close other \
         card programs and start again"
    )]
    CardReset {
        /// The reader.
        reader: String,
    },
    /// The card has no power, and does not get it.
    #[error(
        "the card in {reader:?} has no power: take it out and insert it again; where that happens often, turn off power saving \
         for the reader"
    )]
    NoPower {
        /// The reader.
        reader: String,
    },
    /// Another process has set the card to a protocol that it holds on to.
    #[error(
        "another program has set the card in {reader:?} to another protocol{}: close it, take the card out and insert it \
         again",
        perhaps(.holders)
    )]
    OtherProtocol {
        /// The reader.
        reader: String,
        /// Processes that use PC/SC, where that can be known; one of them holds it.
        holders: Vec<Holder>,
    },
    /// Another process has the card for itself.
    #[error("the reader {reader:?} is in use by another program{}: close it and try again", perhaps(.holders))]
    InUse {
        /// The reader.
        reader: String,
        /// Processes that use PC/SC, where that can be known; one of them holds it.
        holders: Vec<Holder>,
    },
    /// An operation did not end in time.
    #[error("{during} took longer than {} s: take the card out and the reader off, attach both, try again", .limit.as_secs_f32())]
    TimedOut {
        /// What was being done.
        during: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// The card speaks neither T=0 nor T=1.
    #[error(
        "the card in {reader:?} has no protocol that this program knows: is it a prepaid electricity card?"
    )]
    NoProtocol {
        /// The reader.
        reader: String,
    },
    /// The reader was detached.
    #[error("the reader {reader:?} is gone: attach it again")]
    ReaderGone {
        /// The reader.
        reader: String,
    },
    /// The connection has ended before, with an error or because it was told to.
    #[error("the connection to the card has ended: start a new session")]
    Ended,
    /// Anything else that PC/SC reports.
    #[error("{during} failed: {message}. `cardctl doctor` says more; attaching the reader anew often helps")]
    Other {
        /// What was being done.
        during: &'static str,
        /// What PC/SC says.
        message: String,
    },
}

impl ReaderError {
    /// What to tell a customer, who has the card but not the reader to see to.
    pub const fn situation(&self) -> Situation {
        match self {
            Self::NoCard { .. } => Situation::NoCard,
            Self::UnresponsiveCard { .. } => Situation::Unreadable,
            Self::NoProtocol { .. } => Situation::NotOurs,
            Self::CardRemoved { .. } => Situation::TakenOutEarly,
            Self::CardReset { .. }
            | Self::NoPower { .. }
            | Self::OtherProtocol { .. }
            | Self::TimedOut { .. }
            | Self::Ended
            | Self::Other { .. } => Situation::Repeat,
            Self::ServiceNotRunning
            | Self::AccessDenied
            | Self::NoReader
            | Self::UnknownReader { .. }
            | Self::Unreachable { .. }
            | Self::AmbiguousReader { .. }
            | Self::InUse { .. }
            | Self::ReaderGone { .. } => Situation::OutOfService,
        }
    }
}

fn several(name: &str) -> String {
    if name.is_empty() {
        "there are several readers".to_owned()
    } else {
        format!("{name:?} is the name of several readers")
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn perhaps(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return String::new();
    }
    let names: Vec<String> = holders.iter().map(Holder::to_string).collect();
    format!(", perhaps {}", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_who_and_what() {
        let reader = "R 00".to_owned();
        let holder = Holder { process: 7, name: "scdaemon".into() };
        let text = ReaderError::InUse { reader: reader.clone(), holders: vec![holder] }.to_string();
        assert!(text.contains("scdaemon (process 7)") && text.contains("close it"), "{text}");
        let text = ReaderError::InUse { reader: reader.clone(), holders: vec![] }.to_string();
        assert!(text.contains("another program: close"), "{text}");
        let text = ReaderError::UnknownReader { name: "x".into(), present: vec![reader] }.to_string();
        assert!(text.contains("R 00"), "{text}");
        let text = ReaderError::UnknownReader { name: "x".into(), present: vec![] }.to_string();
        assert!(text.contains("none"), "{text}");
        let text =
            ReaderError::TimedOut { during: "connecting", limit: Duration::from_millis(1500) }.to_string();
        assert!(text.starts_with("connecting took longer than 1.5 s"), "{text}");
    }
}
