//! What an office works with: keys, ledger, server, clock.

use card_channel::wire::Status;
use card_host::doctor::{Cause, Check, Finding};
use card_host::issuer::{BUILD_TIME, Clock, SystemClock, checked_time};
use std::time::Duration;

use crate::context::books::{NoBooks, now};
use crate::context::workplace::Workplace;
use crate::context::{Context, Error};
use crate::view::table::time;

/// How long the server may take for its state.
const LIMIT: Duration = Duration::from_secs(3);
/// Clocks of two computers that are kept right differ by less, in seconds.
const APART: u64 = 120;

/// Looks at all of it.
pub(super) fn examine(context: &Context, server: &str) -> Vec<Finding> {
    let mut findings = match context.shared() {
        Ok(workplace) => vec![keys(&workplace), ledger(context, &workplace)],
        Err(error) => vec![
            Finding::new(Check::Keys, Cause::KeysUnusable, error.to_string()),
            Finding::before(Check::Ledger),
        ],
    };
    let (server, their_time) = serving(server);
    findings.push(server);
    findings.push(clock(their_time, SystemClock.kept_right().and_then(|ask| ask())));
    findings
}

fn keys(workplace: &Workplace) -> Finding {
    match workplace.keys() {
        Ok(None) => Finding::new(Check::Keys, Cause::NoKeys, ""),
        Ok(Some(keys)) if keys.store().warning().is_some() => {
            Finding::new(Check::Keys, Cause::DevelopmentKeys, workplace.keys_path().display().to_string())
        }
        Ok(Some(_)) => Finding::good(Check::Keys, "they can be used"),
        Err(error) => Finding::new(Check::Keys, Cause::KeysUnusable, error.to_string()),
    }
}

fn ledger(context: &Context, workplace: &Workplace) -> Finding {
    match context.books(workplace) {
        Ok(_) => {
            let place = match &context.database {
                // It may hold a password.
                Some(_) => "in its database".to_owned(),
                None => workplace.ledger_path().display().to_string(),
            };
            Finding::good(Check::Ledger, place)
        }
        Err(Error::NoBooks(NoBooks::Never(_))) => Finding::new(Check::Ledger, Cause::NoLedger, ""),
        Err(error) => Finding::new(Check::Ledger, Cause::LedgerUnusable, error.to_string()),
    }
}

/// The server's state, and its time in POSIX seconds.
fn serving(server: &str) -> (Finding, Option<u64>) {
    let agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).build().new_agent();
    let url = format!("{}/v1/status", server.trim_end_matches('/'));
    let status = match agent.get(&url).call() {
        Ok(mut answer) => answer.body_mut().read_json::<Status>(),
        Err(error @ (ureq::Error::StatusCode(_) | ureq::Error::Http(_) | ureq::Error::BadUri(_))) => {
            Err(error)
        }
        Err(_) => return (Finding::new(Check::Server, Cause::NotNeeded, server), None),
    };
    match status {
        Ok(status) if status.store => {
            (Finding::good(Check::Server, format!("{server}, version {}", status.version)), status.time)
        }
        Ok(status) => (Finding::new(Check::Server, Cause::ServerStore, server), status.time),
        Err(error) => (Finding::new(Check::Server, Cause::ServerOther, format!("{server}: {error}")), None),
    }
}

/// `kept_right` is whether a time server sets it, where that is known.
fn clock(their_time: Option<u64>, kept_right: Option<bool>) -> Finding {
    let shown = time(now());
    if let Err(error) = checked_time(&SystemClock, BUILD_TIME) {
        return Finding::new(Check::Clock, Cause::ClockWrong, format!("{shown}: {error}"));
    }
    let apart = their_time.map(|theirs| theirs.abs_diff(now().to_unix()));
    if let Some(seconds) = apart.filter(|seconds| *seconds > APART) {
        return Finding::new(Check::Clock, Cause::ClockDiffers, format!("{shown}, {seconds} s apart"));
    }
    let cause = if kept_right == Some(false) { Cause::ClockUnsynchronised } else { Cause::Good };
    Finding::new(Check::Clock, cause, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_sets_and_one_that_differs_are_named() {
        let right = now().to_unix();
        for (kept_right, cause) in
            [(None, Cause::Good), (Some(true), Cause::Good), (Some(false), Cause::ClockUnsynchronised)]
        {
            assert_eq!(clock(None, kept_right).cause, cause);
            assert_eq!(clock(Some(right), kept_right).cause, cause);
        }
        let finding = clock(Some(right - 3600), Some(true));
        assert_eq!(finding.cause, Cause::ClockDiffers);
        assert!(finding.found.contains("s apart"), "{}", finding.found);
    }
}
