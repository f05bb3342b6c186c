//! From what was asked for to the command that does it.

mod ledger;
mod life;

use card_paper::Look;

use crate::cli::alerts::AlertsCommand;
use crate::cli::audit::AuditCommand;
use crate::cli::batch::BatchCommand;
use crate::cli::keys::KeysCommand;
use crate::cli::meter::MeterCommand;
use crate::cli::policy::PolicyCommand;
use crate::cli::signer::SignerCommand;
use crate::cli::sim::SimCommand;
use crate::cli::tariff::TariffCommand;
use crate::cli::trace::TraceCommand;
use crate::cli::{Arguments, Command, ConfigCommand, PageArguments, papers};
use crate::commands::{
    Error, alerts, audit, batch, block, card, config, conformance, desk, doctor, given, issue, keys, mail,
    meter, paper, policy, readers, sale, serve, signer, sim, staff, tariff, tour, trace, watch,
};
use crate::context::Context;
use crate::view::Printer;

/// Runs what was asked for, and prints what came of it; `false` where it found something wrong.
pub(crate) fn run(context: &Context, printer: Printer, arguments: Arguments) -> Result<bool, Error> {
    let good = match arguments.command {
        Command::Readers => printer.print(&readers::list()?),
        Command::Watch => {
            watch::run(context, printer)?;
            return Ok(true);
        }
        Command::Doctor { server, bundle } => {
            printer.print(&doctor::run(context, &server, bundle.as_deref())?)
        }
        Command::Conformance => printer.print(&conformance::run(&context.reader)?),
        Command::Info => printer.print(&card::info(context)?),
        Command::Issue { meter, account, making, aes, shown } => {
            let choice = life::choice(making, false);
            let options = issue::Options { meter, account, choice, keys: aes };
            printer.print(&issue::issue(context, &options, &shown.documents()?)?)
        }
        Command::Replace { meter, reason, making, shown } => {
            let of = issue::Replacement { meter, account: None, reason };
            printer.print(&issue::replace(context, &of, life::choice(making, false), &shown.documents()?)?)
        }
        Command::Block(block) => {
            let (of, shown) = (block.of.payee(), block.shown.documents()?);
            printer.print(&block::run(context, of, true, &block.reason, &shown)?)
        }
        Command::Unblock(block) => {
            let (of, shown) = (block.of.payee(), block.shown.documents()?);
            printer.print(&block::run(context, of, false, &block.reason, &shown)?)
        }
        Command::Found { card, shown } => printer.print(&block::found(context, card, &shown.documents()?)?),
        Command::Life(command) => return life::run(context, printer, command),
        Command::Policy { command } => match command {
            PolicyCommand::Show { version } => printer.print(&policy::show(context, version)?),
            PolicyCommand::Set { file } => printer.print(&policy::set(context, &file)?),
            PolicyCommand::Example => printer.print(&policy::example()),
            PolicyCommand::Accounts { national_id } => {
                let national_id = crate::context::national_id::read(&national_id)?;
                printer.print(&policy::accounts(context, &national_id)?)
            }
        },
        Command::Batch { command: BatchCommand::Issue { csv, out, with, parallel } } => {
            printer.print(&batch::issue(context, &batch::Options { csv, out, readers: with, parallel })?)
        }
        Command::Engineering { meter, rebind } => printer.print(&issue::engineering(context, meter, rebind)?),
        Command::TopUp { amount, channel, out } => {
            printer.print(&sale::top_up(context, &sale::Sale { amount, channel, out, only: None })?)
        }
        Command::Refresh => printer.print(&sale::refresh(context, None)?),
        Command::Load { file } => printer.print(&sale::carry(context, &file)?),
        Command::Sim { command } => match command {
            SimCommand::New => printer.print(&sim::new(context)?),
            SimCommand::List => printer.print(&sim::list(context)?),
            SimCommand::Insert { card } => printer.print(&sim::insert(context, &card)?),
            SimCommand::Eject => printer.print(&sim::eject(context)?),
            SimCommand::PowerCut { after } => printer.print(&sim::power_cut(context, after)?),
        },
        Command::Meter { command } => return run_meter(context, printer, command),
        Command::Mail(arguments) => printer.print(&mail::run(context, &arguments.options()?)?),
        Command::Collect => printer.print(&card::collect(context)?),
        Command::Show { access_number } => {
            printer.print(&card::show(context, access_number.as_ref().map(|access| &*access.0))?)
        }
        Command::Receipt { id, page } => printer.print(&paper::receipt(context, id, &to(printer, page))?),
        Command::Slip { id, page } => printer.print(&paper::slip(context, id, &to(printer, page))?),
        Command::Statement { page, tariff } => {
            printer.print(&paper::statement(context, tariff.as_deref(), &to(printer, page))?)
        }
        Command::Tour { profile } => printer.print(&tour::run(profile, printer)?),
        Command::Ledger { command } => return ledger::run(context, printer, command),
        Command::Staff { command } => match command.change() {
            Some(change) => printer.print(&staff::change(context, &change)?),
            None => printer.print(&staff::list(context)?),
        },
        Command::Reconcile => printer.print(&audit::reconcile(context)?),
        Command::Audit { command } => match command {
            AuditCommand::Key => printer.print(&audit::key(context)?),
            AuditCommand::Sign => printer.print(&audit::sign(context)?),
            AuditCommand::Receipt { proof, export, heads, key } => {
                printer.print(&audit::receipt(context, proof, export.as_deref(), &heads, key.as_deref())?)
            }
            AuditCommand::Verify { heads, key } => {
                printer.print(&audit::check(context, &heads, key.as_deref())?)
            }
        },
        Command::Alerts { command } => match command {
            AlertsCommand::Queue { days } => printer.print(&alerts::queue(context, days)?),
            AlertsCommand::List { most } => printer.print(&alerts::list(context, most)?),
            AlertsCommand::Taken { ids } => printer.print(&alerts::taken(context, &ids)?),
        },
        Command::Serve { listen, desk: true, digits, .. } => {
            desk::run(context, &desk::Options { listen, digits, holder: false }, printer)?;
            return Ok(true);
        }
        Command::Serve { listen, desk: false, limits, .. } => {
            serve::run(context, listen, limits.within(), printer)?;
            return Ok(true);
        }
        Command::Keys { command } => match command {
            KeysCommand::List => printer.print(&keys::list(context)?),
            KeysCommand::Rotate { role } => printer.print(&keys::rotate(context, role.into())?),
        },
        Command::Signer { command } => return run_signer(context, printer, command),
        Command::Trace { command } => match command {
            TraceCommand::Decode { file } => printer.print(&trace::decode(&file)?),
            TraceCommand::Replay { file } => printer.print(&trace::replay(context, &file)?),
            TraceCommand::Pcapng { file, out } => printer.print(&trace::pcapng(&file, &out)?),
        },
        Command::Holder { listen, digits } => {
            desk::run(context, &desk::Options { listen, digits, holder: true }, printer)?;
            return Ok(true);
        }
        Command::Tariff { command } => match command {
            TariffCommand::Price { kwh, month, tariff } => {
                printer.print(&tariff::price(&kwh, month, tariff.as_deref())?)
            }
            TariffCommand::Check { file } => printer.print(&tariff::check(&file)?),
        },
        Command::Config { command: ConfigCommand::Show } => {
            printer.print(&config::show(arguments.settings, arguments.file))
        }
        Command::Completion { shell } => return config::completion(&papers::completion(shell)),
        Command::Man { folder } => {
            let pages = papers::manual().map_err(|error| given(error.to_string()))?;
            printer.print(&config::man(&folder, &pages)?)
        }
        Command::Options => return config::completion(papers::options().as_bytes()),
    };
    Ok(good?)
}

