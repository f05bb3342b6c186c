//! Steps of a contract's life.

use card_host::card_work::CardChoice;

use crate::cli::life::{LifeCommand, Making};
use crate::commands::{Error, issue, life};
use crate::context::Context;
use crate::view::Printer;

/// How a card is made, of a contract that ends the former one of its meter, or not.
pub(super) const fn choice(Making { private_balance, mode }: Making, closes_former: bool) -> CardChoice {
    CardChoice { mode, private_balance, closes_former }
}

pub(super) fn run(context: &Context, printer: Printer, command: LifeCommand) -> Result<bool, Error> {
    Ok(match command {
        LifeCommand::MoveOut { meter, reason, without_card } => {
            printer.print(&life::move_out(context, meter, &reason, without_card)?)
        }
        LifeCommand::MoveIn { meter, account, making } => {
            printer.print(&issue::move_in(context, meter, account, choice(making, true))?)
        }
        LifeCommand::Terminate { meter, reason } => printer.print(&life::terminate(context, meter, &reason)?),
    }?)
}
