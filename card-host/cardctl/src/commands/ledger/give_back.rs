//! What was left in a contract that has ended is given back.

use card_host::issuer::{AccountError, IssuerError};
use card_ledger::{GiveBack, LedgerError, Refusal};

use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::view::ledger::give_back::{GaveBack, Given};

/// By the final report; by another person, too, where it is much or an estimate. The same again under its id is answered as it was, or as it stands.
pub(crate) fn run(books: &Books, order: &GiveBack, reason: &str) -> Result<GaveBack, Error> {
    let (office, who, id) = (&books.office, &books.who, books.id()?);
    if let Some(done) = office.given_back_by(who, id)?.filter(|done| done.of == order.of()) {
        return Ok(GaveBack::Done(Given::new(id, &done)));
    }
    let by_one = match order.left() {
        None => office.give_back(who, id, order, reason),
        Some(_) => Err(Refusal::OtherRequest(id.clone()).into()),
    };
    match by_one {
        Ok(done) => Ok(GaveBack::Done(Given::new(id, &done))),
        // It takes two, or was proposed before under this id.
        Err(LedgerError::Refused(Refusal::ApprovalNeeded { .. } | Refusal::OtherRequest(_))) => {
            office.propose_give_back(who, id, order, reason)?;
            Ok(GaveBack::proposed(id, order))
        }
        Err(LedgerError::Issuer(IssuerError::Account(AccountError::NotFinal))) => Err(given(
            "the ledger has no final report of this contract: take the card that ended it, a technician's or that of who moved in, to the meter, then \
             `cardctl collect`; where the meter can report no more, propose an estimate with --estimate EGP",
        )),
        Err(error) => Err(error.into()),
    }
}
