//! The card that a command works with: the simulated one, or the one in a reader.

use card_core::id::CardId;
use card_host::pcsc;
use card_host::transport::{Card, Link, TCP_SCHEME, TcpCard, Trace, Transport};
use std::io::Write;

use super::workplace::Workplace;
use super::{Context, Error};

impl Context {
    /// Gives the card to `act`: the simulated one, or the one in a reader. The data directory is opened only where it is needed.
    pub(crate) fn with_card<T, E: From<Error>>(
        &self,
        workplace: Option<&Workplace>,
        act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.reader == "sim" {
            let opened;
            let workplace = match workplace {
                Some(workplace) => workplace,
                None => {
                    opened = self.alone()?;
                    &opened
                }
            };
            return traced(self.trace, &mut workplace.card().map_err(Error::from)?, act);
        }
        if self.reader.starts_with(TCP_SCHEME) {
            let mut card = TcpCard::connect(&self.reader).map_err(Error::from)?;
            return traced(self.trace, &mut card, act);
        }
        let mut connection = pcsc::connect(&self.reader).map_err(Error::from)?;
        let result = traced(self.trace, &mut connection, act);
        // Dropped, it leaves the card as it is, or resets it where a session was open.
        drop(connection);
        result
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
        let simulated = self.reader == "sim";
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

fn traced<T, E>(
    trace: bool,
    link: &mut dyn Link,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, E>,
) -> Result<T, E> {
    if !trace {
        return act(&mut (Box::new(Card::open(link)) as Box<dyn Transport + '_>));
    }
    let mut trace = Trace::new(link);
    let result = act(&mut (Box::new(Card::open(&mut trace)) as Box<dyn Transport + '_>));
    let (_, recording) = trace.into_parts();
    let _ = write!(std::io::stderr(), "{recording}");
    result
}
