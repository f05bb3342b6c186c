//! The rules of selling, as data with a version and a start: limits, charges, deductions (docs/ledger.md, section 6).

mod cards;
mod documents;
pub(super) mod refusal;

pub use cards::{CardPolicy, CardStep, Document, FeePaid, StepFee, StepRules};
pub use documents::Documents;
pub(super) use documents::Papers;
pub use refusal::PaperRefusal;

use card_core::id::Channel;
use card_core::text::Language;
use card_core::units::Piastres;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::accounts::LedgerAccount;
use super::entry::Transfer;
use super::error::Refusal;
pub use super::names::ChargeName;
use super::names::{ChargeCode, is_words};

/// The rules of selling. A channel without rules sells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// By channel: `branch`, `kiosk`, `bank`, `wallet`.
    pub channels: BTreeMap<String, ChannelRules>,
    /// Corrections above this need a second person, in piastres.
    #[serde(default)]
    pub correction_approval_above: u64,
    /// Bounds of credit that nobody pays for.
    #[serde(default)]
    pub without_payment: WithoutPayment,
    /// What is asked for at a desk; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards: Option<CardPolicy>,
}

/// The most credit that comes of one act that nobody pays for, in piastres. Each takes two people (docs/ledger.md, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WithoutPayment {
    /// An estimate of what was left in a contract that has ended.
    pub estimate_most: u64,
    /// A contract from other books.
    pub adopt_most: u64,
    /// What a card shows after a restore, and the ledger has lost.
    pub recover_most: u64,
    /// Cash that is missing, above which closing a day takes two people.
    pub shortage_alone: u64,
}

impl Default for WithoutPayment {
    fn default() -> Self {
        Self {
            estimate_most: 5_000_000,
            adopt_most: 10_000_000,
            recover_most: 10_000_000,
            shortage_alone: 100_000,
        }
    }
}

/// The rules of one channel. Amounts are in piastres.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRules {
    /// The least that is sold at once.
    pub least: u64,
    /// The most that is sold at once.
    pub most: u64,
    /// Above this a second person is needed; none: never.
    #[serde(default)]
    pub approval_above: Option<u64>,
    /// The most that a vending point sells in a day; it may have a limit of its own.
    #[serde(default)]
    pub most_daily: Option<u64>,
    /// The most cash that a vending point holds; it may have a limit of its own.
    #[serde(default)]
    pub most_cash: Option<u64>,
    /// What is taken off every sale.
    #[serde(default)]
    pub charges: Vec<Charge>,
    /// What the channel keeps of each sale; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission: Option<Commission>,
    /// The part of a sale, in thousandths, that goes to the customer's debt while there is one.
    #[serde(default)]
    pub debt_permille: u16,
}

/// Taken off a sale: `fixed` and `permille` thousandths of the amount, rounded down, at most `most`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// What it is called in the accounts.
    pub code: ChargeCode,
    /// What it is called on receipts; where it is not said, by its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ChargeName>,
    /// Whose it is.
    pub kind: ChargeKind,
    /// In piastres.
    #[serde(default)]
    pub fixed: u64,
    /// In thousandths of the amount.
    #[serde(default)]
    pub permille: u16,
    /// In piastres; none: no limit.
    #[serde(default)]
    pub most: Option<u64>,
}

/// What a channel keeps of a sale: `fixed` and `permille` thousandths of the amount, rounded down, at most the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commission {
    /// In piastres.
    #[serde(default)]
    pub fixed: u64,
    /// In thousandths of the amount.
    #[serde(default)]
    pub permille: u16,
}

impl Commission {
    /// Of a sale, in piastres.
    pub fn of(&self, amount: Piastres) -> u64 {
        self.fixed.saturating_add(permille(amount.0, self.permille)).min(amount.0)
    }
}

/// Whose a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChargeKind {
    /// The company's or the channel's: income.
    Fee,
    /// A third party's: a liability.
    Levy,
}

