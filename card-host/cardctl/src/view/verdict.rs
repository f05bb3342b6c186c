//! What a meter does with a card or a voucher.

use card_core::message::Slot;
use card_core::meter::{MailRefusal, Received, Verdict};
use card_core::text::{Language, Situation};
use card_core::units::Piastres;
use serde::Serialize;

use super::customer;
use super::table::egp;
use crate::words::said;

/// What a meter decided.
#[derive(Serialize)]
pub(crate) struct VerdictView {
    outcome: &'static str,
    #[serde(flatten)]
    applied: Option<Applied>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip)]
    verdict: Option<Verdict>,
}

#[derive(Serialize)]
struct Applied {
    credit: u64,
    debit: u64,
    balance: i64,
}

impl From<Option<Verdict>> for VerdictView {
    fn from(verdict: Option<Verdict>) -> Self {
        let applied = match verdict {
            Some(Verdict::Apply { credit, debit, balance }) => {
                Some(Applied { credit: credit.0, debit: debit.0, balance: balance.0 })
            }
            _ => None,
        };
        let outcome = match verdict {
            Some(Verdict::Apply { .. }) => "applied",
            Some(Verdict::Nothing) => "nothing",
            Some(Verdict::Refuse(_)) => "refused",
            None => "none",
        };
        let reason = match verdict {
            Some(Verdict::Refuse(reason)) => Some(reason.to_string()),
            _ => None,
        };
        Self {
            outcome,
            applied,
            reason,
            code: verdict.map(|verdict| customer::code(verdict.into())),
            verdict,
        }
    }
}

impl VerdictView {
    pub(crate) const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    pub(crate) const fn is_good(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Apply { .. } | Verdict::Nothing))
    }

    pub(crate) fn text(&self, language: Language) -> String {
        let Some(verdict) = self.verdict else {
            return said!(language, "the meter has decided nothing", "لم يقرر العداد شيئًا");
        };
        if language == Language::Arabic {
            return customer::verdict(verdict, language);
        }
        match verdict {
            Verdict::Apply { credit, debit, .. } if (credit, debit) == (Piastres::ZERO, Piastres::ZERO) => {
                Situation::NothingNew.text(language).what.to_owned()
            }
            Verdict::Apply { credit, debit, balance } => {
                let debited =
                    if debit == Piastres::ZERO { String::new() } else { format!(", less {}", egp(debit)) };
                format!("the meter applied {}{debited}; it has {} now", egp(credit), egp(balance))
            }
            Verdict::Nothing => Situation::NothingNew.text(language).what.to_owned(),
            Verdict::Refuse(reason) => format!(
                "the meter refuses the card: {reason}; {}",
                Situation::from(reason).text(Language::English).to_do
            ),
        }
    }
}

/// The outcome of mail that was taken, in the texts for customers.
pub(crate) const TAKEN: u8 = 0x01;

/// What a meter did with mail.
#[derive(Serialize)]
pub(crate) struct Taken {
    slot: u8,
    version: u32,
    taken: bool,
    code: &'static str,
    #[serde(skip)]
    situation: Situation,
}

impl From<&Received> for Taken {
    fn from(received: &Received) -> Self {
        let code = received.result.map_or_else(MailRefusal::code, |()| TAKEN);
        Self::new(received.slot, received.version, code)
    }
}

impl Taken {
    /// `code` is what the meter has answered: [`TAKEN`], or that of its refusal.
    pub(crate) fn new(slot: Slot, version: u32, code: u8) -> Self {
        let situation = Situation::of_mail(code).unwrap_or(Situation::MailMalformed);
        Self {
            slot: slot.number(),
            version,
            taken: code == TAKEN,
            code: customer::code(situation),
            situation,
        }
    }

    pub(crate) const fn is_good(&self) -> bool {
        self.taken
    }

    pub(crate) fn text(&self, language: Language) -> String {
        let text = self.situation.text(language);
        match language {
            Language::English => {
                let said = format!("mail in slot {:02X}, version {}: {}", self.slot, self.version, text.what);
                if self.taken { said } else { format!("{said}; {}", text.to_do) }
            }
            Language::Arabic => format!("{text} ({})", card_core::text::isolate(text.code)),
        }
    }
}
