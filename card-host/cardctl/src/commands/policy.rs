//! `cardctl policy`: what is asked for at a desk; and what was shown there, handed in before a step.

use card_core::calendar::Date;
use card_core::id::MeterId;
use card_host::national_id::NationalId;
use card_host::text_file;
use card_ledger::{
    CardPolicy, CardStep, Documents, EntryId, LedgerError, PapersOrder, Payee, Policy, RequestId, RequestKey,
    read,
};
use std::path::Path;

use super::{Error, given};
use crate::context::Context;
use crate::context::books::Books;
use crate::view::policy::{Accounts, Entered, Example, FeeLine, Shown};

/// The example for a company in Egypt.
pub(crate) const EXAMPLE: &str = include_str!("../../../policies/egypt.toml");

pub(crate) fn show(context: &Context, version: Option<u32>) -> Result<Shown, Error> {
    let books = context.books(&context.shared()?)?;
    let (version, policy) = match version {
        None => books.office.policy()?,
        Some(version) => {
            let all = read(books.office.ledger(), |t| t.policies())?;
            let held = all.iter().find(|record| record.version == version);
            let none = || given(format!("there are no rules of version {version}: leave --version out"));
            (version, Policy::from_json(&held.ok_or_else(none)?.rules).map_err(LedgerError::from)?)
        }
    };
    Ok(Shown { version, policy: policy.cards })
}

pub(crate) fn set(context: &Context, file: &Path) -> Result<Entered, Error> {
    let text = text_file::read(file)
        .map_err(|error| given(format!("{}: {error}: name a file that can be read", file.display())))?;
    let policy: CardPolicy = parsed(&text).map_err(|error| {
        given(format!("{}: {error}: compare it with `cardctl policy example`", file.display()))
    })?;
    let books = context.books(&context.shared()?)?;
    let version = books.office.set_cards(&books.who, books.id()?, None, &policy)?;
    Ok(Entered { request: books.id()?.clone(), version })
}

pub(crate) const fn example() -> Example {
    Example { toml: EXAMPLE }
}

pub(crate) fn accounts(context: &Context, national_id: &NationalId) -> Result<Accounts, Error> {
    let books = context.books(&context.shared()?)?;
    let accounts = books.office.accounts_of(&books.who, national_id)?;
    Ok(Accounts { accounts: accounts.iter().map(u64::to_string).collect() })
}

/// A policy as its file has it.
fn parsed(text: &str) -> Result<CardPolicy, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())
}

/// Hands in what a customer has shown for a step, before that is done under the same id.
pub(crate) fn hand_in(
    books: &Books,
    step: CardStep,
    account: u64,
    meter: MeterId,
    documents: &Documents,
) -> Result<(), Error> {
    let (who, id, meter) = (&books.who, books.id()?, Some(meter));
    books.office.present(&PapersOrder { who, id, step, account, meter, documents })?;
    Ok(())
}

/// The fee that a step has taken, with its name in both languages.
pub(crate) fn fee(books: &Books) -> Result<Option<FeeLine>, Error> {
    let Some(fee) = books.office.fee_of(&books.who, books.id()?)? else { return Ok(None) };
    let all = read(books.office.ledger(), |t| t.policies())?;
    let held = all.iter().find(|record| record.version == fee.policy);
    let rules = held.map_or(Ok(Policy::default()), |record| Policy::from_json(&record.rules));
    Ok(Some(FeeLine::new(&fee, &rules.map_err(LedgerError::from)?)))
}

/// Whether a request is a step that has taken a fee.
pub(crate) fn took_fee(books: &Books, request: &RequestKey) -> Result<bool, Error> {
    Ok(request.party == books.who.party && books.office.fee_of(&books.who, &request.id)?.is_some())
}

/// Gives back the fee of a request, where it has taken one.
pub(crate) fn give_back(books: &Books, id: &RequestId, reason: &str) -> Result<FeeLine, Error> {
    let fee = books.office.give_back_fee(&books.who, id, reason)?;
    Ok(FeeLine::new(&fee, &Policy::default()))
}

/// The account and the meter of a contract; nothing where there is none, which the step itself refuses in its words.
pub(crate) fn about(books: &Books, of: Payee) -> Result<Option<(u64, MeterId)>, Error> {
    let record = read(books.office.ledger(), |t| t.binding(of))?;
    Ok(record.map(|record| (record.held.account, record.binding().meter)))
}

/// A day.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    let day = text.parse::<jiff::civil::Date>().map_err(|_| "a day is written 2027-01-31".to_owned())?;
    let part = |part: i8| u8::try_from(part).unwrap_or(0);
    let year = u16::try_from(day.year()).map_err(|_| "the year is out of range".to_owned())?;
    Ok(Date { year, month: part(day.month()), day: part(day.day()) })
}

/// The number of a receipt.
pub(crate) fn receipt(text: &str) -> Result<EntryId, String> {
    let wrong =
        || "a receipt is named by its vending point and its number there, such as kiosk-17/512".to_owned();
    let (point, number) = text.split_once('/').ok_or_else(wrong)?;
    let point = point.parse().map_err(|_| wrong())?;
    let number = number.parse().ok().filter(|number| (1..=i64::MAX as u64).contains(number));
    Ok(EntryId { point, number: number.ok_or_else(wrong)? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn the_example_is_a_policy() {
        let policy = parsed(EXAMPLE).unwrap();
        assert!(CardStep::ALL.iter().all(|step| policy.of(*step).is_some()), "each step is in it");
        let rules = Policy { cards: Some(policy), ..Policy::for_development() };
        Policy::from_json(&rules.to_json()).unwrap();
        for wrong in ["", "steps = 1", "[steps.lose]", "[steps.block]\nfee = 3"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
