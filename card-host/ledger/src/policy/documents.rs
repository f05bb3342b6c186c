//! What a customer shows at a desk, held against what the company asks for.

use card_core::calendar::Date;
use card_core::id::MeterId;
use card_host::national_id::{NationalId, NationalIdError, PersonRef};
use serde::{Deserialize, Serialize};

use super::cards::{CardStep, Document, StepRules};
use super::refusal::PaperRefusal;
use crate::entry::EntryId;
use crate::names::is_words;

/// What the clerk has seen. What is not asked for is not looked at, and not kept.
#[derive(Debug, Default)]
pub struct Documents {
    /// The national ID.
    pub national_id: Option<NationalId>,
    /// The last day on which it is valid.
    pub valid_until: Option<Date>,
    /// The number of the meter.
    pub meter: Option<MeterId>,
    /// The number of a receipt: vending point and entry.
    pub receipt: Option<EntryId>,
    /// The number of a police report.
    pub police_report: Option<String>,
}

/// What the books keep of it. The national ID itself is not among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Papers {
    pub(crate) step: CardStep,
    /// Version of the rules that were followed.
    pub(crate) policy: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) meter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) police_report: Option<String>,
}

impl Documents {
    /// The most characters in the number of a police report.
    pub const POLICE_REPORT: usize = 40;

    /// Whether nothing was shown.
    pub const fn is_none(&self) -> bool {
        let Self { national_id, valid_until, meter, receipt, police_report } = self;
        national_id.is_none()
            && valid_until.is_none()
            && meter.is_none()
            && receipt.is_none()
            && police_report.is_none()
    }

    /// Checks what can be checked by itself: that each document is there, whole, and valid `today`. `meter` is that of the account; the receipt is looked
    /// up by whoever has the books.
    pub(crate) fn check(
        &self,
        rules: &StepRules,
        today: Date,
        meter: Option<MeterId>,
    ) -> Result<(), PaperRefusal> {
        for document in &rules.documents {
            let missing = PaperRefusal::Missing(*document);
            match document {
                Document::NationalId => {
                    let id = self.national_id.as_ref().ok_or(missing)?;
                    if id.born() > (today.year, today.month, today.day) {
                        return Err(NationalIdError::BirthDate.into());
                    }
                    let until = self.valid_until.ok_or(PaperRefusal::NoValidity)?;
                    let days = |date: Date| (date.year, date.month, date.day);
                    if days(until) < days(today) {
                        return Err(PaperRefusal::Expired(iso(until)));
                    }
                }
                Document::MeterOrReceipt => match (self.meter, &self.receipt) {
                    (None, None) => return Err(missing),
                    (Some(shown), _) if meter != Some(shown) => {
                        return Err(PaperRefusal::OtherMeter(shown));
                    }
                    _ => {}
                },
                Document::PoliceReport => {
                    let number = self.police_report.as_deref().ok_or(missing)?;
                    if !is_words(number, Self::POLICE_REPORT) {
                        return Err(PaperRefusal::PoliceReport);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is kept of what is asked for.
    pub(crate) fn kept(
        &self,
        step: CardStep,
        rules: &StepRules,
        policy: u32,
        person: Option<PersonRef>,
    ) -> Papers {
        let asked = |document| rules.documents.contains(&document);
        let known = asked(Document::MeterOrReceipt);
        Papers {
            step,
            policy,
            person: person.map(|person| person.to_string()),
            meter: self.meter.filter(|_| known).map(|meter| meter.to_string()),
            receipt: self
                .receipt
                .as_ref()
                .filter(|_| known)
                .map(|receipt| format!("{}/{}", receipt.point, receipt.number)),
            police_report: self.police_report.clone().filter(|_| asked(Document::PoliceReport)),
        }
    }
}

impl Papers {
    pub(crate) fn emit(&self) -> Vec<u8> {
        // Numbers and texts can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None`: the entry carries something else.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether a document was shown.
    pub(crate) fn has(&self, document: Document) -> bool {
        match document {
            Document::NationalId => self.person().is_some(),
            Document::MeterOrReceipt => self.meter.is_some() || self.receipt.is_some(),
            Document::PoliceReport => self.police_report.is_some(),
        }
    }

    /// Who was here.
    pub(crate) fn person(&self) -> Option<PersonRef> {
        let mut bytes = [0; PersonRef::SIZE];
        hex::decode_to_slice(self.person.as_deref()?, &mut bytes).ok()?;
        Some(PersonRef::parse(&bytes))
    }
}

fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}