/// How what was paid is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Division {
    /// To the customer's credit, in piastres.
    pub credit: u64,
    /// To the customer's debt, in piastres.
    pub debt: u64,
    /// Fees and levies.
    pub charges: Vec<Charged>,
}

/// A fee or levy of one sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charged {
    /// What it is called.
    pub code: ChargeCode,
    /// Whose it is.
    pub kind: ChargeKind,
    /// In piastres.
    pub amount: u64,
}

impl Policy {
    /// Most charges of a channel.
    pub const CHARGES: usize = 16;

    /// Reads rules from JSON and checks that they can be followed.
    pub fn from_json(text: &str) -> Result<Self, Refusal> {
        let invalid = |error: String| Refusal::Invalid(format!("these are no rules of selling: {error}"));
        let policy: Self = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        for (name, rules) in &policy.channels {
            if !CHANNELS.iter().any(|channel| channel.to_string() == *name) {
                return Err(invalid(format!(
                    "{name:?} is no channel: branch, kiosk, bank, wallet or network"
                )));
            }
            rules.check().map_err(|error| invalid(format!("{name}: {error}")))?;
        }
        if let Some(cards) = &policy.cards {
            cards.check().map_err(|error| invalid(format!("cards: {error}")))?;
        }
        Ok(policy)
    }

    /// Whether a bound of what nobody pays for is higher in these than in those `before`, or a step at a desk takes fewer persons.
    pub(super) fn raises(&self, before: &Self) -> bool {
        let (new, old) = (&self.without_payment, &before.without_payment);
        self.correction_approval_above > before.correction_approval_above
            || new.estimate_most > old.estimate_most
            || new.adopt_most > old.adopt_most
            || new.recover_most > old.recover_most
            || new.shortage_alone > old.shortage_alone
            || before.cards.as_ref().is_some_and(|before| {
                self.cards.as_ref().is_none_or(|cards| cards.lowers(before)) && before.takes_two()
            })
    }

    /// What customers read of a charge: its name in these rules, else its code.
    pub fn name_of<'a>(&'a self, code: &'a ChargeCode, language: Language) -> &'a str {
        let mut charges = self.channels.values().flat_map(|rules| &rules.charges);
        let named = charges.find_map(|charge| charge.name.as_ref().filter(|_| charge.code == *code));
        let fees = self.cards.iter().flat_map(|cards| &cards.steps);
        let mut fees = fees.filter(|(step, _)| step.charge().is_ok_and(|of| of == *code));
        let fee = || fees.find_map(|(_, rules)| rules.fee.as_ref()?.name.as_ref());
        named.or_else(fee).map_or(code.as_str(), |name| name.of(language))
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        // Maps with text keys and integers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The rules of a channel.
    pub fn rules(&self, channel: Channel) -> Result<&ChannelRules, Refusal> {
        self.channels.get(&channel.to_string()).ok_or(Refusal::NoPolicy)
    }

    /// Rules for development: no charges, 1 to 20,000 EGP, a second person above 10,000 EGP.
    pub fn for_development() -> Self {
        let rules = ChannelRules {
            least: 100,
            most: 2_000_000,
            approval_above: Some(1_000_000),
            most_daily: None,
            most_cash: None,
            charges: Vec::new(),
            commission: None,
            debt_permille: 250,
        };
        let channels = CHANNELS.iter().map(|channel| (channel.to_string(), rules.clone())).collect();
        Self {
            channels,
            correction_approval_above: 100_000,
            without_payment: WithoutPayment::default(),
            cards: None,
        }
    }
}

const CHANNELS: [Channel; 5] =
    [Channel::Branch, Channel::Kiosk, Channel::Bank, Channel::Wallet, Channel::Network];

impl ChannelRules {
    fn check(&self) -> Result<(), String> {
        if self.least == 0 || self.least > self.most {
            return Err("`least` is at least 1, and not above `most`".to_owned());
        }
        if self.debt_permille > 1000 {
            return Err("`debt_permille` is at most 1000".to_owned());
        }
        if self.charges.len() > Policy::CHARGES {
            return Err(format!("at most {} charges", Policy::CHARGES));
        }
        if self.charges.iter().any(|charge| charge.permille > 1000) {
            return Err("`permille` of a charge is at most 1000".to_owned());
        }
        if self.commission.is_some_and(|commission| commission.permille > 1000) {
            return Err("`permille` of the commission is at most 1000".to_owned());
        }
        let names = self.charges.iter().filter_map(|charge| charge.name.as_ref());
        if !names.flat_map(|name| [&name.ar, &name.en]).all(|name| is_words(name, ChargeName::MOST)) {
            return Err(format!(
                "`name` of a charge has 1 to {} characters in `ar` and in `en`",
                ChargeName::MOST
            ));
        }
        Ok(())
    }

