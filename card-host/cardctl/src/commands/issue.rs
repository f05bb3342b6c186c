//! `cardctl issue` and `cardctl engineering`: blank cards become cards.

use card_core::id::MeterId;
use card_core::key::KeyLength;
use card_core::scp03::Mode;
use card_host::card_work::CardChoice;
use card_host::personalise::Step;
use std::io::Write;

use super::Error;
use crate::context::Context;
use crate::context::books::{Books, Founding};
use crate::view::Printer;
use crate::view::issue::{Engineering, Issued};

/// For whom, and how.
pub(crate) struct Options {
    pub(crate) meter: MeterId,
    pub(crate) account: u64,
    pub(crate) choice: CardChoice,
    /// Length of all keys, where the data directory is new.
    pub(crate) keys: KeyLength,
}

/// Prints as soon as the card is made: the access number is kept nowhere.
pub(crate) fn issue(context: &Context, printer: Printer, options: &Options) -> Result<(), Error> {
    let Options { meter, account, choice, keys } = *options;
    let workplace = context.alone()?;
    let books = context.books_or(&workplace, Founding::WhereNew(keys))?;
    let Books { office, who, id, .. } = &books;
    let issued = context.with_card(Some(&workplace), true, |card| {
        let issued = office.issue(who, id, card, meter, account, choice, &mut progress())?;
        Ok::<_, Error>(Issued::new(&issued.account, &issued.access, issued.replaces))
    })?;
    let _ = printer.print(&issued)?;
    Ok(workplace.install_meter(&books.keys, office.scope(), meter)?)
}

pub(crate) fn engineering(context: &Context, meter: MeterId, rebind: bool) -> Result<Engineering, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let Books { office, who, id, .. } = &books;
    context.with_card(Some(&workplace), !rebind, |card| {
        if rebind {
            let held = office.rebind_engineering(who, id, card, meter)?;
            return Ok(Engineering::new(&held, None));
        }
        let choice = CardChoice { mode: Mode::S8, private_balance: true, closes_former: false };
        let issued = office.issue_engineering(who, id, card, meter, choice, &mut progress())?;
        Ok(Engineering::new(&issued.account, Some(&issued.access)))
    })
}

fn progress() -> impl FnMut(Step) {
    let mut done = 0;
    move |step| {
        done += 1;
        let _ = writeln!(std::io::stderr(), "  {done} of {}: {step}", Step::ALL.len());
    }
}
