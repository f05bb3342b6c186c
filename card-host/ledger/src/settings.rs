//! Who may sell, where, and by which rules; and the first entry of a new ledger.

use card_core::id::Channel;
use card_core::role::{KeyVersion, Role};
use card_core::units::{Balance, CardTime, Piastres};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::answers::{answered, number, with_answer};
use super::entry::{Hash, Kind, RequestKey, Step};
use super::error::{AnchorError, LedgerError, Refusal};
use super::masters;
use super::names::{COMPANY, OFFICE, PartyCode, PointCode, RequestId};
use super::office::{Office, Who, customer, draft};
use super::policy::Policy;
use super::powers::Power;
use super::records::{Customer, Head, Party, Point, PolicyRecord, Staff, Token};
use super::staff;
use super::store::{Ledger, Transaction, read};
use card_core::platform::Random;
use card_host::issuer::Clock;
use card_host::keystore::{KeyStore, KeyStoreError};
use card_host::random::OsRandom;

/// What is noted of a request, see [`Office::note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// What a meter has answered to its mail over the network: a code of docs/meter.md, section 7; 01 is taken.
    Heard,
    /// The time that the hours of its command count from, POSIX seconds.
    Time,
}

impl Note {
    /// The id of the note's own entry, and what it says.
    fn of(self, id: &RequestId) -> Result<(RequestId, Value), LedgerError> {
        let what = match self {
            Self::Heard => "heard",
            Self::Time => "time",
        };
        Ok((id.beside(what)?, json!({ "noted": what, "of": id })))
    }
}

/// Limits of one vending point; where one is `None`, the channel's rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointLimits {
    /// The most cash that it may hold.
    pub most_cash: Option<Piastres>,
    /// The most that it may sell in a day.
    pub most_daily: Option<Piastres>,
}

/// A change of them; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitsChange {
    /// The most cash that it may hold.
    pub most_cash: Option<Option<Piastres>>,
    /// The most that it may sell in a day.
    pub most_daily: Option<Option<Piastres>>,
}

impl From<PointLimits> for LimitsChange {
    fn from(limits: PointLimits) -> Self {
        Self { most_cash: Some(limits.most_cash), most_daily: Some(limits.most_daily) }
    }
}

/// A party that is entered or changed; what is `None` stays as it is, and a new one may sell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyChange {
    /// Its code.
    pub code: PartyCode,
    /// The channel that its vouchers name.
    pub channel: Option<Channel>,
    /// Whether it may sell.
    pub open: Option<bool>,
}

impl From<&Party> for PartyChange {
    fn from(party: &Party) -> Self {
        Self { code: party.code.clone(), channel: Some(party.channel), open: Some(party.open) }
    }
}

/// A party as an entry has set it.
pub(super) fn party_of(code: &PartyCode, answer: &Value) -> Option<Party> {
    let named = answer.get("channel")?.as_str()?;
    let mut channels = (1..=5).filter_map(Channel::from_code);
    let channel = channels.find(|channel| channel.to_string() == named)?;
    Some(Party { code: code.clone(), channel, open: answer.get("open")?.as_bool()? })
}

impl Office {
    /// Begins a ledger of a single user, whom it believes to be who the program says: the company as a party that sells at branches, its point `office`, and rules of selling. Where that has been done it
    /// changes nothing.
    pub fn found(
        ledger: Arc<dyn Ledger>,
        keys: Arc<dyn KeyStore>,
        clock: impl Clock + 'static,
        actor: &str,
        rules: &Policy,
    ) -> Result<Self, LedgerError> {
        Self::begun(ledger, keys, clock, actor, None, rules)
    }

