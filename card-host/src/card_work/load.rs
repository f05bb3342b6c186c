//! Loading a voucher.

use card_core::id::{CardRef, Scope};
use card_core::message::Voucher;
use card_core::terminal::load::{LoadAnswer, LoadOutcome, fits, load_voucher};
use card_core::text::{Language, Situation};

use super::error::CardWorkError;
use crate::card;
use crate::keystore::KeyStore;
use crate::transport::Transport;

/// LOAD VOUCHER as a kiosk, bank or phone does it, without any key: SELECT, a look whether the voucher is for this card, and one
/// command.
pub fn load(transport: &mut impl Transport, voucher: &Voucher) -> Result<LoadAnswer, CardWorkError> {
    let summary = card::select(transport)?;
    fits(voucher, &summary)?;
    Ok(card::ask(transport, &load_voucher(&voucher.emit()))?)
}

/// Loads a voucher, and checks that the card's receipt is authentic and about it.
pub fn load_checked(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    scope: Scope,
    voucher: &Voucher,
) -> Result<LoadAnswer, CardWorkError> {
    let answer = load(transport, voucher)?;
    keys.verify_receipt(scope, answer.receipt)?;
    if answers(&answer, voucher) { Ok(answer) } else { Err(CardWorkError::OtherReceipt) }
}

/// Whether a card's answer is about this voucher.
fn answers(answer: &LoadAnswer, voucher: &Voucher) -> bool {
    let (receipt, certificate) = (&answer.receipt, &voucher.certificate);
    let card = CardRef { id: voucher.card, generation: certificate.generation };
    let totals = (receipt.total_credit, receipt.total_debited);
    let same = receipt.sequence == certificate.sequence
        && totals == (certificate.total_credit, certificate.total_debited);
    let fits = match answer.outcome {
        LoadOutcome::Older => receipt.sequence > certificate.sequence,
        LoadOutcome::Loaded | LoadOutcome::AlreadyLoaded | LoadOutcome::Refreshed => same,
    };
    fits && receipt.card == card && receipt.binding == certificate.binding
}

/// What an outcome means for the customer.
pub const fn in_words(outcome: LoadOutcome) -> &'static str {
    Situation::of_outcome(outcome).text(Language::English).what
}
