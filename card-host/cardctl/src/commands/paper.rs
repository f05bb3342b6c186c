//! `cardctl receipt` and `cardctl statement`: pages for customers.

use card_core::message::{LoadRecord, Month};
use card_core::role::Role;
use card_core::tariff::{EGYPT_2024_08, Tariff};
use card_core::text::Situation;
use card_core::units::{Balance, Piastres};
use card_host::random::OsRandom;
use card_host::{durable, operate, tariff_file};
use card_ledger::{
    Entry, Kind, LedgerError, Payee, Refusal, RequestId, RequestKey, Sale, SaleState, StoreError, binding_of,
    read,
};
use card_paper::{
    Amounts, Bracket, ChargeLine, ChargeRow, Look, MonthRow, PaperError, Receipt, Slip, SlipKind, Statement,
};
use std::path::{Path, PathBuf};

use super::Error;
use crate::context::Context;
use crate::context::books::Books;
use crate::view::ledger::show::blocks;
use crate::view::paper::Written;

/// Newest entries of a contract among which the payments of its charges are looked for.
const ENTRIES: u32 = 1000;

/// Why there is no page. What it tells of is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPaper {
    #[error("the page was not written to {}: {cause}; the sale is as it was: name another file", path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Page(#[from] PaperError),
    #[error("request {0} is {1}, not certified: there is no receipt of it yet")]
    NotCertified(RequestId, &'static str),
    #[error("request {0} is no step of a card's life: for what was sold there is `cardctl receipt {0}`")]
    NoSlip(RequestId),
}

/// The receipt of what was sold.
pub(crate) fn receipt(context: &Context, id: RequestId, out: &Path, look: Look) -> Result<Written, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let key = RequestKey { party: books.who.party.clone(), id };
    let sale = books.office.status(&key)?;
    if sale.state != SaleState::Certified {
        return Err(NoPaper::NotCertified(key.id, sale.state.code()).into());
    }
    let entry = read(books.office.ledger(), |t| t.entry(&sale.entry))?;
    let lost = || StoreError::Corrupt(format!("entry {} of {}", sale.entry.number, sale.entry.point));
    let receipt = of_sale(&sale, &entry.ok_or_else(lost).map_err(LedgerError::from)?, look);
    write(out, &receipt.page(look).map_err(NoPaper::from)?)
}

fn of_sale(sale: &Sale, entry: &Entry, look: Look) -> Receipt {
    let number = format!("{}/{}", sale.entry.point, sale.entry.number);
    let charges = sale.division.charges.iter();
    let charges =
        charges.map(|charge| ChargeLine { what: charge.code.to_string(), amount: Piastres(charge.amount) });
    Receipt {
        // What finds the entry, and its hash, which a signed head of its chain vouches for (docs/ledger.md, section 3).
        proof: format!("EGR1 {number} {} {} {}", sale.time.to_unix(), sale.amount.0, hex::encode(entry.hash)),
        number,
        time: sale.time,
        amounts: Amounts {
            paid: sale.amount,
            charges: charges.collect(),
            debt: Piastres(sale.division.debt),
            credit: Piastres(sale.division.credit),
        },
        card: sale.card.to_string(),
        meter: sale.binding.meter.number(),
        account: sale.account,
        seller: sale.entry.point.to_string(),
        next: Situation::Loaded.text(look.language).to_do.to_owned(),
    }
}

/// The slip of a step of a card's life.
pub(crate) fn slip(context: &Context, id: RequestId, out: &Path, look: Look) -> Result<Written, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let key = RequestKey { party: books.who.party.clone(), id };
    let entry = read(books.office.ledger(), |t| match t.steps(&key)?.first() {
        Some(step) => t.entry(&step.entry),
        None => Ok(None),
    })?;
    let entry = entry.ok_or_else(|| LedgerError::from(Refusal::NoRequest(key.id.clone())))?;
    let none = || NoPaper::NoSlip(key.id.clone());
    let (kind, next) = step(&entry).ok_or_else(none)?;
    let slip = Slip {
        kind,
        number: format!("{}/{}", entry.id.point, entry.id.number),
        time: entry.time,
        card: entry.card.map(|card| card.to_string()).unwrap_or_default(),
        meter: entry.binding.ok_or_else(none)?.meter.number(),
        account: entry.account,
        reason: entry.reason,
        next: next.text(look.language).to_do.to_owned(),
    };
    write(out, &slip.page(look))
}

