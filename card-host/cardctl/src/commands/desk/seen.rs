//! What is in the reader, in words for a clerk.

use card_core::id::State;
use card_core::text::Language;
use card_host::operate;
use card_host::reader_error::ReaderError;

use super::{Desk, Work};
use crate::commands::Error;
use crate::context::reader::Presence;
use crate::context::workplace::WorkplaceError;
use crate::context::{self, Context};
use crate::view::card::{notices, situation};
use crate::view::desk::state::{Seen, Shown, Standing};

impl Desk {
    /// Looks at the reader; at the card only where it is another one than before.
    pub(super) fn look(&self, work: &mut Work) -> Seen {
        let presence = match self.context.presence() {
            Ok(presence) => presence,
            Err(context::Error::Workplace(WorkplaceError::InUse(_))) => {
                return work.last.as_ref().map_or(Seen::Busy, |(_, seen)| seen.clone());
            }
            Err(context::Error::Reader(ReaderError::NoCard { .. })) => Presence::Empty,
            Err(error) => {
                work.last = None;
                return Seen::Unreadable(words(&error.into()));
            }
        };
        if let Some((last, seen)) = &work.last
            && *last == presence
        {
            return seen.clone();
        }
        let seen = match &presence {
            Presence::Empty => Seen::Empty,
            Presence::Card(_) if self.holder => Seen::There,
            Presence::Card(_) => match self.read() {
                Ok(shown) => Seen::Card(Box::new(shown)),
                Err(error) => Seen::Unreadable(words(&error)),
            },
        };
        work.last = Some((presence, seen.clone()));
        seen
    }

    fn read(&self) -> Result<Shown, Error> {
        let context: &Context = &self.context;
        let workplace = context.alone()?;
        let public =
            context.with_card(Some(&workplace), |card| Ok::<_, Error>(operate::read_public(card)?))?;
        let card = public.summary.card.id;
        let blank = public.status.state == Some(State::Blank);
        let balances = public.status.balances.as_ref();
        let books = context.books(&workplace)?;
        Ok(Shown {
            card,
            blank,
            situations: [situation(&public)].into_iter().chain(notices(&public)).collect(),
            waiting: balances.map(|balances| balances.pending_credit),
            at_meter: balances
                .and_then(|balances| balances.at_meter)
                .map(|meter| (meter.balance, meter.time)),
            rules: books.office.policy()?.1.cards,
            standing: match books.binding_of(card) {
                Ok(record) => Standing::Contract {
                    account: record.held.account,
                    meter: record.held.binding.meter.number(),
                    blocked: record.blocked,
                },
                Err(error) => Standing::None(words(&error.into())),
            },
        })
    }
}

/// An error as a clerk reads it, in English and in Arabic.
pub(super) fn words(error: &Error) -> [String; 2] {
    Language::ALL.map(|language| {
        let said = crate::view::View::text(&error.problem(None), language);
        said.strip_prefix("cardctl: ").map(str::to_owned).unwrap_or(said)
    })
}
