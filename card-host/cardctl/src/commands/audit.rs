//! `cardctl audit` and `cardctl reconcile`: whether the books are what they were, and whether the world agrees with them.

use card_core::units::{CardTime, Piastres};
use card_ledger::{
    AuditKey, AuditPublicKey, EntryId, ReconcileOptions, SignedHead, reconcile as compare, sign_heads, verify,
};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::Arguments;
use crate::commands::ledger::{given, progress};
use crate::commands::{Error, books};
use crate::context::books::Books;
use crate::context::workplace::Workplace;
use crate::view::{Output, Table, egp};

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Makes the audit key where there is none, in the data directory, and prints its public part, for the auditor.
    Key,
    /// Signs the head of every chain that has grown since. Give what it prints with --format json to the auditor, who keeps it elsewhere.
    Sign,
    /// Recomputes every chain, compares it with signed heads, and adds up all accounts. Ends with status 1 where something is wrong.
    Verify {
        /// Files with heads that the auditor kept, as `audit sign --format json` printed them.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// The public audit key, in PEM. By default that of the data directory.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// Where the audit key of development is kept.
fn secret_path(workplace: &Workplace) -> PathBuf {
    workplace.path("audit-key.pem")
}

/// The audit key, where there is one.
pub(crate) fn secret(workplace: &Workplace) -> Result<Option<AuditKey>, Error> {
    let path = secret_path(workplace);
    if path.exists() { Ok(Some(AuditKey::open(&path)?)) } else { Ok(None) }
}

pub(crate) fn run(arguments: &Arguments, command: &AuditCommand) -> Result<(Output, bool), Error> {
    let workplace = Workplace::shared(arguments.data.as_deref())?;
    match command {
        AuditCommand::Key => key(&workplace).map(|output| (output, true)),
        AuditCommand::Sign => sign(&books(arguments, &workplace)?, &workplace).map(|output| (output, true)),
        AuditCommand::Verify { heads, key } => {
            let books = books(arguments, &workplace)?;
            let key = match (key, secret(&workplace)?) {
                (Some(path), _) => AuditPublicKey::open(path)?,
                (None, Some(secret)) => secret.public(),
                (None, None) => return Err(no_key()),
            };
            check(&books, &key, heads)
        }
    }
}

fn no_key() -> Error {
    given("there is no audit key here: make one with `cardctl audit key`, or name the auditor's with --key")
}

fn key(workplace: &Workplace) -> Result<Output, Error> {
    let key = match secret(workplace)? {
        Some(key) => key,
        None => {
            let key = AuditKey::generate()?;
            key.create(&secret_path(workplace))?;
            key
        }
    };
    let pem = key.public().to_pem();
    Ok(Output::new(
        pem.trim_end(),
        json!({ "public": pem, "file": secret_path(workplace).display().to_string() }),
    ))
}

/// A signed head as it is given to the auditor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    point: String,
    number: u64,
    hash: String,
    time: u64,
    signature: String,
}

#[derive(Deserialize)]
struct KeptHeads {
    heads: Vec<Kept>,
}

fn sign(books: &Books, workplace: &Workplace) -> Result<Output, Error> {
    let key = secret(workplace)?.ok_or_else(no_key)?;
    let heads = sign_heads(books.office.ledger(), &key, books.office.now()?)?;
    let kept: Vec<Kept> = heads
        .iter()
        .map(|head| Kept {
            point: head.id.point.to_string(),
            number: head.id.number,
            hash: hex::encode(head.head),
            time: head.time.to_unix(),
            signature: hex::encode(head.signature),
        })
        .collect();
    let lines: Vec<_> = heads
        .iter()
        .map(|head| format!("{}/{}  {}", head.id.point, head.id.number, hex::encode(head.head)))
        .collect();
    let text = if lines.is_empty() {
        "no chain has grown since they were signed".to_owned()
    } else {
        lines.join("\n")
    };
    Ok(Output::new(text, json!({ "heads": kept })))
}