fn to(printer: Printer, page: PageArguments) -> paper::To {
    let look = Look { language: printer.language, digits: page.digits, ..Look::default() };
    paper::To { out: page.out, look, format: page.paper }
}

fn run_signer(context: &Context, printer: Printer, command: SignerCommand) -> Result<bool, Error> {
    let good = match command {
        SignerCommand::Init { custodian, ceilings, adopt } => {
            printer.print(&signer::init(context, &custodian, &ceilings.into(), adopt)?)
        }
        SignerCommand::Serve { socket, allow } => {
            signer::serve(context, &socket, &allow, printer)?;
            return Ok(true);
        }
        SignerCommand::Status => printer.print(&signer::status(context)?),
        SignerCommand::Ceilings { ceilings, person } => {
            printer.print(&signer::ceilings(context, ceilings.into(), &person.into())?)
        }
        SignerCommand::Validity { version, from, until, person } => {
            printer.print(&signer::validity(context, version, [from, until], &person.into())?)
        }
        SignerCommand::Agree { number, person } => {
            printer.print(&signer::agree(context, number, &person.into())?)
        }
    };
    Ok(good?)
}

fn run_meter(context: &Context, printer: Printer, command: MeterCommand) -> Result<bool, Error> {
    let good = match command {
        MeterCommand::Tap(which) => printer.print(&meter::tap::run(context, which.meter)?),
        MeterCommand::Run { which, days, profile, seed } => {
            printer.print(&meter::run::run(context, which.meter, days, &profile, seed)?)
        }
        MeterCommand::Status(which) => printer.print(&meter::status::run(context, which.meter)?),
        MeterCommand::Button(which) => printer.print(&meter::button::run(context, which.meter)?),
        MeterCommand::Events(which) => printer.print(&meter::history::events(context, which.meter)?),
        MeterCommand::Charges(which) => printer.print(&meter::history::charges(context, which.meter)?),
        MeterCommand::Months(which) => printer.print(&meter::history::months(context, which.meter)?),
        MeterCommand::CutPower { which, after } => {
            printer.print(&meter::power::run(context, which.meter, after)?)
        }
        MeterCommand::Network { which, files } => {
            printer.print(&meter::network::run(context, which.meter, &files)?)
        }
    };
    Ok(good?)
}
