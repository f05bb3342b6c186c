//! What was entered at the company's own point, in its order: settings, cards, blocks.

use card_core::id::{Binding, CardId, CardRef, Channel};
use card_core::message::{BindingCertificate, Certificate, Voucher};
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::answers::ANSWER;
use crate::entry::{Entry, Hash, Kind};
use crate::names::{COMPANY, OFFICE, PartyCode, PointCode};
use crate::payload::Payload;
use crate::policy::Policy;
use crate::powers::Power;
use crate::records::{CardRecord, CardUse, Party, PolicyRecord, Staff, Token};
use crate::restore::epoch_of;
use crate::settings::party_of;
use crate::staff;

/// A vending point, as it was entered.
#[derive(Debug)]
pub(super) struct PointSet {
    pub(super) party: PartyCode,
    pub(super) open: bool,
    pub(super) most_cash: Option<Piastres>,
    pub(super) most_daily: Option<Piastres>,
    /// Restores that were declared before.
    pub(super) restores: u32,
}

#[derive(Debug, Default)]
pub(super) struct Office {
    pub(super) restores: u32,
    /// When they were declared.
    times: Vec<CardTime>,
    pub(super) parties: BTreeMap<PartyCode, Party>,
    pub(super) points: BTreeMap<PointCode, PointSet>,
    pub(super) tokens: HashMap<Hash, Token>,
    pub(super) staff: BTreeMap<String, Staff>,
    pub(super) policies: Vec<PolicyRecord>,
    /// Whether there is a telephone number, and whether messages are in Arabic.
    pub(super) customers: HashMap<u64, (bool, bool)>,
    pub(super) cards: HashMap<CardId, CardRecord>,
    pub(super) present: HashMap<Binding, (CardRef, KeyVersion)>,
    pub(super) blocked: HashSet<Binding>,
}

impl Office {
    /// Says whether it entered rules, or powers of staff, that take two people.
    pub(super) fn add(&mut self, entry: &Entry) -> bool {
        let rules = self.policies.len();
        let mut two = false;
        if entry.kind == Kind::Restore {
            self.restores = epoch_of(entry);
            self.times.push(entry.time);
        }
        if entry.kind == Kind::Settings
            && let Ok(document) = serde_json::from_slice::<Value>(&entry.payload)
        {
            // What cannot be read sets nothing, and is found as a row that no entry has made.
            two = document.get("staff").is_some()
                && document.get("change").and_then(Value::as_str) != Some("stop")
                && staff::others_approve(self.staff.values(), &entry.actor);
            let _ = self.set(&document);
        }
        if let (Some(binding), Some(card)) = (entry.binding, entry.card) {
            self.card(entry, binding, card);
        }
        if two {
            return true;
        }
        match self.policies.get(rules.saturating_sub(1)..) {
            Some([before, new]) => takes_two(before, new),
            _ => false,
        }
    }

    /// Restores that had been declared at a time.
    pub(super) fn restores_at(&self, time: CardTime) -> u32 {
        u32::try_from(self.times.iter().filter(|declared| **declared <= time).count()).unwrap_or(u32::MAX)
    }

