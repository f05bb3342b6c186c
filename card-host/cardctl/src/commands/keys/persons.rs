//! Two people who are both there: members of staff who may `keys`, or custodians of a signer.

use card_host::keystore::KeyStoreError;
use card_ledger::{Handed, Who};
use card_signer::{Change, Custodian, Durability, Memory};
use std::path::Path;

use super::{Error, given};
use crate::context::Context;
use crate::context::books::{self, Books};
use crate::context::secret::{self, Person};
use crate::context::workplace::Workplace;

/// Who is there.
pub(super) enum Persons {
    /// In a directory with a ledger: whoever works with it and, where it has staff, a second one.
    OfLedger { books: Box<Books>, second: Option<Who> },
    /// In a signer's directory.
    Custodians { memory: Box<Memory>, two: [Person; 2] },
    /// Nobody is appointed yet.
    Nobody,
}

impl Persons {
    /// Those whose secrets were given.
    pub(super) fn present(
        context: &Context,
        workplace: &Workplace,
        second: Option<&Path>,
    ) -> Result<Self, Error> {
        if workplace.ledger_path().exists() || context.database.is_some() {
            let books = Box::new(context.books(workplace)?);
            let second = match second {
                Some(file) if !books.office.is_single_user()? => {
                    let given = secret::read(file)?;
                    let name = given.name.ok_or_else(|| unnamed(file))?;
                    Some(books.office.authenticated(&name, &given.secret, books.who.point.clone())?)
                }
                _ => None,
            };
            books.office.both_hold_keys(&books.who, second.as_ref())?;
            return Ok(Self::OfLedger { books, second });
        }
        let path = workplace.memory_path();
        if !path.exists() {
            return Ok(Self::Nobody);
        }
        let memory = Memory::open(&path, Durability::Each).map_err(KeyStoreError::from)?;
        if !memory.has_custodians().map_err(KeyStoreError::from)? {
            return Ok(Self::Nobody);
        }
        let (Some(first), Some(second)) = (context.secret_file.as_deref(), second) else {
            return Err(given(
                "masters are handled by two custodians who are both there: name the files with their names and secrets, --secret-file and --second",
            ));
        };
        let two = [secret::person(first)?, secret::person(second)?];
        Ok(Self::Custodians { memory: Box::new(memory), two })
    }

    /// Enters in the signer's memory what they do; nothing without custodians.
    pub(super) fn enter(&self, what: &Change) -> Result<(), Error> {
        let Self::Custodians { memory, two: [first, second] } = self else { return Ok(()) };
        let [first, second] =
            [first, second].map(|person| Custodian { name: &person.name, secret: &person.secret });
        Ok(memory.together([&first, &second], what, books::now())?)
    }

    /// Enters that keys were handed over.
    pub(super) fn hand(&self, handed: &Handed) -> Result<(), Error> {
        if let Self::OfLedger { books, second } = self {
            books.office.keys_handed(&books.who, second.as_ref(), books.id()?, handed)?;
        }
        self.enter(&match handed.clone() {
            Handed::Meters { count: meters, sha256 } => Change::Delivered { meters, sha256 },
            Handed::Initial { check } => Change::Taken { check },
        })
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::OfLedger { books, second } => {
                let second = second.as_ref().map(|second| second.actor.clone());
                std::iter::once(books.who.actor.clone()).chain(second).collect()
            }
            Self::Custodians { two, .. } => two.iter().map(|person| person.name.clone()).collect(),
            Self::Nobody => Vec::new(),
        }
    }
}

fn unnamed(file: &Path) -> Error {
    given(format!(
        "{} has no name in its first line: take the file that `cardctl staff add --out` wrote",
        file.display()
    ))
}
