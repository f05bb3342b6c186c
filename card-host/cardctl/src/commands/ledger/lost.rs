//! After a disaster: what a channel has sold and the restored ledger does not know.

use card_core::units::Piastres;
use card_ledger::{
    Evidence, FindLostError, Finding, LedgerError, LostSale, LostSales, PartyCode, Refusal, find_lost,
};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::commands::Error;
use crate::context::books::Books;
use crate::view::{Output, egp};

/// What became of a voucher that was handed in.
struct HandedIn {
    code: &'static str,
    says: String,
    good: bool,
}

/// Compares the list; hands in what was lost where that is wanted. `false` where somebody still has to do something.
pub(super) fn lost(
    books: &Books,
    party: &PartyCode,
    file: &Path,
    hand_in: bool,
) -> Result<(Output, bool), Error> {
    let list = File::open(file).map_err(FindLostError::from)?;
    let found = find_lost(books.office.ledger(), party, &mut BufReader::new(list))?;
    let mut handed = Vec::new();
    if hand_in {
        // The newest of a contract comes first, and contains the others.
        for sale in &found.lost {
            handed.push(hand(books, sale)?);
        }
    }
    let good = found.contradicting.is_empty()
        && if hand_in { handed.iter().all(|handed| handed.good) } else { found.lost.is_empty() };
    Ok((output(&found, &handed), good))
}

/// One that is refused keeps nobody from handing in the others.
fn hand(books: &Books, sale: &LostSale) -> Result<HandedIn, Error> {
    match books.office.hand_in(&books.who, &Evidence::Voucher(sale.voucher.clone())) {
        Ok(handed) => {
            let says = match handed.finding {
                Finding::Agrees => "the ledger has it now",
                Finding::Behind => "the ledger has more now",
                Finding::Recovered => "entered again",
                Finding::Above => {
                    "MORE than the ledger has ever certified: was `cardctl ledger restored` run? else see `cardctl reconcile`"
                }
                _ => handed.finding.code(),
            };
            let good = handed.finding != Finding::Above;
            Ok(HandedIn { code: handed.finding.code(), says: says.to_owned(), good })
        }
        Err(LedgerError::Refused(refusal)) => Ok(refused(&refusal)),
        Err(error) => Err(error.into()),
    }
}

fn refused(refusal: &Refusal) -> HandedIn {
    // A voucher alone does not say whose the contract was.
    let then = match refusal {
        Refusal::UnknownBinding(_) => {
            "; where it was opened after the copy, read its card (`cardctl ledger recover-card`) and hand this in again"
        }
        _ => "",
    };
    HandedIn { code: "refused", says: format!("REFUSED: {refusal}{then}"), good: false }
}

fn output(found: &LostSales, handed: &[HandedIn]) -> Output {
    let paid =
        found.lost.iter().fold(Piastres::ZERO, |sum, sale| Piastres(sum.0.saturating_add(sale.amount.0)));
    let mut text = format!(
        "{} sales are known, {} are lost ({}), {} lines contradict the ledger",
        found.known,
        found.lost.len(),
        egp(paid),
        found.contradicting.len()
    );
    let mut list = Vec::new();
    for (at, sale) in found.lost.iter().enumerate() {
        let (binding, became) = (sale.binding, handed.get(at));
        let meter = binding.meter;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\nline {}: lost: request {}, {}, certificate {} of meter {meter} (binding {})",
            sale.line,
            sale.request,
            egp(sale.amount),
            sale.sequence,
            binding.number
        );
        if let Some(became) = became {
            let _ = write!(text, "\n  handed in: {}", became.says);
        }
        list.push(json!({
            "line": sale.line, "request": sale.request, "amount": sale.amount.0, "card": sale.card.to_string(),
            "meter": meter.number(), "binding": binding.number, "sequence": sale.sequence,
            "total_credit": sale.total_credit.0,
            "finding": became.map(|became| became.code), "says": became.map(|became| &became.says),
        }));
    }
    for (line, why) in &found.contradicting {
        let _ = write!(text, "\nline {line}: contradicts: {why}");
    }
    if handed.is_empty() && !found.lost.is_empty() {
        text.push_str("\nhand in what is lost: the same command with --hand-in");
    }
    let contradicting: Vec<Value> =
        found.contradicting.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
    let json = json!({ "known": found.known, "lost": list, "contradicting": contradicting });
    Output::new(text, json)
}
