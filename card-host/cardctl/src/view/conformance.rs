//! `cardctl conformance`.

use card_conformance::{Report, Result as Outcome};
use card_core::text::Language;
use card_core::units::CardTime;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::View;
use super::table::{posix, time};
use crate::words::said;

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
    fn text(&self, language: Language) -> String {
        let Report { version, layout, reader, card, findings, times } = &self.report;
        let [made, until] = self.times.map(time);
        let mut text = said!(
            language,
            "Card {card} in {reader}\nLayout {layout}, examination {version}, {made}\n\n",
            "الكارت {card} في {reader}\nالتخطيط {layout}، الفحص {version}، {made}\n\n",
            card = card.as_deref().unwrap_or("?"),
            reader,
            layout = format_args!("{layout:02}"),
            version,
            made,
        );
        let mut sections = BTreeMap::<_, [u32; 3]>::new();
        for finding in findings {
            let [passed, failed, left] = sections.entry(in_order(finding.section)).or_default();
            match &finding.result {
                Outcome::Passed => *passed += 1,
                Outcome::Failed { expected, found } => {
                    *failed += 1;
                    text.push_str(&said!(
                        language,
                        "VIOLATED  section {section}: {rule}\n          expected {expected}\n          found    {found}\n",
                        "مخالفة   البند {section}: {rule}\n          المطلوب {expected}\n          الموجود {found}\n",
                        section = finding.section,
                        rule = finding.rule,
                        expected,
                        found,
                    ));
                }
                Outcome::NotExamined { why } => {
                    *left += 1;
                    text.push_str(&said!(
                        language,
                        "not examined  section {section}: {rule} ({why})\n",
                        "لم يُفحص  البند {section}: {rule} ({why})\n",
                        section = finding.section,
                        rule = finding.rule,
                        why,
                    ));
                }
            }
        }
        let [section, passed, violated, left] = match language {
            Language::English => ["section", "passed", "violated", "not examined"],
            Language::Arabic => ["البند", "سليم", "مخالف", "لم يُفحص"],
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{section:<10}{passed:>8}{violated:>10}{left:>14}");
        for ((section, part), [passed, failed, left]) in sections {
            let section = if part == 0 { section.to_string() } else { format!("{section}.{part}") };
            let _ = writeln!(text, "{section:<10}{passed:>8}{failed:>10}{left:>14}");
        }
        let [command, count, longest, average] = match language {
            Language::English => ["command", "count", "longest, ms", "average, ms"],
            Language::Arabic => ["الأمر", "العدد", "أطول زمن", "متوسط الزمن"],
        };
        let _ = writeln!(text, "\n{command:<24}{count:>8}{longest:>14}{average:>14}");
        for (name, spent) in times {
            let average = spent.total_us / u64::from(spent.count.max(1));
            let (longest, average) = (milliseconds(spent.longest_us), milliseconds(average));
            let _ = writeln!(text, "{name:<24}{:>8}{longest:>14}{average:>14}", spent.count);
        }
        let verdict = match self.conforms {
            true => said!(language, "The card conforms", "الكارت مطابق للمواصفة"),
            false => said!(language, "The card does NOT conform", "الكارت غير مطابق للمواصفة"),
        };
        text + &said!(
            language,
            "\n{verdict}. For this chip and its software as they are, until {until}.\n\nSigned: ",
            "\n{verdict}، لهذه الشريحة الذهبية وبرنامجها كما هما، حتى {until}.\n\nالتوقيع: ",
            verdict,
            until,
        )
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
