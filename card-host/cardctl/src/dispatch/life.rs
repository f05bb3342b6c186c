//! Steps of a contract's life.

use card_host::card_work::CardChoice;
use card_ledger::Adoption;

use crate::cli::life::{LifeCommand, Making};
use crate::commands::life::Ending;
use crate::commands::{Error, issue, life};
use crate::context::Context;
use crate::view::Printer;

/// How a card is made, of a contract that ends the former one of its meter, or not.
pub(super) const fn choice(Making { private_balance, mode }: Making, closes_former: bool) -> CardChoice {
    CardChoice { mode, private_balance, closes_former }
}

pub(super) fn run(context: &Context, printer: Printer, command: LifeCommand) -> Result<bool, Error> {
    Ok(match command {
        LifeCommand::MoveOut { meter, reason, without_card, shown } => {
            let ending = Ending { meter, words: reason, shown: shown.documents()? };
            printer.print(&life::move_out(context, &ending, without_card)?)
        }
        LifeCommand::MoveIn { meter, account, making, shown } => {
            let (choice, shown) = (choice(making, true), shown.documents()?);
            printer.print(&issue::move_in(context, meter, account, choice, &shown)?)
        }
        LifeCommand::NewMeter { from, to, shown } => {
            printer.print(&life::new_meter(context, (from, to), &shown.documents()?)?)
        }
        LifeCommand::Adopt { meter, account, amount, shown_by, evidence, making, shown } => {
            let adoption = Adoption { amount, from: shown_by, evidence };
            let (choice, shown) = (choice(making, false), shown.documents()?);
            printer.print(&issue::adopt(context, (meter, account), &adoption, choice, &shown)?)
        }
        LifeCommand::Terminate { meter, reason, shown } => {
            let ending = Ending { meter, words: reason, shown: shown.documents()? };
            printer.print(&life::terminate(context, &ending)?)
        }
    }?)
}
