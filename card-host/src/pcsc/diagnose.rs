//! Looks at everything between this program and the card application.

use core::fmt;
use std::time::Duration;

use card_core::layout::status::advice;

use super::{
    CardAfter, Limits, Protocol, SERVICE_LIMIT, connect_with, establish, holders, list, texts, watched,
};
use crate::card::{self, CardError};
use crate::reader_error::ReaderError;
use crate::transport::Card;

/// How a check came out, with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Good(String),
    /// Not as it should be.
    Bad(String),
    /// Not looked at, because something before it is missing.
    Skipped(String),
}

/// One line of a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub outcome: Outcome,
    /// What to do, where something is to be done.
    pub what_to_do: Option<String>,
}

impl Check {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Good(found.into()), what_to_do: None }
    }

    fn bad(name: &str, found: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Bad(found.into()), what_to_do: Some(what_to_do.into()) }
    }

    fn failed(name: &str, error: &impl fmt::Display) -> Self {
        // Each error says what is wrong, and behind a colon what to do.
        let text = error.to_string();
        match text.split_once(": ") {
            Some((what, to_do)) => Self::bad(name, what, to_do),
            None => Self::bad(name, text.as_str(), "see there"),
        }
    }

    fn skipped(name: &str, why: &str) -> Self {
        Self { name: name.into(), outcome: Outcome::Skipped(why.into()), what_to_do: None }
    }

    /// Whether it is as it should be.
    pub const fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Good(_))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Good(found) => write!(f, "ok      {}: {found}", self.name)?,
            Outcome::Bad(found) => write!(f, "PROBLEM {}: {found}", self.name)?,
            Outcome::Skipped(why) => write!(f, "skipped {}: {why}", self.name)?,
        }
        match &self.what_to_do {
            Some(to_do) => write!(f, "\n        -> {to_do}"),
            None => Ok(()),
        }
    }
}

const CARD_LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    transaction: Duration::from_secs(2),
    command: Duration::from_secs(5),
};

/// Looks at library, service, access, readers, and in each reader at card, answer to reset and our application. It never ends early:
/// what cannot be looked at is reported as skipped. It changes nothing on a card.
pub fn diagnose() -> Vec<Check> {
    let mut checks = vec![library()];
    let listed = watched("listing the readers", SERVICE_LIMIT, || {
        let context = establish()?;
        Ok(list(&context).map(|names| texts(&names)))
    });
    let readers = match listed {
        Err(error @ ReaderError::AccessDenied) => {
            checks.push(Check::good("service", "running"));
            checks.push(Check::failed("access", &error));
            None
        }
        Err(error) => {
            checks.push(Check::failed("service", &error));
            checks.push(Check::skipped("access", "there is no service to ask"));
            None
        }
        Ok(outcome) => {
            checks.push(Check::good("service", "running"));
            checks.push(Check::good("access", "this user may use it"));
            Some(outcome)
        }
    };
    match readers {
        Some(Ok(readers)) if readers.is_empty() => {
            checks.push(Check::failed("readers", &ReaderError::NoReader));
            skip_cards(&mut checks, "there is no reader");
        }
        Some(Ok(readers)) => {
            checks.push(Check::good("readers", readers.join(", ")));
            for reader in &readers {
                look_into(reader, &mut checks);
            }
        }
        Some(Err(error)) => {
            checks.push(Check::failed("readers", &error));
            skip_cards(&mut checks, "the readers are unknown");
        }
        None => {
            checks.push(Check::skipped("readers", "there is no service to ask"));
            skip_cards(&mut checks, "the readers are unknown");
        }
    }
    let others = holders();
    let names: Vec<String> = others.iter().map(ToString::to_string).collect();
    let found = if names.is_empty() { "none seen".to_owned() } else { names.join(", ") };
    checks.push(Check::good("other programs that use readers", found));
    checks
}

fn skip_cards(checks: &mut Vec<Check>, why: &str) {
    for name in ["card", "answer to reset", "application"] {
        checks.push(Check::skipped(name, why));
    }
}

/// That the library is there is certain, or this program would not have started; which one it is can be useful.
fn library() -> Check {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path = maps.lines().find_map(|line| {
        let start = line.find('/')?;
        line.get(start..).filter(|path| path.contains("/libpcsclite"))
    });
    Check::good("PC/SC library", path.unwrap_or("loaded"))
}

fn look_into(reader: &str, checks: &mut Vec<Check>) {
    let [card, atr, application] =
        ["card", "answer to reset", "application"].map(|what| format!("{what} in {reader}"));
    let mut connection = match connect_with(reader, CARD_LIMITS) {
        Ok(connection) => connection,
        Err(error) => {
            checks.push(Check::failed(&card, &error));
            checks.push(Check::skipped(&atr, "there is no card to ask"));
            checks.push(Check::skipped(&application, "there is no card to ask"));
            return;
        }
    };
    let protocol = match connection.protocol() {
        Protocol::T0 => "T=0",
        Protocol::T1 => "T=1 or contactless",
    };
    checks.push(Check::good(&card, format!("answers, {protocol}")));
    checks.push(Check::good(&atr, hex::encode_upper(connection.atr())));
    checks.push(match card::select(&mut Card::open(&mut connection)) {
        Ok(summary) => {
            let text = format!(
                "card {}, generation {}, company {:04X}, {} environment",
                summary.card.id, summary.card.generation, summary.scope.company.0, summary.scope.environment
            );
            match summary.state {
                Some(state) => Check::good(&application, format!("{text}, {state}")),
                None => Check::bad(
                    &application,
                    format!("{text}, memory failure"),
                    "replace the card; its credit is in the ledger",
                ),
            }
        }
        Err(CardError::Refused { command, status }) => {
            let (what, to_do) = advice(status);
            Check::bad(&application, format!("{command}: {what} (status {:04X})", status.0), to_do)
        }
        Err(error) => Check::failed(&application, &error),
    });
    let _ = connection.end(CardAfter::Leave);
}
