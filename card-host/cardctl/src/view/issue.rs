//! `cardctl issue` and `cardctl engineering`.

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardRef};
use card_core::text::{Language, isolate};
use card_host::card_work;
use card_host::issuer::BindingAccount;
use serde::Serialize;

use super::View;
use super::card::contract;
use super::policy::FeeLine;
use super::table::Table;
use super::words::say;

/// A contract and its card, as the ledger has them.
#[derive(Serialize)]
pub(crate) struct Account {
    pub(crate) card: String,
    pub(crate) generation: u16,
    #[serde(serialize_with = "crate::view::as_text")]
    pub(crate) account: u64,
    #[serde(serialize_with = "crate::view::as_text")]
    pub(crate) meter: u64,
    pub(crate) binding: u32,
    pub(crate) total_credit: u64,
    pub(crate) total_debited: u64,
}

impl Account {
    /// The meter, and the contract there.
    pub(crate) fn contract(&self, language: Language) -> String {
        contract(Binding { meter: self.meter.into(), number: self.binding }, language)
    }
}

impl From<&BindingAccount> for Account {
    fn from(account: &BindingAccount) -> Self {
        Self {
            card: account.card.id.to_string(),
            generation: account.card.generation,
            account: account.account,
            meter: account.binding.meter.number(),
            binding: account.binding.number,
            total_credit: account.total_credit.0,
            total_debited: account.total_debited.0,
        }
    }
}

/// A customer's new card.
#[derive(Serialize)]
pub(crate) struct Issued {
    #[serde(flatten)]
    account: Account,
    /// Nothing where the card is in use: it is kept nowhere.
    access_number: Option<String>,
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<FeeLine>,
    #[serde(skip)]
    replaced: Option<CardRef>,
}

impl Issued {
    pub(crate) fn new(issued: &card_work::Issued, fee: Option<FeeLine>) -> Self {
        let replaced = issued.replaces;
        Self {
            account: (&issued.account).into(),
            access_number: issued.access.as_ref().map(digits),
            replaces: replaced.map(|replaced| replaced.id.to_string()),
            fee,
            replaced,
        }
    }
}

impl View for Issued {
    fn text(&self, language: Language) -> String {
        let account = &self.account;
        let mut table = Table::new(language);
        table.line("card", &account.card);
        table.line("generation", account.generation);
        if let Some(replaced) = self.replaced {
            table.line("replaces", generation(replaced.id, replaced.generation, language));
        }
        table.line("account", account.account);
        table.line("meter", account.contract(language));
        table.line("access number", to_print(self.access_number.as_deref(), language));
        if let Some(fee) = &self.fee {
            table.line("fee", fee.line(language));
        }
        let (next, arabic) = match self.replaced {
            _ if self.access_number.is_none() => (
                "this card was made before, and is in use: cardctl show",
                "صدر هذا الكارت من قبل وهو مستخدم: يرجى عرضه",
            ),
            Some(_) => (
                "activate it at a branch, with the credit that it has: cardctl refresh",
                "يُفعل في الفرع بما عليه من رصيد",
            ),
            None => (
                "the first charge, at a branch: cardctl top-up AMOUNT --channel branch",
                "الشحنة الأولى في الفرع",
            ),
        };
        table.line("next", say(language, next, arabic));
        table.finish()
    }
}

/// A technician's card.
#[derive(Serialize)]
pub(crate) struct Engineering {
    #[serde(flatten)]
    account: Account,
    /// Nothing where it was bound anew only.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_number: Option<String>,
}

impl Engineering {
    pub(crate) fn new(account: &BindingAccount, access: Option<&AccessNumber>) -> Self {
        Self { account: account.into(), access_number: access.map(digits) }
    }
}

impl View for Engineering {
    fn text(&self, language: Language) -> String {
        let account = &self.account;
        let mut table = Table::new(language);
        table.line("engineering card", &account.card);
        table.line("generation", account.generation);
        table.line("meter", account.contract(language));
        if let Some(access) = &self.access_number {
            table.line("access number", to_print(Some(access), language));
        }
        let next = "a command that names it: cardctl mail command clear-tamper --technician this";
        table.line("next", say(language, next, "أمر للعداد يذكر هذا الكارت"));
        table.finish()
    }
}

fn digits(access: &AccessNumber) -> String {
    String::from_utf8_lossy(&*access.digits()).into_owned()
}

fn to_print(access: Option<&str>, language: Language) -> String {
    match access {
        None => say(
            language,
            "told when the card was made, and kept nowhere",
            "عُرض عند إصدار الكارت ولا يُحفظ في أي مكان",
        ),
        Some(access) => say(
            language,
            format_args!("{access} (print it on the card; it is kept nowhere)"),
            format_args!("{} (يُطبع على الكارت ولا يُحفظ في أي مكان)", isolate(access)),
        ),
    }
}

/// A card with its generation.
pub(crate) fn generation(card: impl std::fmt::Display, generation: u16, language: Language) -> String {
    say(
        language,
        format_args!("{card} (generation {generation})"),
        format_args!("{} (الإصدار {})", isolate(&card), isolate(generation)),
    )
}
