//! Selling and loading. What is sold is kept until the next sale to that card, so that a voucher which did not arrive can be carried
//! again, and nobody has to pay twice.

use card_core::id::{CardId, Channel};
use card_core::terminal::load::{LoadAnswer, LoadOutcome, Misfit, can_load};
use card_core::text::{Language, Paid};
use card_core::units::Piastres;
use card_host::card;
use card_host::card_work::{CardWorkError, load};
use card_host::transport::Transport;
use card_ledger::{LedgerError, Payee, Refusal, RequestId, Sale as SaleRecord, SaleOrder, Shown, Who};
use std::path::{Path, PathBuf};

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::Books;
use crate::context::voucher_file;
use crate::context::workplace::Workplace;
use crate::view::customer;
use crate::view::sale::{Kept, Loaded, Sold};

/// Sold, but not on the card.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} It is booked, but did not reach the card ({cause}): do not sell again; the voucher is in {}: carry it with `cardctl load {}`",
    paid.in_words(Language::English), kept.display(), kept.display()
)]
pub(crate) struct NotLoaded {
    paid: Paid,
    kept: PathBuf,
    pub(crate) cause: Box<Error>,
}

/// What is to be sold, and how.
pub(crate) struct Sale {
    pub(crate) amount: Piastres,
    pub(crate) channel: Channel,
    /// Writes the voucher to this file, which must not exist, and does not load it.
    pub(crate) out: Option<PathBuf>,
    /// The card that is meant; without it, whichever is in the reader.
    pub(crate) only: Option<CardId>,
}

/// Sells to the card in the reader.
pub(crate) fn top_up(context: &Context, sale: &Sale) -> Result<Sold, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| sell(card, &workplace, &books, sale))
}

/// Everything that can be known before is looked at before.
fn sell(
    transport: &mut Box<dyn Transport + '_>,
    workplace: &Workplace,
    books: &Books,
    sale: &Sale,
) -> Result<Sold, Error> {
    let summary = card::select(transport)?;
    let id = summary.card.id;
    meant(sale.only, id)?;
    books.binding_of(id)?;
    // What is carried may come to a branch first, so only what no channel could load is refused.
    let first = if sale.out.is_some() { Channel::Branch } else { sale.channel };
    can_load(first, &summary).map_err(CardWorkError::from)?;
    let who = books.seller(sale.channel)?;
    if sale.channel == Channel::Bank {
        books.link(&who, id)?;
    }
    let shown = books.office.shown_by(transport)?;
    books.office.look_at(&who, books.id()?, Payee::Card(id), &shown)?;
    if let Some(path) = &sale.out {
        return Ok(Sold::Kept(keep(books, &who, id, sale.amount, &shown, path)?));
    }
    let kept = workplace.voucher_path(id);
    let sold = sold(books, &who, id, sale.amount, &shown)?;
    let voucher = sold.voucher()?;
    let written = voucher_file::replace(&kept, &voucher);
    let answer = match (books.office.load(&who, transport, &voucher), written) {
        (Ok(answer), _) => answer,
        (Err(_), Err(not_kept)) => return Err(not_kept.into()),
        (Err(cause), Ok(())) => {
            let cause = Box::new(cause.into());
            return Err(NotLoaded { paid: customer::paid(sold.amount, &sold.division), kept, cause }.into());
        }
    };
    newest(books, id, &answer)?;
    Ok(Sold::Loaded(Loaded::new(&answer, Some(&sold))))
}

/// Sells, and writes the voucher to a file, which is made before anything is sold.
fn keep(
    books: &Books,
    who: &Who,
    id: CardId,
    amount: Piastres,
    shown: &Shown,
    path: &Path,
) -> Result<Kept, Error> {
    let taken = voucher_file::Taken::create(path, books.repeats())?;
    let sold = sold(books, who, id, amount, shown)?;
    taken.write(&sold.voucher()?)?;
    Ok(Kept::new(&sold, path.display().to_string()))
}

/// A sale that waits for a second person.
#[derive(Debug, thiserror::Error)]
#[error(
    "{amount} EGP need a second person, and the sale is announced: have another one agree with `cardctl --actor NAME ledger approve {id} --party {party}`, \
     then go on with `cardctl --request {id} top-up {amount}` and what else was given"
)]
pub(crate) struct SecondPerson {
    amount: Piastres,
    id: RequestId,
    party: String,
}

impl SecondPerson {
    fn of(order: &SaleOrder) -> Self {
        Self { amount: order.amount, id: order.id.clone(), party: order.who.party.to_string() }
    }
}

/// Paid, and not certified: nobody may take the money again, and nobody may keep it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{amount} EGP are booked as paid under request {id}, without a voucher yet ({reason}): repeat with --request {id}, or give the \
     money back with `cardctl ledger refund {id} --party {party} --reason TEXT`"
)]
pub(crate) struct PaidOnly {
    amount: Piastres,
    pub(crate) id: RequestId,
    party: String,
    reason: Box<LedgerError>,
}

