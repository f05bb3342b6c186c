//! `cardctl doctor`.

mod redact;
mod words;

use card_core::text::Language;
use card_core::units::CardTime;
use card_host::doctor::{Cause, Check, Finding, Verdict};
use serde::Serialize;
use std::fmt::Write as _;

use super::View;
use super::table::time;
use redact::redacted;

/// What a doctor found.
#[derive(Serialize)]
pub(crate) struct Diagnosis {
    /// The worst of the verdicts.
    verdict: Verdict,
    checks: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    check: Check,
    verdict: Verdict,
    cause: Cause,
    found: String,
    /// Empty where all is well.
    means: &'static str,
    to_do: &'static str,
}

impl Diagnosis {
    pub(crate) fn new(findings: Vec<Finding>) -> Self {
        let line = |finding: Finding| {
            let [means, to_do] = words::of(finding.cause, Language::English);
            let Finding { check, cause, found } = finding;
            Line { check, verdict: cause.verdict(), cause, found, means, to_do }
        };
        let checks: Vec<Line> = findings.into_iter().map(line).collect();
        // What was not looked at is none the worse.
        let worst =
            checks.iter().map(|line| line.verdict).filter(|verdict| *verdict != Verdict::Skipped).max();
        Self { verdict: worst.unwrap_or(Verdict::Ok), checks }
    }
}

impl View for Diagnosis {
    fn text(&self, language: Language) -> String {
        let mut text = String::new();
        for line in &self.checks {
            let name = words::check(line.check, language);
            let verdict = words::verdict(line.verdict, language);
            let [means, to_do] = words::of(line.cause, language);
            let parts: Vec<&str> =
                [means, line.found.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{verdict}  {name}: {}", parts.join(": "));
            if !to_do.is_empty() {
                let _ = writeln!(text, "         -> {to_do}");
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn is_good(&self) -> bool {
        self.verdict < Verdict::Failure
    }
}

/// A report for whoever helps, without what tells who has which card.
#[derive(Serialize)]
pub(crate) struct Bundle<'d> {
    program: &'static str,
    version: &'static str,
    made: String,
    system: String,
    reader: String,
    verdict: Verdict,
    checks: Vec<Redacted<'d>>,
}

#[derive(Serialize)]
struct Redacted<'d> {
    check: Check,
    verdict: Verdict,
    cause: Cause,
    found: String,
    means: &'d str,
    to_do: &'d str,
}

impl<'d> Bundle<'d> {
    pub(crate) fn new(diagnosis: &'d Diagnosis, reader: &str, now: CardTime) -> Self {
        let redact = |line: &'d Line| Redacted {
            check: line.check,
            verdict: line.verdict,
            cause: line.cause,
            found: redacted(&line.found),
            means: line.means,
            to_do: line.to_do,
        };
        Self {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            made: time(now),
            system: system(),
            reader: redacted(reader),
            verdict: diagnosis.verdict,
            checks: diagnosis.checks.iter().map(redact).collect(),
        }
    }
}

/// Which system it is.
fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    format!(
        "{} {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        name.unwrap_or_default().trim_matches('"')
    )
}
