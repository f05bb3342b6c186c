//! What is said to customers, in their language. Amounts and numbers are put into the sentences here.

use card_core::meter::Verdict;
use card_core::terminal::load::LoadOutcome;
use card_core::text::{Language, Paid, Situation, Text, isolate};
use card_core::units::{Energy, Piastres};
use card_host::card_work::in_words;
use card_ledger::Division;

/// The code of a situation, the same in all languages.
pub(crate) const fn code(situation: Situation) -> &'static str {
    situation.text(Language::English).code
}

/// An amount with its currency.
pub(crate) fn amount(amount: impl std::fmt::Display, language: Language) -> String {
    match language {
        Language::English => format!("{amount} {}", language.currency()),
        Language::Arabic => format!("{} {}", isolate(amount), language.currency()),
    }
}

/// Energy with its unit.
pub(crate) fn kwh(energy: Energy, language: Language) -> String {
    units(energy.0.into(), language)
}

/// So many units of 10 Wh, however many.
pub(crate) fn units(units: u64, language: Language) -> String {
    match language {
        Language::English => format!("{} kWh", Piastres(units)),
        Language::Arabic => format!("{} ك.و.س", isolate(Piastres(units))),
    }
}

/// A text about an amount.
pub(crate) fn with_amount(text: Text, about: Piastres, language: Language) -> String {
    format!("{} ({}): {}", text.what, amount(about, language), text.to_do)
}

/// What a card did with a voucher.
pub(crate) fn outcome(outcome: LoadOutcome, language: Language) -> String {
    match language {
        Language::English => in_words(outcome).to_owned(),
        Language::Arabic => Situation::from(outcome).text(language).to_string(),
    }
}

/// How what was paid is divided.
pub(crate) fn paid(amount: Piastres, division: &Division) -> Paid {
    Paid {
        paid: amount,
        fees: Piastres(division.charges.iter().map(|charge| charge.amount).fold(0, u64::saturating_add)),
        debt: Piastres(division.debt),
        credit: Piastres(division.credit),
    }
}

/// What came of a visit at the meter.
pub(crate) fn verdict(verdict: Verdict, language: Language) -> String {
    let situation = Situation::from(verdict);
    let text = situation.text(language);
    match verdict {
        Verdict::Apply { debit, .. } if situation == Situation::Corrected => {
            with_amount(text, debit, language)
        }
        Verdict::Apply { credit, .. } if situation != Situation::NothingNew => {
            with_amount(text, credit, language)
        }
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card_core::meter::Reason;
    use card_core::units::Balance;

    #[test]
    fn outcomes_in_both_languages() {
        let applied = Verdict::Apply { credit: Piastres(100), debit: Piastres(0), balance: Balance(-1) };
        for (given, code) in [(applied, "T03"), (Verdict::Refuse(Reason::WrongMeter), "M08")] {
            let text = Situation::from(given).text(Language::Arabic);
            let whole = verdict(given, Language::Arabic);
            assert!(
                whole.starts_with(text.what) && whole.ends_with(text.to_do) && text.code == code,
                "{whole}"
            );
        }
    }
}
