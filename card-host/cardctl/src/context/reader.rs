//! The card that a command works with: the simulated one, or the one in a reader.

use card_host::pcsc;
use card_host::transport::{Card, Link, Trace, Transport};
use std::io::Write;

use super::workplace::Workplace;
use super::{Context, Error};

impl Context {
    /// Gives the card to `act`: the simulated one, or the one in a reader. `blank` asks for a blank simulated card. The data directory is
    /// opened only where it is needed.
    pub(crate) fn with_card<T, E: From<Error>>(
        &self,
        workplace: Option<&Workplace>,
        blank: bool,
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
            let card = if blank { workplace.blank_card() } else { workplace.card() };
            return traced(self.trace, &mut card.map_err(Error::from)?, act);
        }
        let mut connection = pcsc::connect(&self.reader).map_err(Error::from)?;
        let result = traced(self.trace, &mut connection, act);
        // Dropped, it leaves the card as it is, or resets it where a session was open.
        drop(connection);
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