    /// The same, with the first member of staff where there is one.
    pub(super) fn begun(
        ledger: Arc<dyn Ledger>,
        keys: Arc<dyn KeyStore>,
        clock: impl Clock + 'static,
        actor: &str,
        first: Option<Staff>,
        rules: &Policy,
    ) -> Result<Self, LedgerError> {
        let who = Who::company(actor)?;
        if let Some(memory) = keys.memory()
            && read(&*ledger, |t| t.point(&who.point))?.is_none()
        {
            memory.begin().map_err(AnchorError::from)?;
        }
        let office = Self::new(ledger, keys, clock)?;
        let request = who.request(&"founded".parse()?);
        let rules = Policy::from_json(&rules.to_json())?.to_json();
        office.step(|t| {
            if t.point(&who.point)?.is_some() {
                return Ok(());
            }
            let now = office.now()?;
            let mut point = new_point(&who.point, &who.party, PointLimits::default());
            let mut entry = draft(&who, &request, Step::First, Kind::Settings, now);
            entry.policy = 1;
            let masters = office.checks_of_masters()?;
            let mut founded = json!({ "rules": rules, "masters": masters });
            let mut heads = Vec::new();
            if let Some(first) = &first {
                if let Some(founded) = founded.as_object_mut() {
                    founded.insert("staff".to_owned(), staff::answer(first));
                }
                heads.push(Head::Staff(first.clone()));
            }
            entry.payload = json!({ "founded": founded }).to_string().into_bytes();
            let party = Party { code: who.party.clone(), channel: Channel::Branch, open: true };
            // The rules hold for all time before, too: clocks of sellers may be seconds apart.
            let policy = PolicyRecord { version: 1, from: CardTime(1), rules: rules.clone() };
            heads.extend([Head::Party(party), Head::Policy(policy)]);
            office.book(t, &mut point, entry, &heads)?;
            Ok(())
        })?;
        office.reload()?;
        Ok(office)
    }

    /// Enters a party, or changes its channel and whether it may sell. Gives it as it stood then; repeated, the same.
    pub fn set_party(
        &self,
        who: &Who,
        id: &RequestId,
        change: impl Into<PartyChange>,
    ) -> Result<Party, LedgerError> {
        let PartyChange { code, channel, open } = change.into();
        let asked =
            json!({ "party": code, "channel": channel.map(|channel| channel.to_string()), "open": open });
        let mut party = Party { code, channel: Channel::Branch, open: true };
        self.set_and_answer(who, id, Power::Settings, &asked, |t, _| {
            let held = t.party(&party.code)?;
            let before = held.as_ref().map(|held| held.channel);
            let new =
                || Refusal::Invalid(format!("party {} is new: say as which channel it sells", party.code));
            party.channel = channel.or(before).ok_or_else(new)?;
            party.open = open.unwrap_or_else(|| held.is_none_or(|held| held.open));
            let answer = json!({ "channel": party.channel.to_string(), "open": party.open });
            Ok((answer, vec![Head::Party(party.clone())]))
        })
        .and_then(|answer| {
            party_of(&party.code, &answer).ok_or_else(|| Refusal::OtherRequest(id.clone()).into())
        })
    }

    /// Enters a vending point of a party.
    pub fn add_point(
        &self,
        who: &Who,
        id: &RequestId,
        code: &PointCode,
        party: &PartyCode,
        limits: PointLimits,
    ) -> Result<(), LedgerError> {
        let document = json!({
            "point": code, "party": party,
            "most_cash": limits.most_cash.map(|most| most.0), "most_daily": limits.most_daily.map(|most| most.0),
        });
        self.set(who, id, Power::Settings, &document, |t| {
            if t.party(party)?.is_none() {
                return Err(Refusal::UnknownParty(party.clone()).into());
            }
            if t.point(code)?.is_some() {
                return Err(Refusal::Invalid(format!("vending point {code} is there already")).into());
            }
            Ok(vec![Head::Point(new_point(code, party, limits))])
        })
    }

    /// Opens or closes a vending point, and sets its limits; what is not named stays as it is.
    pub fn change_point(
        &self,
        who: &Who,
        id: &RequestId,
        code: &PointCode,
        open: impl Into<Option<bool>>,
        limits: impl Into<LimitsChange>,
    ) -> Result<(), LedgerError> {
        let (open, LimitsChange { most_cash, most_daily }) = (open.into(), limits.into());
        let named =
            |most: Option<Option<Piastres>>| most.map(|most| json!({ "most": most.map(|most| most.0) }));
        let asked = json!({
            "change": code, "open": open, "most_cash": named(most_cash), "most_daily": named(most_daily),
        });
        if code.as_str() == OFFICE {
            let why = format!("{OFFICE} is where this is entered: it stays open, and has no limits");
            return Err(Refusal::Invalid(why).into());
        }
        self.set_and_answer(who, id, Power::Settings, &asked, |t, _| {
            let mut point = t.point(code)?.ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
            point.open = open.unwrap_or(point.open);
            point.most_cash = most_cash.unwrap_or(point.most_cash);
            point.most_daily = most_daily.unwrap_or(point.most_daily);
            let [cash, daily] = [point.most_cash, point.most_daily].map(|most| most.map(|most| most.0));
            let answer = json!({ "open": point.open, "most_cash": cash, "most_daily": daily });
            Ok((answer, vec![Head::Point(point)]))
        })
        .map(drop)
    }

