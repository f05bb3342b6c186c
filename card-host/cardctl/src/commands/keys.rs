//! `cardctl keys`: the masters, and new ones.

use card_core::role::{KeyVersion, Role};
use card_host::card_work::development_scope;
use card_host::keystore::{KeyStore, MASTERS};

use super::{Error, given};
use crate::context::Context;
use crate::view::keys::{Drawn, Master, MasterList};

pub(crate) fn list(context: &Context) -> Result<MasterList, Error> {
    let workplace = context.shared()?;
    let found = workplace.keys()?.ok_or_else(no_keys)?;
    // Opening the ledger compares them.
    let compared = workplace.ledger_path().exists() || context.database.is_some();
    if compared {
        context.books(&workplace)?;
    }
    let store = found.store();
    let mut masters = Vec::new();
    for role in MASTERS {
        let current = store.current(role)?;
        for master in 1..=current.master() {
            let version = KeyVersion::new(role, master);
            let check = store.check_value(development_scope(), version)?;
            masters.push(Master::new(version, check, version == current));
        }
    }
    Ok(MasterList { masters, compared })
}

/// With a ledger, it is entered before it is drawn: whoever was interrupted asks again with the same id.
pub(crate) fn rotate(context: &Context, role: Role) -> Result<Drawn, Error> {
    let workplace = context.shared()?;
    let keys = workplace.own_keys()?.ok_or_else(no_keys)?;
    let version = if workplace.ledger_path().exists() || context.database.is_some() {
        let books = context.books(&workplace)?;
        let version = books.office.next_master(&books.who, books.id()?, role)?;
        workplace.master(&books.keys, role, version)?;
        books.office.master_drawn(&books.who, version)?;
        version
    } else {
        // A signer's directory: its ledger takes the master as it finds it.
        keys.masters().rotate(role, &workplace.keys_path())?
    };
    let check = workplace.own_keys()?.ok_or_else(no_keys)?.check_value(development_scope(), version)?;
    Ok(Drawn::new(version, check))
}

fn no_keys() -> Error {
    given("there are no masters here: name their directory with --data, or their token with --keys")
}
