//! The desk's file: a JSON list of bindings, replaced as a whole.

use card_core::id::{Binding, CardId, CardRef, Company, Environment, MeterId, Scope};
use card_core::units::{CardTime, Piastres};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::books::{Books, Counted, Counter, Engineer, Replaced};
use super::{Desk, DeskError};
use crate::durable;
use crate::issuer::{BindingAccount, Issuer, SystemClock};
use crate::keystore::{KeyStore, SoftwareKeyStore};

/// Why the desk's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskFileError {
    /// Reading or writing.
    #[error("{}: {error}: see that the directory exists and can be written", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// It is not ours.
    #[error(
        "{} is not a list of bindings ({error}): restore it from a copy, or use another data directory", .path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    company: u16,
    last_issue: u32,
    sales: u64,
    bindings: Vec<StoredBinding>,
    #[serde(default)]
    replaced: Vec<StoredReplaced>,
    #[serde(default)]
    engineers: Vec<StoredEngineer>,
    #[serde(default)]
    counters: Vec<StoredCounter>,
}

/// A card that a technician carries.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEngineer {
    card: u64,
    generation: u16,
    load_key: u8,
    meter: u64,
    binding: u32,
}

/// The last number of what is counted in a binding: versions of mail in a slot, or, as 255, commands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCounter {
    meter: u64,
    binding: u32,
    what: u8,
    last: u32,
}

/// A card that another one has replaced.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredReplaced {
    card: u64,
    generation: u16,
    meter: u64,
    binding: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Desk {
    /// Opens the desk that keeps its bindings in `path`, or begins a new one there. One desk at a time uses a file: the caller sees to
    /// that, as `cardctl` does by a lock.
    pub fn open(keys: SoftwareKeyStore, scope: Scope, path: &Path) -> Result<Self, DeskError> {
        let io = |error| DeskFileError::Io { path: path.to_owned(), error };
        if !path.try_exists().map_err(io)? {
            let desk = Self { path: Some(path.to_owned()), ..Self::new(keys, scope) };
            desk.store(&desk.books)?;
            return Ok(desk);
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        let content = |error: String| DeskFileError::Content { path: path.to_owned(), error };
        let stored: Stored = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
        if stored.version != VERSION {
            return Err(content(format!("version {}, not {VERSION}", stored.version)).into());
        }
        let environment = keys.environment();
        let scope = Scope { company: Company(stored.company), environment };
        let accounts = stored.bindings.iter().map(|binding| binding.account(scope)).collect();
        let replaced = stored.replaced.iter().map(StoredReplaced::replaced).collect();
        let issuer = Issuer::new(keys, SystemClock, CardTime(stored.last_issue));
        let engineers = stored.engineers.iter().map(StoredEngineer::engineer).collect();
        let counters = stored.counters.iter().map(StoredCounter::counter).collect::<Option<_>>();
        let counters = counters.ok_or_else(|| content("a counter of an unknown kind".to_owned()))?;
        let books = Books { accounts, replaced, engineers, sales: stored.sales, counters };
        Ok(Self { issuer, scope, books, path: Some(path.to_owned()) })
    }

    /// Writes the books to the file, whole or not at all, and only then returns.
    pub(super) fn store(&self, books: &Books) -> Result<(), DeskError> {
        let Some(path) = &self.path else { return Ok(()) };
        let stored = Stored {
            version: VERSION,
            company: self.scope.company.0,
            last_issue: self.issuer.last_issue().0,
            sales: books.sales,
            bindings: books.accounts.iter().map(StoredBinding::of).collect(),
            replaced: books.replaced.iter().map(StoredReplaced::of).collect(),
            engineers: books.engineers.iter().map(StoredEngineer::of).collect(),
            counters: books.counters.iter().map(StoredCounter::of).collect(),
        };
        let io = |error| DeskFileError::Io { path: path.clone(), error };
        let text = serde_json::to_vec_pretty(&stored).map_err(|error| io(error.into()))?;
        Ok(durable::replace(path, &text).map_err(io)?)
    }
}

impl StoredReplaced {
    fn of(replaced: &Replaced) -> Self {
        Self {
            card: u64::from_be_bytes(replaced.card.id.0),
            generation: replaced.card.generation,
            meter: u64::from_be_bytes(replaced.binding.meter.0),
            binding: replaced.binding.number,
        }
    }

    fn replaced(&self) -> Replaced {
        Replaced {
            card: CardRef { id: CardId::from(self.card), generation: self.generation },
            binding: Binding { meter: MeterId::from(self.meter), number: self.binding },
        }
    }
}

impl StoredEngineer {
    fn of(engineer: &Engineer) -> Self {
        Self {
            card: u64::from_be_bytes(engineer.card.id.0),
            generation: engineer.card.generation,
            load_key: engineer.load_key,
            meter: u64::from_be_bytes(engineer.binding.meter.0),
            binding: engineer.binding.number,
        }
    }

    fn engineer(&self) -> Engineer {
        Engineer {
            card: CardRef { id: CardId::from(self.card), generation: self.generation },
            load_key: self.load_key,
            binding: Binding { meter: MeterId::from(self.meter), number: self.binding },
        }
    }
}

impl StoredCounter {
    fn of(((meter, binding, what), last): (&Counter, &u32)) -> Self {
        Self { meter: u64::from_be_bytes(*meter), binding: *binding, what: what.code(), last: *last }
    }

    fn counter(&self) -> Option<(Counter, u32)> {
        let what = Counted::from_code(self.what)?;
        Some(((MeterId::from(self.meter).0, self.binding, what), self.last))
    }
}

impl StoredBinding {
    fn of(account: &BindingAccount) -> Self {
        Self {
            meter: u64::from_be_bytes(account.binding.meter.0),
            binding: account.binding.number,
            account: account.account,
            card: u64::from_be_bytes(account.card.id.0),
            generation: account.card.generation,
            load_key: account.load_key,
            credit_key: account.credit_key,
            parameter_keys: account.parameter_keys,
            sequence: account.sequence,
            total_credit: account.total_credit.0,
            total_debited: account.total_debited.0,
            opening_time: account.opening_time.0,
            moved: account.moved,
        }
    }

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

/// Company and environment of a new development desk: company 1, test.
pub const fn development_scope() -> Scope {
    Scope { company: Company(1), environment: Environment::Test }
}
