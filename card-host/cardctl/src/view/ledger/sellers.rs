//! `cardctl ledger`: who sells, and where.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{Party, PartyCode, Point, PointCode, Power, RequestId, Token};
use serde::Serialize;

use crate::view::View;
use crate::view::table::{Table, egp};

/// A party that sells.
#[derive(Serialize)]
struct PartyView {
    party: PartyCode,
    channel: String,
    open: bool,
}

impl From<Party> for PartyView {
    fn from(party: Party) -> Self {
        Self { channel: party.channel.to_string(), open: party.open, party: party.code }
    }
}

impl PartyView {
    fn text(&self) -> String {
        let may = if self.open { "sells" } else { "closed: it may sell no more" };
        format!("{:<20} {:<8} {may}", self.party, self.channel)
    }
}

/// One that was entered, changed or shown.
#[derive(Serialize)]
pub(crate) struct OneParty {
    request: RequestId,
    #[serde(flatten)]
    party: PartyView,
    #[serde(skip)]
    new: bool,
}

impl OneParty {
    /// `new` is whether it was entered just now.
    pub(crate) fn new(request: RequestId, party: Party, new: bool) -> Self {
        Self { request, party: party.into(), new }
    }
}

impl View for OneParty {
    fn text(&self, _: Language) -> String {
        let line = self.party.text();
        if self.new {
            format!("{line}; next: cardctl ledger point CODE --party {}", self.party.party)
        } else {
            line
        }
    }
}

/// All that have vending points.
#[derive(Serialize)]
pub(crate) struct Parties {
    parties: Vec<PartyView>,
}

impl From<Vec<Party>> for Parties {
    fn from(parties: Vec<Party>) -> Self {
        Self { parties: parties.into_iter().map(PartyView::from).collect() }
    }
}

impl View for Parties {
    fn text(&self, _: Language) -> String {
        self.parties.iter().map(PartyView::text).collect::<Vec<_>>().join("\n")
    }
}

/// A vending point.
#[derive(Serialize)]
struct PointView {
    point: PointCode,
    party: PartyCode,
    open: bool,
    most_cash: Option<u64>,
    most_daily: Option<u64>,
}

impl From<Point> for PointView {
    fn from(point: Point) -> Self {
        Self {
            point: point.code,
            party: point.party,
            open: point.open,
            most_cash: point.most_cash.map(|most| most.0),
            most_daily: point.most_daily.map(|most| most.0),
        }
    }
}

impl PointView {
    fn text(&self) -> String {
        let state = if self.open { "open" } else { "closed" };
        let limit =
            |most: Option<u64>| most.map_or_else(|| "by the rule".to_owned(), |most| egp(Piastres(most)));
        format!(
            "{:<20} of {:<12} {state:<6}  most cash: {}, most in a day: {}",
            self.point,
            self.party,
            limit(self.most_cash),
            limit(self.most_daily)
        )
    }
}

/// One that was entered, changed or shown.
#[derive(Serialize)]
pub(crate) struct OnePoint {
    request: RequestId,
    #[serde(flatten)]
    point: PointView,
}

impl OnePoint {
    pub(crate) fn new(request: RequestId, point: Point) -> Self {
        Self { request, point: point.into() }
    }
}

impl View for OnePoint {
    fn text(&self, _: Language) -> String {
        self.point.text()
    }
}

/// All of them.
#[derive(Serialize)]
pub(crate) struct Points {
    points: Vec<PointView>,
}

impl From<Vec<Point>> for Points {
    fn from(points: Vec<Point>) -> Self {
        Self { points: points.into_iter().map(PointView::from).collect() }
    }
}

impl View for Points {
    fn text(&self, _: Language) -> String {
        self.points.iter().map(PointView::text).collect::<Vec<_>>().join("\n")
    }
}

/// A new token: it is kept nowhere.
#[derive(Serialize)]
pub(crate) struct NewToken {
    request: RequestId,
    party: PartyCode,
    actor: String,
    power: &'static str,
    token: String,
}

impl NewToken {
    pub(crate) fn new(request: RequestId, party: &PartyCode, actor: &str, power: Power, token: &str) -> Self {
        let (party, actor, token) = (party.clone(), actor.to_owned(), token.to_owned());
        Self { request, party, actor, power: power.code(), token }
    }
}

impl View for NewToken {
    fn text(&self, _: Language) -> String {
        let Self { party, actor, token, .. } = self;
        format!("{token}\n  (the token of {actor} at {party}: give it to nobody else; it is kept nowhere)")
    }
}

/// The tokens of a party.
#[derive(Serialize)]
pub(crate) struct Tokens {
    party: PartyCode,
    tokens: Vec<TokenView>,
}

#[derive(Serialize)]
struct TokenView {
    actor: String,
    power: &'static str,
    revoked: bool,
}

impl Tokens {
    pub(crate) fn new(party: &PartyCode, tokens: Vec<Token>) -> Self {
        let tokens = tokens.into_iter().map(|Token { actor, power, revoked, .. }| TokenView {
            actor,
            power: power.code(),
            revoked,
        });
        Self { party: party.clone(), tokens: tokens.collect() }
    }
}

impl View for Tokens {
    fn text(&self, _: Language) -> String {
        if self.tokens.is_empty() {
            return format!("{} has no tokens", self.party);
        }
        let mut table = Table::default();
        for token in &self.tokens {
            let state = if token.revoked { ", revoked" } else { "" };
            table.line(&token.actor, format!("may {}{state}", token.power));
        }
        table.finish()
    }
}

/// Tokens that were revoked.
#[derive(Serialize)]
pub(crate) struct Revoked {
    pub(crate) request: RequestId,
    /// How many.
    pub(crate) revoked: usize,
    #[serde(skip)]
    pub(crate) actor: String,
    #[serde(skip)]
    pub(crate) party: PartyCode,
}

impl View for Revoked {
    fn text(&self, _: Language) -> String {
        format!("{} tokens of {} at {} are revoked", self.revoked, self.actor, self.party)
    }
}
