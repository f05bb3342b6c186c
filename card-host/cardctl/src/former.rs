//! The list of bindings that a former version of this program kept, `bindings.json`: taken over into the ledger, once.

use card_core::id::{Binding, CardId, CardRef, Company, MeterId, Scope};
use card_core::message::Slot;
use card_core::units::{CardTime, Piastres};
use card_host::issuer::BindingAccount;
use card_ledger::{CardRecord, CardUse};
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::books::{Books, id};
use crate::commands::Error;
use crate::workplace::Workplace;

/// Why the list of a former version cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormerError {
    #[error("{}: {error}: see that it can be read and renamed", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{} is not a list of bindings ({error}): restore it from a copy, or move it away", path.display())]
    Content { path: PathBuf, error: String },
}

#[derive(Deserialize)]
struct Stored {
    version: u32,
    company: u16,
    bindings: Vec<StoredBinding>,
    #[serde(default)]
    replaced: Vec<StoredCard>,
    #[serde(default)]
    engineers: Vec<StoredCard>,
    #[serde(default)]
    counters: Vec<StoredCounter>,
}

#[derive(Deserialize)]
struct StoredCard {
    card: u64,
    generation: u16,
    #[serde(default)]
    load_key: Option<u8>,
    meter: u64,
    binding: u32,
}

/// The last number of what is counted in a binding: versions of mail in a slot, or, as 255, commands.
#[derive(Deserialize)]
struct StoredCounter {
    meter: u64,
    binding: u32,
    what: u8,
    last: u32,
}

#[derive(Deserialize)]
struct StoredBinding {
    meter: u64,
    binding: u32,
    account: u64,
    card: u64,
    generation: u16,
    load_key: u8,
    credit_key: u8,
    parameter_keys: u8,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    opening_time: u32,
    moved: bool,
}

const VERSION: u32 = 1;

/// Takes the list over where there is one, and renames it. Torn, it is done again with the same ids, which changes nothing.
pub(crate) fn take_over(workplace: &Workplace, books: &Books) -> Result<(), Error> {
    let path = workplace.former_path();
    let io = |error| FormerError::Io { path: path.clone(), error };
    if !path.try_exists().map_err(io)? {
        return Ok(());
    }
    // One program does it. Others that come meanwhile are told to wait.
    let _lock = workplace.alone()?;
    let stored = read(&path)?;
    let scope = Scope { company: Company(stored.company), environment: books.office.scope().environment };
    let mut taken = 0;
    for held in stored.bindings.iter().map(|binding| binding.account(scope)) {
        let newer = stored.bindings.iter().any(|other| {
            MeterId::from(other.meter) == held.binding.meter && other.binding > held.binding.number
        });
        if !held.moved && !newer {
            adopt(books, &held, &stored)?;
            taken += 1;
        }
    }
    let mut name = path.clone().into_os_string();
    name.push(".adopted");
    std::fs::rename(&path, &name).map_err(io)?;
    let closed = stored.bindings.len().saturating_sub(taken);
    let _ = writeln!(
        std::io::stderr(),
        "cardctl: the ledger has taken over {taken} bindings of {}; {closed} closed ones stay in {}",
        path.display(),
        Path::new(&name).display()
    );
    Ok(())
}

fn adopt(books: &Books, held: &BindingAccount, stored: &Stored) -> Result<(), Error> {
    let Binding { meter, number } = held.binding;
    let reason = "from the list of a former version";
    books.office.adopt(&books.who, &id(&format!("adopt-{meter}-{number}"))?, held, reason)?;
    let of_binding = |card: &&StoredCard| (MeterId::from(card.meter), card.binding) == (meter, number);
    let replaced = stored.replaced.iter().filter(of_binding).map(|card| card.record(held, CardUse::Replaced));
    let engineers = stored.engineers.iter().filter(of_binding);
    let engineers = engineers.map(|card| card.record(held, CardUse::Engineering));
    let cards: Vec<CardRecord> = replaced.chain(engineers).collect();
    let counted = stored.counters.iter();
    let counted =
        counted.filter(|counter| (MeterId::from(counter.meter), counter.binding) == (meter, number));
    // The counter of commands is the sum of the versions of their slots.
    let versions: Vec<(Slot, u32)> =
        counted.filter_map(|counter| Slot::new(counter.what).map(|slot| (slot, counter.last))).collect();
    if !cards.is_empty() || !versions.is_empty() {
        let id = id(&format!("adopt-cards-{meter}-{number}"))?;
        books.office.adopt_cards(&books.who, &id, held.binding, &cards, &versions)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Stored, FormerError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| FormerError::Io { path: path.to_owned(), error })?;
    let content = |error: String| FormerError::Content { path: path.to_owned(), error };
    let stored: Stored = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    if stored.version == VERSION {
        Ok(stored)
    } else {
        Err(content(format!("version {}, not {VERSION}", stored.version)))
    }
}

impl StoredCard {
    fn record(&self, held: &BindingAccount, used: CardUse) -> CardRecord {
        CardRecord {
            card: CardRef { id: CardId::from(self.card), generation: self.generation },
            binding: held.binding,
            load_key: self.load_key.unwrap_or(held.load_key),
            used,
        }
    }
}

impl StoredBinding {
    fn account(&self, scope: Scope) -> BindingAccount {
        BindingAccount {
            scope,
            binding: Binding { meter: MeterId::from(self.meter), number: self.binding },
            account: self.account,
            card: CardRef { id: CardId::from(self.card), generation: self.generation },
            load_key: self.load_key,
            credit_key: self.credit_key,
            parameter_keys: self.parameter_keys,
            sequence: self.sequence,
            total_credit: Piastres(self.total_credit),
            total_debited: Piastres(self.total_debited),
            opening_time: CardTime(self.opening_time),
            moved: self.moved,
        }
    }
}
