//! The card that a command works with: the simulated one, the one in a reader, or one at a port.

use card_core::id::CardId;
use card_host::pcsc;
use card_host::reader_error::ReaderError;
use card_host::transport::{Card, Link, Observed, Replay, TCP_SCHEME, TcpCard, Transport};
use std::path::Path;
use std::time::{Duration, Instant};

use super::trace::{self, Tracer};
use super::workplace::Workplace;
use super::{Context, Error};

/// What a reader's name begins with, where it is a trace.
const TRACE: &str = "trace:";

/// Where the card is looked for.
pub(crate) enum Place<'c> {
    /// In the simulated reader of the data directory.
    Simulated,
    /// At this address.
    Tcp(&'c str),
    /// Answers as this trace says.
    Recorded(&'c Path),
    /// In a reader with this in its name; empty: in any.
    Pcsc(&'c str),
}

/// What a reader says without asking the card.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    Empty,
    /// A card, and its number where the reader knows it.
    Card(Option<CardId>),
}

impl Context {
    /// Where the card is looked for.
    pub(crate) fn place(&self) -> Place<'_> {
        match self.reader.as_str() {
            "sim" => Place::Simulated,
            "any" => Place::Pcsc(""),
            name if name.starts_with(TRACE) => Place::Recorded(Path::new(name.trim_start_matches(TRACE))),
            name if name.starts_with(TCP_SCHEME) => Place::Tcp(name),
            name => Place::Pcsc(name),
        }
    }

    /// Whether there is a card in the reader. No card is disturbed by it.
    pub(crate) fn presence(&self) -> Result<Presence, Error> {
        match self.place() {
            Place::Simulated => {
                let present = self.alone()?.present()?;
                Ok(present.map_or(Presence::Empty, |(id, _)| Presence::Card(Some(id))))
            }
            Place::Tcp(address) => match TcpCard::connect(address) {
                Ok(_) => Ok(Presence::Card(None)),
                Err(ReaderError::NoCard { .. }) => Ok(Presence::Empty),
                Err(error) => Err(error.into()),
            },
            Place::Recorded(_) => Ok(Presence::Card(None)),
            Place::Pcsc(name) => {
                let name = pcsc::find(name)?;
                let there =
                    pcsc::readers_and_cards()?.into_iter().any(|(reader, card)| reader == name && card);
                Ok(if there { Presence::Card(None) } else { Presence::Empty })
            }
        }
    }

    /// Gives the card to `act`. The data directory is opened only where it is needed.
    pub(crate) fn with_card<T, E: From<Error>>(
        &self,
        workplace: Option<&Workplace>,
        act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.place() {
            Place::Simulated => {
                let opened;
                let workplace = match workplace {
                    Some(workplace) => workplace,
                    None => {
                        opened = self.alone()?;
                        &opened
                    }
                };
                traced(self.trace.as_deref(), workplace.card().map_err(Error::from)?, act)
            }
            Place::Tcp(address) => {
                traced(self.trace.as_deref(), at_port(address, self.wait).map_err(Error::from)?, act)
            }
            Place::Recorded(path) => {
                traced(self.trace.as_deref(), Replay::new(&trace::read(path).map_err(Error::from)?), act)
            }
            Place::Pcsc(name) => {
                // At its end it leaves the card as it is, or resets it where a session was open.
                traced(self.trace.as_deref(), self.in_reader(name).map_err(Error::from)?, act)
            }
        }
    }

    fn in_reader(&self, name: &str) -> Result<pcsc::Connection, ReaderError> {
        match self.wait {
            Some(limit) => pcsc::connect(&pcsc::wait_for_card(name, limit)?.reader),
            None => pcsc::connect(name),
        }
    }

    /// The same with a card that is to be made: a new simulated one is put into the simulated reader for it, unless what is there is blank
    /// or `meant`. Where nothing came of it, and it is not `promised`, the reader has what it had.
    pub(crate) fn with_blank_card<T, E: From<Error>>(
        &self,
        workplace: &Workplace,
        meant: Option<CardId>,
        promised: impl FnOnce(CardId) -> bool,
        act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let simulated = matches!(self.place(), Place::Simulated);
        let present = if simulated { workplace.present().map_err(Error::from)? } else { None };
        if !simulated || present.is_some_and(|(id, blank)| blank || Some(id) == meant) {
            return self.with_card(Some(workplace), act);
        }
        let inserted = workplace.insert_blank().map_err(Error::from)?;
        let result = self.with_card(Some(workplace), act);
        if result.is_ok() || promised(inserted.id) {
            inserted.keep();
        } else {
            inserted.take_out(workplace).map_err(Error::from)?;
        }
        result
    }
}

/// The card at a port; where there is none yet, waits for it.
fn at_port(address: &str, wait: Option<Duration>) -> Result<TcpCard, ReaderError> {
    let begun = Instant::now();
    loop {
        match TcpCard::connect(address) {
            Err(ReaderError::NoCard { .. } | ReaderError::Unreachable { .. })
                if wait.is_some_and(|limit| begun.elapsed() < limit) => {}
            outcome => return outcome,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// With a trace, where one is wanted.
fn traced<T, E: From<Error>>(
    trace: Option<&Path>,
    mut link: impl Link,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, E>,
) -> Result<T, E> {
    let Some(path) = trace else {
        return act(&mut (Box::new(Card::open(&mut link)) as Box<dyn Transport + '_>));
    };
    let mut tracer = Tracer::open(path, &link.description()).map_err(Error::from)?;
    let observed = Observed::new(&mut link, |exchange| tracer.note(exchange));
    act(&mut (Box::new(Card::open(observed)) as Box<dyn Transport + '_>))
}
