//! After a disaster: what was sold, and which cards were made, that the restored ledger does not know.

use card_host::text_file;
use card_ledger::{Evidence, FindLostError, Finding, LedgerError, LostSale, PartyCode, Refusal, find_lost};
use std::path::Path;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::Books;
use crate::context::workplace::Workplace;
use crate::view::ledger::correct::RecoveredCard;
use crate::view::ledger::lost::{HandedIn, Lost};
use crate::words::{Both, both};

/// Compares the list; hands in what was lost where that is wanted.
pub(crate) fn lost(books: &Books, party: &PartyCode, file: &Path, hand_in: bool) -> Result<Lost, Error> {
    let bytes = std::fs::read(file).map_err(FindLostError::from)?;
    // Lines that are no text are counted like others that are no voucher.
    let list = text_file::decoded(bytes.clone()).map_or(bytes, String::into_bytes);
    let found = find_lost(books.office.ledger(), party, &mut list.as_slice())?;
    if !hand_in {
        return Ok(Lost::new(found, None));
    }
    // The newest of a contract comes first, and contains the others.
    let handed = found.lost.iter().map(|sale| hand(books, sale)).collect::<Result<_, _>>()?;
    Ok(Lost::new(found, Some(handed)))
}

/// One that is refused keeps nobody from handing in the others.
fn hand(books: &Books, sale: &LostSale) -> Result<HandedIn, Error> {
    match books.office.hand_in(&books.who, &Evidence::Voucher(sale.voucher.clone())) {
        Ok(handed) => {
            let says = match handed.finding {
                Finding::Agrees => both!("the ledger has it now", "هو في الدفاتر الآن"),
                Finding::Behind => both!("the ledger has more now", "في الدفاتر شحنات أحدث"),
                Finding::Recovered => both!("entered again", "سُجل من جديد"),
                Finding::Above => both!(
                    "MORE than the ledger has ever certified: was `{restored}` run? else see `{reconcile}`",
                    "أكثر مما في الدفاتر: هل أُعلنت الاستعادة ({restored})؟ وإلا فيرجى المراجعة ({reconcile})",
                    restored = "cardctl ledger restored",
                    reconcile = "cardctl reconcile",
                ),
                _ => both!("{code}", "{code}", code = handed.finding.code()),
            };
            let good = handed.finding != Finding::Above;
            Ok(HandedIn { code: handed.finding.code(), says, good })
        }
        Err(LedgerError::Refused(refusal)) => Ok(refused(&refusal)),
        Err(error) => Err(error.into()),
    }
}

fn refused(refusal: &Refusal) -> HandedIn {
    // A voucher alone does not say whose the contract was.
    let Both(then, arabic) = match refusal {
        Refusal::UnknownBinding(_) => both!(
            "; where it was opened after the copy, read its card (`{command}`) and hand this in again",
            "؛ وإن فُتح التعاقد بعد النسخة فيرجى قراءة كارته ({command}) ثم إعادة التسليم",
            command = "cardctl ledger recover-card",
        ),
        _ => Both(String::new(), String::new()),
    };
    let says = Both(format!("REFUSED: {refusal}{then}"), format!("مرفوض: {}{arabic}", refusal.arabic()));
    HandedIn { code: "refused", says, good: false }
}

/// A card whose contract the restored ledger does not know.
pub(crate) fn recover_card(
    context: &Context,
    workplace: &Workplace,
    books: &Books,
    reason: &str,
) -> Result<RecoveredCard, Error> {
    let recovered = context.with_card(Some(workplace), |card| {
        Ok::<_, Error>(books.office.recover_card(&books.who, books.id()?, card, reason)?)
    })?;
    Ok(RecoveredCard::new(books.id()?.clone(), &recovered))
}