fn heads_of(path: &Path) -> Result<Vec<SignedHead>, Error> {
    let wrong = |what: &dyn std::fmt::Display| {
        given(format!(
            "{}: {what}: name a file with what `cardctl audit sign --format json` printed",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let kept: KeptHeads = serde_json::from_str(line).map_err(|error| wrong(&error))?;
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

fn check(books: &Books, key: &AuditPublicKey, files: &[PathBuf]) -> Result<(Output, bool), Error> {
    let mut heads = Vec::new();
    for path in files {
        heads.extend(heads_of(path)?);
    }
    let report = verify(books.office.ledger(), key, &heads, &mut progress())?;
    let mut table = Table::default();
    table.line("vending points", report.points);
    table.line("entries", report.entries);
    table.line("contracts", report.bindings);
    table.line("signed heads", report.heads);
    table.line("restores", report.restores.len());
    table.line("lost in restores", report.lost.len());
    table.line("findings", report.findings.len() as u64 + report.more);
    let mut text = table.finish();
    for lost in &report.lost {
        // Writing to a string cannot fail.
        let _ =
            write!(text, "\nlost in a restore: entries of {} up to {}", lost.head.point, lost.head.number);
    }
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    for finding in &findings {
        let _ = write!(text, "\nWRONG: {finding}");
    }
    if report.is_clean() {
        text.push_str("\nthe books are what they were, and they add up");
    }
    let json = json!({
        "clean": report.is_clean(), "points": report.points, "entries": report.entries,
        "bindings": report.bindings, "heads": report.heads, "restores": report.restores.len(),
        "lost": report.lost.len(), "findings": findings, "more": report.more,
    });
    Ok((Output::new(text, json), report.is_clean()))
}

/// What somebody has to look into; `false` where there is an alarm.
pub(crate) fn reconcile(arguments: &Arguments) -> Result<(Output, bool), Error> {
    let workplace = Workplace::shared(arguments.data.as_deref())?;
    let books = books(arguments, &workplace)?;
    let options = ReconcileOptions::at(books.office.now()?);
    let found = compare(books.office.ledger(), &options, &mut progress())?;
    let mut text = format!("{} contracts and {} vending points looked at", found.bindings, found.points);
    let mut list = Vec::new();
    for item in &found.exceptions {
        let amount = match u64::try_from(item.amount.unsigned_abs()) {
            Ok(0) | Err(_) => String::new(),
            Ok(amount) => format!(", {}", egp(Piastres(amount))),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{item}{amount}\n  to do: {}", item.kind.to_do());
        let binding = item.binding;
        list.push(json!({
            "severity": item.severity.code(), "kind": item.kind.code(),
            "meter": binding.map(|binding| binding.meter.number()),
            "binding": binding.map(|binding| binding.number), "point": item.point,
            "account": item.account, "amount": i64::try_from(item.amount).unwrap_or(i64::MAX),
            "since": (item.since != CardTime::UNSET).then(|| item.since.to_unix()),
            "what": item.what, "to_do": item.kind.to_do(),
            "request": item.request.as_ref().map(|request| &request.id),
            "party": item.request.as_ref().map(|request| &request.party),
        }));
    }
    let mut summary = serde_json::Map::new();
    let mut counted = String::new();
    let mut all = 0_u64;
    for (kind, sums) in &found.summary {
        all = all.saturating_add(sums.count);
        let _ = write!(counted, "\n  {}: {}", kind.code(), sums.count);
        let amount = i64::try_from(sums.amount).unwrap_or(i64::MAX);
        let _ = summary.insert(kind.code().to_owned(), json!({ "count": sums.count, "amount": amount }));
    }
    let listed = found.exceptions.len() as u64;
    if all > listed {
        let _ = write!(text, "\n{listed} of {all} are listed here; all of them, by kind:{counted}");
    }
    if found.exceptions.is_empty() {
        text.push_str(": nothing that anybody has to look into");
    }
    let alarm = card_ledger::Severity::Alarm;
    let good = found.exceptions.iter().all(|item| item.severity != alarm);
    let json = json!({
        "bindings": found.bindings, "points": found.points, "exceptions": list, "summary": summary,
    });
    Ok((Output::new(text, json), good))
}
