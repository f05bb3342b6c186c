//! What is said to customers, in their language. Amounts and numbers are put into the sentences here.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::apdu::StatusWord;
use card_core::meter::Verdict;
use card_core::terminal::RequestError;
use card_core::terminal::load::{LoadOutcome, Misfit};
use card_core::text::{Language, Situation, Text, isolate};
use card_core::units::Piastres;
use card_host::card::CardError;
use card_host::desk::{DeskError, in_words};
use card_host::operate::OperateError;
use card_host::simulated_meter::SimulatedMeterError;
use card_host::tap::TapCause;
use card_host::transport::TransportError;
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
pub(crate) fn problem(error: &Error, language: Language) -> String {
    match (language, situation(error)) {
        (Language::English, _) | (_, None) => format!("cardctl: {error}"),
        (_, Some(situation)) => {
            let text = situation.text(language);
            let code = isolate(text.code);
            match error {
                Error::Desk(DeskError::Misfit(Misfit::OtherCard { expected, .. })) => {
                    format!("{text} {} ({code})", isolate(expected))
                }
                _ => format!("{text} ({code})"),
            }
        }
    }
}

/// The same for programs.
pub(crate) fn problem_json(error: &Error) -> Value {
    let mut said = json!({ "error": error.to_string() });
    if let Some(situation) = situation(error) {
        said["code"] = code(situation).into();
    }
    said
}

/// The customer's part of an error, where there is one.
fn situation(error: &Error) -> Option<Situation> {
    match error {
        Error::Reader(error) => Some(error.situation()),
        Error::Desk(DeskError::Misfit(misfit)) => Some(misfit.into()),
        Error::Desk(DeskError::Replaced(..)) => Some(Situation::Replaced),
        Error::Desk(DeskError::Operate(error)) | Error::Operate(error) => operating(error),
        Error::Desk(DeskError::Card(error)) => asking(error),
        Error::Meter(SimulatedMeterError::Tap(error)) => match &error.cause {
            TapCause::Transport(error) => Some(sending(error)),
            TapCause::Visit(_) => Some(Situation::Repeat),
        },
        _ => None,
    }
}

fn operating(error: &OperateError) -> Option<Situation> {
    match error {
        OperateError::Card(error) => asking(error),
        OperateError::Request(RequestError::Refused(status)) => Some(refused(*status)),
        OperateError::Request(_) => Some(Situation::Repeat),
        OperateError::NotIssued => Some(Situation::Blank),
        _ => None,
    }
}

fn asking(error: &CardError) -> Option<Situation> {
    match error {
        CardError::Transport(error) => Some(sending(error)),
        CardError::Refused { status, .. } => Some(refused(*status)),
        CardError::NotOurs(_) => Some(Situation::NotOurs),
        CardError::Session(_) => Some(Situation::Repeat),
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
