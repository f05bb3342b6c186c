//! What the buttons do: the commands of the same names.

use card_core::access_number::AccessNumber;
use card_core::id::Channel;
use card_core::role::Role;
use card_core::tariff::EGYPT_2024_08;
use card_core::text::{Language, Situation};
use card_host::card_work::CardChoice;
use card_host::operate;
use card_host::random::OsRandom;
use card_ledger::{Documents, RequestId};
use card_paper::{Look, Receipt, Slip, Statement};

use super::seen::words;
use super::{Desk, Second};
use crate::commands::ledger::correct;
use crate::commands::paper::NotWritten;
use crate::commands::{Error, block, given, issue, sale};
use crate::view::View;
use crate::view::desk::state::{Action, Done, Outcome};

/// What is said of something that was done.
struct Said {
    words: [String; 2],
    once: Option<[String; 2]>,
}

impl Said {
    fn of(view: &impl View) -> Self {
        Self { words: Language::ALL.map(|language| view.text(language)), once: None }
    }
}

impl Done {
    /// `second` is whether a second person was asked, who may be another one the next time.
    pub(super) fn of_error(action: Action, error: &Error, second: bool) -> Self {
        let outcome = match error {
            Error::SecondPerson(_) => Outcome::SecondPerson,
            _ if second => Outcome::SecondPerson,
            Error::NotLoaded(_) => Outcome::NotLoaded,
            _ => Outcome::Failed,
        };
        let said = match (error, &action) {
            (Error::NotLoaded(_), _) => {
                Language::ALL.map(|language| Situation::PaidNotLoaded.text(language).to_string())
            }
            (Error::SecondPerson(_), Action::Sell { amount, .. }) => crate::view::desk::needs_second(*amount),
            _ => words(error),
        };
        Self { action, said, outcome, once: None }
    }
}

impl Desk {
    pub(super) fn try_to(&self, id: &RequestId, action: Action, shown: &Documents) -> Done {
        match self.perform(id, &action, shown) {
            Ok(said) => Done { action, said: said.words, outcome: Outcome::Done, once: said.once },
            Err(error) => Done::of_error(action, &error, false),
        }
    }

    fn perform(&self, id: &RequestId, action: &Action, shown: &Documents) -> Result<Said, Error> {
        let context = &self.context(id, None);
        match action {
            Action::Sell { card, amount } => {
                let order =
                    sale::Sale { amount: *amount, channel: Channel::Branch, out: None, only: Some(*card) };
                let sold = sale::top_up(context, &order)?;
                Ok(Said::of(&sold))
            }
            Action::Refresh { card } => {
                let loaded = sale::refresh(context, Some(*card))?;
                Ok(Said::of(&loaded))
            }
            Action::Block { of, blocked, reason } => {
                let done = block::run(context, *of, *blocked, reason, shown)?;
                Ok(Said::of(&done))
            }
            Action::Replace { meter, account, reason } => {
                let options = issue::Replacement { meter: *meter, account: Some(*account), reason: *reason };
                let issued = issue::replace(context, &options, CardChoice::default(), shown)?;
                let Said { words, .. } = Said::of(&issued);
                Ok(Said { words: crate::view::desk::replaced(), once: Some(words) })
            }
        }
    }

    /// Another person agrees to what was announced.
    pub(super) fn agree(&self, id: &RequestId, second: Second) -> Result<(), Error> {
        if self.has_staff() && second.1.is_none() {
            return Err(given("the secret of the second person has 32 digits of 0-9 and a-f"));
        }
        let context = self.context(id, Some(second));
        let books = context.books(&context.shared()?)?;
        correct::approve(&books, &books.who.request(id), None).map(drop)
    }

    /// The receipt or the slip of a request.
    pub(super) fn paper(&self, id: &RequestId, slip: bool, look: Look) -> Result<String, Error> {
        let context = self.context(id, None);
        let books = context.books(&context.shared()?)?;
        let key = books.who.request(id);
        if slip {
            return Ok(Slip::of(books.office.ledger(), &key, &look)?.page(look).map_err(NotWritten::from)?);
        }
        Ok(Receipt::of(&books.office, &key, &look)?.page(look).map_err(NotWritten::from)?)
    }

    /// The statement of the card in the reader: by the desk's keys, or by the number that its holder has.
    pub(super) fn statement(&self, access: Option<&AccessNumber>, look: Look) -> Result<String, Error> {
        // Nothing else at the reader meanwhile.
        let _work = self.work();
        let context = &self.context;
        let statement = match access {
            Some(access) => {
                let reading = context.with_card(None, |card| {
                    let session = operate::holder_session(card, access, &mut OsRandom);
                    Ok::<_, Error>(operate::read_private(&mut session?)?)
                })?;
                Statement::of(&reading, None, &EGYPT_2024_08, &look)?
            }
            None => {
                let workplace = context.alone()?;
                let books = context.books(&workplace)?;
                let reading = context.with_card(Some(&workplace), |card| {
                    let session = operate::session(card, books.keys.store(), Role::Vending, &mut OsRandom);
                    Ok::<_, Error>(operate::read_private(&mut session?)?)
                })?;
                Statement::of(&reading, Some(books.office.ledger()), &EGYPT_2024_08, &look)?
            }
        };
        Ok(statement.page(look).map_err(NotWritten::from)?)
    }
}