    fn set(&mut self, document: &Value) -> Option<()> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let flag = |name: &str| document.get(name).and_then(Value::as_bool);
        let most = |name: &str| document.get(name).and_then(Value::as_u64).map(Piastres);
        if let Some(founded) = document.get("founded") {
            let (code, company): (PointCode, PartyCode) = (OFFICE.parse().ok()?, COMPANY.parse().ok()?);
            let office = PointSet {
                party: company.clone(),
                open: true,
                most_cash: None,
                most_daily: None,
                restores: 0,
            };
            self.points.insert(code, office);
            self.parties
                .insert(company.clone(), Party { code: company, channel: Channel::Branch, open: true });
            let rules = founded.get("rules")?.as_str()?.to_owned();
            self.policies.push(PolicyRecord { version: 1, from: CardTime(1), rules });
            self.member(founded.get("staff"));
        } else if document.get("staff").is_some() {
            self.member(document.get(ANSWER));
        } else if let Some(code) = text("point") {
            let code: PointCode = code.parse().ok()?;
            let (most_cash, most_daily) = (most("most_cash"), most("most_daily"));
            let (party, restores) = (text("party")?.parse().ok()?, self.restores);
            self.points.insert(code, PointSet { party, open: true, most_cash, most_daily, restores });
        } else if let Some(code) = text("change") {
            let code: PointCode = code.parse().ok()?;
            let answer = document.get(ANSWER)?;
            let most = |name: &str| answer.get(name).and_then(Value::as_u64).map(Piastres);
            let held = self.points.get_mut(&code)?;
            held.open = answer.get("open")?.as_bool()?;
            (held.most_cash, held.most_daily) = (most("most_cash"), most("most_daily"));
        } else if let Some(token) = text("token") {
            let mut hash = [0; 32];
            hex::decode_to_slice(token, &mut hash).ok()?;
            let power = Power::from_code(text("power")?)?;
            let (party, actor) = (text("party")?.parse().ok()?, text("actor")?.to_owned());
            self.tokens.insert(hash, Token { hash, party, actor, power, revoked: false });
        } else if let Some(revoked) = document.get("revoked") {
            let (party, actor) = (revoked.get("party")?.as_str()?, revoked.get("actor")?.as_str()?);
            let own = |token: &&mut Token| token.party.as_str() == party && token.actor == actor;
            self.tokens.values_mut().filter(own).for_each(|token| token.revoked = true);
        } else if let Some(code) = text("party") {
            let code: PartyCode = code.parse().ok()?;
            let party = party_of(&code, document.get(ANSWER)?)?;
            self.parties.insert(code, party);
        } else if text("rules").is_some() || document.get("cards").is_some() {
            let answer = document.get(ANSWER)?;
            // One part of the rules may have been carried over, and both are in the answer then.
            let rules = answer.get("rules").and_then(Value::as_str).or(text("rules"))?;
            let version = u32::try_from(answer.get("version")?.as_u64()?).ok()?;
            let from = CardTime::from_unix(answer.get("from")?.as_u64()?)?;
            self.policies.push(PolicyRecord { version, from, rules: rules.to_owned() });
        } else if let Some(account) = text("customer") {
            self.customers.insert(account.parse().ok()?, (flag("phone")?, flag("arabic")?));
        }
        Some(())
    }

    fn member(&mut self, answer: Option<&Value>) {
        if let Some(member) = answer.and_then(staff::answered) {
            self.staff.insert(member.identity.clone(), member);
        }
    }

    fn card(&mut self, entry: &Entry, binding: Binding, id: CardId) {
        let payload = &entry.payload;
        match entry.kind {
            Kind::Open | Kind::Adopt => {
                if let Some(Payload::Opened { generation, load_key, .. }) = Payload::parse(payload) {
                    self.serves(binding, CardRef { id, generation }, load_key);
                }
            }
            // The card goes along, where it still served that meter.
            Kind::End => {
                if let Some(Payload::Opened { generation, load_key, .. }) = Payload::parse(payload) {
                    self.present.insert(binding, (CardRef { id, generation }, load_key));
                }
                if let Some(card) = self.cards.get_mut(&id).filter(|card| card.binding.meter == binding.meter)
                {
                    card.binding = binding;
                }
            }
            Kind::Replace => {
                if let Ok(voucher) = Voucher::parse(payload) {
                    let card = CardRef { id, generation: voucher.certificate.generation };
                    self.serves(binding, card, voucher.key_version);
                }
            }
            Kind::Recover => {
                let (certificate, keys) = (payload.get(BindingCertificate::SIZE..), Certificate::SIZE);
                let Some((certificate, [load_key, _])) =
                    certificate.and_then(|rest| rest.split_at_checked(keys))
                else {
                    return;
                };
                if let Ok(certificate) = Certificate::parse(certificate) {
                    let card = CardRef { id, generation: certificate.generation };
                    self.serves(binding, card, KeyVersion::from_byte(*load_key));
                }
            }
            Kind::Refresh => {
                if let Some(Payload::Technician { card, load_key, .. }) = Payload::parse(payload) {
                    let used = CardUse::Engineering;
                    self.cards.insert(id, CardRecord { card, binding, load_key, used });
                }
            }
            Kind::Settings => {
                let document = serde_json::from_slice::<Value>(payload).unwrap_or_default();
                let load = document.get("card_keys").and_then(Value::as_str);
                let load = load.and_then(|load| u8::from_str_radix(load, 16).ok()).map(KeyVersion::from_byte);
                if let Some((load, (card, _))) =
                    load.zip(self.present.get(&binding).copied()).filter(|(_, (card, _))| card.id == id)
                {
                    self.serves(binding, card, load);
                }
            }
            Kind::Block => {
                let document = serde_json::from_slice::<Value>(payload).unwrap_or_default();
                if document.get("blocked").and_then(Value::as_bool) == Some(true) {
                    self.blocked.insert(binding);
                } else {
                    self.blocked.remove(&binding);
                }
            }
            _ => {}
        }
    }

    /// A card serves a binding from now on, in place of the one before.
    fn serves(&mut self, binding: Binding, card: CardRef, load_key: KeyVersion) {
        if let Some(former) = self.present.insert(binding, (card, load_key))
            && former.0.id != card.id
            && let Some(former) = self.cards.get_mut(&former.0.id)
        {
            former.used = CardUse::Replaced;
        }
        self.blocked.remove(&binding);
        self.cards.insert(card.id, CardRecord { card, binding, load_key, used: CardUse::Customer });
    }
}

/// Whether rules raise a bound of what nobody pays for, or take the place of rules that have not begun.
fn takes_two(before: &PolicyRecord, new: &PolicyRecord) -> bool {
    let read = |record: &PolicyRecord| Policy::from_json(&record.rules).ok();
    new.from < before.from || read(before).zip(read(new)).is_none_or(|(before, new)| new.raises(&before))
}
