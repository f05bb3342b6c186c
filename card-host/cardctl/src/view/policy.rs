//! What is asked for at a desk, and what came of it.

use card_core::text::{Language, isolate};
use card_ledger::{CardPolicy, CardStep, Document, FeePaid, FeeTaken, Policy, RequestId, StepRules};
use serde::Serialize;

use super::View;
use super::customer;
use super::words::say;

/// A policy.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) version: u32,
    /// None: nothing is asked for.
    pub(crate) policy: Option<CardPolicy>,
}

impl View for Shown {
    fn text(&self, language: Language) -> String {
        let Some(policy) = &self.policy else {
            return say(
                language,
                "nothing is asked for at a desk: `cardctl policy example` prints what could be",
                "لا يُطلب شيء في الفرع",
            );
        };
        let mut text = say(
            language,
            format_args!(
                "version {} of the rules; a receipt may be {} days old",
                self.version, policy.receipt_days
            ),
            format_args!(
                "نسخة القواعد {}، ويُقبل الإيصال خلال {} يوم",
                isolate(self.version),
                isolate(policy.receipt_days)
            ),
        );
        for (step, rules) in &policy.steps {
            text.push_str(&format!("\n{}: {}", step_in(*step, language), asked(rules, language)));
        }
        text
    }
}

/// What a step asks for, in one line.
pub(crate) fn asked(rules: &StepRules, language: Language) -> String {
    let mut parts: Vec<String> =
        rules.documents.iter().map(|document| document_in(*document, language).to_owned()).collect();
    if let Some(fee) = &rules.fee {
        parts.push(fee_in(fee.amount, fee.paid, language));
    }
    if rules.persons > 1 {
        parts.push(say(language, "two persons", "شخصان"));
    }
    if rules.may != card_ledger::Power::Sell {
        parts.push(say(
            language,
            format_args!("by who may {}", rules.may),
            format_args!("لمن له صلاحية {}", isolate(rules.may)),
        ));
    }
    if parts.is_empty() {
        return say(language, "nothing", "لا شيء");
    }
    parts.join(say(language, "; ", "؛ ").as_str())
}

/// The name of a step.
pub(crate) const fn step_in(step: CardStep, language: Language) -> &'static str {
    let arabic = match step {
        CardStep::Issue => "إصدار كارت",
        CardStep::Activate => "تفعيل كارت",
        CardStep::ReplaceLost => "بدل فاقد",
        CardStep::ReplaceDamaged => "بدل تالف",
        CardStep::ReplaceUpgrade => "تحديث الكارت",
        CardStep::ReplaceReturned => "بدل مرتجع",
        CardStep::Adopt => "نقل رصيد سابق",
        CardStep::Block => "إيقاف كارت",
        CardStep::Unblock => "إلغاء إيقاف كارت",
        CardStep::Found => "العثور على كارت موقوف",
        CardStep::MoveIn => "تعاقد مشترك جديد",
        CardStep::MoveOut => "ترك المكان",
        CardStep::NewMeter => "تغيير العداد",
        CardStep::Terminate => "إنهاء التعاقد",
        _ => "خدمة",
    };
    match language {
        Language::English => step.code(),
        Language::Arabic => arabic,
    }
}

/// The name of a document.
pub(crate) const fn document_in(document: Document, language: Language) -> &'static str {
    let (english, arabic) = match document {
        Document::NationalId => ("the national ID, valid", "بطاقة رقم قومي سارية"),
        Document::MeterOrReceipt => {
            ("the number of the meter or of a recent receipt", "رقم العداد أو رقم إيصال حديث")
        }
        Document::PoliceReport => ("the number of a police report", "رقم محضر الشرطة"),
        _ => ("another document", "مستند آخر"),
    };
    match language {
        Language::English => english,
        Language::Arabic => arabic,
    }
}

fn fee_in(amount: u64, paid: FeePaid, language: Language) -> String {
    let amount = customer::amount(card_core::units::Piastres(amount), language);
    match paid {
        FeePaid::Debt => say(
            language,
            format_args!("a fee of {amount}, owed and taken from the next sales"),
            format_args!("رسم {amount} يُضاف إلى المديونية"),
        ),
        _ => say(language, format_args!("a fee of {amount} in cash"), format_args!("رسم {amount} نقدًا")),
    }
}

/// A policy that was entered.
#[derive(Serialize)]
pub(crate) struct Entered {
    pub(crate) request: RequestId,
    pub(crate) version: u32,
}

impl View for Entered {
    fn text(&self, language: Language) -> String {
        say(
            language,
            format_args!("version {} of the rules: desks ask for this from now on", self.version),
            format_args!("نسخة القواعد {}: يُطلب هذا في الفروع من الآن", isolate(self.version)),
        )
    }
}

/// An example.
#[derive(Serialize)]
pub(crate) struct Example {
    pub(crate) toml: &'static str,
}

impl View for Example {
    fn text(&self, _: Language) -> String {
        self.toml.trim_end().to_owned()
    }
}

/// The accounts of a person, as texts of digits.
#[derive(Serialize)]
pub(crate) struct Accounts {
    pub(crate) accounts: Vec<String>,
}

impl View for Accounts {
    fn text(&self, language: Language) -> String {
        if self.accounts.is_empty() {
            return say(
                language,
                "this person has been at a desk for no account",
                "لم يحضر صاحب هذه البطاقة لأي حساب",
            );
        }
        self.accounts.join("\n")
    }
}

/// A fee that a step has taken, or that was given back.
#[derive(Serialize, Clone)]
pub(crate) struct FeeLine {
    step: &'static str,
    /// In piastres.
    amount: u64,
    paid: &'static str,
    /// The number of its receipt: vending point and entry.
    receipt: String,
    #[serde(skip)]
    name: [String; 2],
}

impl FeeLine {
    pub(crate) fn new(fee: &FeeTaken, rules: &Policy) -> Self {
        let code = fee.step.charge();
        let name = Language::ALL.map(|language| match &code {
            Ok(code) if rules.name_of(code, language) != code.as_str() => {
                rules.name_of(code, language).to_owned()
            }
            _ => step_in(fee.step, language).to_owned(),
        });
        Self {
            step: fee.step.code(),
            amount: fee.amount.0,
            paid: fee.paid.code(),
            receipt: format!("{}/{}", fee.entry.point, fee.entry.number),
            name,
        }
    }

    /// In one line: what it is called, how much, how it is paid, and its number.
    pub(crate) fn line(&self, language: Language) -> String {
        let [english, arabic] = &self.name;
        let paid = FeePaid::from_code(self.paid).unwrap_or(FeePaid::Cash);
        say(
            language,
            format_args!("{}: {} ({})", english, fee_in(self.amount, paid, language), self.receipt),
            format_args!("{}: {} ({})", arabic, fee_in(self.amount, paid, language), isolate(&self.receipt)),
        )
    }
}

impl View for FeeLine {
    fn text(&self, language: Language) -> String {
        let line = self.line(language);
        say(language, format_args!("given back: {line}"), format_args!("رُد: {line}"))
    }
}
