//! Who sells, where, and by which rules.

use card_core::id::Channel;
use card_core::units::Piastres;
use card_host::ledger::{Party, PartyCode, PointCode, PointLimits, Policy, Power, read};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::Path;

use super::given;
use crate::arguments::channel;
use crate::books::Books;
use crate::commands::Error;
use crate::output::Output;

#[derive(Args)]
pub(crate) struct PartyArguments {
    /// Its code.
    code: PartyCode,
    /// The channel that its vouchers name: branch, kiosk, bank or wallet.
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// It may sell no more.
    #[arg(long)]
    closed: bool,
}

#[derive(Args)]
pub(crate) struct PointArguments {
    /// Its code.
    code: Option<PointCode>,
    /// Whose it is; needed where it is new.
    #[arg(long)]
    party: Option<PartyCode>,
    /// It may sell no more.
    #[arg(long)]
    closed: bool,
    /// The most cash that it may hold, in EGP; without it, by the channel's rule.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    most_cash: Option<Piastres>,
    /// The most that it may sell in a day, in EGP; without it, by the channel's rule.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    most_daily: Option<Piastres>,
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

pub(super) fn party(books: &Books, party: &PartyArguments) -> Result<Output, Error> {
    let record = Party { code: party.code.clone(), channel: party.channel, open: !party.closed };
    books.office.set_party(&books.who, &books.id, &record)?;
    let may = if record.open { "sells" } else { "may sell no more" };
    let text = format!(
        "{} {may}, as {}; next: cardctl ledger point CODE --party {}",
        record.code, record.channel, record.code
    );
    let json = json!({
        "request": books.id, "party": record.code, "channel": record.channel.to_string(), "open": record.open,
    });
    Ok(Output::new(text, json))
}

pub(super) fn point(books: &Books, point: &PointArguments) -> Result<Output, Error> {
    let Some(code) = &point.code else {
        let points = books.points()?;
        let text: Vec<_> = points.iter().map(|point| format!("{}  of {}", point.code, point.party)).collect();
        let list: Vec<_> =
            points.iter().map(|point| json!({ "point": point.code, "party": point.party })).collect();
        return Ok(Output::new(text.join("\n"), json!({ "points": list })));
    };
    let limits = PointLimits { most_cash: point.most_cash, most_daily: point.most_daily };
    let known = read(books.office.ledger(), |t| t.point(code))?;
    let party = match (&known, &point.party) {
        (Some(known), Some(party)) if known.party != *party => {
            return Err(given(format!("vending point {code} is {}'s: take another code", known.party)));
        }
        (Some(known), _) => {
            books.office.change_point(&books.who, &books.id, code, !point.closed, limits)?;
            known.party.clone()
        }
        (None, Some(_)) if point.closed => {
            return Err(given("a new vending point begins open: enter it first, then close it"));
        }
        (None, Some(party)) => {
            books.office.add_point(&books.who, &books.id, code, party, limits)?;
            party.clone()
        }
        (None, None) => return Err(given(format!("vending point {code} is new: say --party whose it is"))),
    };
    let text = format!("vending point {code} of {party}: {}", if point.closed { "closed" } else { "open" });
    let json = json!({ "request": books.id, "point": code, "party": party, "open": !point.closed });
    Ok(Output::new(text, json))
}

pub(super) fn token(books: &Books, command: &TokenCommand) -> Result<Output, Error> {
    match command {
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
            let count = books.office.revoke_tokens(&books.who, &books.id, party, name)?;
            let text = format!("{count} tokens of {name} at {party} are revoked");
            Ok(Output::new(text, json!({ "request": books.id, "revoked": count })))
        }
    }
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
    let policy = Policy::from_json(&text).map_err(card_host::ledger::LedgerError::from)?;
    let version = books.office.set_policy(&books.who, &books.id, books.office.now()?, &policy)?;
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
