//! What the company asks for at a desk, for each step in the life of a card (docs/ledger.md, section 6): documents, a fee, who may, how many persons.
//! A part of the rules, so it has their version and start.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::accounts::LedgerAccount;
use crate::entry::codes;
use crate::names::{ChargeCode, ChargeName, NameError, is_words};
use crate::powers::Power;

codes! {
    /// A step in the life of a card.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    CardStep {
        /// The first card of an account for a meter.
        Issue = "issue",
        /// A card that was issued before is handed to its customer.
        Activate = "activate",
        /// Another card for one that is lost.
        ReplaceLost = "replace-lost",
        /// For one that works no more.
        ReplaceDamaged = "replace-damaged",
        /// For one of a former kind.
        ReplaceUpgrade = "replace-upgrade",
        /// For one that was handed back.
        ReplaceReturned = "replace-returned",
        /// A balance from other books.
        Adopt = "adopt",
        /// Nothing is sold to the card from now on.
        Block = "block",
        /// It is sold to again.
        Unblock = "unblock",
        /// A blocked card was found again.
        Found = "found",
        /// A new customer at a meter.
        MoveIn = "move-in",
        /// A customer leaves a meter.
        MoveOut = "move-out",
        /// A customer gets another meter.
        NewMeter = "new-meter",
        /// A contract ends.
        Terminate = "terminate",
    }
}

codes! {
    /// A document that a customer shows at a desk.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    Document {
        /// The national ID, which has not expired.
        NationalId = "national-id",
        /// The number of the account's meter, or a recent receipt of the account.
        MeterOrReceipt = "meter-or-receipt",
        /// The number of a police report.
        PoliceReport = "police-report",
    }
}

codes! {
    /// How a fee is paid.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    FeePaid {
        /// In cash, at the desk.
        Cash = "cash",
        /// It is owed, and paid with the next sales like other debts.
        Debt = "debt",
    }
}

/// What is asked for at a desk, by step. A step that is not named asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardPolicy {
    /// How old a receipt may be that shows whose account it is, in days.
    #[serde(default = "CardPolicy::receipt_days")]
    pub receipt_days: u16,
    /// By step.
    pub steps: BTreeMap<CardStep, StepRules>,
}

/// What one step asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRules {
    /// Documents that the customer shows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub documents: BTreeSet<Document>,
    /// Its fee; none: it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<StepFee>,
    /// The power of whoever does it, beside those that it takes anyway.
    #[serde(default = "StepRules::sell")]
    pub may: Power,
    /// How many persons it takes, 1 or 2.
    #[serde(default = "StepRules::one")]
    pub persons: u8,
}

/// The fee of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFee {
    /// In piastres, above 0.
    pub amount: u64,
    /// How it is paid.
    pub paid: FeePaid,
    /// What customers read; where it is not said, the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ChargeName>,
}

impl CardStep {
    /// The step that replaces a card for a reason; one in other words is as if the card was lost.
    pub fn replace(reason: &str) -> Self {
        match reason {
            "damaged" => Self::ReplaceDamaged,
            "upgrade" => Self::ReplaceUpgrade,
            "returned" => Self::ReplaceReturned,
            _ => Self::ReplaceLost,
        }
    }

    /// The step that blocks a card, or ends that for a reason: `found`, or any other.
    pub fn block(blocked: bool, reason: &str) -> Self {
        match (blocked, reason) {
            (true, _) => Self::Block,
            (false, "found") => Self::Found,
            (false, _) => Self::Unblock,
        }
    }

    /// What its fee is called in the accounts: `card-replace-lost`.
    pub fn charge(self) -> Result<ChargeCode, NameError> {
        format!("card-{}", self.code()).parse()
    }

    /// Where its fee is booked: `fee:card-replace-lost`.
    pub(crate) fn income(self) -> Result<LedgerAccount, NameError> {
        self.charge().map(LedgerAccount::Fee)
    }
}

impl fmt::Display for CardStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl StepRules {
    const fn sell() -> Power {
        Power::Sell
    }

