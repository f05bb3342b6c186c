//! `cardctl audit` and `cardctl reconcile`: whether the books are what they were, and whether the world agrees with them.

use card_core::id::{Company, Scope, UnknownEnvironment};
use card_host::text_file;
use card_ledger::{
    AuditKey, AuditPublicKey, Entry, EntryId, LedgerError, Manifest, Power, ReceiptCheck, ReceiptProof,
    ReconcileOptions, SignedHead, reconcile as compare, sign_heads, verify,
};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use crate::commands::progress::progress;
use crate::commands::{Error, given};
use crate::context::Context;
use crate::context::workplace::Workplace;
use crate::view::audit::{Genuine, Head, Heads, Key, Reconciled, Verified};

/// Where the audit key of development is kept.
fn secret_path(workplace: &Workplace) -> PathBuf {
    workplace.path("audit-key.pem")
}

/// The audit key, where there is one.
pub(crate) fn secret(workplace: &Workplace) -> Result<Option<AuditKey>, Error> {
    let path = secret_path(workplace);
    if path.exists() { Ok(Some(AuditKey::open(&path)?)) } else { Ok(None) }
}

fn no_key() -> Error {
    given("there is no audit key here: make one with `cardctl audit key`, or name the auditor's with --key")
}

pub(crate) fn key(context: &Context) -> Result<Key, Error> {
    let workplace = &context.shared()?;
    let key = match secret(workplace)? {
        Some(key) => key,
        None => {
            let key = AuditKey::generate()?;
            key.create(&secret_path(workplace))?;
            key
        }
    };
    Ok(Key { public: key.public().to_pem(), file: secret_path(workplace).display().to_string() })
}

pub(crate) fn sign(context: &Context) -> Result<Heads, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    books.who.must(Power::Audit).map_err(LedgerError::from)?;
    let key = secret(&workplace)?.ok_or_else(no_key)?;
    let heads = sign_heads(books.office.ledger(), &key, books.office.now()?)?;
    Ok(Heads { heads: heads.iter().map(Head::from).collect() })
}

fn heads_of(path: &Path) -> Result<Vec<SignedHead>, Error> {
    let wrong = |what: &dyn std::fmt::Display| {
        given(format!(
            "{}: {what}: name a file with what `cardctl audit sign --format json` printed",
            path.display()
        ))
    };
    let text = text_file::read(path).map_err(|error| wrong(&error))?;
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let kept: Heads = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        for head in kept.heads {
            let (mut hash, mut signature) = ([0; 32], [0; 64]);
            hex::decode_to_slice(&head.hash, &mut hash).map_err(|error| wrong(&error))?;
            hex::decode_to_slice(&head.signature, &mut signature).map_err(|error| wrong(&error))?;
            let time = card_core::units::CardTime::from_unix(head.time);
            found.push(SignedHead {
                id: EntryId {
                    point: head.point.parse().map_err(|error| wrong(&error))?,
                    number: head.number,
                },
                head: hash,
                time: time.ok_or_else(|| wrong(&"a time that is none"))?,
                signature,
            });
        }
    }
    Ok(found)
}

/// The whole check, against heads in these files; by the key in this file, or else that of the data directory.
pub(crate) fn check(context: &Context, files: &[PathBuf], key: Option<&Path>) -> Result<Verified, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    let key = public(&workplace, key)?;
    let heads = all_heads(files)?;
    Ok(verify(books.office.ledger(), &key, &heads, &mut progress())?.into())
}

/// The public key in this file, or else that of the data directory.
fn public(workplace: &Workplace, key: Option<&Path>) -> Result<AuditPublicKey, Error> {
    match (key, secret(workplace)?) {
        (Some(path), _) => Ok(AuditPublicKey::open(path)?),
        (None, Some(secret)) => Ok(secret.public()),
        (None, None) => Err(no_key()),
    }
}

fn all_heads(files: &[PathBuf]) -> Result<Vec<SignedHead>, Error> {
    let mut heads = Vec::new();
    for path in files {
        heads.extend(heads_of(path)?);
    }
    Ok(heads)
}

/// Whether a receipt is genuine: by the ledger, or without one by an export of it.
pub(crate) fn receipt(
    context: &Context,
    proof: ReceiptProof,
    export: Option<&Path>,
    files: &[PathBuf],
    key: Option<&Path>,
) -> Result<Genuine, Error> {
    let workplace = context.shared()?;
    let (key, heads) = (public(&workplace, key)?, all_heads(files)?);
    let check = match export {
        Some(folder) => in_export(&proof, folder, &key, &heads)?,
        None => proof.check_in(context.books(&workplace)?.office.ledger(), &key, &heads)?,
    };
    Ok(Genuine::new(proof, check))
}

fn in_export(
    proof: &ReceiptProof,
    folder: &Path,
    key: &AuditPublicKey,
    heads: &[SignedHead],
) -> Result<ReceiptCheck, Error> {
    let wrong = |name: &str, what: &dyn std::fmt::Display| {
        given(format!(
            "{}: {what}: name the folder of a `cardctl ledger export`",
            folder.join(name).display()
        ))
    };
    let (manifest, entries) = ("manifest.json", "entries.jsonl");
    let text = text_file::read(&folder.join(manifest)).map_err(|error| wrong(manifest, &error))?;
    let made: Manifest = serde_json::from_str(&text).map_err(|error| wrong(manifest, &error))?;
    let environment =
        made.environment.parse().map_err(|error: UnknownEnvironment| wrong(manifest, &error))?;
    let scope = Scope { company: Company(made.company), environment };
    let file = std::fs::File::open(folder.join(entries)).map_err(|error| wrong(entries, &error))?;
    let lines = std::io::BufReader::new(file).lines().map(|line| {
        let line = line.map_err(|error| wrong(entries, &error))?;
        Entry::of_line(&line).map_err(|error| wrong(entries, &error))
    });
    proof.check(lines, scope, key, heads)
}

/// What somebody has to look into.
pub(crate) fn reconcile(context: &Context) -> Result<Reconciled, Error> {
    let books = context.books(&context.shared()?)?;
    let options = ReconcileOptions::at(books.office.now()?);
    let memory = books.office.keys().memory();
    Ok(compare(books.office.ledger(), memory, &options, &mut progress())?.into())
}
