//! Who sells, where, and by which rules.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::id::Channel;
use card_core::units::Piastres;
use card_ledger::{
    LedgerError, Party, PartyCode, Point, PointCode, PointLimits, Policy, Power, Refusal, read,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

use super::given;
use crate::cli::channel;
use crate::commands::Error;
use crate::context::books::Books;
use crate::view::{Output, Table, egp};

#[derive(Args)]
pub(crate) struct PartyArguments {
    /// Its code; alone, it is shown. Without a code, the parties that have vending points are listed.
    code: Option<PartyCode>,
    /// The channel that its vouchers name: branch, kiosk, bank or wallet; needed where it is new.
    #[arg(long, requires = "code", value_parser = channel)]
    channel: Option<Channel>,
    #[command(flatten)]
    state: State,
}

#[derive(Args)]
pub(crate) struct PointArguments {
    /// Its code; alone, it is shown. Without a code, all are listed.
    code: Option<PointCode>,
    /// Whose it is; needed where it is new.
    #[arg(long, requires = "code")]
    party: Option<PartyCode>,
    #[command(flatten)]
    state: State,
    /// The most cash that it may hold, in EGP.
    #[arg(long, requires = "code", value_name = "EGP", value_parser = Piastres::from_egp)]
    most_cash: Option<Piastres>,
    /// The most cash that it may hold is by the channel's rule again.
    #[arg(long, requires = "code", conflicts_with = "most_cash")]
    no_most_cash: bool,
    /// The most that it may sell in a day, in EGP.
    #[arg(long, requires = "code", value_name = "EGP", value_parser = Piastres::from_egp)]
    most_daily: Option<Piastres>,
    /// The most that it may sell in a day is by the channel's rule again.
    #[arg(long, requires = "code", conflicts_with = "most_daily")]
    no_most_daily: bool,
}

/// Whether it may sell; what is not named stays as it is.
#[derive(Args)]
struct State {
    /// It may sell no more.
    #[arg(long, requires = "code", conflicts_with = "open")]
    closed: bool,
    /// It may sell again.
    #[arg(long, requires = "code")]
    open: bool,
}

impl PartyArguments {
    /// Whether it may be new.
    pub(super) const fn enters(&self) -> bool {
        self.channel.is_some()
    }
}

impl State {
    const fn after(&self, open: bool) -> bool {
        (open || self.open) && !self.closed
    }
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token and prints it. It is kept nowhere.
    Add {
        /// The party.
        party: PartyCode,
        /// Who uses it, as it is written in the ledger.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = May::Sell)]
        may: May,
    },
    /// Lists the tokens of a party: who uses them, what they may do, and whether they are revoked.
    List {
        /// The party.
        party: PartyCode,
    },
    /// Revokes all tokens of a party with this name.
    Revoke {
        /// The party.
        party: PartyCode,
        /// Who uses them.
        name: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum May {
    /// Sell, confirm, cancel, collect, hand in.
    Sell,
    /// That, and agree as second person.
    Approve,
}

pub(super) fn party(books: &Books, arguments: &PartyArguments) -> Result<Output, Error> {
    let Some(code) = &arguments.code else { return parties(books) };
    let known = read(books.office.ledger(), |t| t.party(code))?;
    let before = known.as_ref().map(|party| (party.channel, party.open));
    let channel = arguments.channel.or(before.map(|(channel, _)| channel));
    let Some(channel) = channel else {
        return Err(given(format!("party {code} is new: say --channel, as which it sells")));
    };
    let open = arguments.state.after(before.is_none_or(|(_, open)| open));
    let mut party = Party { code: code.clone(), channel, open };
    if known.as_ref() != Some(&party) {
        books.office.set_party(&books.who, &books.id, &party)?;
        // A repetition changes nothing of what came after it.
        party = read(books.office.ledger(), |t| t.party(code))?.unwrap_or(party);
    }
    let next = match known {
        Some(_) => String::new(),
        None => format!("; next: cardctl ledger point CODE --party {code}"),
    };
    let mut json = party_json(&party);
    json["request"] = books.id.to_string().into();
    Ok(Output::new(format!("{}{next}", party_line(&party)), json))
}

fn party_line(party: &Party) -> String {
    let may = if party.open { "sells" } else { "closed: it may sell no more" };
    format!("{:<20} {:<8} {may}", party.code, party.channel.to_string())
}

fn party_json(party: &Party) -> Value {
    json!({ "party": party.code, "channel": party.channel.to_string(), "open": party.open })
}

fn parties(books: &Books) -> Result<Output, Error> {
    let codes: BTreeSet<PartyCode> = books.points()?.into_iter().map(|point| point.party).collect();
    let mut parties = Vec::new();
    for code in &codes {
        parties.extend(read(books.office.ledger(), |t| t.party(code))?);
    }
    let text: Vec<_> = parties.iter().map(party_line).collect();
    let list: Vec<_> = parties.iter().map(party_json).collect();
    Ok(Output::new(text.join("\n"), json!({ "parties": list })))
}

pub(super) fn point(books: &Books, arguments: &PointArguments) -> Result<Output, Error> {
    let Some(code) = &arguments.code else {
        let points = books.points()?;
        let text: Vec<_> = points.iter().map(point_line).collect();
        let list: Vec<_> = points.iter().map(point_json).collect();
        return Ok(Output::new(text.join("\n"), json!({ "points": list })));
    };
    let find = || read(books.office.ledger(), |t| t.point(code));
    match (find()?, &arguments.party) {
        (Some(known), Some(party)) if known.party != *party => {
            return Err(given(format!("vending point {code} is {}'s: take another code", known.party)));
        }
        (Some(known), _) => {
            let open = arguments.state.after(known.open);
            let limits = arguments.limits(known.most_cash, known.most_daily);
            if (open, limits.most_cash, limits.most_daily) != (known.open, known.most_cash, known.most_daily)
            {
                books.office.change_point(&books.who, &books.id, code, open, limits)?;
            }
        }
        (None, Some(_)) if arguments.state.closed => {
            return Err(given("a new vending point begins open: enter it first, then close it"));
        }
        (None, Some(party)) => {
            let limits = arguments.limits(None, None);
            books.office.add_point(&books.who, &books.id, code, party, limits)?;
        }
        (None, None) => return Err(given(format!("vending point {code} is new: say --party whose it is"))),
    }
    let point = find()?.ok_or_else(|| LedgerError::from(Refusal::UnknownPoint(code.clone())))?;
    let mut json = point_json(&point);
    json["request"] = books.id.to_string().into();
    Ok(Output::new(point_line(&point), json))
}

impl PointArguments {
    /// Whether it may be new.
    pub(super) const fn enters(&self) -> bool {
        self.party.is_some()
    }

    /// The limits after this, where these were the ones before.
    fn limits(&self, cash: Option<Piastres>, daily: Option<Piastres>) -> PointLimits {
        PointLimits {
            most_cash: self.most_cash.or(cash.filter(|_| !self.no_most_cash)),
            most_daily: self.most_daily.or(daily.filter(|_| !self.no_most_daily)),
        }
    }
}

fn point_line(point: &Point) -> String {
    let state = if point.open { "open" } else { "closed" };
    let limit = |most: Option<Piastres>| most.map_or_else(|| "by the rule".to_owned(), egp);
    format!(
        "{:<20} of {:<12} {state:<6}  most cash: {}, most in a day: {}",
        point.code,
        point.party,
        limit(point.most_cash),
        limit(point.most_daily)
    )
}

fn point_json(point: &Point) -> Value {
    json!({
        "point": point.code, "party": point.party, "open": point.open,
        "most_cash": point.most_cash.map(|most| most.0), "most_daily": point.most_daily.map(|most| most.0),
    })
}

pub(super) fn token(books: &Books, command: &TokenCommand) -> Result<Output, Error> {
    match command {
        TokenCommand::List { party } => tokens(books, party),
        TokenCommand::Add { party, name, may } => {
            let power = match may {
                May::Sell => Power::Sell,
                May::Approve => Power::Approve,
            };
            let secret = books.office.add_token(&books.who, &books.id, party, name, power)?;
            let text = format!(
                "{}\n  (the token of {name} at {party}: give it to nobody else; it is kept nowhere)",
                secret.as_str()
            );
            let json = json!({
                "request": books.id, "party": party, "actor": name, "power": power.code(),
                "token": secret.as_str(),
            });
            Ok(Output::new(text, json))
        }
        TokenCommand::Revoke { party, name } => {
            let request = books.who.request(&books.id);
            let (tokens, done) = read(books.office.ledger(), |t| Ok((t.tokens(party)?, t.steps(&request)?)))?;
            let valid: BTreeSet<&str> =
                tokens.iter().filter(|token| !token.revoked).map(|token| token.actor.as_str()).collect();
            if done.is_empty() && !valid.contains(name.as_str()) {
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
            let count = books.office.revoke_tokens(&books.who, &books.id, party, name)?;
            let text = format!("{count} tokens of {name} at {party} are revoked");
            Ok(Output::new(text, json!({ "request": books.id, "revoked": count })))
        }
    }
}

fn tokens(books: &Books, party: &PartyCode) -> Result<Output, Error> {
    let (known, tokens) = read(books.office.ledger(), |t| Ok((t.party(party)?, t.tokens(party)?)))?;
    if known.is_none() {
        return Err(given(format!(
            "there is no party {party}: `cardctl ledger party` lists those that sell"
        )));
    }
    let mut table = Table::default();
    for token in &tokens {
        let state = if token.revoked { ", revoked" } else { "" };
        table.line(&token.actor, format!("may {}{state}", token.power.code()));
    }
    let text = if tokens.is_empty() { format!("{party} has no tokens") } else { table.finish() };
    let list: Vec<_> = tokens
        .iter()
        .map(|token| json!({ "actor": token.actor, "power": token.power.code(), "revoked": token.revoked }))
        .collect();
    Ok(Output::new(text, json!({ "party": party, "tokens": list })))
}

pub(super) fn rules(books: &Books, file: Option<&Path>) -> Result<Output, Error> {
    let Some(file) = file else {
        let (version, policy) = books.office.policy()?;
        let rules: Value = serde_json::from_str(&policy.to_json()).unwrap_or_default();
        let text = serde_json::to_string_pretty(&rules).unwrap_or_default();
        return Ok(Output::new(text, json!({ "version": version, "rules": rules })));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| given(format!("{}: {error}: name a file that can be read", file.display())))?;
    let policy = Policy::from_json(&text).map_err(LedgerError::from)?;
    let version = books.office.set_policy(&books.who, &books.id, None, &policy)?;
    let text = format!("version {version} of the rules holds from now on");
    Ok(Output::new(text, json!({ "request": books.id, "version": version })))
}

pub(super) fn customer(books: &Books, account: u64, phone: &str, arabic: bool) -> Result<Output, Error> {
    books.office.set_customer(&books.who, &books.id, account, phone, arabic)?;
    let text = match phone {
        "" => format!("account {account} gets no messages"),
        _ => format!("messages to account {account} go to {phone}"),
    };
    Ok(Output::new(
        text,
        json!({ "request": books.id, "account": account, "phone": phone, "arabic": arabic }),
    ))
}