    /// Divides what was paid. The debt gets its part of what fees and levies leave, and no more than it is.
    pub fn divide(&self, amount: Piastres, debt: Piastres) -> Result<Division, Refusal> {
        let mut left = amount.0;
        let mut charges = Vec::new();
        for charge in &self.charges {
            let part = permille(amount.0, charge.permille);
            let charged = charge.fixed.saturating_add(part).min(charge.most.unwrap_or(u64::MAX));
            if charged > 0 {
                left = left.checked_sub(charged).ok_or(Refusal::NothingLeft(amount))?;
                charges.push(Charged { code: charge.code.clone(), kind: charge.kind, amount: charged });
            }
        }
        let debt = permille(left, self.debt_permille).min(debt.0);
        let credit = left.checked_sub(debt).filter(|credit| *credit > 0);
        Ok(Division { credit: credit.ok_or(Refusal::NothingLeft(amount))?, debt, charges })
    }
}

impl Division {
    /// The transfers from where the money came.
    pub(super) fn transfers(
        &self,
        from: &LedgerAccount,
        credit: LedgerAccount,
        debtor: u64,
    ) -> Vec<Transfer> {
        let mut transfers = Vec::with_capacity(1 + self.charges.len());
        let mut give = |credit: LedgerAccount, amount: u64| {
            if amount > 0 {
                transfers.push(Transfer { debit: from.clone(), credit, amount: Piastres(amount) });
            }
        };
        give(credit, self.credit);
        for charged in &self.charges {
            let account = match charged.kind {
                ChargeKind::Fee => LedgerAccount::Fee(charged.code.clone()),
                ChargeKind::Levy => LedgerAccount::Levy(charged.code.clone()),
            };
            give(account, charged.amount);
        }
        give(LedgerAccount::Debt(debtor), self.debt);
        transfers
    }

    /// The division that transfers were made by.
    pub(super) fn of(transfers: &[Transfer]) -> Self {
        let mut division = Self { credit: 0, debt: 0, charges: Vec::new() };
        for Transfer { credit, amount, .. } in transfers {
            let mut charge = |code: &ChargeCode, kind| {
                division.charges.push(Charged { code: code.clone(), kind, amount: amount.0 });
            };
            match credit {
                LedgerAccount::Fee(code) => charge(code, ChargeKind::Fee),
                LedgerAccount::Levy(code) => charge(code, ChargeKind::Levy),
                LedgerAccount::Credit(_) => division.credit = amount.0,
                LedgerAccount::Debt(_) => division.debt = amount.0,
                _ => {}
            }
        }
        division
    }

    /// With a debt that has become smaller since: what it does not take is credit.
    pub(super) fn with_debt_of_at_most(mut self, debt: Piastres) -> Self {
        let taken = self.debt.min(debt.0);
        // Both came from one amount, so the sum fits.
        self.credit = self.credit.saturating_add(self.debt.saturating_sub(taken));
        self.debt = taken;
        self
    }
}

fn permille(amount: u64, permille: u16) -> u64 {
    let part = u128::from(amount) * u128::from(permille) / 1000;
    u64::try_from(part).unwrap_or(u64::MAX)
}