/// Sold to the card that this one replaces.
#[derive(Debug, thiserror::Error)]
#[error(
    "request {id} is sold already, to card {former}, which this one replaces: bring it to this card with `cardctl refresh`"
)]
pub(crate) struct SoldToFormer {
    id: RequestId,
    former: CardId,
}

/// This sale, certified. Asked for before with the same id, it is the same one.
fn sold(
    books: &Books,
    who: &Who,
    card: CardId,
    amount: Piastres,
    shown: &Shown,
) -> Result<SaleRecord, Error> {
    let office = &books.office;
    let order = SaleOrder { who: who.clone(), id: books.id()?.clone(), payee: Payee::Card(card), amount };
    match office.sell(&order) {
        Ok(sale) => Ok(sale),
        Err(LedgerError::Refused(Refusal::ApprovalNeeded { .. })) => {
            office.reserve(&order)?;
            Err(SecondPerson::of(&order).into())
        }
        // One that was announced before, or for a card that has been replaced since.
        Err(LedgerError::Refused(Refusal::OtherRequest(_))) => go_on(books, &order, card, shown),
        Err(error) => Err(error.into()),
    }
}

/// Goes on with a sale that was asked for before: the same amount for the same contract, whichever card it has now. It stays at the
/// vending point where it began.
fn go_on(books: &Books, order: &SaleOrder, card: CardId, shown: &Shown) -> Result<SaleRecord, Error> {
    let office = &books.office;
    let before = office.status(&order.who.request(&order.id))?;
    let binding = books.binding_of(card)?.binding();
    if (before.amount, before.binding) != (order.amount, binding) {
        return Err(LedgerError::from(Refusal::OtherRequest(order.id.clone())).into());
    }
    if before.certified.is_some()
        && let Some(former) = before.carrier().filter(|carrier| *carrier != card)
    {
        return Err(SoldToFormer { id: order.id.clone(), former }.into());
    }
    if before.certified.is_some() {
        return Ok(before);
    }
    let who = Who { point: before.entry.point, ..order.who.clone() };
    match office.confirm(&who, &order.id, Some(shown)) {
        Ok((sale, None)) => Ok(sale),
        Ok((_, Some(reason))) => Err(PaidOnly {
            amount: order.amount,
            id: order.id.clone(),
            party: who.party.to_string(),
            reason: Box::new(reason),
        }
        .into()),
        Err(LedgerError::Refused(Refusal::ApprovalNeeded { .. })) => Err(SecondPerson::of(order).into()),
        Err(error) => Err(error.into()),
    }
}

/// Certifies the same totals once more and loads them: activates a replacement card, or brings what was sold and never arrived.
/// `only` is the card that is meant; without it, whichever is in the reader.
pub(crate) fn refresh(context: &Context, only: Option<CardId>) -> Result<Loaded, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| load_again(card, &books, only))
}

/// Whether the card that is there is the one that was meant.
fn meant(only: Option<CardId>, present: CardId) -> Result<(), CardWorkError> {
    match only {
        Some(expected) if expected != present => Err(Misfit::OtherCard { expected, present }.into()),
        _ => Ok(()),
    }
}

fn load_again(
    transport: &mut Box<dyn Transport + '_>,
    books: &Books,
    only: Option<CardId>,
) -> Result<Loaded, Error> {
    let summary = card::select(transport)?;
    meant(only, summary.card.id)?;
    can_load(Channel::Branch, &summary).map_err(CardWorkError::from)?;
    let card = summary.card.id;
    let shown = books.office.shown_by(transport)?;
    books.office.look_at(&books.who, books.id()?, Payee::Card(card), &shown)?;
    let certified = books.office.refresh(&books.who, books.id()?, Payee::Card(card))?;
    let answer = books.office.load(&books.who, transport, &certified.parsed()?)?;
    newest(books, card, &answer)?;
    Ok(Loaded::new(&answer, None))
}

/// Loads a voucher as a kiosk or a phone does, without any key.
pub(crate) fn carry(context: &Context, file: &Path) -> Result<Loaded, Error> {
    let voucher = voucher_file::read(file)?;
    let answer = context.with_card(None, |card| Ok::<_, Error>(load(card, &voucher)?))?;
    Ok(Loaded::new(&answer, None))
}

/// What was certified just now is news to the card, unless the books are behind it; what was certified before may be there.
fn newest(books: &Books, card: CardId, answer: &LoadAnswer) -> Result<(), Error> {
    match answer.outcome {
        LoadOutcome::Loaded | LoadOutcome::Refreshed => Ok(()),
        LoadOutcome::AlreadyLoaded | LoadOutcome::Older => {
            let known = books.repeats() && answer.receipt.sequence <= books.binding_of(card)?.held.sequence;
            if known { Ok(()) } else { Err(BooksBehind(answer.receipt.sequence).into()) }
        }
    }
}

/// The card has certificates that the books do not know.
#[derive(Debug, thiserror::Error)]
#[error(
    "the card has certificate {0}, which these books do not know: nothing was loaded, and what was sold is not on it; \
         do not sell until the ledger is restored from its newest copy, and `cardctl ledger restored` has told it so"
)]
pub(crate) struct BooksBehind(u32);
