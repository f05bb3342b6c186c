//! Who sells, and where.

use card_ledger::{
    LedgerError, LimitsChange, Party, PartyChange, PartyCode, PointCode, PointLimits, Power, Refusal, read,
};
use std::collections::BTreeSet;

use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::view::ledger::sellers::{NewToken, OneParty, OnePoint, Parties, Points, Revoked, Tokens};

/// A vending point that is entered or shown; what is not named stays as it is.
pub(crate) struct PointChange {
    pub(crate) code: PointCode,
    pub(crate) party: Option<PartyCode>,
    pub(crate) open: Option<bool>,
    pub(crate) limits: LimitsChange,
}

pub(crate) fn party(books: &Books, change: &PartyChange) -> Result<OneParty, Error> {
    let code = &change.code;
    let known = read(books.office.ledger(), |t| t.party(code))?;
    let changes = |party: &Party| {
        change.channel.is_some_and(|channel| channel != party.channel)
            || change.open.is_some_and(|open| open != party.open)
    };
    let party = match &known {
        None if change.channel.is_none() => {
            return Err(given(format!("party {code} is new: say --channel, as which it sells")));
        }
        Some(party) if !changes(party) => party.clone(),
        _ => {
            let party = books.office.set_party(&books.who, books.id()?, change.clone())?;
            // A repetition changes nothing of what came after it.
            read(books.office.ledger(), |t| t.party(code))?.unwrap_or(party)
        }
    };
    Ok(OneParty::new(books.id()?.clone(), party, known.is_none()))
}

pub(crate) fn parties(books: &Books) -> Result<Parties, Error> {
    let codes: BTreeSet<PartyCode> = books.points()?.into_iter().map(|point| point.party).collect();
    let mut parties = Vec::new();
    for code in &codes {
        parties.extend(read(books.office.ledger(), |t| t.party(code))?);
    }
    Ok(parties.into())
}

pub(crate) fn points(books: &Books) -> Result<Points, Error> {
    Ok(books.points()?.into())
}

pub(crate) fn point(books: &Books, change: &PointChange) -> Result<OnePoint, Error> {
    let code = &change.code;
    let find = || read(books.office.ledger(), |t| t.point(code));
    match (find()?, &change.party) {
        (Some(known), Some(party)) if known.party != *party => {
            return Err(given(format!("vending point {code} is {}'s: take another code", known.party)));
        }
        (Some(known), _) => {
            let LimitsChange { most_cash, most_daily } = change.limits;
            let changed = change.open.is_some_and(|open| open != known.open)
                || most_cash.is_some_and(|most| most != known.most_cash)
                || most_daily.is_some_and(|most| most != known.most_daily);
            if changed {
                books.office.change_point(&books.who, books.id()?, code, change.open, change.limits)?;
            }
        }
        (None, Some(_)) if change.open == Some(false) => {
            return Err(given("a new vending point begins open: enter it first, then close it"));
        }
        (None, Some(party)) => {
            let LimitsChange { most_cash, most_daily } = change.limits;
            let limits = PointLimits { most_cash: most_cash.flatten(), most_daily: most_daily.flatten() };
            books.office.add_point(&books.who, books.id()?, code, party, limits)?;
        }
        (None, None) => return Err(given(format!("vending point {code} is new: say --party whose it is"))),
    }
    let point = find()?.ok_or_else(|| LedgerError::from(Refusal::UnknownPoint(code.clone())))?;
    Ok(OnePoint::new(books.id()?.clone(), point))
}

pub(crate) fn add_token(
    books: &Books,
    party: &PartyCode,
    name: &str,
    power: Power,
) -> Result<NewToken, Error> {
    let secret = books.office.add_token(&books.who, books.id()?, party, name, power)?;
    Ok(NewToken::new(books.id()?.clone(), party, name, power, secret.as_str()))
}

pub(crate) fn revoke_tokens(books: &Books, party: &PartyCode, name: &str) -> Result<Revoked, Error> {
    let request = books.who.request(books.id()?);
    let (tokens, done) = read(books.office.ledger(), |t| Ok((t.tokens(party)?, t.steps(&request)?)))?;
    let valid: BTreeSet<&str> =
        tokens.iter().filter(|token| !token.revoked).map(|token| token.actor.as_str()).collect();
    if done.is_empty() && !valid.contains(name) {
        let names = valid.into_iter().collect::<Vec<_>>().join(", ");
        return Err(given(match names.as_str() {
            "" => format!(
                "{party} has no valid token at all: nothing was revoked; see `cardctl ledger token list {party}`"
            ),
            names => format!(
                "{party} has no valid token of {name:?}, but of {names}: name one of these; nothing was revoked"
            ),
        }));
    }
    let revoked = books.office.revoke_tokens(&books.who, books.id()?, party, name)?;
    Ok(Revoked { request: books.id()?.clone(), revoked, actor: name.to_owned(), party: party.clone() })
}

pub(crate) fn tokens(books: &Books, party: &PartyCode) -> Result<Tokens, Error> {
    let (known, tokens) = read(books.office.ledger(), |t| Ok((t.party(party)?, t.tokens(party)?)))?;
    if known.is_none() {
        return Err(given(format!(
            "there is no party {party}: `cardctl ledger party` lists those that sell"
        )));
    }
    Ok(Tokens::new(party, tokens))
}
