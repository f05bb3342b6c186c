//! Keys that are handed over: those of meters to their factory, and a card maker's to us.

use card_core::id::Environment;
use card_core::role::TEST_INITIAL_MASTER;
use card_host::{durable, text_file};
use card_ledger::Handed;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq as _;

use super::persons::Persons;
use super::sealed::{self, SealedError};
use super::{Error, Together, free, given, no_keys, write};
use crate::context::{Context, secret};
use crate::view::keys::{Delivered, MadeRecipient, Protocol, Taken};

/// A new recipient, whose secret is in a new file.
pub(crate) fn recipient(out: &Path) -> Result<MadeRecipient, Error> {
    let (name, secret) = sealed::recipient();
    let written = durable::create(out, sealed::identity_file(&name, &secret).as_bytes());
    written.map_err(|error| {
        given(format!(
            "{}: {error}: name a file that does not exist, in a folder that you can write to",
            out.display()
        ))
    })?;
    Ok(MadeRecipient { recipient: name, file: out.display().to_string() })
}

/// Seals the keys of meters.
pub(crate) fn deliver(
    context: &Context,
    [meters, out]: [&Path; 2],
    to: &str,
    together: &Together,
) -> Result<Delivered, Error> {
    let read = |error| SealedError::Read { path: meters.to_owned(), error };
    let list = sealed::meters(&text_file::read(meters).map_err(read)?)?;
    let recipient = sealed::parse_recipient(to)?;
    free(together.protocol.as_deref())?;
    free(Some(out))?;
    let workplace = context.shared()?;
    let keys = workplace.own_keys()?.ok_or_else(no_keys)?;
    let persons = Persons::present(context, &workplace, together.second.as_deref())?;
    let scope = workplace.scope()?;
    let derived = list.into_iter().map(|meter| Ok((meter, keys.meter_keys(scope, meter)?)));
    let derived = derived.collect::<Result<Vec<_>, Error>>()?;
    let sealed = sealed::seal_meters(&recipient, scope, &derived)?;
    let sha256 = hex::encode(Sha256::digest(&sealed));
    let count = u64::try_from(derived.len()).unwrap_or(u64::MAX);
    persons.hand(&Handed::Meters { count, sha256: sha256.clone() })?;
    durable::create(out, &sealed).map_err(|error| {
        given(format!(
            "{}: {error}: name a file that does not exist, in a folder that you can write to",
            out.display()
        ))
    })?;
    let delivered =
        Delivered { meters: count, sha256, to: to.trim().to_owned(), file: out.display().to_string() };
    let told = Protocol::delivered(scope, keys.masters().place(), &delivered, &persons.names());
    write(together.protocol.as_deref(), &told)?;
    Ok(delivered)
}

/// What a card maker has sealed.
pub(crate) struct FromMaker {
    pub(crate) file: PathBuf,
    /// The secret of the recipient.
    pub(crate) identity: PathBuf,
    /// The check value that the maker has said.
    pub(crate) check: String,
}

/// Takes the master of a maker's blank cards.
pub(crate) fn take(context: &Context, from: &FromMaker, together: &Together) -> Result<Taken, Error> {
    let FromMaker { file, identity, check } = from;
    let secret = secret::private(identity)?;
    free(together.protocol.as_deref())?;
    let workplace = context.shared()?;
    let keys = workplace.own_keys()?.ok_or_else(no_keys)?;
    let scope = workplace.scope()?;
    let key = sealed::open_initial(file, (identity, &secret), scope.environment)?;
    let found = sealed::check_of_initial(scope.environment, &key);
    if check.trim().to_ascii_lowercase() != found {
        return Err(SealedError::Check { found }.into());
    }
    let public = bool::from(key.expose().ct_eq(&TEST_INITIAL_MASTER));
    if public && scope.environment == Environment::Production {
        let why = "everybody knows it: it is that of test cards";
        return Err(SealedError::Content { path: file.clone(), why }.into());
    }
    let persons = Persons::present(context, &workplace, together.second.as_deref())?;
    persons.hand(&Handed::Initial { check: found.clone() })?;
    keys.masters().take_initial(key, &workplace.keys_path())?;
    let taken = Taken { check: found };
    let told = Protocol::taken(scope, keys.masters().place(), &taken, &persons.names());
    write(together.protocol.as_deref(), &told)?;
    Ok(taken)
}