    /// Makes a token for a party and gives its secret, which is kept nowhere: 64 characters. A repetition is refused, since the secret is
    /// gone: revoke that token and make another.
    pub fn add_token(
        &self,
        who: &Who,
        id: &RequestId,
        party: &PartyCode,
        actor: &str,
        power: Power,
    ) -> Result<Zeroizing<String>, LedgerError> {
        if !matches!(power, Power::Sell | Power::Approve) {
            return Err(Refusal::Invalid("a token may sell, or approve as well".to_owned()).into());
        }
        if !Who::is_actor(actor) {
            return Err(
                Refusal::Invalid("name who uses the token, in at most 64 characters".to_owned()).into()
            );
        }
        let mut bytes = Zeroizing::new([0; 32]);
        OsRandom.fill(&mut *bytes).map_err(KeyStoreError::from)?;
        let secret = Zeroizing::new(hex::encode(*bytes));
        let hash = token_hash(&secret);
        let document =
            json!({ "token": hex::encode(hash), "party": party, "actor": actor, "power": power.code() });
        self.set(who, id, Power::Settings, &document, |t| {
            if t.party(party)?.is_none() {
                return Err(Refusal::UnknownParty(party.clone()).into());
            }
            let (party, actor) = (party.clone(), actor.to_owned());
            Ok(vec![Head::Token(Token { hash, party, actor, power, revoked: false })])
        })?;
        Ok(secret)
    }

    /// Revokes the tokens of a party that name this actor. Gives how many those were; repeated, the same number.
    pub fn revoke_tokens(
        &self,
        who: &Who,
        id: &RequestId,
        party: &PartyCode,
        actor: &str,
    ) -> Result<usize, LedgerError> {
        let asked = json!({ "revoked": { "party": party, "actor": actor } });
        let answer = self.set_and_answer(who, id, Power::Settings, &asked, |t, _| {
            let found = t.tokens(party)?.into_iter().filter(|token| token.actor == actor && !token.revoked);
            let heads: Vec<_> = found.map(|token| Head::Token(Token { revoked: true, ..token })).collect();
            Ok((json!({ "tokens": heads.len() }), heads))
        })?;
        number(&answer, "tokens", id)
    }

    /// The token with this secret, where it has not been revoked.
    pub fn token(&self, secret: &str) -> Result<Option<Token>, LedgerError> {
        let hash = token_hash(secret);
        Ok(read(self.ledger(), |t| t.token(&hash))?.filter(|token| !token.revoked))
    }

