//! `cardctl keys`: the masters, new ones, and keys that are handed over.

mod hands;
mod persons;
pub(super) mod sealed;

use card_core::id::Scope;
use card_core::key::KeyLength;
use card_core::role::{KeyVersion, Role};
use card_host::durable;
use card_host::keystore::{KeyStore, KeyStoreError, MASTERS};
use card_host::text_file;
use card_signer::Change;
use std::path::{Path, PathBuf};

pub(crate) use self::hands::{FromMaker, deliver, recipient, take};
use self::persons::Persons;
use super::paper::NotWritten;
use super::{Error, given};
use crate::context::{Context, books};
use crate::view::keys::{Checked, Drawn, Master, MasterList, Protocol};

/// What two people do: the second one's secret, and where the protocol is written to.
pub(crate) struct Together {
    pub(crate) second: Option<PathBuf>,
    pub(crate) protocol: Option<PathBuf>,
}

/// Draws the first masters. Who is there is written down, and known to nobody yet: custodians and staff are appointed after it.
pub(crate) fn init(
    context: &Context,
    scope: Scope,
    custodians: &[String],
    protocol: Option<&Path>,
) -> Result<MasterList, Error> {
    let different: std::collections::BTreeSet<_> = custodians.iter().map(|name| name.trim()).collect();
    if different.len() < 2 || different.len() != custodians.len() || different.contains("") {
        return Err(given("two are there when masters are drawn, or more: name each with --custodian"));
    }
    let workplace = context.shared()?;
    workplace.founds(scope)?;
    if workplace.own_keys()?.is_some() {
        return Err(given(
            "there are masters already: see them with `cardctl keys list`, or draw next ones with `cardctl keys rotate`",
        ));
    }
    free(protocol)?;
    let keys = workplace.new_own_keys(KeyLength::Aes256, scope.environment)?;
    let list = MasterList::new(scope, masters(&keys, scope)?, false);
    let told = Protocol::drawn(keys.masters().place(), &list, custodians);
    write(protocol, &told)?;
    Ok(list)
}

pub(crate) fn list(context: &Context) -> Result<MasterList, Error> {
    let workplace = context.shared()?;
    let found = workplace.keys()?.ok_or_else(no_keys)?;
    // Opening the ledger compares them.
    let compared = workplace.ledger_path().exists() || context.database.is_some();
    if compared {
        context.books(&workplace)?;
    }
    let scope = Scope { environment: found.store().environment(), ..workplace.scope()? };
    Ok(MasterList::new(scope, masters(found.store(), scope)?, compared))
}

/// Compares the masters with a list that was kept, perhaps on paper.
pub(crate) fn check(context: &Context, file: &Path) -> Result<Checked, Error> {
    let wrong = |error: &dyn std::fmt::Display| {
        given(format!("{}: {error}: name what `cardctl keys init --format json` printed", file.display()))
    };
    let text = text_file::read(file).map_err(|error| wrong(&error))?;
    let kept: MasterList = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let scope = kept.scope().ok_or_else(|| wrong(&"it names no company and environment"))?;
    let found = context.shared()?.keys()?.ok_or_else(no_keys)?;
    Ok(Checked::new(&kept, &masters(found.store(), scope)?))
}

/// With a ledger, it is entered before it is drawn: whoever was interrupted asks again with the same id.
pub(crate) fn rotate(context: &Context, role: Role, together: &Together) -> Result<Drawn, Error> {
    let workplace = context.shared()?;
    let keys = workplace.own_keys()?.ok_or_else(no_keys)?;
    free(together.protocol.as_deref())?;
    let persons = Persons::present(context, &workplace, together.second.as_deref())?;
    let version = match &persons {
        Persons::OfLedger { books, second } => {
            let version = books.office.next_master(&books.who, second.as_ref(), books.id()?, role)?;
            workplace.master(&books.keys, role, version)?;
            books.office.master_drawn(&books.who, version)?;
            version
        }
        // A signer's directory: its ledger takes the master as it finds it.
        persons => {
            let version = keys.current(role)?.next();
            if !version.is_of(role) {
                return Err(KeyStoreError::VersionsExhausted(role).into());
            }
            persons.enter(&Change::Drawn { version: version.byte() })?;
            keys.masters().rotate(role, &workplace.keys_path())?
        }
    };
    let scope = workplace.scope()?;
    let keys = workplace.own_keys()?.ok_or_else(no_keys)?;
    let drawn = Drawn::new(version, keys.check_value(scope, version)?);
    let list = MasterList::new(scope, masters(&keys, scope)?, false);
    let told = Protocol::rotated(keys.masters().place(), &list, &drawn, &persons.names());
    write(together.protocol.as_deref(), &told)?;
    Ok(drawn)
}

fn masters(store: &dyn KeyStore, scope: Scope) -> Result<Vec<Master>, Error> {
    let mut masters = Vec::new();
    for role in MASTERS {
        let current = store.current(role)?;
        for master in 1..=current.master() {
            let version = KeyVersion::new(role, master);
            masters.push(Master::new(version, store.check_value(scope, version)?, version == current));
        }
    }
    Ok(masters)
}

fn no_keys() -> Error {
    given("there are no masters here: name their directory with --data, or their token with --keys")
}

/// Before anything is done that the protocol would tell of.
fn free(protocol: Option<&Path>) -> Result<(), Error> {
    match protocol.filter(|path| path.exists()) {
        Some(path) => {
            Err(given(format!("{} exists already: name another file for the protocol", path.display())))
        }
        None => Ok(()),
    }
}

fn write(protocol: Option<&Path>, told: &Protocol) -> Result<(), Error> {
    let Some(path) = protocol else { return Ok(()) };
    let page = told.page(books::now());
    let written = durable::create(path, page.as_bytes());
    Ok(written.map_err(|cause| NotWritten::Protocol { path: path.to_owned(), cause })?)
}
