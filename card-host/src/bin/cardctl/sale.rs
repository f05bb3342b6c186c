//! Selling and loading. What is sold is kept until the next sale to that card, so that a voucher which did not arrive can be carried
//! again, and nobody has to pay twice.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::id::{CardId, Channel};
use card_core::message::Voucher;
use card_core::terminal::load::{LoadAnswer, LoadOutcome, can_load};
use card_core::text::{Language, Situation};
use card_core::units::Piastres;
use card_host::card;
use card_host::desk::{Desk, load};
use card_host::transport::Transport;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use crate::commands::Error;
use crate::customer;
use crate::output::{Output, egp};
use crate::voucher_file;
use crate::workplace::Workplace;

/// Sold, but not on the card.
#[derive(Debug, thiserror::Error)]
#[error(
    "{amount} EGP are sold and booked, but did not reach the card ({cause}): do not sell again; the voucher is in {}: carry it \
     with `cardctl load {}`",
    kept.display(), kept.display()
)]
pub(crate) struct NotLoaded {
    amount: Piastres,
    kept: PathBuf,
    pub(crate) cause: Box<Error>,
}

/// What is to be sold, and how.
pub(crate) struct Sale<'a> {
    pub(crate) amount: Piastres,
    pub(crate) channel: Channel,
    pub(crate) out: Option<&'a Path>,
    pub(crate) language: Language,
}

/// Sells to the card behind `transport`. Everything that can be known before is looked at before.
pub(crate) fn top_up(
    transport: &mut Box<dyn Transport + '_>,
    workplace: &Workplace,
    desk: &mut Desk,
    sale: &Sale<'_>,
) -> Result<Output, Error> {
    let summary = card::select(transport)?.summary;
    let id = summary.card.id;
    desk.account_of(id)?;
    if let Some(path) = sale.out {
        // It may be carried to a branch first, so only what no channel could load is refused.
        can_load(Channel::Branch, &summary).map_err(card_host::desk::DeskError::from)?;
        return keep(desk, id, sale, path);
    }
    can_load(sale.channel, &summary).map_err(card_host::desk::DeskError::from)?;
    let kept = workplace.voucher_path(id);
    let voucher = desk.sell(id, sale.amount, sale.channel)?;
    let written = voucher_file::replace(&kept, &voucher);
    let answer = match (desk.load(transport, &voucher), written) {
        (Ok(answer), _) => answer,
        (Err(_), Err(not_kept)) => return Err(not_kept.into()),
        (Err(cause), Ok(())) => {
            let cause = Box::new(cause.into());
            return Err(NotLoaded { amount: sale.amount, kept, cause }.into());
        }
    };
    newest(&answer)?;
    Ok(said(&answer, Some(sale.amount), sale.language))
}

/// Sells and writes the voucher to a file, which is made before anything is sold.
fn keep(desk: &mut Desk, id: CardId, sale: &Sale<'_>, path: &Path) -> Result<Output, Error> {
    let draft = voucher_file::Draft::create(path)?;
    let voucher = desk.sell(id, sale.amount, sale.channel)?;
    draft.write(&voucher)?;
    let sold = Situation::PaidNotLoaded.text(sale.language);
    let file = path.display().to_string();
    let text = match sale.language {
        Language::English => format!(
            "{} sold to card {id}; carry the voucher to it with `cardctl load {file}`",
            egp(sale.amount)
        ),
        Language::Arabic => customer::with_amount(sold, sale.amount, sale.language),
    };
    let json = json!({
        "card": id.to_string(),
        "amount": sale.amount.0,
        "file": file,
        "code": sold.code,
    });
    Ok(Output::new(text, json))
}

/// Certifies the same totals once more and loads them: activates a replacement card, or brings what was sold and never arrived.
pub(crate) fn refresh(
    transport: &mut Box<dyn Transport + '_>,
    desk: &mut Desk,
    language: Language,
) -> Result<Output, Error> {
    let summary = card::select(transport)?.summary;
    can_load(Channel::Branch, &summary).map_err(card_host::desk::DeskError::from)?;
    let voucher = desk.refresh(summary.card.id)?;
    let answer = desk.load(transport, &voucher)?;
    newest(&answer)?;
    Ok(said(&answer, None, language))
}

/// Loads a voucher as a kiosk or a phone does, without any key.
pub(crate) fn carry(
    transport: &mut Box<dyn Transport + '_>,
    voucher: &Voucher,
    language: Language,
) -> Result<Output, Error> {
    let answer = load(transport, voucher)?;
    Ok(said(&answer, None, language))
}

/// What was certified just now is news to the card, unless the books are behind it.
fn newest(answer: &LoadAnswer) -> Result<(), Error> {
    match answer.outcome {
        LoadOutcome::Loaded | LoadOutcome::Refreshed => Ok(()),
        LoadOutcome::AlreadyLoaded | LoadOutcome::Older => Err(BooksBehind(answer.receipt.sequence).into()),
    }
}

/// The card has certificates that the books do not know.
#[derive(Debug, thiserror::Error)]
#[error(
    "the card has certificate {0}, which these books do not know: nothing was loaded, and what was sold is not on it; \
         do not sell until the books are restored from the newest copy"
)]
pub(crate) struct BooksBehind(u32);

fn said(answer: &LoadAnswer, amount: Option<Piastres>, language: Language) -> Output {
    Output::new(customer::outcome(answer.outcome, amount, language), json(answer, amount))
}

fn json(answer: &LoadAnswer, amount: Option<Piastres>) -> Value {
    json!({
        "card": answer.receipt.card.id.to_string(),
        "amount": amount.map(|amount| amount.0),
        "outcome": format!("{:?}", answer.outcome),
        "code": customer::code(answer.outcome.into()),
        "sequence": answer.receipt.sequence,
        "total_credit": answer.receipt.total_credit.0,
        "total_debited": answer.receipt.total_debited.0,
        "state": answer.receipt.state.to_string(),
    })
}
