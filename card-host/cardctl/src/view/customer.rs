//! What is said to customers, in their language. Amounts and numbers are put into the sentences here.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::apdu::StatusWord;
use card_core::meter::Verdict;
use card_core::terminal::load::{LoadOutcome, Misfit};
use card_core::terminal::select::SelectError;
use card_core::text::{Language, Situation, Text, isolate};
use card_core::units::Piastres;
use card_host::card::CardError;
use card_host::card_work::{CardWorkError, in_words};
use card_host::operate::OperateError;
use card_host::simulated_meter::SimulatedMeterError;
use card_host::tap::TapCause;
use card_host::transport::TransportError;
use card_ledger::{LedgerError, Refusal, RequestId};
use serde_json::{Value, json};

use crate::commands::Error;

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

/// A text about an amount.
pub(crate) fn with_amount(text: Text, about: Piastres, language: Language) -> String {
    format!("{} ({}): {}", text.what, amount(about, language), text.to_do)
}

/// What a card did with a voucher.
pub(crate) fn outcome(outcome: LoadOutcome, sold: Option<Piastres>, language: Language) -> String {
    let text = Situation::from(outcome).text(language);
    match (language, sold) {
        (Language::English, None) => in_words(outcome).to_owned(),
        (Language::English, Some(sold)) => format!("{}: {}", amount(sold, language), in_words(outcome)),
        (Language::Arabic, None) => text.to_string(),
        (Language::Arabic, Some(sold)) => with_amount(text, sold, language),
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

/// What went wrong: in English all that is known; in other languages what the customer can do something about. What concerns
/// whoever runs this program is in English.
///
/// `request` is to be named where the same again may succeed.
pub(crate) fn problem(error: &Error, language: Language, request: Option<&RequestId>) -> String {
    let said = told(error, language);
    match request {
        Some(id) => format!("{said} (repeat with --request {id})"),
        None => said,
    }
}

fn told(error: &Error, language: Language) -> String {
    match (language, situation(error)) {
        (Language::English, _) | (_, None) => format!("cardctl: {error}"),
        (_, Some(situation)) => {
            let text = situation.text(language);
            let code = isolate(text.code);
            match error {
                // Where the voucher is must be said, whoever reads it.
                Error::NotLoaded(_) => format!("{text} ({code})\ncardctl: {error}"),
                Error::CardWork(CardWorkError::Misfit(Misfit::OtherCard { expected, .. })) => {
                    format!("{text} {} ({code})", isolate(expected))
                }
                _ => format!("{text} ({code})"),
            }
        }
    }
}

/// The same for programs.
pub(crate) fn problem_json(error: &Error, request: Option<&RequestId>) -> Value {
    let mut said = json!({ "error": error.to_string() });
    if let Some(id) = request {
        said["request"] = id.to_string().into();
    }
    if let Error::PaidOnly(paid) = error {
        said["request"] = paid.id.to_string().into();
    }
    if let Some(situation) = situation(error) {
        said["code"] = code(situation).into();
    }
    said
}

/// The customer's part of an error, where there is one.
fn situation(error: &Error) -> Option<Situation> {
    match error {
        Error::Reader(error) => Some(error.situation()),
        Error::NotLoaded(_) => Some(Situation::PaidNotLoaded),
        Error::Card(error) => asking(error),
        Error::CardWork(CardWorkError::Misfit(misfit)) => Some(misfit.into()),
        Error::Ledger(LedgerError::Refused(Refusal::Replaced(..))) => Some(Situation::Replaced),
        Error::CardWork(CardWorkError::Operate(error)) | Error::Operate(error) => operating(error),
        Error::CardWork(CardWorkError::Card(error)) => asking(error),
        Error::Meter(SimulatedMeterError::Tap(error)) => match &error.cause {
            TapCause::Transport(error) => Some(sending(error)),
            TapCause::Visit(error) => Some(error.into()),
        },
        _ => None,
    }
}

fn operating(error: &OperateError) -> Option<Situation> {
    match error {
        OperateError::Card(error) => asking(error),
        OperateError::NotIssued => Some(Situation::Blank),
        _ => None,
    }
}

fn asking(error: &CardError) -> Option<Situation> {
    match error {
        CardError::Transport(error) => Some(sending(error)),
        CardError::Refused { status, .. } => Some(refused(*status)),
        CardError::NotOurs(_) => Some(Situation::NotOurs),
        CardError::Unusable(SelectError::MemoryFailed { .. }) => Some(Situation::MemoryFailed),
        CardError::Session(_) | CardError::Answer { .. } => Some(Situation::Repeat),
        _ => None,
    }
}

/// The card is ours, since it could be selected: what is not found is a file.
fn refused(status: StatusWord) -> Situation {
    match status {
        StatusWord::FILE_NOT_FOUND => Situation::Refused,
        status => status.into(),
    }
}

const fn sending(error: &TransportError) -> Situation {
    match error {
        TransportError::Reader(error) => error.situation(),
        _ => Situation::Repeat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card_core::id::CardId;
    use card_core::meter::Reason;
    use card_core::units::Balance;
    use card_host::reader_error::ReaderError;

    #[test]
    fn refusals_in_both_languages() {
        let misfit = Misfit::OtherCard { expected: CardId([0xA1; 8]), present: CardId([0xA2; 8]) };
        let error = Error::CardWork(misfit.into());
        let english = problem(&error, Language::English, None);
        assert!(
            english.starts_with("cardctl: this is for card A1A1") && english.contains("A2A2"),
            "{english}"
        );
        let arabic = problem(&error, Language::Arabic, None);
        assert!(arabic.ends_with("\u{2068}A1A1A1A1A1A1A1A1\u{2069} (\u{2068}9401\u{2069})"), "{arabic}");
        assert!(arabic.starts_with(Situation::OtherCard.text(Language::Arabic).what), "{arabic}");
        assert_eq!(problem_json(&error, None), json!({ "error": misfit.to_string(), "code": "9401" }));

        let reader = || "R".to_owned();
        for (error, code) in [
            (ReaderError::NoCard { reader: reader() }, "R01"),
            (ReaderError::UnresponsiveCard { reader: reader() }, "R02"),
            (ReaderError::CardRemoved { reader: reader() }, "R03"),
            (ReaderError::Ended, "R04"),
            (ReaderError::NoReader, "R05"),
        ] {
            let error = Error::CardWork(CardWorkError::from(TransportError::from(error)));
            assert_eq!(problem_json(&error, None)["code"], code, "{error}");
        }
        let error = Error::Ledger(Refusal::UnknownCard(CardId([1; 8])).into());
        assert_eq!(
            problem(&error, Language::Arabic, None),
            format!("cardctl: {error}"),
            "the desk's, not the customer's"
        );
        assert_eq!(problem_json(&error, None).get("code"), None);
    }

    #[test]
    fn outcomes_in_both_languages() {
        let sold = Some(Piastres(5_025));
        let said = |language| outcome(LoadOutcome::Loaded, sold, language);
        assert_eq!(said(Language::English), "50.25 EGP: loaded");
        assert!(said(Language::Arabic).contains("(\u{2068}50.25\u{2069} جنيه)"));
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