    const fn one() -> u8 {
        1
    }

    /// Whether something is handed in before the step is done: documents, or that a second person agrees.
    pub fn has_papers(&self) -> bool {
        !self.documents.is_empty() || self.persons > 1
    }
}

impl CardPolicy {
    const fn receipt_days() -> u16 {
        90
    }

    /// What a step asks for.
    pub fn of(&self, step: CardStep) -> Option<&StepRules> {
        self.steps.get(&step)
    }

    /// Whether something that took two persons takes fewer in these than in those `before`.
    pub(super) fn lowers(&self, before: &Self) -> bool {
        let persons = |policy: &Self, step| policy.of(step).map_or(1, |rules| rules.persons);
        CardStep::ALL.iter().any(|step| persons(self, *step) < persons(before, *step))
    }

    /// Whether some step takes two persons.
    pub(super) fn takes_two(&self) -> bool {
        self.steps.values().any(|rules| rules.persons > 1)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (step, rules) in &self.steps {
            if !matches!(rules.persons, 1 | 2) {
                return Err(format!("{step}: `persons` is 1 or 2"));
            }
            let Some(fee) = &rules.fee else { continue };
            if fee.amount == 0 || fee.amount > Self::MOST_FEE {
                return Err(format!(
                    "{step}: `amount` of the fee is 1 to {} piastres; leave `fee` out where it is free",
                    Self::MOST_FEE
                ));
            }
            let mut names = fee.name.iter().flat_map(|name| [&name.ar, &name.en]);
            if !names.all(|name| is_words(name, ChargeName::MOST)) {
                return Err(format!(
                    "{step}: `name` of the fee has 1 to {} characters in `ar` and in `en`",
                    ChargeName::MOST
                ));
            }
        }
        if (1..=366).contains(&self.receipt_days) {
            Ok(())
        } else {
            Err("`receipt_days` is 1 to 366".to_owned())
        }
    }

    /// The highest fee, in piastres: 10,000 EGP.
    pub const MOST_FEE: u64 = 1_000_000;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn words_are_the_same_everywhere() {
        for step in CardStep::ALL {
            assert_eq!(serde_json::to_string(step).unwrap(), format!("{:?}", step.code()));
            assert!(step.charge().is_ok(), "{step}");
        }
        for document in Document::ALL {
            assert_eq!(serde_json::to_string(document).unwrap(), format!("{:?}", document.code()));
        }
        for paid in FeePaid::ALL {
            assert_eq!(serde_json::to_string(paid).unwrap(), format!("{:?}", paid.code()));
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let cases = [
            (r#"{"steps":{}}"#, None),
            (r#"{"steps":{"block":{}}}"#, None),
            (r#"{"steps":{"block":{"persons":3}}}"#, Some("block: `persons`")),
            (r#"{"steps":{"block":{"persons":0}}}"#, Some("block: `persons`")),
            (r#"{"steps":{"block":{"fee":{"amount":0,"paid":"cash"}}}}"#, Some("block: `amount`")),
            (r#"{"steps":{"block":{"fee":{"amount":1000001,"paid":"debt"}}}}"#, Some("block: `amount`")),
            (
                r#"{"steps":{"block":{"fee":{"amount":1,"paid":"cash","name":{"ar":"","en":"x"}}}}}"#,
                Some("block: `name`"),
            ),
            (r#"{"receipt_days":0,"steps":{}}"#, Some("`receipt_days`")),
        ];
        for (text, expected) in cases {
            let said = serde_json::from_str::<CardPolicy>(text).unwrap().check();
            assert_eq!(said.is_ok(), expected.is_none(), "{text}: {said:?}");
            assert!(expected.is_none_or(|expected| said.unwrap_err().starts_with(expected)), "{text}");
        }
        for text in [r#"{"steps":{"lose":{}}}"#, r#"{"steps":{"block":{"documents":["passport"]}}}"#, "{}"] {
            assert!(serde_json::from_str::<CardPolicy>(text).is_err(), "{text}");
        }
    }
}
