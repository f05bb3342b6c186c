//! Why a desk does not do a step: what the company asks for is not there.

use card_core::id::MeterId;
use card_core::text::isolate;
use card_host::national_id::NationalIdError;

use super::cards::{CardStep, Document};
use crate::entry::EntryId;

/// What is not there, or does not do. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperRefusal {
    /// The step was asked for, and nothing was handed in for it.
    #[error(
        "{0} takes documents or a second person here: hand in what the policy asks for (`cardctl policy show`)"
    )]
    Needed(CardStep),
    /// A document is not there.
    #[error("{} is asked for here, and was not given: ask the customer for it", english(*.0))]
    Missing(Document),
    /// The number has not the form of a national ID.
    #[error(transparent)]
    NationalId(#[from] NationalIdError),
    /// Until when it is valid was not said.
    #[error("until when the national ID is valid was not given: read the date on its back")]
    NoValidity,
    /// It has expired.
    #[error("the national ID has expired on {0}: ask the customer for one that is valid")]
    Expired(String),
    /// Another meter's number.
    #[error(
        "meter {0} is not that of this account: compare the number with the meter, or ask for a recent receipt"
    )]
    OtherMeter(MeterId),
    /// No receipt of this account.
    #[error("{}/{} is no receipt of this account: compare its number, or ask for the number of the meter", .0.point, .0.number)]
    OtherReceipt(EntryId),
    /// Too old a receipt.
    #[error("receipt {}/{} is older than {days} days: ask for a newer one, or for the number of the meter", .receipt.point, .receipt.number)]
    OldReceipt {
        /// The receipt.
        receipt: EntryId,
        /// How old it may be.
        days: u16,
    },
    /// Not the number of a police report.
    #[error(
        "the number of the police report is on one line of 1 to 40 characters: write it as it stands there"
    )]
    PoliceReport,
    /// Handed in for another step or account.
    #[error("what was handed in under this id is for {step} of account {account}: take a new id")]
    ForOther {
        /// The step.
        step: CardStep,
        /// The account.
        account: u64,
    },
    /// No fee, or it went back already.
    #[error("{0} is no fee that can be given back: see the request that took it")]
    NoFee(String),
}

impl PaperRefusal {
    /// What it is called by programs. Each has its own.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Needed(_) => "papers-needed",
            Self::Missing(_) => "document-missing",
            Self::NationalId(_) => "bad-national-id",
            Self::NoValidity => "no-validity",
            Self::Expired(_) => "national-id-expired",
            Self::OtherMeter(_) => "not-this-meter",
            Self::OtherReceipt(_) => "not-this-receipt",
            Self::OldReceipt { .. } => "old-receipt",
            Self::PoliceReport => "bad-police-report",
            Self::ForOther { .. } => "papers-of-other",
            Self::NoFee(_) => "no-fee",
        }
    }

    /// In Arabic: what it is, and what to do.
    pub fn arabic(&self) -> String {
        match self {
            Self::Needed(step) => {
                let step = isolate(step);
                format!("تتطلب هذه الخدمة ({step}) مستندات أو موافقة شخص آخر: يرجى تقديم ما تطلبه الشركة")
            }
            Self::Missing(document) => format!("{} ولم يُقدم: يرجى طلبه من المشترك", asked(*document)),
            Self::NationalId(error) => error.arabic().to_owned(),
            Self::NoValidity => "لم يُذكر تاريخ سريان البطاقة: يرجى قراءته من ظهر البطاقة".to_owned(),
            Self::Expired(until) => {
                let until = isolate(until);
                format!("انتهى سريان البطاقة في {until}: يرجى طلب بطاقة سارية من المشترك")
            }
            Self::OtherMeter(meter) => {
                let meter = isolate(meter);
                format!("العداد {meter} ليس عداد هذا الحساب: يرجى مقارنة الرقم بالعداد أو طلب إيصال حديث")
            }
            Self::OtherReceipt(receipt) => {
                let number = isolate(format_args!("{}/{}", receipt.point, receipt.number)).to_string();
                format!("الإيصال {number} ليس لهذا الحساب: يرجى مراجعة رقمه أو طلب رقم العداد")
            }
            Self::OldReceipt { receipt, days } => {
                let number = isolate(format_args!("{}/{}", receipt.point, receipt.number)).to_string();
                let days = isolate(days);
                format!("مضى على الإيصال {number} أكثر من {days} يوم: يرجى طلب إيصال أحدث أو رقم العداد")
            }
            Self::PoliceReport => "رقم محضر الشرطة يُكتب في سطر واحد كما هو مدون: يرجى مراجعته".to_owned(),
            Self::ForOther { step, account } => {
                let (step, account) = (isolate(step), isolate(account));
                format!("ما قُدم بهذا الرقم يخص خدمة أخرى ({step}) للحساب {account}: يرجى اختيار رقم جديد")
            }
            Self::NoFee(id) => {
                let id = isolate(id);
                format!("الطلب {id} ليس له رسم يمكن رده: يرجى مراجعة الطلب الذي حصّله")
            }
        }
    }
}

