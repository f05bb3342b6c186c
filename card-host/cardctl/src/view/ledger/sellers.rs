//! `cardctl ledger`: who sells, and where.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{Party, PartyCode, Point, PointCode, Power, RequestId, Token};
use serde::Serialize;

use crate::view::staff::power_in;
use crate::view::table::{Table, in_language};
use crate::view::{View, customer};
use crate::words::said;

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
    fn text(&self, language: Language) -> String {
        let may =
            in_language(language, if self.open { "sells" } else { "closed: it may sell no more" }.to_owned());
        let channel = in_language(language, self.channel.clone());
        format!("{:<20} {channel:<8} {may}", self.party)
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
    fn text(&self, language: Language) -> String {
        let line = self.party.text(language);
        if !self.new {
            return line;
        }
        said!(
            language,
            "{line}; next: {command}",
            "{line}؛ الخطوة التالية: {command}",
            line,
            command = format_args!("cardctl ledger point CODE --party {}", self.party.party),
        )
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
    fn text(&self, language: Language) -> String {
        self.parties.iter().map(|party| party.text(language)).collect::<Vec<_>>().join("\n")
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
    fn text(&self, language: Language) -> String {
        let Self { point, party, open, .. } = self;
        let state = in_language(language, if *open { "open" } else { "closed" }.to_owned());
        let limit = |most: Option<u64>| match most {
            None => in_language(language, "by the rule".to_owned()),
            Some(most) => customer::amount(Piastres(most), language),
        };
        said!(
            language,
            "{point} of {party} {state}  most cash: {cash}, most in a day: {daily}",
            "{point} من {party} {state}  أقصى نقد: {cash}، أقصى بيع في اليوم: {daily}",
            point = format_args!("{point:<20}"),
            party = format_args!("{party:<12}"),
            state = format_args!("{state:<6}"),
            cash = limit(self.most_cash),
            daily = limit(self.most_daily),
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
    fn text(&self, language: Language) -> String {
        self.point.text(language)
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
    fn text(&self, language: Language) -> String {
        self.points.iter().map(|point| point.text(language)).collect::<Vec<_>>().join("\n")
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
    fn text(&self, language: Language) -> String {
        let Self { party, actor, token, .. } = self;
        said!(
            language,
            "{token}\n  (the token of {actor} at {party}: give it to nobody else; it is kept nowhere)",
            "{token}\n  (رمز الدخول الخاص بـ {actor} لدى {party} وحده، ولا يُحفظ في أي مكان)",
            token,
            actor,
            party,
        )
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
    fn text(&self, language: Language) -> String {
        if self.tokens.is_empty() {
            return said!(
                language,
                "{party} has no tokens",
                "لا توجد رموز دخول لدى {party}",
                party = self.party
            );
        }
        let mut table = Table::new(language);
        for token in &self.tokens {
            let power = power_in(language, token.power);
            let may = match token.revoked {
                true => said!(language, "may {power}, revoked", "الصلاحيات: {power}، ملغى", power),
                false => said!(language, "may {power}", "الصلاحيات: {power}", power),
            };
            table.line(&token.actor, may);
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
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "{revoked} tokens of {actor} at {party} are revoked",
            "أُلغي {revoked} من رموز الدخول الخاصة بـ {actor} لدى {party}",
            revoked = self.revoked,
            actor = self.actor,
            party = self.party,
        )
    }
}
