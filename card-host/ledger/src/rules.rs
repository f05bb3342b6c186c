//! Rules of selling, and what is asked for at desks: entered by the company, with a version and a start (docs/ledger.md, section 6).

use card_core::units::CardTime;
use serde_json::{Value, json};

use super::answers::{answered, number, with_answer};
use super::entry::{Kind, Step};
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::policy::{CardPolicy, Policy};
use super::powers::Power;
use super::records::{Head, PolicyRecord};
use super::second::{self, Agreed, agreed_or_alone};

impl Office {
    /// Enters rules of selling that hold from `from` on, which is not before now; `None`: from now on. What is asked for at desks stays as it was, where they
    /// do not name it. Gives their version; repeated, the same one, and they begin when they began.
    ///
    /// It takes two people where the rules raise a bound of what nobody pays for, or take the place of rules that have not begun: asked for the first
    /// time they are entered and refused ([`Refusal::SecondPerson`]); once another one has agreed, the same again does it.
    pub fn set_policy(
        &self,
        who: &Who,
        id: &RequestId,
        from: Option<CardTime>,
        policy: &Policy,
    ) -> Result<u32, LedgerError> {
        let asked = Policy::from_json(&policy.to_json())?;
        let document = json!({ "rules": asked.to_json(), "from": from.map(CardTime::to_unix) });
        self.enter_rules(who, id, from, &document, |last| {
            let cards = asked.cards.clone().or_else(|| last.and_then(|last| last.cards));
            Policy { cards, ..asked.clone() }
        })
    }

    /// Enters what is asked for at desks, in the same way; the rules of selling stay as they are.
    pub fn set_cards(
        &self,
        who: &Who,
        id: &RequestId,
        from: Option<CardTime>,
        cards: &CardPolicy,
    ) -> Result<u32, LedgerError> {
        let document = json!({ "cards": cards, "from": from.map(CardTime::to_unix) });
        self.enter_rules(who, id, from, &document, |last| Policy {
            cards: Some(cards.clone()),
            ..last.unwrap_or_default()
        })
    }

    /// `rules` makes the new ones of those that were entered last.
    fn enter_rules(
        &self,
        who: &Who,
        id: &RequestId,
        from: Option<CardTime>,
        document: &Value,
        rules: impl Fn(Option<Policy>) -> Policy + Send + Sync,
    ) -> Result<u32, LedgerError> {
        let payload = second::asked("rules", document.to_string());
        let (request, who) = (self.companys(who, id, Power::Settings)?, &who.at_office()?);
        let out = self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            let agreed = agreed_or_alone(t, &request, &context.steps, &payload)?;
            if let Agreed::Done(entry) = agreed {
                let answer = answered(&entry.payload, document);
                return Ok(Some(answer.ok_or_else(|| Refusal::OtherRequest(id.clone()))?));
            }
            let now = self.now()?;
            let from = from.unwrap_or(now);
            let last = t.policies()?.pop();
            let (version, begin) =
                last.as_ref().map_or((0, CardTime::UNSET), |last| (last.version, last.from));
            let version = version.saturating_add(1);
            let before = last.map(|last| Policy::from_json(&last.rules)).transpose()?;
            let policy = rules(before.clone());
            let rules = Policy::from_json(&policy.to_json())?.to_json();
            let two = from < begin || before.is_some_and(|before| policy.raises(&before));
            let mut entry = draft(who, &request, Step::First, Kind::Settings, now);
            if two {
                "rules of selling".clone_into(&mut entry.reason);
                if matches!(agreed, Agreed::No) {
                    return self.ask(t, &mut point, entry, &payload).map(|()| None);
                }
                entry.step = Step::Settled;
            }
            let mut answer = json!({ "version": version, "from": from.to_unix() });
            // Where a part of them was carried over, what was asked for does not say all.
            if document.get("rules").and_then(Value::as_str) != Some(&rules)
                && let Some(fields) = answer.as_object_mut()
            {
                fields.insert("rules".to_owned(), rules.clone().into());
            }
            entry.payload = with_answer(document, &answer);
            self.book(t, &mut point, entry, &[Head::Policy(PolicyRecord { version, from, rules })])?;
            Ok(Some(answer))
        })?;
        let answer = second::done(out, &request)?;
        self.reload()?;
        number(&answer, "version", id)
    }
}
