//! `cardctl conformance`.

use card_conformance::{Report, Result as Outcome};
use card_core::text::Language;
use card_core::units::CardTime;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::View;
use super::table::{posix, time};

/// How long a report counts: chips and their software change.
const VALID_SECONDS: u32 = 366 * 86_400;

/// What an examination found, and when.
#[derive(Serialize)]
pub(crate) struct Examined {
    conforms: bool,
    /// POSIX seconds.
    made: Option<u64>,
    valid_until: Option<u64>,
    #[serde(flatten)]
    report: Report,
    #[serde(skip)]
    times: [CardTime; 2],
}

impl Examined {
    pub(crate) fn new(report: Report, now: CardTime) -> Self {
        let until = CardTime(now.0.saturating_add(VALID_SECONDS));
        Self {
            conforms: report.conforms(),
            made: posix(now),
            valid_until: posix(until),
            report,
            times: [now, until],
        }
    }
}

impl View for Examined {
    fn text(&self, _: Language) -> String {
        let Report { version, layout, reader, card, findings, times } = &self.report;
        let card = card.as_deref().unwrap_or("that does not say its number");
        let mut text = format!("Card {card} in {reader}\n");
        let [made, until] = self.times;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "Layout {layout:02}, examination {version}, {}\n", time(made));
        let mut sections = BTreeMap::<_, [u32; 3]>::new();
        for finding in findings {
            let [passed, failed, left] = sections.entry(in_order(finding.section)).or_default();
            match &finding.result {
                Outcome::Passed => *passed += 1,
                Outcome::Failed { expected, found } => {
                    *failed += 1;
                    let _ = writeln!(text, "VIOLATED  section {}: {}", finding.section, finding.rule);
                    let _ = writeln!(text, "          expected {expected}\n          found    {found}");
                }
                Outcome::NotExamined { why } => {
                    *left += 1;
                    let _ =
                        writeln!(text, "not examined  section {}: {} ({why})", finding.section, finding.rule);
                }
            }
        }
        let _ = writeln!(text, "{:<10}{:>8}{:>10}{:>14}", "section", "passed", "violated", "not examined");
        for ((section, part), [passed, failed, left]) in sections {
            let section = if part == 0 { section.to_string() } else { format!("{section}.{part}") };
            let _ = writeln!(text, "{section:<10}{passed:>8}{failed:>10}{left:>14}");
        }
        let _ = writeln!(text, "\n{:<24}{:>8}{:>14}{:>14}", "command", "count", "longest, ms", "average, ms");
        for (name, spent) in times {
            let average = spent.total_us / u64::from(spent.count.max(1));
            let (longest, average) = (milliseconds(spent.longest_us), milliseconds(average));
            let _ = writeln!(text, "{name:<24}{:>8}{longest:>14}{average:>14}", spent.count);
        }
        let verdict = if self.conforms { "The card conforms" } else { "The card does NOT conform" };
        let _ = write!(
            text,
            "\n{verdict}. For this chip and its software as they are, until {}.\n\nSigned: ",
            time(until)
        );
        text
    }

    fn is_good(&self) -> bool {
        self.conforms
    }
}

/// A section as numbers: 7.2 stands before 10.
fn in_order(section: &str) -> (u8, u8) {
    let (section, part) = section.split_once('.').unwrap_or((section, "0"));
    (section.parse().unwrap_or(0), part.parse().unwrap_or(0))
}

fn milliseconds(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}