/// What an entry is in a card's life, and what to do then.
fn step(entry: &Entry) -> Option<(SlipKind, Situation)> {
    Some(match entry.kind {
        Kind::Open | Kind::Adopt => (SlipKind::Issued, Situation::Loaded),
        Kind::Replace => (SlipKind::Replaced, Situation::Loaded),
        Kind::Block if blocks(entry) == Some(false) => (SlipKind::Unblocked, Situation::Loaded),
        Kind::Block => (SlipKind::Blocked, Situation::Blocked),
        _ => return None,
    })
}

/// How the holder of the card in the reader stands.
pub(crate) fn statement(
    context: &Context,
    out: &Path,
    tariff: Option<&Path>,
    look: Look,
) -> Result<Written, Error> {
    let tariff = tariff.map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let reading = context.with_card(Some(&workplace), |card| {
        let session = operate::session(card, &*books.keys, Role::Vending, &mut OsRandom);
        Ok::<_, Error>(operate::read_private(&mut session?)?)
    })?;
    let sold = sold(&books, Payee::Card(reading.card.id))?;
    let certificate = &reading.purse.certificate;
    let running = reading.meter.as_ref().map(|meter| (&meter.month, true));
    let statement = Statement {
        card: reading.card.id.to_string(),
        meter: reading.binding.binding.meter.number(),
        account: reading.binding.account,
        balance: reading.meter.as_ref().map(|meter| (meter.receipt.balance, meter.receipt.time)),
        waiting: certificate.total_credit.saturating_sub(reading.purse.settled_credit),
        days_left: None,
        next_bracket: None,
        brackets: brackets(&tariff),
        months: running
            .into_iter()
            .chain(reading.months.iter().map(|month| (month, false)))
            .map(month)
            .collect(),
        charges: reading.loads.iter().map(|load| charge(load, &sold, look)).collect(),
    };
    write(out, &statement.page(look).map_err(NoPaper::from)?)
}

/// What was certified for a payment, by its sequence.
fn sold(books: &Books, payee: Payee) -> Result<Vec<Entry>, Error> {
    let history = read(books.office.ledger(), |t| {
        let record = binding_of(t, payee)?;
        t.history(record.binding(), ENTRIES)
    })?;
    Ok(history.into_iter().filter(|entry| entry.sequence != 0 && entry.amount != Piastres::ZERO).collect())
}

fn charge(load: &LoadRecord, sold: &[Entry], look: Look) -> ChargeRow {
    let entry = sold.iter().find(|entry| entry.sequence == load.sequence);
    ChargeRow {
        time: load.time,
        channel: Situation::of_channel(load.channel).text(look.language).what.to_owned(),
        paid: entry.map(|entry| entry.amount),
        credit: load.credited,
    }
}

fn brackets(tariff: &Tariff) -> Vec<Bracket> {
    let bounds = tariff.slabs().zip(tariff.slabs().skip(1));
    bounds.filter_map(|(slab, next)| Some(Bracket { bound: slab.bound?, restart: next.restart })).collect()
}

fn month((month, running): (&Month, bool)) -> MonthRow {
    MonthRow {
        index: month.index,
        energy: month.energy,
        bracket: month.slab,
        energy_charge: month.energy_charge,
        fees: Balance(month.fees.into()),
        running,
        partial: month.flags & 1 != 0,
        re_rated: month.flags & 2 != 0,
        doubtful: month.flags & 4 != 0,
    }
}

fn write(out: &Path, page: &str) -> Result<Written, Error> {
    let failed = |cause| NoPaper::File { path: out.to_owned(), cause };
    durable::create(out, page.as_bytes()).map_err(failed)?;
    Ok(Written::new(out))
}
