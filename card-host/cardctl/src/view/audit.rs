//! `cardctl audit` and `cardctl reconcile`.

use card_core::text::{Language, isolate};
use card_core::units::Piastres;
use card_ledger::{
    AuditReport, EntryId, Exception, PartyCode, PointCode, ReceiptCheck, ReceiptProof, Reconciliation,
    RequestId, Severity, SignedHead,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::View;
use super::table::{Table, egp, posix};

/// The public audit key.
#[derive(Serialize)]
pub(crate) struct Key {
    /// In PEM.
    pub(crate) public: String,
    pub(crate) file: String,
}

impl View for Key {
    fn text(&self, _: Language) -> String {
        self.public.trim_end().to_owned()
    }
}

/// A signed head as it is given to the auditor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) point: String,
    pub(crate) number: u64,
    pub(crate) hash: String,
    pub(crate) time: u64,
    pub(crate) signature: String,
}

/// The heads that were signed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Heads {
    pub(crate) heads: Vec<Head>,
}

impl From<&SignedHead> for Head {
    fn from(head: &SignedHead) -> Self {
        Self {
            point: head.id.point.to_string(),
            number: head.id.number,
            hash: hex::encode(head.head),
            time: head.time.to_unix(),
            signature: hex::encode(head.signature),
        }
    }
}

impl View for Heads {
    fn text(&self, _: Language) -> String {
        if self.heads.is_empty() {
            return "no chain has grown since they were signed".to_owned();
        }
        let line = |head: &Head| format!("{}/{}  {}", head.point, head.number, head.hash);
        self.heads.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Whether the books are what they were.
#[derive(Serialize)]
pub(crate) struct Verified {
    clean: bool,
    points: u64,
    entries: u64,
    bindings: u64,
    heads: u64,
    restores: usize,
    lost: usize,
    findings: Vec<String>,
    more: u64,
    #[serde(skip)]
    lost_entries: Vec<(PointCode, u64)>,
}

impl From<AuditReport> for Verified {
    fn from(report: AuditReport) -> Self {
        Self {
            clean: report.is_clean(),
            points: report.points,
            entries: report.entries,
            bindings: report.bindings,
            heads: report.heads,
            restores: report.restores.len(),
            lost: report.lost.len(),
            findings: report.findings.iter().map(ToString::to_string).collect(),
            more: report.more,
            lost_entries: report.lost.into_iter().map(|lost| (lost.head.point, lost.head.number)).collect(),
        }
    }
}

impl View for Verified {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        table.line("vending points", self.points);
        table.line("entries", self.entries);
        table.line("contracts", self.bindings);
        table.line("signed heads", self.heads);
        table.line("restores", self.restores);
        table.line("lost in restores", self.lost);
        table.line("findings", self.findings.len() as u64 + self.more);
        let mut text = table.finish();
        for (point, number) in &self.lost_entries {
            // Writing to a string cannot fail.
            let _ = write!(text, "\nlost in a restore: entries of {point} up to {number}");
        }
        for finding in &self.findings {
            let _ = write!(text, "\nWRONG: {finding}");
        }
        if self.clean {
            text.push_str("\nthe books are what they were, and they add up");
        }
        text
    }

    fn is_good(&self) -> bool {
        self.clean
    }
}

/// What somebody has to look into.
#[derive(Serialize)]
pub(crate) struct Reconciled {
    bindings: u64,
    points: u64,
    exceptions: Vec<ExceptionView>,
    /// All of them, by kind.
    summary: BTreeMap<&'static str, Sums>,
    /// The same, how many of each kind, in the order of kinds.
    #[serde(skip)]
    counted: Vec<(&'static str, u64)>,
}

#[derive(Serialize)]
struct ExceptionView {
    severity: &'static str,
    kind: &'static str,
    meter: Option<String>,
    binding: Option<u32>,
    point: Option<PointCode>,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    amount: i64,
    since: Option<u64>,
    what: String,
    to_do: &'static str,
    request: Option<RequestId>,
    party: Option<PartyCode>,
    #[serde(skip)]
    said: String,
    #[serde(skip)]
    alarm: bool,
}

#[derive(Serialize)]
struct Sums {
    count: u64,
    amount: i64,
}

impl From<Exception> for ExceptionView {
    fn from(item: Exception) -> Self {
        let amount = match u64::try_from(item.amount.unsigned_abs()) {
            Ok(0) | Err(_) => String::new(),
            Ok(amount) => format!(", {}", egp(Piastres(amount))),
        };
        Self {
            severity: item.severity.code(),
            kind: item.kind.code(),
            meter: item.binding.map(|binding| binding.meter.to_string()),
            binding: item.binding.map(|binding| binding.number),
            said: format!("{item}{amount}"),
            point: item.point,
            account: item.account,
            amount: i64::try_from(item.amount).unwrap_or(i64::MAX),
            since: posix(item.since),
            what: item.what,
            to_do: item.kind.to_do(),
            request: item.request.as_ref().map(|request| request.id.clone()),
            party: item.request.map(|request| request.party),
            alarm: item.severity == Severity::Alarm,
        }
    }
}

impl From<Reconciliation> for Reconciled {
    fn from(found: Reconciliation) -> Self {
        let sums = found.summary.iter().map(|(kind, sums)| {
            let amount = i64::try_from(sums.amount).unwrap_or(i64::MAX);
            (kind.code(), Sums { count: sums.count, amount })
        });
        Self {
            bindings: found.bindings,
            points: found.points,
            summary: sums.collect(),
            counted: found.summary.iter().map(|(kind, sums)| (kind.code(), sums.count)).collect(),
            exceptions: found.exceptions.into_iter().map(ExceptionView::from).collect(),
        }
    }
}

impl View for Reconciled {
    fn text(&self, _: Language) -> String {
        let mut text = format!("{} contracts and {} vending points looked at", self.bindings, self.points);
        for item in &self.exceptions {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}\n  to do: {}", item.said, item.to_do);
        }
        let all = self.counted.iter().fold(0_u64, |all, (_, count)| all.saturating_add(*count));
        let listed = self.exceptions.len() as u64;
        if all > listed {
            let _ = write!(text, "\n{listed} of {all} are listed here; all of them, by kind:");
            for (kind, count) in &self.counted {
                let _ = write!(text, "\n  {kind}: {count}");
            }
        }
        if self.exceptions.is_empty() {
            text.push_str(": nothing that anybody has to look into");
        }
        text
    }

