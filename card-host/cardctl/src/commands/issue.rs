//! `cardctl issue` and `cardctl engineering`: blank cards become cards.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::access_number::AccessNumber;
use card_core::id::MeterId;
use card_core::scp03::Mode;
use card_host::card_work::CardChoice;
use card_host::personalise::Step;
use card_host::transport::Transport;
use serde_json::Value;
use std::io::Write;

use crate::commands::Error;
use crate::context::books::Books;
use crate::view::{self, Output, Table};

pub(crate) fn issue(
    card: &mut Box<dyn Transport + '_>,
    books: &Books,
    meter: MeterId,
    account: u64,
    choice: CardChoice,
) -> Result<Output, Error> {
    let Books { office, who, id, .. } = books;
    let issued = office.issue(who, id, card, meter, account, choice, &mut progress())?;
    let held = &issued.account;
    let mut table = Table::default();
    table.line("card", held.card.id);
    table.line("generation", held.card.generation);
    if let Some(replaced) = issued.replaces {
        table.line("replaces", format!("{} (generation {})", replaced.id, replaced.generation));
    }
    table.line("account", held.account);
    table.line("meter", format!("{} (binding {})", held.binding.meter, held.binding.number));
    let mut json = view::account(held);
    access_number(&issued.access, &mut table, &mut json);
    json["replaces"] = issued.replaces.map(|replaced| replaced.id.to_string()).into();
    let next = match issued.replaces {
        Some(_) => "activate it at a branch, with the credit that it has: cardctl refresh",
        None => "the first charge, at a branch: cardctl top-up AMOUNT --channel branch",
    };
    table.line("next", next);
    Ok(Output::new(table.finish(), json))
}

pub(crate) fn engineering(
    card: &mut Box<dyn Transport + '_>,
    books: &Books,
    meter: MeterId,
    rebind: bool,
) -> Result<Output, Error> {
    let Books { office, who, id, .. } = books;
    let mut table = Table::default();
    let (held, access) = if rebind {
        (office.rebind_engineering(who, id, card, meter)?, None)
    } else {
        let choice = CardChoice { mode: Mode::S8, private_balance: true, closes_former: false };
        let issued = office.issue_engineering(who, id, card, meter, choice, &mut progress())?;
        (issued.account, Some(issued.access))
    };
    table.line("engineering card", held.card.id);
    table.line("generation", held.card.generation);
    table.line("meter", format!("{} (binding {})", held.binding.meter, held.binding.number));
    let mut json = view::account(&held);
    if let Some(access) = access {
        access_number(&access, &mut table, &mut json);
    }
    table.line("next", "a command that names it: cardctl mail command clear-tamper --technician this");
    Ok(Output::new(table.finish(), json))
}

fn progress() -> impl FnMut(Step) {
    let mut done = 0;
    move |step| {
        done += 1;
        let _ = writeln!(std::io::stderr(), "  {done} of {}: {step}", Step::ALL.len());
    }
}

fn access_number(access: &AccessNumber, table: &mut Table, json: &mut Value) {
    let digits = access.digits();
    let digits = core::str::from_utf8(&*digits).unwrap_or_default();
    table.line("access number", format!("{digits} (print it on the card; it is kept nowhere)"));
    json["access_number"] = digits.into();
}
