//! `cardctl ledger`.

use card_core::key::KeyLength;

use crate::cli::ledger::LedgerCommand;
use crate::cli::sellers::TokenCommand;
use crate::commands::ledger::{
    correct, days, give_back, lists, lost, moves, rules, sellers, settlement, show,
};
use crate::commands::{Error, policy};
use crate::context::Context;
use crate::context::books::{First, Founding};
use crate::context::secret::Draft;
use crate::view::Printer;

/// Does what was asked for; `false` where it found something wrong.
pub(super) fn run(context: &Context, printer: Printer, command: LedgerCommand) -> Result<bool, Error> {
    let founding = match &command {
        LedgerCommand::Begin { staff, out, .. } => Founding::OnPurpose(match staff {
            Some(name) => {
                let secret = Draft::new(name, out.as_deref(), false)?;
                Some(First { name: name.clone(), secret })
            }
            None => None,
        }),
        LedgerCommand::Party(party) if party.enters() => Founding::WhereNew(KeyLength::Aes256),
        LedgerCommand::Point(point) if point.enters() => Founding::WhereNew(KeyLength::Aes256),
        LedgerCommand::Rules { .. } => Founding::WhereNew(KeyLength::Aes256),
        _ => Founding::Never,
    };
    let workplace = match &command {
        LedgerCommand::RecoverCard { .. } => context.alone()?,
        _ => context.shared()?,
    };
    let books = &context.books_or(&workplace, founding)?;
    let good = match command {
        LedgerCommand::Begin { out, .. } => printer.print(&show::begun(books, out.as_deref())),
        LedgerCommand::Status => printer.print(&show::status(books)?),
        LedgerCommand::Statement { of, entries } => {
            printer.print(&show::statement(books, of.payee(), entries)?)
        }
        LedgerCommand::Sale(request) => printer.print(&show::sale(books, &request.key())?),
        LedgerCommand::Sales(sales) => printer.print(&lists::sales(books, sales.wanted())?),
        LedgerCommand::Report { from, to, by } => {
            printer.print(&lists::added_up(books, &from, to.as_deref(), by.into())?)
        }
        LedgerCommand::Cancel(request) => printer.print(&correct::cancel(books, &request.key())?),
        LedgerCommand::Refund { request, reason } if policy::took_fee(books, &request.key())? => {
            printer.print(&policy::give_back(books, &request.key().id, &reason)?)
        }
        LedgerCommand::Refund { request, reason } => {
            printer.print(&correct::refund(books, &request.key(), &reason)?)
        }
        LedgerCommand::Debit(debit) => printer.print(&correct::debit(books, &debit.options())?),
        LedgerCommand::Propose(debit) => printer.print(&correct::propose(books, &debit.options())?),
        LedgerCommand::Approve { request, out } => {
            printer.print(&correct::approve(books, &request.key(), out.as_deref())?)
        }
        LedgerCommand::Clock { of, reason } => printer.print(&correct::clock(books, &of, &reason)?),
        LedgerCommand::Withdraw { id } => printer.print(&correct::withdraw(books, &id)?),
        LedgerCommand::Move(order) => printer.print(&moves::run(books, &order.options())?),
        LedgerCommand::GiveBack(order) => {
            let (order, reason) = order.options();
            printer.print(&give_back::run(books, &order, &reason)?)
        }
        LedgerCommand::Debt { account, amount, reason } => {
            printer.print(&correct::debt(books, account, amount, &reason)?)
        }
        LedgerCommand::Deposit { of, amount, reason } => {
            printer.print(&days::deposit(books, &of, amount, &reason)?)
        }
        LedgerCommand::CloseDay { of, counted, reason } => {
            printer.print(&days::close(books, &workplace, &of, counted, &reason)?)
        }
        LedgerCommand::Settlement { party, day, out, theirs, columns } => {
            let files = settlement::Files { out, theirs, columns };
            printer.print(&settlement::of_a_day(books, &party, &day, &files)?)
        }
        LedgerCommand::Settle { party, received, kept, reason } => {
            printer.print(&settlement::settle(books, &party, received, kept, &reason)?)
        }
        LedgerCommand::ChargeBack { request, reason } => {
            printer.print(&settlement::charge_back(books, &request.key(), &reason)?)
        }
        LedgerCommand::TrialBalance => printer.print(&days::trial_balance(books)?),
        LedgerCommand::Export { folder, from, to, points, bom } => {
            let (from, to) = (from.as_deref(), to.as_deref());
            printer.print(&days::export(books, &workplace, &folder, from, to, &points, bom)?)
        }
        LedgerCommand::Backup { file } => printer.print(&days::backup(books, &file)?),
        LedgerCommand::Restored { reason } => printer.print(&days::restored(books, &reason)?),
        LedgerCommand::Lost { party, file, hand_in } => {
            printer.print(&lost::lost(books, &party, &file, hand_in)?)
        }
        LedgerCommand::RecoverCard { reason } => {
            printer.print(&lost::recover_card(context, &workplace, books, &reason)?)
        }
        LedgerCommand::Party(party) => match party.change() {
            Some(change) => printer.print(&sellers::party(books, &change)?),
            None => printer.print(&sellers::parties(books)?),
        },
        LedgerCommand::Point(point) => match point.change() {
            Some(change) => printer.print(&sellers::point(books, &change)?),
            None => printer.print(&sellers::points(books)?),
        },
        LedgerCommand::Token { command } => match command {
            TokenCommand::Add { party, name, may } => {
                printer.print(&sellers::add_token(books, &party, &name, may.into())?)
            }
            TokenCommand::List { party } => printer.print(&sellers::tokens(books, &party)?),
            TokenCommand::Revoke { party, name } => {
                printer.print(&sellers::revoke_tokens(books, &party, &name)?)
            }
        },
        LedgerCommand::Rules { file } => match file {
            Some(file) => printer.print(&rules::set(books, &file)?),
            None => printer.print(&rules::show(books)?),
        },
        LedgerCommand::Customer { account, phone, arabic } => {
            printer.print(&rules::customer(books, account, &phone, arabic)?)
        }
    };
    Ok(good?)
}