    fn is_good(&self) -> bool {
        !self.exceptions.iter().any(|item| item.alarm)
    }
}

/// Whether a receipt is genuine.
#[derive(Serialize)]
pub(crate) struct Genuine {
    point: PointCode,
    number: u64,
    amount: u64,
    genuine: bool,
    /// `signed`, `unsigned`, `unknown`, `differs` or `broken`.
    check: &'static str,
    /// The entry of the signed head that covers it; or where the chain is broken.
    at: Option<u64>,
}

impl Genuine {
    pub(crate) fn new(proof: ReceiptProof, check: ReceiptCheck) -> Self {
        let (check, genuine, at) = match check {
            ReceiptCheck::Signed(id) => ("signed", true, Some(id.number)),
            ReceiptCheck::Unsigned => ("unsigned", true, None),
            ReceiptCheck::Unknown => ("unknown", false, None),
            ReceiptCheck::Differs => ("differs", false, None),
            ReceiptCheck::Broken(id) => ("broken", false, Some(id.number)),
        };
        let EntryId { point, number } = proof.entry;
        Self { point, number, amount: proof.amount.0, genuine, check, at }
    }
}

impl View for Genuine {
    fn text(&self, language: Language) -> String {
        let Self { point, number, check, .. } = self;
        let at = self.at.unwrap_or_default();
        let (receipt, amount) = (isolate(format!("{point}/{number}")), egp(Piastres(self.amount)));
        match (language, *check) {
            (Language::English, "signed") => {
                format!("receipt {point}/{number} of {amount} is genuine: signed with entry {at}")
            }
            (Language::English, "unsigned") => format!(
                "receipt {point}/{number} of {amount} is what the entries say, and no signed head that was given covers it: sign with \
                 `cardctl audit sign`, or give newer ones with --heads"
            ),
            (Language::English, "unknown") => {
                format!("there is no entry {point}/{number} here: keep the paper, and ask who gave it")
            }
            (Language::English, "differs") => {
                format!(
                    "receipt {point}/{number} is NOT genuine: its entry says something else; keep the paper"
                )
            }
            (Language::English, _) => {
                format!(
                    "the entries are not what was signed, from {point}/{at} on: run `cardctl audit verify`"
                )
            }
            (Language::Arabic, "signed") => format!("الإيصال {receipt} صحيح وموقّع"),
            (Language::Arabic, "unsigned") => {
                format!("الإيصال {receipt} مطابق للقيود، ولم يوقّع بعد: يرجى التوقيع ثم إعادة التحقق")
            }
            (Language::Arabic, "unknown") => {
                format!("لا يوجد إيصال بالرقم {receipt}: يرجى الاحتفاظ بالورقة وسؤال منفذ الشحن")
            }
            (Language::Arabic, "differs") => format!("الإيصال {receipt} غير صحيح: يرجى الاحتفاظ بالورقة"),
            (Language::Arabic, _) => format!(
                "القيود تخالف ما تم توقيعه ابتداء من {}: يرجى مراجعة الدفاتر",
                isolate(format_args!("{point}/{at}"))
            ),
        }
    }

    fn is_good(&self) -> bool {
        self.genuine
    }
}
