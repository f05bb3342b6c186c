//! `cardctl audit` and `cardctl reconcile`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{
    AuditFinding, AuditReport, EntryId, Exception, ExceptionKind, PartyCode, PointCode, ReceiptCheck,
    ReceiptProof, Reconciliation, RequestId, Severity, SignedHead,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::View;
use super::customer;
use super::table::{Table, posix};
use crate::words::{comma, said, say};

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
    fn text(&self, language: Language) -> String {
        if self.heads.is_empty() {
            return said!(
                language,
                "no chain has grown since they were signed",
                "لم تُسجل قيود منذ آخر توقيع"
            );
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
    found: Vec<AuditFinding>,
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
            found: report.findings,
            lost_entries: report.lost.into_iter().map(|lost| (lost.head.point, lost.head.number)).collect(),
        }
    }
}

impl View for Verified {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        table.line("vending points", self.points);
        table.line("entries", self.entries);
        table.line("contracts", self.bindings);
        table.line("signed heads", self.heads);
        table.line("restores", self.restores);
        table.line("lost in restores", self.lost);
        table.line("findings", self.findings.len() as u64 + self.more);
        let mut text = table.finish();
        for (point, number) in &self.lost_entries {
            text.push_str(&said!(
                language,
                "\nlost in a restore: entries of {point} up to {number}",
                "\nمفقود عند الاستعادة: قيود {point} حتى {number}",
                point,
                number,
            ));
        }
        for finding in &self.found {
            let arabic = finding.arabic();
            // Writing to a string cannot fail.
            let _ = match language {
                Language::English => write!(text, "\nWRONG: {finding}"),
                Language::Arabic => write!(text, "\nخطأ: {arabic}"),
            };
        }
        if self.clean {
            text.push_str(&said!(
                language,
                "\nthe books are what they were, and they add up",
                "\nالدفاتر كما كانت، ومجاميعها صحيحة"
            ));
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
    counted: Vec<(ExceptionKind, u64)>,
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
    item: Exception,
}

#[derive(Serialize)]
struct Sums {
    count: u64,
    amount: i64,
}

impl From<Exception> for ExceptionView {
    fn from(item: Exception) -> Self {
        Self {
            severity: item.severity.code(),
            kind: item.kind.code(),
            meter: item.binding.map(|binding| binding.meter.to_string()),
            binding: item.binding.map(|binding| binding.number),
            point: item.point.clone(),
            account: item.account,
            amount: i64::try_from(item.amount).unwrap_or(i64::MAX),
            since: posix(item.since),
            what: item.what.clone(),
            to_do: item.kind.to_do(),
            request: item.request.as_ref().map(|request| request.id.clone()),
            party: item.request.as_ref().map(|request| request.party.clone()),
            item,
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
            counted: found.summary.iter().map(|(kind, sums)| (*kind, sums.count)).collect(),
            exceptions: found.exceptions.into_iter().map(ExceptionView::from).collect(),
        }
    }
}

impl View for Reconciled {
    fn text(&self, language: Language) -> String {
        let mut text = said!(
            language,
            "{bindings} contracts and {points} vending points looked at",
            "رُوجعت {bindings} من التعاقدات و{points} من منافذ الشحن",
            bindings = self.bindings,
            points = self.points,
        );
        for ExceptionView { item, .. } in &self.exceptions {
            let amount = match u64::try_from(item.amount.unsigned_abs()) {
                Ok(0) | Err(_) => String::new(),
                Ok(amount) => customer::amount(Piastres(amount), language),
            };
            let separator = if amount.is_empty() { "" } else { comma(language) };
            // Writing to a string cannot fail.
            let _ = match language {
                Language::English => {
                    write!(text, "\n{item}{separator}{amount}\n  to do: {}", item.kind.to_do())
                }
                Language::Arabic => write!(text, "\n{}{separator}{amount}", item.arabic()),
            };
        }
        let all = self.counted.iter().fold(0_u64, |all, (_, count)| all.saturating_add(*count));
        let listed = self.exceptions.len() as u64;
        if all > listed {
            text.push_str(&said!(
                language,
                "\n{listed} of {all} are listed here; all of them, by kind:",
                "\nالمعروض هنا {listed} من {all}، وكلها حسب النوع:",
                listed,
                all,
            ));
            for (kind, count) in &self.counted {
                let [arabic, _] = kind.arabic();
                let what = say(language, kind.code(), arabic);
                text.push_str(&said!(language, "\n  {what}: {count}", "\n  {what}: {count}", what, count));
            }
        }
        if self.exceptions.is_empty() {
            text.push_str(&said!(
                language,
                ": nothing that anybody has to look into",
                ": لا شيء يحتاج إلى مراجعة"
            ));
        }
        text
    }

    fn is_good(&self) -> bool {
        !self.exceptions.iter().any(|item| item.item.severity == Severity::Alarm)
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
        let Self { point, number, .. } = self;
        let receipt = format_args!("{point}/{number}");
        let amount = customer::amount(Piastres(self.amount), language);
        let at = self.at.unwrap_or_default();
        match self.check {
            "signed" => said!(
                language,
                "receipt {receipt} of {amount} is genuine: signed with entry {at}",
                "الإيصال {receipt} بمبلغ {amount} صحيح وموقّع مع القيد {at}",
                receipt,
                amount,
                at,
            ),
            "unsigned" => said!(
                language,
                "receipt {receipt} of {amount} is what the entries say, and no signed head that was given covers it: sign with `cardctl audit sign`, or give newer ones with --heads",
                "الإيصال {receipt} بمبلغ {amount} مطابق للقيود، ولم يوقّع بعد: يرجى التوقيع ثم إعادة التحقق",
                receipt,
                amount,
            ),
            "unknown" => said!(
                language,
                "there is no entry {receipt} here: keep the paper, and ask who gave it",
                "لا يوجد إيصال بالرقم {receipt}: يرجى الاحتفاظ بالورقة وسؤال منفذ الشحن",
                receipt,
            ),
            "differs" => said!(
                language,
                "receipt {receipt} is NOT genuine: its entry says something else; keep the paper",
                "الإيصال {receipt} غير صحيح: يرجى الاحتفاظ بالورقة",
                receipt,
            ),
            _ => said!(
                language,
                "the entries are not what was signed, from {from} on: run `cardctl audit verify`",
                "القيود تخالف ما تم توقيعه ابتداء من {from}: يرجى مراجعة الدفاتر",
                from = format_args!("{point}/{at}"),
            ),
        }
    }

    fn is_good(&self) -> bool {
        self.genuine
    }
}