    /// Enters where messages to a customer go.
    pub fn set_customer(
        &self,
        who: &Who,
        id: &RequestId,
        account: u64,
        phone: &str,
        arabic: bool,
    ) -> Result<(), LedgerError> {
        if phone.len() > 20 || !phone.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+') {
            return Err(
                Refusal::Invalid("a telephone number has at most 20 digits and '+'".to_owned()).into()
            );
        }
        // The number itself stays out of the entries, which nobody can ever delete.
        let document =
            json!({ "customer": account.to_string(), "phone": !phone.is_empty(), "arabic": arabic });
        self.set(who, id, Power::Sell, &document, |t| {
            let held = customer(t, account)?;
            Ok(vec![Head::Customer(Customer { phone: phone.to_owned(), arabic, ..held })])
        })
    }

    /// Enters that the next master of `role` is to be drawn, before it is, and gives the key version number that it gets. Repeated, it gives
    /// the same number: where the key store has come to it, the master has been drawn.
    pub fn next_master(&self, who: &Who, id: &RequestId, role: Role) -> Result<KeyVersion, LedgerError> {
        let own = id.beside("master")?;
        let asked = json!({ "master": format!("{role:?}").to_lowercase() });
        let answer = self.set_and_answer(who, &own, Power::Keys, &asked, |_, _| {
            let next = self.keys().current(role)?.next();
            if !next.is_of(role) {
                return Err(KeyStoreError::VersionsExhausted(role).into());
            }
            Ok((json!({ "version": next.byte() }), Vec::new()))
        })?;
        number(&answer, "version", &own).map(KeyVersion::from_byte)
    }

    /// Enters the check value of a master that has been drawn. Repeated, nothing.
    pub fn master_drawn(&self, who: &Who, version: KeyVersion) -> Result<(), LedgerError> {
        let check = hex::encode(self.keys().check_value(self.scope(), version)?);
        let document = json!({ "drawn": { "version": version.byte(), "check": check } });
        self.set(who, &masters::drawn(version)?, Power::Keys, &document, |_| Ok(Vec::new()))
    }

    /// Notes a number that comes from outside the books, once, so that a repetition of this request has it again: what a meter has answered,
    /// the time that a command's hours count from. Gives what was noted first.
    pub fn note(&self, who: &Who, id: &RequestId, what: Note, number_now: u64) -> Result<u64, LedgerError> {
        let (own, asked) = what.of(id)?;
        let set = |_: &mut dyn Transaction, _| Ok((json!({ "number": number_now }), Vec::new()));
        number(&self.set_and_answer(who, &own, Power::Settings, &asked, set)?, "number", &own)
    }

    /// What was noted for this request, where something was.
    pub fn noted(&self, who: &Who, id: &RequestId, what: Note) -> Result<Option<u64>, LedgerError> {
        let (own, asked) = what.of(id)?;
        let request = who.request(&own);
        read(self.ledger(), |t| {
            let Some(done) = t.steps(&request)?.into_iter().next() else { return Ok(None) };
            let answer = t.entry(&done.entry)?.and_then(|entry| answered(&entry.payload, &asked));
            number(&answer.unwrap_or_default(), "number", &own).map(Some)
        })
    }

    /// An entry that sets something, once. Only the company does that.
    fn set(
        &self,
        who: &Who,
        id: &RequestId,
        power: Power,
        asked: &Value,
        mut heads: impl FnMut(&mut dyn Transaction) -> Result<Vec<Head>, LedgerError> + Send,
    ) -> Result<(), LedgerError> {
        self.set_and_answer(who, id, power, asked, |t, _| Ok((Value::Null, heads(t)?))).map(drop)
    }

    /// The same, with an answer: it stands in the entry beside what was asked for, so a repetition gets it again.
    fn set_and_answer(
        &self,
        who: &Who,
        id: &RequestId,
        power: Power,
        asked: &Value,
        mut set: impl FnMut(&mut dyn Transaction, CardTime) -> Result<(Value, Vec<Head>), LedgerError> + Send,
    ) -> Result<Value, LedgerError> {
        let (request, who) = (self.companys(who, id, power)?, &who.at_office()?);
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let answer = t.entry(&done.entry)?.and_then(|entry| answered(&entry.payload, asked));
                return Ok(answer.ok_or_else(|| Refusal::OtherRequest(id.clone()))?);
            }
            let now = self.now()?;
            let mut entry = draft(who, &request, Step::First, Kind::Settings, now);
            let (answer, heads) = set(t, now)?;
            entry.payload = with_answer(asked, &answer);
            self.book(t, &mut point, entry, &heads)?;
            Ok(answer)
        })
    }

    /// The request of somebody who works for the company itself, and may do this.
    pub(super) fn companys(
        &self,
        who: &Who,
        id: &RequestId,
        power: Power,
    ) -> Result<RequestKey, LedgerError> {
        who.must(power)?;
        if who.party.as_str() == COMPANY {
            Ok(who.request(id))
        } else {
            Err(Refusal::Invalid(format!("{} cannot do this: only the company can", who.party)).into())
        }
    }
}

fn token_hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

fn new_point(code: &PointCode, party: &PartyCode, limits: PointLimits) -> Point {
    Point {
        code: code.clone(),
        party: party.clone(),
        open: true,
        number: 0,
        head: [0; 32],
        time: CardTime::UNSET,
        cash: Balance(0),
        day: 0,
        sold: Piastres::ZERO,
        most_cash: limits.most_cash,
        most_daily: limits.most_daily,
    }
}