const fn english(document: Document) -> &'static str {
    match document {
        Document::NationalId => "the national ID",
        Document::MeterOrReceipt => "the number of the meter, or a recent receipt of this account,",
        Document::PoliceReport => "the number of a police report",
    }
}

const fn asked(document: Document) -> &'static str {
    match document {
        Document::NationalId => "الرقم القومي مطلوب",
        Document::MeterOrReceipt => "رقم العداد أو إيصال حديث لهذا الحساب مطلوب",
        Document::PoliceReport => "رقم محضر الشرطة مطلوب",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    fn all() -> Vec<PaperRefusal> {
        use NationalIdError as Id;
        let receipt = EntryId { point: "till-1".parse().unwrap(), number: 7 };
        let ids = [Id::Length, Id::Century, Id::BirthDate, Id::Governorate].map(PaperRefusal::NationalId);
        let missing = Document::ALL.iter().copied().map(PaperRefusal::Missing);
        let others = [
            PaperRefusal::Needed(CardStep::ReplaceLost),
            PaperRefusal::NoValidity,
            PaperRefusal::Expired("2026-01-31".to_owned()),
            PaperRefusal::OtherMeter(MeterId::from(7)),
            PaperRefusal::OtherReceipt(receipt.clone()),
            PaperRefusal::OldReceipt { receipt, days: 90 },
            PaperRefusal::PoliceReport,
            PaperRefusal::ForOther { step: CardStep::Block, account: 7 },
            PaperRefusal::NoFee("a-1".to_owned()),
        ];
        ids.into_iter().chain(missing).chain(others).collect()
    }

    /// Outside of isolates, which hold identifiers, an Arabic sentence has no European letter or digit.
    #[test]
    fn each_has_words_in_both_languages() {
        for refusal in all() {
            let (english, arabic) = (refusal.to_string(), refusal.arabic());
            let words: String = arabic
                .split('\u{2068}')
                .map(|part| part.split_once('\u{2069}').map_or(part, |(_, rest)| rest))
                .collect();
            assert!(!words.chars().any(|c| c.is_ascii_alphanumeric() || c == '{'), "{arabic}");
            assert!(words.contains("يرجى"), "what to do: {arabic}");
            assert!(english.contains(':') || english.contains("ask"), "what to do: {english}");
            assert!(refusal.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        }
    }

    #[test]
    fn each_rule_of_the_enum_is_in_the_walk() {
        let source = include_str!("refusal.rs");
        let (_, variants) = source.split_once("pub enum PaperRefusal {").unwrap_or_default();
        let variants = variants.split_once("\n}").unwrap_or_default().0;
        let known = variants.lines().filter(|line| {
            line.starts_with("    ") && line.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase)
        });
        let mut codes: Vec<_> = all().iter().map(PaperRefusal::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(known.count(), codes.len(), "{codes:?}");
    }
}
